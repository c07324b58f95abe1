"""Settings of scorers that are numbers: checked when a scorer is made, before any data is read."""

import math
from numbers import Real
from typing import Any


def above_zero(scorer: Any, *names: str, infinite: bool = False) -> None:
    """Raise a `ValueError` unless these fields of a scorer are numbers above 0, and finite unless told otherwise."""
    for name in names:
        value = getattr(scorer, name)
        if not (_is_number(value) and value > 0 and (infinite or math.isfinite(value))):
            needed = "a number above 0, or infinity" if infinite else "a finite number above 0"
            raise ValueError(f"{name} is {value!r}; it must be {needed}")


def between(scorer: Any, name: str, low: float, high: float) -> None:
    """Raise a `ValueError` unless this field of a scorer is a number from `low` to `high`."""
    value = getattr(scorer, name)
    if not (_is_number(value) and low <= value <= high):
        raise ValueError(f"{name} is {value!r}; it must be a number in [{low:g}, {high:g}]")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
