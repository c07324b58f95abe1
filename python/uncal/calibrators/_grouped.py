"""One map for each task, drawn towards the map of all of them."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from uncal import plugins
from uncal.calibrators._base import Calibrator, ScoreMap, logistic, one_column
from uncal.types import FloatArray, IntArray

Group = int | str


class Grouped(ScoreMap):
    """One map for each group of rows (task, data set, kind of question), drawn towards the one map of all rows.

    With n rows in a group, or their sum of weights, w = n / (n + shrinkage), log-odds = w * log-odds of the group's map
    + (1 - w) * log-odds of the pooled map. There each map is taken no surer than n rows of one kind allow, 1 / (n + 2)
    to (n + 1) / (n + 2), so that the 0 or 1 of a small group does not overrule the mean. A group that the fit did not
    see gets the pooled map as it is; shrinkage 0 gives each other group its own map as it is.

    Parameters
    ----------
    base : Calibrator, default=None
        What is fitted to each group and to all rows; None is ``Platt()``. Where it learns a direction
        (``increasing="auto"``) each group learns its own: set it where small groups should not.
    shrinkage : float, default=50.0
        Rows at which a group's own map and the pooled one count the same; at least 0. Infinite: the pooled map alone.

    Attributes
    ----------
    pooled_ : Calibrator
    maps_ : dict of int or str to Calibrator
        The map of each group; a group whose rows all have weight 0 has none.
    rows_ : dict of int or str to float
        Rows of each group, or the sum of their weights.

    Notes
    -----
    Groups are integers or strings. Give them as `groups`, or as the second of two columns of `scores`: that way they
    travel through scikit-learn's pipelines, splits and searches, which take rows of X apart but know no `groups` when
    predicting. (Text and numbers together: a data frame, or an array of dtype object.)

    References
    ----------
    Status: a proposal. The weight is that of a mean drawn to its prior by `shrinkage` rows' worth.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.tile([0.0, 1.0, 2.0, 3.0], 2)
    >>> correct = np.array([1, 1, 0, 0, 1, 1, 1, 0], dtype=bool)
    >>> grouped = Grouped(shrinkage=4.0).fit(scores, correct, groups=["maths"] * 4 + ["trivia"] * 4)
    >>> grouped.confidence([2.0, 2.0, 2.0], groups=["maths", "trivia", "law"]).round(2)
    array([0.45, 0.57, 0.51])
    """

    kind: ClassVar[str] = "grouped"
    source: ClassVar[str] = "proposal"
    pooled_: Calibrator
    maps_: dict[Group, Calibrator]
    rows_: dict[Group, float]

    def __init__(self, base: Calibrator | None = None, shrinkage: float = 50.0) -> None:
        self.base = base
        self.shrinkage = shrinkage

    def fit(
        self,
        scores: ArrayLike,
        correct: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        fingerprint: Mapping[str, Any] | None = None,
    ) -> Self:
        """Fit a map to all rows and one to each group.

        Parameters
        ----------
        scores : array-like of shape (n,), (n, 1), or (n, 2) with the groups in the second column
        correct : array-like of shape (n,)
        sample_weight : array-like of shape (n,), default=None
        groups : array-like of shape (n,), integers or strings
            Needed unless `scores` has two columns.
        fingerprint : mapping, default=None
            As for `Calibrator.fit`.

        Raises
        ------
        ValueError
            If there are no groups, or other input makes no sense.
        """
        shrinkage = self.shrinkage
        if isinstance(shrinkage, bool | str) or not shrinkage >= 0:
            raise ValueError(f"shrinkage: is {shrinkage!r}, must be a number of at least 0")
        values, names, row_groups = _apart(scores, groups)
        if row_groups is None:
            raise ValueError("groups: is missing; give groups=, or two columns of scores, the second with the groups")
        is_right, weights = self._labelled(len(values), correct, sample_weight, fingerprint)
        self.n_features_in_ = 2 if groups is None else 1
        base = self._base()
        self.pooled_ = clone(base).fit(values, is_right, weights)
        self.maps_, self.rows_ = {}, {}
        for name, rows in _each(names, row_groups):
            own = None if weights is None else weights[rows]
            n = float(len(rows) if own is None else own.sum())
            if n > 0:
                self.maps_[name] = clone(base).fit(values[rows], is_right[rows], own)
                self.rows_[name] = n
        return self

    def confidence(
        self,
        scores: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        fingerprint: Mapping[str, Any] | None = None,
    ) -> FloatArray:
        """Probability of being right, of shape (n,), in [0, 1].

        Parameters
        ----------
        scores : array-like of shape (n,), (n, 1), or (n, 2) with the groups in the second column
        groups : array-like of shape (n,), integers or strings, default=None
            With neither groups nor a second column every row gets the pooled map.
        fingerprint : mapping, default=None

        Raises
        ------
        FingerprintError
            If both fingerprints are there and differ.
        """
        check_is_fitted(self)
        self.check_fingerprint(fingerprint or {})
        values, names, row_groups = _apart(scores, groups)
        pooled = self.pooled_.confidence(values)
        if row_groups is None:
            return pooled
        confidence = pooled.copy()
        total = sum(self.rows_.values())
        for name, rows in _each(names, row_groups):
            if name in self.maps_:
                n = self.rows_[name]
                share = n / (n + self.shrinkage)
                own = self.maps_[name].confidence(values[rows])
                confidence[rows] = _mixed(own, n, pooled[rows], total, share)
        return confidence

    def predict_proba(self, scores: ArrayLike, *, groups: ArrayLike | None = None) -> FloatArray:
        """Probability of each of `classes_`, of shape (n, 2); groups as for `confidence`."""
        return self._both(self.confidence(scores, groups=groups))

    def predict(self, scores: ArrayLike, *, groups: ArrayLike | None = None) -> np.ndarray:
        """Give the more probable label of each row, of shape (n,); groups as for `confidence`."""
        return self._verdicts(self.confidence(scores, groups=groups))

    def _base(self) -> Calibrator:
        if self.base is None:
            from uncal.calibrators.platt import Platt

            return Platt()
        if not isinstance(self.base, Calibrator):
            raise ValueError(f"base: is {self.base!r}, must be a calibrator of one score")
        return self.base

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Make an unfitted one from the settings that `to_dict` gives."""
        base = settings["base"]
        made = None if base is None else plugins.make("calibrators", base["kind"], base["settings"])
        return cls(base=made, shrinkage=settings["shrinkage"])

    def _settings(self) -> dict[str, Any]:
        base = None if self.base is None else {"kind": self.base.kind, "settings": self.base.get_params()}
        return {"base": base, "shrinkage": self.shrinkage}

    def _parameters(self) -> dict[str, Any]:
        groups = [
            {"group": name, "rows": self.rows_[name], "map": fitted.state()} for name, fitted in self.maps_.items()
        ]
        return {"columns": self.n_features_in_, "pooled": self.pooled_.state(), "groups": groups}

    def _restore(self, parameters: dict[str, Any]) -> None:
        base = self._base()
        self.n_features_in_ = parameters["columns"]
        self.pooled_ = clone(base).with_state(parameters["pooled"])
        self.maps_ = {row["group"]: clone(base).with_state(row["map"]) for row in parameters["groups"]}
        self.rows_ = {row["group"]: row["rows"] for row in parameters["groups"]}


