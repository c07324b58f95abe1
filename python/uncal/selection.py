"""Which questions, and which tokens, are worth training on."""

from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from uncal.types import BoolArray, FloatArray, IntArray


def drop_zero_variance(rewards: ArrayLike, offsets: ArrayLike, *, min_std: float = 1e-6) -> BoolArray:
    """Say which groups can teach: those whose rewards differ.

    GRPO learns nothing from a group whose completions all have the same reward: every advantage is 0.

    Parameters
    ----------
    rewards : array_like of shape (K,)
        Or verdicts of sampled answers; NaN is left out.
    offsets : array_like of shape (P + 1,), int
        Group p is rows ``offsets[p]`` to ``offsets[p + 1]``.
    min_std : float, default=1e-6
        Standard deviations up to this count as none.

    Returns
    -------
    ndarray of shape (P,), bool
        True for a group to keep; False for one of fewer than two known rewards.

    Examples
    --------
    >>> drop_zero_variance([1, 1, 1, 0], [0, 2, 4]).tolist()
    [False, True]
    """
    values, ends = _vector("rewards", rewards), np.asarray(offsets, dtype=np.int64)
    if ends.ndim != 1 or len(ends) == 0 or ends[0] != 0 or ends[-1] != len(values) or (np.diff(ends) < 0).any():
        raise ValueError(f"offsets must rise from 0 to the {len(values)} rewards")
    if not min_std >= 0:
        raise ValueError(f"min_std is {min_std}; it must be 0 or more")
    kept = np.zeros(len(ends) - 1, dtype=np.bool_)
    for p, (first, end) in enumerate(pairwise(ends.tolist())):
        known = values[first:end][~np.isnan(values[first:end])]
        kept[p] = len(known) > 1 and float(known.std()) > min_std
    return kept


def balance_by_target(targets: ArrayLike, *, n_bins: int = 10, per_bin: int | None = None, seed: int = 0) -> IntArray:
    """Draw questions so that every part of [0, 1] has as many targets.

    Where most targets are alike, stating the usual one is nearly best and little is learned of the rest.

    Parameters
    ----------
    targets : array_like of shape (P,), in [0, 1]
        NaN is never drawn.
    n_bins : int, default=10
        Of equal width.
    per_bin : int or None, default=None
        No more than so many of each bin; None is as many as the smallest bin has that is not empty.
    seed : int, default=0

    Returns
    -------
    ndarray of int64
        Indices, rising; those of a bin are drawn without replacement.

    Examples
    --------
    >>> balance_by_target([0.01, 0.02, 0.03, 0.95], n_bins=2, seed=0).tolist()
    [2, 3]
    """
    values = _vector("targets", targets)
    known = np.flatnonzero(~np.isnan(values))
    if ((values[known] < 0) | (values[known] > 1)).any():
        raise ValueError("targets must lie in [0, 1], or be NaN")
    for name, count in (("n_bins", n_bins), ("per_bin", 1 if per_bin is None else per_bin)):
        if count < 1:
            raise ValueError(f"{name} is {count}; it must be at least 1")
    bins = np.minimum((values[known] * n_bins).astype(np.int64), n_bins - 1)
    members = [known[bins == b] for b in range(n_bins) if (bins == b).any()]
    most = min((len(rows) for rows in members), default=0) if per_bin is None else per_bin
    rng = np.random.default_rng(seed)
    drawn = [rows if len(rows) <= most else rng.choice(rows, size=most, replace=False) for rows in members]
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *drawn]))


