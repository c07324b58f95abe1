"""Cascades: which answers of a small model to hand on to a large one, learned from the tokens of the small one.

Calibrators map one score; this reads some fifteen numbers of an answer, so it is an estimator of its own.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from uncal import fast
from uncal.errors import ArtefactError
from uncal.types import BoolArray, FloatArray

ALPHAS = tuple(i / 10 for i in range(11))
"""Quantiles among the features."""
KIND = "deferral"


def features(logprobs: ArrayLike, offsets: ArrayLike | None = None) -> FloatArray:
    """Summarise answers of any length by as many numbers: quantiles of their tokens, sum, mean and length.

    Parameters
    ----------
    logprobs : array of shape (T,) with `offsets`, or (S, T), at most 0
        Natural-log probabilities of the tokens of the small model's answers, finite.
    offsets : array of shape (S + 1,), int64, optional
        Answer s is tokens ``offsets[s]`` to ``offsets[s + 1]``; none is empty.

    Returns
    -------
    ndarray of shape (S, 14), float64
        The quantiles 0, 0.1, ..., 1 of ``l_t``, ``sum(l_t)``, ``mean(l_t)`` and the logarithm of the number of tokens.

    Raises
    ------
    ValueError
        For what is no log-probability, and answers without tokens.

    Examples
    --------
    >>> features([-1.0, -2.0, -0.5], [0, 2, 3])[:, [0, 10, 11, 12]]
    array([[-2. , -1. , -3. , -1.5],
           [-0.5, -0.5, -0.5, -0.5]])
    """
    quantiles = fast.token_quantiles(logprobs, offsets, alphas=ALPHAS)
    sums, means = (fast.sequence_logprobs(logprobs, offsets, mean=mean) for mean in (False, True))
    lengths = np.diff(np.asarray(offsets)) if offsets is not None else np.full(len(sums), np.shape(logprobs)[1])
    table = np.column_stack([quantiles, sums, means, np.log(lengths)])
    if not np.isfinite(table).all():
        row = int((~np.isfinite(table)).any(axis=1).argmax())
        raise ValueError(f"logprobs: sequence {row} has a token of -infinity, must be finite")
    return table


class Deferral:
    """Learn when handing an answer on helps: a logistic model of `features`, scaled, with an L2 penalty.

    Parameters
    ----------
    penalty : float, default=1.0
        Above 0. Of the squared weights of the scaled features; more keeps them smaller. Status: proposal.

    Attributes
    ----------
    mean_, scale_, weights_ : ndarray of shape (14,)
    intercept_ : float

    References
    ----------
    Gupta et al., Language Model Cascades: Token-level uncertainty and beyond, arXiv 2404.10136. Status: secondary; a
    small network there, a logistic model here, which few answers suffice to fit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> logprobs = -rng.exponential(size=(400, 6))
    >>> helps = logprobs.min(axis=1) < -2  # the small model is wrong where one token is doubtful
    >>> model = Deferral().fit(logprobs, helps)
    >>> chance = model.chance(logprobs)
    >>> bool(chance[helps].mean() > 0.8), bool(chance[~helps].mean() < 0.2)
    (True, True)
    """

    def __init__(self, *, penalty: float = 1.0) -> None:
        if not (0 < penalty < np.inf):
            raise ValueError(f"penalty: is {penalty!r}, must be a finite number above 0")
        self.penalty = penalty

    def fit(self, logprobs: ArrayLike, helps: ArrayLike, offsets: ArrayLike | None = None) -> "Deferral":
        """Fit it.

        Parameters
        ----------
        logprobs, offsets
            As for `features`.
        helps : array of shape (S,), bool
            Whether the large model's answer is better: right where the small one's is wrong.

        Raises
        ------
        ValueError
            If lengths differ, or `helps` has no True or no False.
        """
        from sklearn.linear_model import LogisticRegression

        table, labels = features(logprobs, offsets), np.asarray(helps)
        if labels.dtype != np.bool_ or labels.shape != (len(table),):
            raise ValueError(f"helps: has shape {labels.shape} and dtype {labels.dtype}, must be ({len(table)},) bool")
        if labels.all() or not labels.any():
            raise ValueError(f"helps: all {len(labels)} are alike, must have True and False among them")
        self.mean_ = table.mean(axis=0)
        spread = table.std(axis=0)
        self.scale_ = np.where(spread > 0, spread, 1.0)
        fitted = LogisticRegression(C=1 / self.penalty, max_iter=1000).fit((table - self.mean_) / self.scale_, labels)
        self.weights_, self.intercept_ = fitted.coef_[0].astype(np.float64), float(fitted.intercept_[0])
        return self

    def chance(self, logprobs: ArrayLike, offsets: ArrayLike | None = None) -> FloatArray:
        """Say how likely it is that handing an answer on helps, (S,) in [0, 1]; defer the largest."""
        if not hasattr(self, "weights_"):
            raise ValueError("this Deferral is not fitted; call fit first, or load")
        logits = (features(logprobs, offsets) - self.mean_) / self.scale_ @ self.weights_ + self.intercept_
        return np.asarray(0.5 * (1 + np.tanh(logits / 2)))

    def to_json(self) -> str:
        """Write it as JSON text."""
        if not hasattr(self, "weights_"):
            raise ValueError("this Deferral is not fitted; call fit first, or load")
        numbers = {name: getattr(self, f"{name}_").tolist() for name in ("mean", "scale", "weights")}
        return json.dumps({"kind": KIND, "penalty": self.penalty, **numbers, "intercept": self.intercept_})

    @classmethod
    def from_json(cls, text: str) -> "Deferral":
        """Read what `to_json` wrote; the same bits come out of it.

        Raises
        ------
        ArtefactError
            If it is something else.
        """
        try:
            read: dict[str, Any] = json.loads(text)
            if read["kind"] != KIND:
                raise ValueError(f"its kind is {read['kind']!r}")
            made = cls(penalty=read["penalty"])
            for name in ("mean", "scale", "weights"):
                values = np.array(read[name], np.float64)
                if values.shape != (len(ALPHAS) + 3,) or not np.isfinite(values).all():
                    raise ValueError(f"{name} are not {len(ALPHAS) + 3} numbers")
                setattr(made, f"{name}_", values)
            made.intercept_ = float(read["intercept"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"this is no deferral model of uncal: {error}") from error
        return made

    def save(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(self.to_json() + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Deferral":
        """Read it from a file."""
        return cls.from_json(path.read_text(encoding="utf-8"))


class Curve(NamedTuple):
    """How good a cascade's answers are, by how many it hands on.

    Attributes
    ----------
    rate : ndarray
        Shares that are handed on, from 0 to 1.
    quality : ndarray
        Mean quality of the answers at each.
    area : float
        Under the curve (AUC-DF): the mean quality over all shares.
    """

    rate: FloatArray
    quality: FloatArray
    area: float


def deferral_curve(score: ArrayLike, small: ArrayLike, large: ArrayLike) -> Curve:
    """Say how good a cascade is that hands on the answers of the highest scores first.

    Parameters
    ----------
    score : array of shape (S,)
        Higher is handed on sooner: `Deferral.chance`, or any uncertainty. Those that tie go in random order, and the
        curve is its mean.
    small, large : array of shape (S,)
        Quality of each model's answer: whether it is right, or a number.

    Returns
    -------
    Curve
        A point after each set of tied scores; straight lines between them.

    Raises
    ------
    ValueError
        For values that are not finite, none at all, and lengths that differ.

    References
    ----------
    Gupta et al., Language Model Cascades, arXiv 2404.10136. Status: secondary.

    Examples
    --------
    >>> deferral_curve([0.9, 0.1], small=[False, True], large=[True, True]).quality
    array([0.5, 1. , 1. ])
    """
    read = {name: np.asarray(x, np.float64) for name, x in (("score", score), ("small", small), ("large", large))}
    for name, values in read.items():
        if values.ndim != 1 or len(values) != len(read["score"]) or not len(values):
            raise ValueError(f"{name}: has shape {values.shape}, must be ({len(read['score'])},), one row at least")
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: row {int((~np.isfinite(values)).argmax())} is not finite")
    order = np.argsort(-read["score"], kind="stable")
    ranked = read["score"][order]
    last: BoolArray = np.append(ranked[1:] != ranked[:-1], True)
    gain = np.cumsum((read["large"] - read["small"])[order])[last]
    rate = np.concatenate([[0.0], (np.flatnonzero(last) + 1) / len(ranked)])
    quality = read["small"].mean() + np.concatenate([[0.0], gain]) / len(ranked)
    return Curve(rate, quality, float(np.trapezoid(quality, rate)))