def _apart(scores: ArrayLike, groups: ArrayLike | None) -> tuple[FloatArray, list[Group], IntArray | None]:
    """Scores (n,), the distinct groups, and the place among them of each row's group; None without groups."""
    table = np.asarray(scores) if hasattr(scores, "__array__") else np.array(scores, dtype=object)
    if table.ndim == 2 and table.shape[1] == 2:
        if groups is not None:
            raise ValueError("groups: are given twice, as groups= and as the second column of scores")
        values, groups = one_column(table[:, 0]).astype(np.float64, copy=False), table[:, 1]
    else:
        values = one_column(scores).astype(np.float64, copy=False)
    if groups is None:
        return values, [], None
    labels = _labels(groups)
    if labels.shape != values.shape:
        raise ValueError(f"groups: has shape {labels.shape}, must be {values.shape}")
    names, places = np.unique(labels, return_inverse=True)
    return values, names.tolist(), places


def _labels(groups: ArrayLike) -> np.ndarray:
    """Return groups as an array of integers or of strings; whole numbers in floats are integers."""
    labels = np.asarray(groups)
    if labels.dtype.kind == "O":
        texts = {isinstance(name, str) for name in labels.flat}
        if len(texts) == 1:
            labels = np.array(labels.tolist())
    if labels.dtype.kind == "f" and (whole := np.isfinite(labels) & (labels == np.rint(labels))).all():
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        raise ValueError(f"groups: row {int(whole.argmin())} is {labels[~whole][0]}, must be integers or strings")
    if labels.dtype.kind not in "iuUT":
        raise ValueError(f"groups: dtype is {labels.dtype}, must be integers or strings, and of one sort")
    return labels


def _each(names: list[Group], places: IntArray) -> Iterator[tuple[Group, IntArray]]:
    """Each group and its rows, in their order."""
    order = np.argsort(places, kind="stable")
    ends = np.cumsum(np.bincount(places, minlength=len(names)))
    yield from zip(names, np.split(order, ends[:-1]), strict=True)


def _mixed(own: FloatArray, n: float, pooled: FloatArray, total: float, share: float) -> FloatArray:
    """Mix the confidences of a group's own map, of n rows, and of the pooled one, in log-odds."""
    if share == 1:
        return own
    return logistic(share * _log_odds(own, n) + (1 - share) * _log_odds(pooled, total)) if share > 0 else pooled


def _log_odds(confidence: FloatArray, n: float) -> FloatArray:
    within = np.clip(confidence, 1 / (n + 2), (n + 1) / (n + 2))
    log_odds: FloatArray = np.log(within) - np.log1p(-within)
    return log_odds
