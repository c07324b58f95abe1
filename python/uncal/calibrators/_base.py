"""What every calibrator shares: scikit-learn's manners, a fingerprint, JSON."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d

from uncal import artefacts, plugins
from uncal.errors import ArtefactError, FingerprintError
from uncal.types import BoolArray, FloatArray
from uncal.version import __version__

VERSION = 1


class Calibrator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
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

    kind: ClassVar[str]
    classes_: np.ndarray
    fingerprint_: dict[str, Any]
    n_fitted_: int
    n_features_in_: int

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
            Finite; higher is less sure for uncertainty scores, any direction is learnt.
        correct : array-like of shape (n,)
            Right or wrong: bool, or two labels of which the larger means right.
        sample_weight : array-like of shape (n,), default=None
        fingerprint : mapping, default=None
            How the scores were made; kept and compared when scores are mapped.

        Raises
        ------
        ValueError
            If shapes differ, a value is not finite, or `correct` holds more than two labels.
        """
        values = _one_column(scores)
        if correct is None:
            raise ValueError("requires y to be passed, but the target y is None: correct says which rows are right")
        labels = column_or_1d(correct, warn=True)
        if len(values) != len(labels):
            raise ValueError(f"scores has {len(values)} rows, correct has {len(labels)}")
        self.classes_, is_right = _labels(labels)
        weights = None if sample_weight is None else _weights(sample_weight, len(values))
        self.n_features_in_ = 1
        self.n_fitted_ = len(values)
        self.fingerprint_ = dict(fingerprint or {})
        self._fit(values, is_right, weights)
        return self

    def confidence(self, scores: ArrayLike, *, fingerprint: Mapping[str, Any] | None = None) -> FloatArray:
        """Probability of being right, of shape (n,), in [0, 1].

        Raises
        ------
        FingerprintError
            If both fingerprints are there and differ.
        """
        check_is_fitted(self)
        self.check_fingerprint(fingerprint or {})
        return self._confidence(_one_column(scores))

    def predict_proba(self, scores: ArrayLike) -> FloatArray:
        """Probability of each of `classes_`, of shape (n, 2)."""
        right = self.confidence(scores)
        return np.column_stack([1 - right, right])

    def predict(self, scores: ArrayLike) -> np.ndarray:
        """Give the more probable label of each row, of shape (n,)."""
        check_is_fitted(self)
        labels: np.ndarray = self.classes_[(self.confidence(scores) > 0.5).astype(int)]
        return labels

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

    @abstractmethod
    def _fit(self, scores: FloatArray, correct: BoolArray, weights: FloatArray | None) -> None: ...

    @abstractmethod
    def _confidence(self, scores: FloatArray) -> FloatArray: ...

    @abstractmethod
    def _parameters(self) -> dict[str, Any]:
        """Fitted numbers, as JSON holds them."""

    @abstractmethod
    def _restore(self, parameters: dict[str, Any]) -> None: ...

    def to_dict(self) -> dict[str, Any]:
        """Return all that the fitted map is, as JSON holds it."""
        check_is_fitted(self)
        return {
            "kind": self.kind,
            "schema_version": VERSION,
            "uncal_version": __version__,
            "settings": self.get_params(),
            "parameters": self._parameters(),
            "classes": self.classes_.tolist(),
            "fingerprint": self.fingerprint_,
            "n_fitted": self.n_fitted_,
        }

    def save(self, path: str | Path, **more: Any) -> Path:
        """Write it as JSON, whole or not at all; numbers come back bit for bit."""
        artefacts.write_text(Path(path), json.dumps(self.to_dict() | more, indent=2, sort_keys=True) + "\n")
        return Path(path)

    def __sklearn_tags__(self) -> Any:
        """Say that it takes one score and knows two classes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = True
        tags.classifier_tags.multi_class = False
        return tags


def load(path: str | Path) -> Calibrator:
    """Read a calibrator that `Calibrator.save` wrote.

    Raises
    ------
    ArtefactError
        If there is no such file, or it is not a calibrator, or of another schema version.
    """
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
        calibrator: Calibrator = plugins.make("calibrators", kind, fields["settings"])
        calibrator.classes_ = np.array(fields["classes"])
        calibrator.fingerprint_ = fields["fingerprint"]
        calibrator.n_fitted_, calibrator.n_features_in_ = fields["n_fitted"], 1
        calibrator._restore(fields["parameters"])
    except (KeyError, TypeError) as error:
        raise ArtefactError(f"{path} is damaged: {error}") from error
    return calibrator


def _weights(sample_weight: ArrayLike, n: int) -> FloatArray:
    weights: FloatArray = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight has shape {weights.shape}; it must have shape ({n},)")
    if not weights.any():
        raise ValueError("sample_weight is zero in every row")
    return weights


def _one_column(scores: ArrayLike) -> FloatArray:
    """Return scores as a (n,) float64 array; `ValueError` if they are not one finite real number a row."""
    values: np.ndarray = check_array(
        scores, ensure_2d=False, allow_nd=True, ensure_all_finite=False, dtype="numeric", input_name="scores"
    )
    if values.ndim == 2 and not values.shape[1]:
        raise ValueError(f"scores has 0 feature(s) (shape={values.shape}) while a minimum of 1 is required.")
    if values.ndim == 2 and values.shape[1] > 1:
        raise ValueError(f"scores has {values.shape[1]} features, but a calibrator is expecting 1 feature as input")
    if values.ndim not in (1, 2):
        raise ValueError(f"scores has {values.ndim} dimensions; it must have shape (n,) or (n, 1)")
    numbers: FloatArray = values.reshape(-1).astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"scores holds NaN or infinity, first at row {int(np.argmin(np.isfinite(numbers)))}")
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
