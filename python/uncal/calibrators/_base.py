"""What every calibrator shares: scikit-learn's manners, a fingerprint, JSON."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d

from uncal import artefacts, plugins
from uncal.errors import ArtefactError, FingerprintError
from uncal.types import BoolArray, FloatArray, RealArray
from uncal.version import __version__

if TYPE_CHECKING:
    from uncal.calibrators._grouped import Grouped

VERSION = 1


class ScoreMap(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What maps of scores to the probability of being right share: labels, fingerprint, JSON.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        (False, True) for a bool `correct`; the two labels, smaller first, otherwise. The second means right.
    fingerprint_ : dict
        How the scores were made that it was fitted on; empty unless `fit` was told.
    n_fitted_ : int
        Rows that it was fitted on.
    """

    kind: ClassVar[str]
    source: ClassVar[str] = ""
    classes_: np.ndarray
    fingerprint_: dict[str, Any]
    n_fitted_: int
    n_features_in_: int

    def check_fingerprint(self, fingerprint: Mapping[str, Any]) -> None:
        """Refuse scores that were made another way than those of the fit."""
        mine: dict[str, Any] = getattr(self, "fingerprint_", {})
        if not mine or not fingerprint:
            return
        differences = [
            f"{key} {mine.get(key)!r} at the fit, {fingerprint.get(key)!r} now"
            for key in sorted(mine.keys() | fingerprint.keys())
            if mine.get(key) != fingerprint.get(key)
        ]
        if differences:
            raise FingerprintError(
                f"the calibrator was fitted on other scores: {'; '.join(differences)}; fit one on scores like these"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return all that the fitted map is, as JSON holds it."""
        check_is_fitted(self)
        made_by = {"kind": self.kind, "schema_version": VERSION, "uncal_version": __version__}
        return made_by | {"settings": self._settings()} | self.state()

    def save(self, path: str | Path, **more: Any) -> Path:
        """Write it as JSON, whole or not at all; numbers come back bit for bit."""
        artefacts.write_text(Path(path), json.dumps(self.to_dict() | more, indent=2, sort_keys=True) + "\n")
        return Path(path)

    def state(self) -> dict[str, Any]:
        """Return what the fit learnt, as JSON holds it."""
        return {
            "parameters": self._parameters(),
            "classes": self.classes_.tolist(),
            "fingerprint": self.fingerprint_,
            "n_fitted": self.n_fitted_,
        }

    def with_state(self, state: Mapping[str, Any]) -> Self:
        """Become what a fit learnt, from `state`."""
        self.classes_ = np.array(state["classes"])
        self.fingerprint_ = state["fingerprint"]
        self.n_fitted_, self.n_features_in_ = state["n_fitted"], 1
        self._restore(state["parameters"])
        return self

    def _labelled(
        self,
        n: int,
        correct: ArrayLike,
        sample_weight: ArrayLike | None,
        fingerprint: Mapping[str, Any] | None,
    ) -> tuple[BoolArray, FloatArray | None]:
        """Learn the labels of n rows; return which rows are right, and the weights."""
        if correct is None:
            raise ValueError("requires y to be passed, but the target y is None: correct says which rows are right")
        labels = column_or_1d(correct, warn=True)
        if n != len(labels):
            raise ValueError(f"scores has {n} rows, correct has {len(labels)}")
        self.classes_, is_right = _labels(labels)
        weights = None if sample_weight is None else _weights(sample_weight, n)
        self.n_features_in_, self.n_fitted_ = 1, n
        self.fingerprint_ = dict(fingerprint or {})
        return is_right, weights

    def _both(self, right: FloatArray) -> FloatArray:
        """Probability of each of `classes_`, of shape (n, 2)."""
        return np.column_stack([1 - right, right])

    def _verdicts(self, right: FloatArray) -> np.ndarray:
        """Return the more probable label of each row."""
        verdicts: np.ndarray = self.classes_[(right > 0.5).astype(int)]
        return verdicts

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = self.get_params()
        return settings

    @abstractmethod
    def _parameters(self) -> dict[str, Any]:
        """Fitted numbers, as JSON holds them."""

    @abstractmethod
    def _restore(self, parameters: dict[str, Any]) -> None: ...

    def __sklearn_tags__(self) -> Any:
        """Say that it takes one score and knows two classes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = True
        tags.classifier_tags.multi_class = False
        return tags


class Calibrator(ScoreMap):
    """Base of the calibrators: a fitted map from one score to the probability of being right.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        (False, True) for a bool `correct`; the two labels, smaller first, otherwise. The second means right.
    fingerprint_ : dict
        How the scores were made that it was fitted on; empty unless `fit` was told.
    n_fitted_ : int
        Rows that it was fitted on.
    """

    takes: ClassVar[Literal["score", "confidence"]] = "score"
    """Any finite number, or a confidence in [0, 1]."""
    monotone: ClassVar[bool] = True
    """Whether the confidence only rises, or only falls, with the score."""

    def fit(
        self,
        scores: ArrayLike,
        correct: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        fingerprint: Mapping[str, Any] | None = None,
    ) -> Self:
        """Fit the map.

        Parameters
        ----------
        scores : array-like of shape (n,) or (n, 1)
            Finite; any direction is learnt, so uncertainties go in as they are. Calibrators whose `takes` is
            "confidence" want confidences in [0, 1] instead, higher is surer.
        correct : array-like of shape (n,)
            Right or wrong: bool, or two labels of which the larger means right.
        sample_weight : array-like of shape (n,), default=None
        fingerprint : mapping, default=None
            How the scores were made; kept and compared when scores are mapped.

        Raises
        ------
        ValueError
            If shapes differ, a value is not finite, or leaves [0, 1] where a confidence is wanted, or `correct` holds
            more than two labels.
        """
        values = self._values(scores)
        self._fit(values, *self._labelled(len(values), correct, sample_weight, fingerprint))
        return self

    def confidence(self, scores: ArrayLike, *, fingerprint: Mapping[str, Any] | None = None) -> FloatArray:
        """Probability of being right, of shape (n,), in [0, 1].

        Raises
        ------
        FingerprintError
            If both fingerprints are there and differ.
        ValueError
            If a score is not finite, or leaves [0, 1] where a confidence is wanted.
        """
        check_is_fitted(self)
        self.check_fingerprint(fingerprint or {})
        return self._confidence(self._values(scores).astype(np.float64, copy=False))

    def predict_proba(self, scores: ArrayLike) -> FloatArray:
        """Probability of each of `classes_`, of shape (n, 2)."""
        return self._both(self.confidence(scores))

    def predict(self, scores: ArrayLike) -> np.ndarray:
        """Give the more probable label of each row, of shape (n,)."""
        return self._verdicts(self.confidence(scores))

    def _values(self, scores: ArrayLike) -> RealArray:
        values = one_column(scores)
        if self.takes == "confidence" and len(values) and (values.min() < 0 or values.max() > 1):
            row = int(((values < 0) | (values > 1)).argmax())
            raise ValueError(
                f"scores: row {row} is {values[row]}; {self.kind} takes confidences in [0, 1], "
                f"{', '.join(takers_of_any_score())} take any score"
            )
        return values

    @abstractmethod
    def _fit(self, scores: RealArray, correct: BoolArray, weights: FloatArray | None) -> None: ...

    @abstractmethod
    def _confidence(self, scores: FloatArray) -> FloatArray: ...


def load(path: str | Path) -> "Calibrator | Grouped":
    """Read a calibrator that its `save` wrote.

    Raises
    ------
    ArtefactError
        If there is no such file, or it is not a calibrator, or of another schema version.
    """
    from uncal.calibrators._grouped import Grouped

    try:
        fields = json.loads(Path(path).read_text(encoding="utf-8"))
        kind, version = fields["kind"], fields["schema_version"]
    except FileNotFoundError as error:
        raise ArtefactError(f"no calibrator {path}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path} is not a calibrator that uncal wrote: {error}") from error
    if version != VERSION:
        raise ArtefactError(f"{path} has calibrator schema version {version}, this uncal reads {VERSION}; fit it anew")
    try:
        unfitted: Calibrator | Grouped = (
            Grouped.from_settings(fields["settings"])
            if kind == Grouped.kind
            else plugins.make("calibrators", kind, fields["settings"])
        )
        return unfitted.with_state(fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(f"{path} is damaged: {error}") from error


def takers_of_any_score() -> list[str]:
    """Names of uncal's calibrators that take any finite score, not confidences alone."""
    return [name for name in plugins.names("calibrators") if plugins.load("calibrators", name).takes == "score"]


def logistic(log_odds: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-log_odds)), without overflow."""
    e = np.exp(-np.abs(log_odds))
    confidence: FloatArray = np.where(log_odds >= 0, 1 / (1 + e), e / (1 + e))
    return confidence


def line(scores: FloatArray, slope: float, intercept: float) -> FloatArray:
    """Return slope * scores + intercept; what is too large for a float is infinite."""
    with np.errstate(over="ignore"):
        return slope * scores + intercept


def arrays(parameters: Mapping[str, Any], *names: str) -> tuple[FloatArray, ...]:
    """Return lists of numbers of one length as arrays; `ValueError` if they are not that."""
    found = tuple(np.array(parameters[name], dtype=np.float64) for name in names)
    if any(array.shape != (len(found[0]),) for array in found):
        raise ValueError(f"{', '.join(names)} are not lists of one length")
    return found


def _weights(sample_weight: ArrayLike, n: int) -> FloatArray:
    weights: FloatArray = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight has shape {weights.shape}; it must have shape ({n},)")
    if not weights.any():
        raise ValueError("sample_weight is zero in every row")
    return weights


def one_column(scores: ArrayLike) -> RealArray:
    """Return scores as a (n,) array, float32 as it is and all else as float64.

    `ValueError` if they are not one finite real number a row.
    """
    values: np.ndarray = check_array(
        scores, ensure_2d=False, allow_nd=True, ensure_all_finite=False, dtype="numeric", input_name="scores"
    )
    if values.ndim == 2 and not values.shape[1]:
        raise ValueError(f"scores has 0 feature(s) (shape={values.shape}) while a minimum of 1 is required.")
    if values.ndim == 2 and values.shape[1] > 1:
        raise ValueError(f"scores has {values.shape[1]} features, but a calibrator is expecting 1 feature as input")
    if values.ndim not in (1, 2):
        raise ValueError(f"scores has {values.ndim} dimensions; it must have shape (n,) or (n, 1)")
    # Of many float32 there is no copy: they are widened by those who calculate with them.
    values = values.reshape(-1)
    numbers: RealArray = values if values.dtype == np.float32 else values.astype(np.float64, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        suspect = not np.isfinite(np.sum(numbers, dtype=np.float64))  # so are numbers too large to add up
    if suspect and not (finite := np.isfinite(numbers)).all():
        raise ValueError(f"scores holds NaN or infinity, first at row {int(np.argmin(finite))}")
    return numbers


def _labels(correct: np.ndarray) -> tuple[np.ndarray, BoolArray]:
    """Return the two labels, wrong and right, and which rows are right."""
    if correct.dtype == bool:
        return np.array([False, True]), correct
    if correct.dtype.kind == "f" and not np.isfinite(correct).all():
        raise ValueError(f"correct holds NaN or infinity, first at row {int(np.argmin(np.isfinite(correct)))}")
    check_classification_targets(correct)
    classes = np.unique(correct)
    if len(classes) > 2:
        raise ValueError(
            f"Only binary classification is supported. The type of the target is {type_of_target(correct)}. "
            f"(correct holds {len(classes)} labels)"
        )
    if classes.dtype.kind in "iuf" and set(classes.tolist()) <= {0, 1}:
        classes = np.array([0, 1], correct.dtype)
    elif len(classes) == 1:
        raise ValueError(f"correct holds the one class {classes[0]!r}; it must be bool, or hold two labels")
    is_right: BoolArray = correct == classes[-1]
    return classes, is_right
