"""Surrogates from smooth distributions: sigmoid, logistic, tanh, erf, erfc, piecewise_exp, atan.

In every formula ``x = v - v_th``, ``a`` is alpha and ``s`` the logistic function.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from snn_core.thresholds.record import Threshold


def sigmoid_derivative(x: Tensor, alpha: float) -> Tensor:
    """a s(a x) (1 - s(a x)), of peak a/4 and area 1."""
    s = torch.sigmoid(alpha * x)
    return alpha * s * (1 - s)


def sigmoid_primitive(x: Tensor, alpha: float) -> Tensor:
    """s(a x)."""
    return torch.sigmoid(alpha * x)


def tanh_derivative(x: Tensor, alpha: float) -> Tensor:
    """1 - tanh(a x)^2, of peak 1 and area 2/a."""
    return 1 - torch.tanh(alpha * x) ** 2


def tanh_primitive(x: Tensor, alpha: float) -> Tensor:
    """tanh(a x) / a."""
    return torch.tanh(alpha * x) / alpha


def logistic_derivative(x: Tensor, alpha: float) -> Tensor:
    """(a/2) (1 - tanh(a x)^2), of peak a/2 and area 1; norse draws its spike from the primitive,
    here the spike is the step function, because a step of a neuron is pure."""
    return alpha / 2 * tanh_derivative(x, alpha)


def logistic_primitive(x: Tensor, alpha: float) -> Tensor:
    """1/2 + tanh(a x) / 2, the logistic distribution function of scale 1/(2a)."""
    return 0.5 + torch.tanh(alpha * x) / 2


def erfc_derivative(x: Tensor, alpha: float) -> Tensor:
    """(2/sqrt(pi)) exp(-(a x)^2), of peak 1.128 and area 2/a."""
    return 2 / math.sqrt(math.pi) * torch.exp(-((alpha * x) ** 2))


def erfc_primitive(x: Tensor, alpha: float) -> Tensor:
    """erf(a x) / a."""
    return torch.erf(alpha * x) / alpha


def erf_derivative(x: Tensor, alpha: float) -> Tensor:
    """(a/sqrt(pi)) exp(-(a x)^2), of peak a/sqrt(pi) and area 1."""
    return alpha / 2 * erfc_derivative(x, alpha)


def erf_primitive(x: Tensor, alpha: float) -> Tensor:
    """(1 + erf(a x)) / 2."""
    return (1 + torch.erf(alpha * x)) / 2


def piecewise_exp_derivative(x: Tensor, alpha: float) -> Tensor:
    """(a/2) exp(-a |x|), of peak a/2 and area 1 (Shrestha and Orchard 2018, section 3.1)."""
    return alpha / 2 * torch.exp(-alpha * x.abs())


def piecewise_exp_primitive(x: Tensor, alpha: float) -> Tensor:
    """1/2 + sign(x) (1 - exp(-a |x|)) / 2."""
    return 0.5 - torch.sign(x) * torch.expm1(-alpha * x.abs()) / 2


def atan_derivative(x: Tensor, alpha: float) -> Tensor:
    """(a/2) / (1 + (pi a x / 2)^2), of peak a/2 and area 1 (Fang et al. 2021)."""
    return alpha / 2 / (1 + (math.pi / 2 * alpha * x) ** 2)


def atan_primitive(x: Tensor, alpha: float) -> Tensor:
    """1/2 + atan(pi a x / 2) / pi."""
    return 0.5 + torch.atan(math.pi / 2 * alpha * x) / math.pi


SIGMOID = Threshold("sigmoid", sigmoid_derivative, sigmoid_primitive, 4.0)
TANH = Threshold("tanh", tanh_derivative, tanh_primitive, 2.0)
LOGISTIC = Threshold("logistic", logistic_derivative, logistic_primitive, 2.0)
ERF = Threshold("erf", erf_derivative, erf_primitive, 2.0)
ERFC = Threshold("erfc", erfc_derivative, erfc_primitive, 2.0)
PIECEWISE_EXP = Threshold("piecewise_exp", piecewise_exp_derivative, piecewise_exp_primitive, 1.0)
ATAN = Threshold("atan", atan_derivative, atan_primitive, 2.0)
