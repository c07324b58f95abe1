"""Training: TRL's trainers, told an objective, and what watches over them."""

from importlib import import_module
from typing import Any

_WHERE = {
    "CalibrationCallback": "callback",
    "assert_answer_invariance": "invariance",
    "reinforced": "phases",
    "supervised": "phases",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    """Import torch, transformers and TRL only when something of theirs is asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
