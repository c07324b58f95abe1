"""Calibrators: scores -> confidence. Each file here is one scikit-learn estimator; its name is the plugin's."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from uncal import plugins

if TYPE_CHECKING:
    from uncal.calibrators._base import Calibrator as Calibrator
    from uncal.calibrators._base import load as load
    from uncal.calibrators._base import takers_of_any_score as takers_of_any_score
    from uncal.calibrators._grouped import Grouped as Grouped

_class, _directory = plugins.lazy_exports("calibrators")
_OTHERS = {"Calibrator": "_base", "load": "_base", "takers_of_any_score": "_base", "Grouped": "_grouped"}


def __getattr__(name: str) -> Any:
    """Give a calibrator's class, or one of the others that the folder holds."""
    if name in _OTHERS:
        return getattr(import_module(f"uncal.calibrators.{_OTHERS[name]}"), name)
    return _class(name)


def __dir__() -> list[str]:
    return sorted([*_directory(), *_OTHERS])


def make(name: str, **settings: Any) -> "Calibrator":
    """Make an unfitted calibrator by its name; settings are its parameters."""
    made: Calibrator = plugins.make("calibrators", name, settings)
    return made
