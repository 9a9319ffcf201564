"""The settings that both backends share, checked."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from snn_core import Problem

MAX_SPIKES = 1_000_000
"""Of one sample, unless told otherwise: what fires without end should say so before memory ends."""

VDOT_MIN_RECORDED = 0.1
"""Least dV/dt at recorded spikes unless told otherwise, in thresholds per tau_mem."""


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


def least_slope(problem: Problem, limits: Limits) -> float:
    """``vdot_min`` or its default, V/s: 0 for computed spikes, 0.1 v_th/tau_mem for recorded."""
    if limits.vdot_min is not None:
        return limits.vdot_min
    if problem.observed is None:
        return 0.0
    v_th = torch.as_tensor(problem.params.v_th).abs().min()
    tau = torch.as_tensor(problem.params.tau_mem).max()
    return float(VDOT_MIN_RECORDED * v_th / tau)
