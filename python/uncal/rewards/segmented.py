"""Confidence first, then the answer: each is rewarded for itself, and can be credited for itself."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from uncal.rewards._graded import Graded
from uncal.rewards._stated import column, report
from uncal.types import BoolArray, FloatArray, Order

ALMOST_ZERO = 1e-4  # TRL's, added to standard deviations


@dataclass(frozen=True, kw_only=True)
class Segmented(Graded):
    """1 - (q - c)^2 for the confidence q, and c for the answer; as a reward their sum.

    The completion begins with a ``<confidence>`` q in [0, 1] and ends with an ``<answer>``; c says whether that is
    right. `parts` gives both rewards, and `uncal train` credits the tokens of each with its own; `segment_advantages`
    is for other trainers. A plain GRPOTrainer knows one reward for all tokens and gets the sum: then the answer is
    credited with the confidence's luck as well.

    Attributes
    ----------
    target : {"outcome", "pass_rate"}, default="outcome"
        What the confidence is measured against: whether the answer that follows is right, or the share of right
        answers among the completions of the same prompt, which has less noise. That needs the column `prompts`, which
        TRL hands over, and all completions of a prompt in one call.
    grader : str, default="exact_match"
        What says whether the answer is right, as `uncal list graders` has it.
    grader_settings : mapping, default={}
    malformed : float, default=0.0
        Of a part that cannot be read. An answer is rewarded, whatever stands in ``<confidence>``.

    References
    ----------
    CoCA, arXiv 2603.05881. Status: secondary; weights, format and what malformed parts get are choices of this library.

    Examples
    --------
    >>> reward = Segmented()
    >>> said = ["<confidence>0.5</confidence><answer>Rome</answer>", "<answer>Rome</answer>"]
    >>> reward(said, answers=[["Rome"]] * 2)
    [1.75, 0.0]
    >>> reward.parts(said, answers=[["Rome"]] * 2).tolist()
    [[0.75, 0.0], [1.0, 0.0]]
    """

    order: ClassVar[Order] = "confidence_first"
    proper: ClassVar[bool] = True
    source: ClassVar[str] = "CoCA, arXiv 2603.05881 (secondary)"

    target: Literal["outcome", "pass_rate"] = "outcome"
    malformed: float = 0.0

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Reward every completion by the sum of its parts; columns as `parts` takes them."""
        totals: list[float] = self.parts(completions, **columns).sum(axis=0).tolist()
        return [None if math.isnan(total) else total for total in totals]

    def parts(self, completions: Sequence[Any], **columns: Any) -> FloatArray:
        """Reward the confidence and the answer of every completion.

        Parameters
        ----------
        completions : sequence of str or of lists of messages, of length K
        **columns
            `answers`, the accepted answers of each; None or none skips the completion, and so does an answer of which
            the grader cannot tell. `question` too, for graders that read it, and `prompts` for a pass rate.

        Returns
        -------
        ndarray of shape (2, K)
            Of the confidence, of the answer; NaN where the completion is skipped.

        Raises
        ------
        ValueError
            If a column is missing.
        """
        parsed = self._read(completions)
        stated = [one.uncertainty for one in parsed]
        verdicts = self._verdicts([one.answer for one in parsed], columns)
        report(self.__name__, stated, columns)
        targets = verdicts if self.target == "outcome" else self._pass_rates(verdicts, columns)
        rewards = np.full((2, len(parsed)), np.nan)
        for i, (one, correct, target) in enumerate(zip(parsed, verdicts, targets, strict=True)):
            if correct is None or target is None:
                continue
            rewards[0, i] = self.malformed if one.uncertainty is None else 1 - (1 - one.uncertainty - target) ** 2
            rewards[1, i] = self.malformed if one.answer is None else correct
        return rewards

    def _pass_rates(self, verdicts: Sequence[float | None], columns: Mapping[str, Any]) -> list[float | None]:
        """Share of right answers to the same prompt; what holds no answer is wrong."""
        prompts = [repr(prompt) for prompt in column(self.__name__, columns, "prompts", len(verdicts))]
        known = defaultdict(list)
        for prompt, correct in zip(prompts, verdicts, strict=True):
            if correct is not None:
                known[prompt].append(correct)
        return [math.fsum(known[prompt]) / len(known[prompt]) if known[prompt] else None for prompt in prompts]