def error_uncertainty_quadrants(
    perplexity: ArrayLike, entropy: ArrayLike, quantiles: tuple[float, float] = (0.5, 0.5)
) -> NDArray[np.str_]:
    """Sort samples by how wrong a model finds their text, and how unsure it is of it.

    | | low entropy | high entropy |
    | --- | --- | --- |
    | high perplexity | "misconception": keep | "noise": drop |
    | low perplexity | "redundant": drop | "calibration": keep |

    Parameters
    ----------
    perplexity : array_like of shape (P,)
        Of the sample's reference text under the model.
    entropy : array_like of shape (P,)
        Mean token entropy of the model over that text.
    quantiles : (float, float), default=(0.5, 0.5)
        Of perplexity and of entropy, above which they are high. Status: proposal.

    Returns
    -------
    ndarray of shape (P,), str

    References
    ----------
    Q-Tuning, arXiv 2509.23873. Status: secondary.

    Examples
    --------
    >>> error_uncertainty_quadrants([9.0, 9.0, 2.0, 2.0], [0.1, 3.0, 0.1, 3.0]).tolist()
    ['misconception', 'noise', 'redundant', 'calibration']
    """
    error, unsure = _known("perplexity", perplexity), _known("entropy", entropy)
    if error.shape != unsure.shape:
        raise ValueError(
            f"entropy has {len(unsure)} entries; it must have one for each of the {len(error)} perplexities"
        )
    if not all(0 <= quantile <= 1 for quantile in quantiles):
        raise ValueError(f"quantiles is {quantiles}; both must lie in [0, 1]")
    if not len(error):
        return np.zeros(0, dtype=np.str_)
    wrong, hesitant = (
        values > np.quantile(values, quantile) for values, quantile in zip((error, unsure), quantiles, strict=True)
    )
    return np.where(wrong, np.where(hesitant, "noise", "misconception"), np.where(hesitant, "calibration", "redundant"))


def select_top_uncertain(u_base: ArrayLike, u_full: ArrayLike, k: int, *, weight: float = 0.5) -> IntArray:
    """Choose the questions of which the model before and after tuning is least sure, taken together.

    Parameters
    ----------
    u_base, u_full : array_like of shape (P,)
        Uncertainty of the base model, and of the tuned one.
    k : int
        How many; all where there are fewer.
    weight : float, default=0.5
        Of `u_full`, in [0, 1]. The authors let it change from round to round: ``round / rounds`` trusts the tuned model
        more as it has seen more (proposal).

    Returns
    -------
    ndarray of shape (k,), int64
        Indices, most uncertain first, of equals the lowest first.

    References
    ----------
    STAR, arXiv 2403.01165 (number inferred). Status: secondary.

    Examples
    --------
    >>> select_top_uncertain([0.9, 0.1, 0.5], [0.1, 0.9, 0.8], 2, weight=1.0).tolist()
    [1, 2]
    """
    base, full = _known("u_base", u_base), _known("u_full", u_full)
    if base.shape != full.shape:
        raise ValueError(f"u_full has {len(full)} entries; it must have one for each of the {len(base)} of u_base")
    if not 0 <= weight <= 1:
        raise ValueError(f"weight is {weight}; it must lie in [0, 1]")
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1")
    return np.argsort(-((1 - weight) * base + weight * full), kind="stable")[:k]


