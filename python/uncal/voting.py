"""Several answers to a question, each with a confidence -> one answer and its confidence; at test time.

Answers are compared as they are handed over: normalise or cluster them first. A reply without an answer (None) has no
vote; one without a readable confidence (None or NaN) has a vote where no confidence is asked for, and else none.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from uncal import elicitation
from uncal.types import FloatArray


class Vote(NamedTuple):
    """What several replies come to.

    Attributes
    ----------
    answer : str or None
        None where no reply has one.
    confidence : float
        In [0, 1]; NaN where there is no answer.
    """

    answer: str | None
    confidence: float


def majority(answers: Sequence[str | None]) -> Vote:
    """Take the answer that was given most often, of equals the one that came first; confidence is its share.

    Parameters
    ----------
    answers : sequence of str or None, one a reply

    References
    ----------
    Self-Consistency, arXiv 2203.11171. Status: recalled; RLCR's code votes so as well (verified).

    Examples
    --------
    >>> majority(["Rome", "Oslo", "Oslo", None])
    Vote(answer='Oslo', confidence=0.6666666666666666)
    """
    given = [answer for answer in answers if answer is not None]
    chosen = elicitation.candidate(given)
    return Vote(None, math.nan) if chosen is None else Vote(chosen, elicitation.consistency(given, chosen))


def max_confidence(answers: Sequence[str | None], confidences: Sequence[float | None]) -> Vote:
    """Take the answer of the surest reply, of equals the one that came first; `majority` where all are 0 or unreadable.

    Parameters
    ----------
    answers : sequence of str or None, one a reply
    confidences : sequence of float in [0, 1] or None, one a reply

    References
    ----------
    RLCR, arXiv 2507.16806. Status: verified in its code; ties a choice of this library.

    Examples
    --------
    >>> max_confidence(["Rome", "Oslo", "Oslo"], [0.9, 0.5, 0.6])
    Vote(answer='Rome', confidence=0.9)
    """
    stated = _stated(answers, confidences)
    if not any(q for _, q in stated):
        return majority(answers)
    return Vote(*max(stated, key=lambda reply: reply[1]))  # of equals max takes the first


def confidence_weighted_vote(
    answers: Sequence[str | None],
    confidences: Sequence[float | None],
    *,
    confidence: Literal["share", "mean"] = "share",
) -> Vote:
    """Take the answer whose replies have the most confidence in all, of equals the one that came first.

    `majority` where all are 0 or unreadable.

    Parameters
    ----------
    answers : sequence of str or None, one a reply
    confidences : sequence of float in [0, 1] or None, one a reply
    confidence : {"share", "mean"}, default="share"
        Of the winner: its share of all the confidence, or the mean confidence of its replies. The share of a single
        answer is 1, whatever was stated.

    References
    ----------
    RLCR, arXiv 2507.16806. Status: verified in its code; the winner's confidence is a proposal.

    Examples
    --------
    >>> confidence_weighted_vote(["Rome", "Oslo", "Oslo"], [0.9, 0.25, 0.25], confidence="mean")
    Vote(answer='Rome', confidence=0.9)
    """
    if confidence not in ("share", "mean"):
        raise ValueError(f"confidence is {confidence!r}; it must be 'share' or 'mean'")
    stated = _stated(answers, confidences)
    if not any(q for _, q in stated):
        return majority(answers)
    given, weights = [answer for answer, _ in stated], [q for _, q in stated]
    sums = {
        answer: math.fsum(q for other, q in stated if other == answer)  # exact, so that ties do not hang on the order
        for answer in dict.fromkeys(given)
    }
    chosen = max(sums, key=sums.__getitem__)
    combine = elicitation.avg_conf if confidence == "share" else elicitation.mean_stated
    return Vote(chosen, combine(given, weights, chosen))


def mean_over_analyses(stated: Sequence[Sequence[float | None]]) -> FloatArray:
    """Mean of the numbers that were stated of each answer, its analysis drawn several times.

    The answer is held fixed, its analysis and number are drawn again: the mean has a lower Brier score than one draw.

    Parameters
    ----------
    stated : sequence of sequences of float in [0, 1] or None, of length P
        Confidences or uncertainties; those that are None or NaN are left out.

    Returns
    -------
    ndarray of shape (P,)
        NaN for an answer of which nothing could be read.

    References
    ----------
    RLCR, arXiv 2507.16806. Status: verified in its code.

    Examples
    --------
    >>> mean_over_analyses([[0.5, 1.0, None], [None]]).tolist()
    [0.75, nan]
    """
    rows = [[q for q in (_number("stated", i, q) for q in row) if q is not None] for i, row in enumerate(stated)]
    return np.array([math.fsum(row) / len(row) if row else math.nan for row in rows])


def _stated(answers: Sequence[str | None], confidences: Sequence[float | None]) -> list[tuple[str, float]]:
    """Keep the replies that have both."""
    if len(answers) != len(confidences):
        raise ValueError(
            f"confidences has {len(confidences)} entries; it must have one for each of {len(answers)} answers"
        )
    read = [_number("confidences", i, q) for i, q in enumerate(confidences)]
    return [(answer, q) for answer, q in zip(answers, read, strict=True) if answer is not None and q is not None]


def _number(name: str, place: int, value: float | None) -> float | None:
    if value is None or math.isnan(value):
        return None
    if not 0 <= value <= 1:
        raise ValueError(
            f"{name}[{place}] holds {value}; it must lie in [0, 1], or be None where nothing could be read"
        )
    return float(value)
