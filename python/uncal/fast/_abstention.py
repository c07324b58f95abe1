"""What came of not answering, and of asking again."""

from typing import NamedTuple

from numpy.typing import ArrayLike

from uncal.fast import _arguments as arguments


class Abstention(NamedTuple):
    """How well a model chose what not to answer."""

    accuracy: float
    coverage: float
    correct_abstention: float
    over_abstention: float
    f1: float
    utility: float


class FlipRates(NamedTuple):
    """How many right answers became wrong, and wrong ones right."""

    right_to_wrong: float
    wrong_to_right: float


def abstention(
    correct: ArrayLike, abstained: ArrayLike, *, penalty: float = 1.0, weights: ArrayLike | None = None
) -> Abstention:
    """Accuracy, coverage and utility of a model that may say that it does not know.

    Parameters
    ----------
    correct : array of shape (K,), bool (or all 0 and 1)
        Whether the answer is right, or would have been where the model abstained.
    abstained : array of shape (K,), bool (or all 0 and 1)
    penalty : float, default=1.0
        What a wrong answer costs, where a right one earns 1 and none earns 0. At least 0.
    weights : array of shape (K,), optional

    Returns
    -------
    Abstention
        `accuracy` of what was answered (NaN if nothing was); `coverage`, the share that was; of what was not,
        `correct_abstention`, the share that would have been wrong, and `over_abstention`, the share that would have
        been right (NaN if all was answered); `f1`, the harmonic mean of `correct_abstention` and of the share of wrong
        answers that were held back (NaN if there are neither abstentions nor wrong answers); `utility`, the mean
        earned for each question, at most 1.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    Chow, On Optimum Recognition Error and Reject Tradeoff, 1970, for the utility. Status: verified by definition; the
    choice of numbers is a proposal.

    Examples
    --------
    >>> found = abstention([True, True, False, False], [False, False, False, True], penalty=2.0)
    >>> found.coverage, found.correct_abstention, found.utility
    (0.75, 1.0, 0.0)
    """
    right = arguments.verdicts(correct)
    silent = arguments.verdicts(abstained, "abstained")
    if len(silent) != len(right):
        raise ValueError(f"abstained: has {len(silent)} rows, {len(right)} expected")
    count = arguments.repetitions(weights, len(right))
    penalty = _penalty(penalty)

    def among(rows: arguments.BoolArray) -> float:
        return float(count[rows].sum())

    earned, lost = among(right & ~silent), among(~right & ~silent)
    missed, saved = among(right & silent), among(~right & silent)
    answered, held = earned + lost, missed + saved
    return Abstention(
        accuracy=_share(earned, answered),
        coverage=answered / (answered + held),
        correct_abstention=_share(saved, held),
        over_abstention=_share(missed, held),
        f1=_share(2 * saved, 2 * saved + missed + lost),
        utility=(earned - penalty * lost) / (answered + held),
    )


def abstention_threshold(penalty: float = 1.0) -> float:
    """Confidence above which an answer is worth giving, if a wrong one costs `penalty` and a right one earns 1.

    Parameters
    ----------
    penalty : float, default=1.0
        At least 0.

    Returns
    -------
    float
        penalty / (1 + penalty), in [0, 1): where a calibrated answer earns nothing on average.

    Raises
    ------
    ValueError
        For a penalty that is negative or no number.

    References
    ----------
    Chow, On Optimum Recognition Error and Reject Tradeoff, 1970. Status: verified by definition.

    Examples
    --------
    >>> abstention_threshold(3.0)
    0.75
    """
    penalty = _penalty(penalty)
    return penalty / (1 + penalty)


def flip_rates(before: ArrayLike, after: ArrayLike, *, weights: ArrayLike | None = None) -> FlipRates:
    """How often a second answer to a question, say after a misleading hint, undoes the verdict on the first.

    Parameters
    ----------
    before, after : array of shape (K,), bool (or all 0 and 1)
        Whether each question was answered rightly.
    weights : array of shape (K,), optional

    Returns
    -------
    FlipRates
        `right_to_wrong`, the share of questions first answered rightly that were then answered wrongly, and
        `wrong_to_right` the other way round. NaN where there were none to begin with.

    Raises
    ------
    ValueError
        For input that makes no sense.

    References
    ----------
    The misleading rates of MUB, arXiv 2411.02708. Status: verified in its code; its number inferred.

    Examples
    --------
    >>> flip_rates([True, True, True, False], [True, False, False, False])
    FlipRates(right_to_wrong=0.6666666666666666, wrong_to_right=0.0)
    """
    first, second = arguments.verdicts(before, "before"), arguments.verdicts(after, "after")
    if len(second) != len(first):
        raise ValueError(f"after: has {len(second)} rows, {len(first)} expected")
    count = arguments.repetitions(weights, len(first), "before")
    return FlipRates(
        _share(float(count[first & ~second].sum()), float(count[first].sum())),
        _share(float(count[~first & second].sum()), float(count[~first].sum())),
    )


def _penalty(penalty: float) -> float:
    penalty = arguments.number("penalty", penalty)
    if not 0 <= penalty < float("inf"):
        raise ValueError(f"penalty: is {penalty}, must be a finite number of at least 0")
    return penalty


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