def mc_dropout_aggregate(
    probabilities: ArrayLike, method: Literal["entropy", "mean_entropy", "mutual_information"] = "entropy"
) -> FloatArray:
    """Turn the predictions of several passes with dropout into one uncertainty each, in nats.

    Parameters
    ----------
    probabilities : array_like of shape (M, P, V)
        Of M passes, over V choices; each row adds up to 1.
    method : {"entropy", "mean_entropy", "mutual_information"}, default="entropy"
        Entropy of the mean prediction; mean entropy of the predictions; their difference, which is what the passes
        disagree about.

    Returns
    -------
    ndarray of shape (P,)
        From 0 to ln V.

    References
    ----------
    STAR, arXiv 2403.01165 (number inferred), which draws questions by dropout. Status: secondary; the measures are
    those of Bayesian active learning by disagreement (recalled).

    Examples
    --------
    >>> passes = [[[1.0, 0.0]], [[0.0, 1.0]]]
    >>> mc_dropout_aggregate(passes, "mutual_information").round(4).tolist()
    [0.6931]
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 3 or not p.shape[0] or not p.shape[2]:
        raise ValueError(
            f"probabilities has shape {p.shape}; it must be (passes, questions, choices), none of them empty"
        )
    if not ((p >= 0).all() and np.allclose(p.sum(axis=2), 1, atol=1e-4)):
        raise ValueError("probabilities must be 0 or more and add up to 1 over the choices")
    if method not in ("entropy", "mean_entropy", "mutual_information"):
        raise ValueError(f"method is {method!r}; it must be 'entropy', 'mean_entropy' or 'mutual_information'")
    total, inner = _entropy(p.mean(axis=0)), _entropy(p).mean(axis=0)
    if method == "mutual_information":
        return np.asarray(np.maximum(total - inner, 0.0))
    return total if method == "entropy" else np.asarray(inner)


def _entropy(p: FloatArray) -> FloatArray:
    return np.asarray(-np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=-1) + 0.0)


class KnownUnknown(NamedTuple):
    """Questions that a model can and cannot answer, as indices."""

    known: IntArray
    unknown: IntArray


def known_unknown_split(correct: ArrayLike, *, threshold: float = 0.5) -> KnownUnknown:
    """Split questions by whether the model answers them right.

    Parameters
    ----------
    correct : array_like of shape (P,), bool or in [0, 1]
        Whether the answer is right, or the share of right samples; NaN goes to neither side.
    threshold : float, default=0.5
        From this on a question is known.

    References
    ----------
    R-Tuning, known from SaySelf's code (verified) and Know the Unknown, arXiv 2406.10099 (number inferred). Status:
    secondary; a threshold on shares is a proposal.

    Examples
    --------
    >>> known_unknown_split([1.0, 0.0, 0.7, float("nan")])
    KnownUnknown(known=array([0, 2]), unknown=array([1]))
    """
    values = _vector("correct", correct)
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it must lie in [0, 1]")
    return KnownUnknown(np.flatnonzero(values >= threshold), np.flatnonzero(values < threshold))


def forking_token_mask(entropy: ArrayLike, quantile: float = 0.8) -> BoolArray:
    """Mark the tokens at which the text could have gone elsewhere: those of the highest entropy.

    Parameters
    ----------
    entropy : array_like of any shape
        Of each token's distribution; NaN marks padding, which is left out.
    quantile : float, default=0.8
        Of all the entropies: tokens that reach it are marked, a fifth of them by default, more where entropies are
        equal.

    Returns
    -------
    ndarray of the same shape, bool

    References
    ----------
    The finding that a fifth of the tokens carries what reinforcement learning teaches. Status: secondary.

    Examples
    --------
    >>> forking_token_mask([[0.1, 2.0, 0.3], [0.2, 0.1, float("nan")]]).tolist()
    [[False, True, False], [False, False, False]]
    """
    values = np.asarray(entropy, dtype=np.float64)
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile is {quantile}; it must lie in [0, 1]")
    if np.isinf(values).any():
        raise ValueError("entropy has infinite values; NaN marks padding")
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(values.shape, dtype=np.bool_)
    return np.asarray(values >= np.quantile(known, quantile))


def _vector(name: str, values: ArrayLike) -> FloatArray:
    """Read a vector in which NaN is a missing value."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise ValueError(f"{name} has shape {vector.shape}; it must be one-dimensional")
    if np.isinf(vector).any():
        raise ValueError(f"{name} has infinite values; they must be finite, or NaN where there is none")
    return vector


def _known(name: str, values: ArrayLike) -> FloatArray:
    vector = _vector(name, values)
    if np.isnan(vector).any():
        raise ValueError(
            f"{name} has NaN at {int(np.flatnonzero(np.isnan(vector))[0])}; leave such questions out first"
        )
    return vector
