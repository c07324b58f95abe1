"""Several replies to a question -> one confidence in one of its answers."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from uncal.types import FloatArray


def candidate(answers: Sequence[str]) -> str | None:
    """Give the answer that was said most often, of equals the one that came first; None where there is none.

    Parameters
    ----------
    answers : sequence of str
        In the form in which they are compared, one a reply.

    Examples
    --------
    >>> candidate(["rome", "milan", "milan", "rome"])
    'rome'
    """
    return Counter(answers).most_common(1)[0][0] if answers else None


def consistency(answers: Sequence[str], chosen: str) -> float:
    """Share of replies that give an answer.

    Examples
    --------
    >>> consistency(["a", "a", "b", "a", "c"], "a")
    0.6
    """
    return sum(answer == chosen for answer in answers) / len(answers) if answers else math.nan


def avg_conf(answers: Sequence[str], stated: Sequence[float], chosen: str) -> float:
    """Share of all the confidence stated that goes to an answer; `consistency` where none is stated at all.

    Of a single reply it is 1, whatever that states.

    Parameters
    ----------
    answers : sequence of str, one a reply
    stated : sequence of float in [0, 1], one a reply
    chosen : str

    Examples
    --------
    >>> round(avg_conf(["a", "a", "b", "a", "c"], [0.9, 0.8, 0.95, 0.6, 0.5], "a"), 4)
    0.6133
    """
    total = math.fsum(stated)
    if not total > 0:
        return consistency(answers, chosen)
    return math.fsum(q for answer, q in zip(answers, stated, strict=True) if answer == chosen) / total


def mean_stated(answers: Sequence[str], stated: Sequence[float], chosen: str) -> float:
    """Mean confidence of the replies that give an answer; NaN where none does.

    Examples
    --------
    >>> mean_stated(["a", "b", "a"], [0.9, 0.2, 0.7], "a")
    0.8
    """
    mine = [q for answer, q in zip(answers, stated, strict=True) if answer == chosen]
    return math.fsum(mine) / len(mine) if mine else math.nan


def top_k_mean(guesses: Sequence[Mapping[str, float]], chosen: str) -> float:
    """Mean over replies of the probability that each gives to an answer, 0 where it is not among its guesses.

    Parameters
    ----------
    guesses : sequence of mappings
        Answer -> probability, one mapping a reply.
    chosen : str

    Examples
    --------
    >>> top_k_mean([{"a": 0.75, "b": 0.25}, {"b": 0.5}], "a")
    0.375
    """
    return math.fsum(mine.get(chosen, 0.0) for mine in guesses) / len(guesses) if guesses else math.nan


def pair_rank(
    rankings: Sequence[Sequence[str]],
    *,
    form: Literal["log", "linear"] = "log",
    prior: float = 0.1,
) -> dict[str, float]:
    """Find the probabilities of answers under which their orders in the replies are the likeliest.

    Parameters
    ----------
    rankings : sequence of lists of str
        The guesses of each reply, the likeliest first, none twice.
    form : {"log", "linear"}, default="log"
        "log" maximises the sum of ``ln(p_a / (p_a + p_b))`` over all pairs of which a stands before b in a reply
        (Bradley and Terry's model), with ``prior`` times the sum of ``ln p``, by minorisation and maximisation from
        equal probabilities: it has one result. "linear" does what the paper's code does, the same sum without
        logarithms and prior by 1000 steps of gradient ascent at rate 0.01 on the logits, though from equal ones, where
        that code starts at random.
    prior : float, default=0.1
        Weight of a Dirichlet prior of `form` "log". It must be above 0, or an answer that always wins would have all.

    Returns
    -------
    dict
        Answer -> probability, in order of first appearance; they add up to 1. One answer alone has 1.

    References
    ----------
    arXiv 2306.13063, section 3.3 and its code. Status: form "linear" verified in that code; "log" proposal.

    Examples
    --------
    >>> {answer: round(p, 3) for answer, p in pair_rank([["a", "b"], ["a", "b"], ["b", "a"]]).items()}
    {'a': 0.656, 'b': 0.344}
    """
    if not prior > 0 or not math.isfinite(prior):
        raise ValueError(f"prior is {prior}; it must be a finite number above 0")
    answers = list(dict.fromkeys(answer for ranking in rankings for answer in ranking))
    place = {answer: i for i, answer in enumerate(answers)}
    wins = np.zeros((len(answers), len(answers)))
    for number, ranking in enumerate(rankings):
        if len(set(ranking)) < len(ranking):
            raise ValueError(f"rankings: an answer comes twice in ranking {number}")
        for i, winner in enumerate(ranking):
            for loser in ranking[i + 1 :]:
                wins[place[winner], place[loser]] += 1
    if len(answers) < 2:
        return dict.fromkeys(answers, 1.0)
    p = _linear(wins) if form == "linear" else _log(wins, prior)
    return dict(zip(answers, p.tolist(), strict=True))


def _log(wins: FloatArray, prior: float) -> FloatArray:
    count = len(wins)
    met, won = wins + wins.T, wins.sum(axis=1)
    p: FloatArray = np.full(count, 1 / count)
    for _ in range(10_000):
        fresh: FloatArray = (won + prior) / ((met / (p[:, None] + p)).sum(axis=1) + prior * count)
        fresh /= fresh.sum()
        if np.abs(fresh - p).max() < 1e-13:
            return fresh
        p = fresh
    return p


def _linear(wins: FloatArray, rate: float = 0.01, steps: int = 1000) -> FloatArray:
    logits = np.zeros(len(wins))
    for _ in range(steps):
        # p_a / (p_a + p_b) is the sigmoid of the difference of logits
        share = 1 / (1 + np.exp(logits - logits[:, None]))
        slope = wins * share * (1 - share)
        logits += rate * (slope.sum(axis=1) - slope.sum(axis=0))
    exponents = np.exp(logits - logits.max())
    return np.asarray(exponents / exponents.sum())