def segment_advantages(
    rewards_by_segment: ArrayLike,
    masks: ArrayLike,
    group_size: int,
    scale: Literal["none", "group"] = "none",
) -> FloatArray:
    """Credit the tokens of each segment with that segment's own advantage.

    Parameters
    ----------
    rewards_by_segment : array_like of shape (S, K)
        NaN skips a completion: its advantage is 0, and it is left out of its group's mean.
    masks : array_like of shape (S, K, T), bool
        Which tokens belong to which segment.
    group_size : int
        Completions of one prompt, next to each other; K is a multiple of it.
    scale : {"none", "group"}, default="none"
        The reward less its group's mean, or that over the group's standard deviation (and 1e-4, as TRL adds).

    Returns
    -------
    ndarray of shape (K, T)
        0 for tokens of no segment.

    Raises
    ------
    ValueError
        If shapes do not fit, or segments share a token.

    References
    ----------
    CoCA, arXiv 2603.05881. Status: secondary.

    Examples
    --------
    >>> rewards = [[1.0, 0.0], [0.0, 1.0]]
    >>> masks = [[[True, False]] * 2, [[False, True]] * 2]
    >>> segment_advantages(rewards, masks, group_size=2).tolist()
    [[0.5, -0.5], [-0.5, 0.5]]
    """
    rewards = np.asarray(rewards_by_segment, dtype=np.float64)
    chosen: BoolArray = np.asarray(masks, dtype=np.bool_)
    if rewards.ndim != 2 or chosen.ndim != 3 or chosen.shape[:2] != rewards.shape:
        raise ValueError(
            f"masks has shape {chosen.shape}; for rewards_by_segment of shape {rewards.shape} it must be (S, K, T)"
        )
    if np.isinf(rewards).any():
        raise ValueError("rewards_by_segment has infinite values; NaN skips a completion")
    if group_size < 1 or rewards.shape[1] % group_size:
        raise ValueError(
            f"group_size is {group_size}; the {rewards.shape[1]} completions do not divide into such groups"
        )
    if (chosen.sum(axis=0) > 1).any():
        raise ValueError("masks: a token belongs to two segments")
    groups = rewards.reshape(len(rewards), -1, group_size)
    known = ~np.isnan(groups)
    count = np.maximum(known.sum(axis=2, keepdims=True), 1)
    off = np.where(known, groups - np.where(known, groups, 0).sum(axis=2, keepdims=True) / count, 0.0)
    if scale == "group":
        # of one value there is no spread; torch's standard deviation, which TRL takes, divides by n - 1
        off /= np.sqrt(np.square(off).sum(axis=2, keepdims=True) / np.maximum(count - 1, 1)) + ALMOST_ZERO
    elif scale != "none":
        raise ValueError(f"scale is {scale!r}; it must be 'none' or 'group'")
    advantages: FloatArray = np.einsum("sk,skt->kt", off.reshape(rewards.shape), chosen)
    return advantages


def segment_masks(tokens: Sequence[Sequence[str]]) -> BoolArray:
    """Say which tokens belong to the confidence and which to the answer.

    Parameters
    ----------
    tokens : sequence of K sequences of str
        The text of each token of each completion.

    Returns
    -------
    ndarray of shape (2, K, T), bool
        T is the length of the longest. The confidence is all up to the end of the last ``</confidence>``, what is
        thought included, and all of a completion that has none; the answer is what follows. A token that lies on the
        border belongs to the confidence.

    Examples
    --------
    >>> segment_masks([["<confidence>", "0.8", "</confidence>", "<answer>", "Rome", "</answer>"]]).astype(int).tolist()
    [[[1, 1, 1, 0, 0, 0]], [[0, 0, 0, 1, 1, 1]]]
    """
    masks = np.zeros((2, len(tokens), max(map(len, tokens), default=0)), dtype=np.bool_)
    for k, pieces in enumerate(tokens):
        text = "".join(pieces)
        before, closing, _ = text.rpartition("</confidence>")
        end = len(before) + len(closing) if closing else len(text)
        starts = np.cumsum([0, *map(len, pieces)])[:-1]
        masks[0, k, : len(pieces)] = (starts < end) | (not closing)
        masks[1, k, : len(pieces)] = ~masks[0, k, : len(pieces)]
    return masks


def segmented_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """`Segmented` with its defaults, as a plain function."""
    return Segmented()(completions, **columns)
