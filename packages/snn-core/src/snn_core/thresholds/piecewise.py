"""Surrogates of bounded support or none: triangle, piecewise_quadratic, rect, straight_through,
heaviside.

In every formula ``x = v - v_th`` and ``a`` is alpha.
"""

from __future__ import annotations

import torch
from torch import Tensor

from snn_core.thresholds.record import Threshold


def triangle_derivative(x: Tensor, alpha: float) -> Tensor:
    """a max(0, 1 - |x|), of peak a and area a: an amplitude (Bellec et al. 2018, eq. 5)."""
    return alpha * torch.relu(1 - x.abs())


def triangle_primitive(x: Tensor, alpha: float) -> Tensor:
    """a (1/2 + u - u |u| / 2) with u = x clipped to [-1, 1]."""
    u = x.clamp(-1, 1)
    return alpha * (0.5 + u - u * u.abs() / 2)


def piecewise_quadratic_derivative(x: Tensor, alpha: float) -> Tensor:
    """a max(0, 1 - a |x|), of peak a and area 1 (Esser et al. 2016)."""
    return alpha * triangle_derivative(alpha * x, 1.0)


def piecewise_quadratic_primitive(x: Tensor, alpha: float) -> Tensor:
    """1/2 + u - u |u| / 2 with u = a x clipped to [-1, 1]."""
    return triangle_primitive(alpha * x, 1.0)


def rect_derivative(x: Tensor, alpha: float) -> Tensor:
    """a where |x| < 1/(2a), else 0, of area 1 (Wu et al. 2018, eq. 24)."""
    return alpha * (x.abs() < 1 / (2 * alpha)).to(x.dtype)


def rect_primitive(x: Tensor, alpha: float) -> Tensor:
    """1/2 + a x clipped to [-1/2, 1/2]."""
    return 0.5 + (alpha * x).clamp(-0.5, 0.5)


def straight_through_derivative(x: Tensor, alpha: float) -> Tensor:
    """1; alpha is ignored (Bengio, Leonard and Courville 2013)."""
    return torch.ones_like(x)


def straight_through_primitive(x: Tensor, alpha: float) -> Tensor:
    """x."""
    return x.clone()


def heaviside_derivative(x: Tensor, alpha: float) -> Tensor:
    """0, no surrogate; alpha is ignored."""
    return torch.zeros_like(x)


def heaviside_primitive(x: Tensor, alpha: float) -> Tensor:
    """0."""
    return 0 * x


TRIANGLE = Threshold("triangle", triangle_derivative, triangle_primitive, 0.3)
PIECEWISE_QUADRATIC = Threshold(
    "piecewise_quadratic", piecewise_quadratic_derivative, piecewise_quadratic_primitive, 1.0
)
RECT = Threshold("rect", rect_derivative, rect_primitive, 1.0)
STRAIGHT_THROUGH = Threshold(
    "straight_through", straight_through_derivative, straight_through_primitive
)
HEAVISIDE = Threshold("heaviside", heaviside_derivative, heaviside_primitive)
