"""RLSF: a model's confidence in its own answers ranks them, and the ranks become preferences for DPO or a reward model.

No label is needed. It confirms itself: where the model is sure of what is wrong, that is what it prefers. See first
that the confidence tells right from wrong (AUROC above 0.5), and where there are labels, train on those.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from uncal.types import FloatArray, Prompt

Method = Literal["margin", "mean_prob", "min_prob", "product"]


class SpanConfidence(NamedTuple):
    """How sure a model is of some tokens.

    Attributes
    ----------
    value : float or None
        In [0, 1]; None where there is no span.
    method : str
        How it was computed: "mean_prob" where "margin" was asked for and the second best token is not known.
    """

    value: float | None
    method: Method


def answer_span_confidence(
    logprobs: Sequence[float],
    span: tuple[int, int] | None,
    top_logprobs: Sequence[Sequence[float]] | None = None,
    method: Method = "margin",
) -> SpanConfidence:
    """Say how sure a model was of the tokens of its answer.

    Parameters
    ----------
    logprobs : sequence of float of length T
        Natural-log probability of each token of the completion.
    span : (int, int) or None
        First token of the answer, and the one after its last. None or an empty span: no answer was found.
    top_logprobs : sequence of T sequences of float, optional
        The largest log-probabilities at each token, largest first; 2 are needed, -inf where they are not known.
    method : {"margin", "mean_prob", "min_prob", "product"}, default="margin"
        Mean over tokens of the most probable token's lead over the second; mean, smallest, or product of the tokens'
        probabilities.

    Raises
    ------
    ValueError
        If the span leaves the completion, or a log-probability in it is not at most 0.

    References
    ----------
    RLSF, arXiv 2507.21931 (secondary); the margin is that of CoT-decoding (inferred).

    Examples
    --------
    >>> top = [[-0.1, -3.0], [-0.05, -3.5], [-0.7, -0.8]]
    >>> found = answer_span_confidence([-0.1, -0.05, -0.7], (0, 2), top)
    >>> round(found.value, 3), found.method
    (0.888, 'margin')
    >>> answer_span_confidence([-0.1, -0.05, -0.7], (0, 2)).method
    'mean_prob'
    """
    if method not in ("margin", "mean_prob", "min_prob", "product"):
        raise ValueError(f"method is {method!r}; it must be 'margin', 'mean_prob', 'min_prob' or 'product'")
    if span is None or span[0] == span[1]:
        return SpanConfidence(None, method)
    first, end = span
    if not 0 <= first < end <= len(logprobs):
        raise ValueError(f"span is ({first}, {end}); it must lie within the {len(logprobs)} tokens of logprobs")
    if method == "margin":
        tops = [] if top_logprobs is None else [list(top[:2]) for top in top_logprobs[first:end]]
        if len(tops) == end - first and all(len(top) == 2 and top[1] != -math.inf for top in tops):
            p = _probabilities("top_logprobs", tops)
            return SpanConfidence(float(np.abs(p[:, 0] - p[:, 1]).mean()), method)
        method = "mean_prob"
    p = _probabilities("logprobs", logprobs[first:end])
    value = p.mean() if method == "mean_prob" else p.min() if method == "min_prob" else p.prod()
    return SpanConfidence(float(value), method)


def _probabilities(name: str, logprobs: Any) -> FloatArray:
    values = np.asarray(logprobs, dtype=np.float64)
    if not (values <= 1e-6).all():  # what float32 leaves above 0
        raise ValueError(f"{name} has a value that is not a log-probability, 0 or less, within the span")
    return np.asarray(np.exp(np.minimum(values, 0.0)))


def mean_by_answer(scores: Sequence[float | None], answers: Sequence[str]) -> list[float | None]:
    """Give every trace the mean score of the traces that end in its answer; None where a trace has no score.

    Parameters
    ----------
    scores : sequence of float or None
        None and NaN for a trace that is dropped.
    answers : sequence of str
        In the form in which they are compared.

    References
    ----------
    RLSF, arXiv 2507.21931. Status: inferred.

    Examples
    --------
    >>> mean_by_answer([0.75, 0.25, 0.5, None], ["a", "a", "b", "a"])
    [0.5, 0.5, 0.5, None]
    """
    if len(scores) != len(answers):
        raise ValueError(f"answers has {len(answers)} entries; it must have one for each of the {len(scores)} scores")
    known = defaultdict(list)
    for score, answer in zip(scores, answers, strict=True):
        if score is not None and not math.isnan(score):
            known[answer].append(score)
    return [
        None if score is None or math.isnan(score) else math.fsum(known[answer]) / len(known[answer])
        for score, answer in zip(scores, answers, strict=True)
    ]


def preference_pairs(
    scores: Sequence[float | None],
    margin: float = 0.1,
    max_pairs: int | None = None,
    seed: int = 0,
) -> list[tuple[int, int]]:
    """Pair the traces of one prompt: the better one, the worse one.

    Parameters
    ----------
    scores : sequence of float or None
        Of each trace; None and NaN drop it.
    margin : float, default=0.1
        A pair's scores differ by at least so much; equal ones are never paired. Status: proposal.
    max_pairs : int or None, default=None
        No more than so many, drawn evenly from all pairs that there are.
    seed : int, default=0

    Returns
    -------
    list of (int, int)
        In the order of the traces; empty where all scores are alike.

    References
    ----------
    RLSF, arXiv 2507.21931. Status: secondary.

    Examples
    --------
    >>> preference_pairs([0.9, 0.2, None, 0.85])
    [(0, 1), (3, 1)]
    """
    if not 0 <= margin < math.inf:
        raise ValueError(f"margin is {margin}; it must be 0 or more, and finite")
    if max_pairs is not None and max_pairs < 1:
        raise ValueError(f"max_pairs is {max_pairs}; it must be at least 1, or None for all")
    known = [(i, score) for i, score in enumerate(scores) if score is not None and not math.isnan(score)]
    pairs = [(i, j) for i, a in known for j, b in known if a > b and a - b >= margin]
    if max_pairs is None or len(pairs) <= max_pairs:
        return pairs
    kept = np.random.default_rng(seed).choice(len(pairs), size=max_pairs, replace=False)
    return [pairs[i] for i in sorted(kept.tolist())]


def preference_records(
    prompt: Prompt, completions: Sequence[str], pairs: Iterable[tuple[int, int]]
) -> list[dict[str, Any]]:
    """Write pairs as the records that TRL's DPOTrainer and RewardTrainer take.

    Parameters
    ----------
    prompt : str or list of messages
        A conversation makes conversational records.
    completions : sequence of str
        The traces.
    pairs : iterable of (int, int)
        As `preference_pairs` gives them.

    Returns
    -------
    list of dict
        `prompt`, `chosen`, `rejected`.

    Examples
    --------
    >>> preference_records("2 + 2?", ["5", "4"], [(1, 0)])
    [{'prompt': '2 + 2?', 'chosen': '4', 'rejected': '5'}]
    """

    def written(text: str) -> Any:
        return text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]

    return [
        {"prompt": prompt, "chosen": written(completions[better]), "rejected": written(completions[worse])}
        for better, worse in pairs
    ]
