"""The settings that both backends share, checked."""

from __future__ import annotations

import math
from typing import NamedTuple

MAX_SPIKES = 1_000_000
"""Of one sample, unless told otherwise: what fires without end should say so before memory ends."""


class Limits(NamedTuple):
    """Most spikes of a sample of a layer, and the least dV/dt at a spike in V/s or None."""

    max_spikes: int
    vdot_min: float | None


def checked_limits(max_spikes: int, vdot_min: float | None) -> Limits:
    """The settings, if they are in range.

    Raises:
        ValueError, TypeError: they are not.

    >>> checked_limits(0, None)
    Traceback (most recent call last):
    ValueError: max_spikes must be at least 1, got 0
    """
    if type(max_spikes) is not int:
        raise TypeError(f"max_spikes must be an integer, got {type(max_spikes).__name__}")
    if max_spikes < 1:
        raise ValueError(f"max_spikes must be at least 1, got {max_spikes}")
    if vdot_min is None:
        return Limits(max_spikes, None)
    if isinstance(vdot_min, bool) or not isinstance(vdot_min, int | float):
        raise TypeError(f"vdot_min must be a number of V/s, got {type(vdot_min).__name__}")
    if not (math.isfinite(vdot_min) and vdot_min >= 0):
        raise ValueError(f"vdot_min must be a finite number of V/s, 0 or above, got {vdot_min}")
    return Limits(max_spikes, float(vdot_min))
