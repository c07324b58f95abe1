"""How far two graders agree."""

import math
from typing import Any, NamedTuple

import numpy as np

from uncal.types import BoolArray


class Agreement(NamedTuple):
    """Agreement of two graders over the texts that both could grade.

    Attributes
    ----------
    n : int
        Texts that both graded.
    share : float
        Of them, those with the same verdict; NaN of none.
    kappa : float
        Cohen's: 1 is perfect, 0 what chance gives. NaN where both say the same one thing of all.
    """

    n: int
    share: float
    kappa: float


def agreement(verdicts: BoolArray, others: BoolArray) -> Agreement:
    """Compare the verdicts of two graders, (K,) bool each; masked ones are left out.

    References
    ----------
    Cohen, A Coefficient of Agreement for Nominal Scales, Educational and Psychological Measurement 20 (1960).

    Examples
    --------
    >>> agreement(np.array([True, True, False, False]), np.array([True, False, False, False]))
    Agreement(n=4, share=0.75, kappa=0.5)
    """
    mask: Any = np.ma.getmaskarray  # without types in NumPy 2.3
    known = ~(mask(verdicts) | mask(others))
    first, second = np.asarray(verdicts)[known], np.asarray(others)[known]
    n = len(first)
    if not n:
        return Agreement(0, math.nan, math.nan)
    share = float((first == second).mean())
    p, q = float(first.mean()), float(second.mean())
    chance = p * q + (1 - p) * (1 - q)
    return Agreement(n, share, (share - chance) / (1 - chance) if chance < 1 else math.nan)
