"""Calibrators: scores -> confidence. Each file here is one scikit-learn estimator; its name is the plugin's."""

from typing import TYPE_CHECKING, Any

from uncal import plugins

if TYPE_CHECKING:
    from uncal.calibrators._base import Calibrator as Calibrator
    from uncal.calibrators._base import load as load

_class, _directory = plugins.lazy_exports("calibrators")


def __getattr__(name: str) -> Any:
    """Give a class, or `Calibrator`, the base of all, or `load`, which reads one from JSON."""
    if name in ("Calibrator", "load"):
        from uncal.calibrators import _base

        return getattr(_base, name)
    return _class(name)


def __dir__() -> list[str]:
    return sorted([*_directory(), "Calibrator", "load"])


def make(name: str, **settings: Any) -> "Calibrator":
    """Make an unfitted calibrator by its name; settings are its parameters."""
    made: Calibrator = plugins.make("calibrators", name, settings)
    return made
