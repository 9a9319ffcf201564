"""Thresholds: a spike forward, a surrogate derivative backward. One formula a name."""

from __future__ import annotations

from snn_core.thresholds.algebraic import CIRC, SOFT_SIGN, SUPER_SPIKE, SUPER_SPIKE_SCALED
from snn_core.thresholds.exponential import (
    ATAN,
    ERF,
    ERFC,
    LOGISTIC,
    PIECEWISE_EXP,
    SIGMOID,
    TANH,
)
from snn_core.thresholds.piecewise import (
    HEAVISIDE,
    PIECEWISE_QUADRATIC,
    RECT,
    STRAIGHT_THROUGH,
    TRIANGLE,
)
from snn_core.thresholds.record import Threshold

__all__ = [
    "ATAN",
    "CIRC",
    "ERF",
    "ERFC",
    "HEAVISIDE",
    "LOGISTIC",
    "PIECEWISE_EXP",
    "PIECEWISE_QUADRATIC",
    "RECT",
    "SIGMOID",
    "SOFT_SIGN",
    "STRAIGHT_THROUGH",
    "SUPER_SPIKE",
    "SUPER_SPIKE_SCALED",
    "TANH",
    "TRIANGLE",
    "Threshold",
]
