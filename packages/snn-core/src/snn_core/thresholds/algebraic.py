"""Surrogates with algebraic tails: super_spike, soft_sign, super_spike_scaled, circ.

In every formula ``x = v - v_th`` and ``a`` is alpha.
"""

from __future__ import annotations

import torch
from torch import Tensor

from snn_core.thresholds.record import Threshold


def super_spike_derivative(x: Tensor, alpha: float) -> Tensor:
    """1 / (a |x| + 1)^2, of peak 1 and area 2/a (Zenke and Ganguli 2018, section 3.3.2)."""
    return 1 / (alpha * x.abs() + 1) ** 2


def super_spike_primitive(x: Tensor, alpha: float) -> Tensor:
    """x / (a |x| + 1)."""
    return x / (alpha * x.abs() + 1)


def soft_sign_derivative(x: Tensor, alpha: float) -> Tensor:
    """(a/2) / (a |x| + 1)^2, of peak a/2 and area 1."""
    return alpha / 2 * super_spike_derivative(x, alpha)


def soft_sign_primitive(x: Tensor, alpha: float) -> Tensor:
    """1/2 + a x / (2 (a |x| + 1))."""
    return 0.5 + alpha / 2 * super_spike_primitive(x, alpha)


def super_spike_scaled_derivative(x: Tensor, alpha: float) -> Tensor:
    """a / (|x| + 1)^2, of peak a and area 2a: alpha is an amplitude, not a sharpness."""
    return alpha * super_spike_derivative(x, 1.0)


def super_spike_scaled_primitive(x: Tensor, alpha: float) -> Tensor:
    """a x / (|x| + 1)."""
    return alpha * super_spike_primitive(x, 1.0)


def circ_derivative(x: Tensor, alpha: float) -> Tensor:
    """(1 + (x/a)^2)^(-3/2), of peak 1 and area 2a: alpha is a width."""
    return (1 + (x / alpha) ** 2) ** -1.5


def circ_primitive(x: Tensor, alpha: float) -> Tensor:
    """x / sqrt(1 + (x/a)^2)."""
    return x / torch.sqrt(1 + (x / alpha) ** 2)


SUPER_SPIKE = Threshold("super_spike", super_spike_derivative, super_spike_primitive, 50.0)
SOFT_SIGN = Threshold("soft_sign", soft_sign_derivative, soft_sign_primitive, 2.0)
SUPER_SPIKE_SCALED = Threshold(
    "super_spike_scaled", super_spike_scaled_derivative, super_spike_scaled_primitive, 1.0
)
CIRC = Threshold("circ", circ_derivative, circ_primitive, 0.5)
