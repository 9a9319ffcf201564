"""Smooth functions of a current-based membrane, precise for any pair of time constants.

The response of a membrane to an input, e^{-a t} convolved with e^{-b t}, is a difference quotient
of exponentials: (e^{-b h} - e^{-a h}) / (a - b), 0/0 at equal rates. Written with

    M_n(x) = integral over s in [0, 1] of s^n e^{-x s}        dM_n/dx = -M_{n+1}

nothing cancels, and neither does any derivative: M_0 is -expm1(-x)/x, the others come from positive
terms only, by the series of Kummer (Abramowitz and Stegun 13.1.2 and 13.1.27), or from x = 1 on by
recurrence.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn_eventprop.kernels.compiling import Floats, compiled


def moment(x: Tensor, order: int = 0) -> Tensor:
    """M_n(x), the integral over s in [0, 1] of ``s^n e^{-x s}``, for x >= 0.

    Args:
        x: any shape, float64, on the CPU, >= 0.
        order: n, from 0.

    Returns:
        the shape of x; differentiable any number of times.

    >>> moment(torch.tensor([0.0, 1.0], dtype=torch.float64))
    tensor([1.0000, 0.6321], dtype=torch.float64)
    """
    value: Tensor = _Moment.apply(x, order)  # type: ignore[no-untyped-call]
    return value


class _Moment(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, order: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.order = order
        values = np.empty(x.shape)
        _moments(x.contiguous().numpy().reshape(-1), order, values.reshape(-1))
        return torch.from_numpy(values)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return -grad * moment(x, ctx.order + 1), None


@compiled
def _moments(x: Floats, order: int, values: Floats) -> None:
    for k in range(len(x)):
        values[k] = _moment(x[k], order)


@compiled
def _moment(x: float, order: int) -> float:
    if order == 0:
        return -math.expm1(-x) / x if x != 0.0 else 1.0
    tail = math.exp(-x)
    if x > 1.0:
        value = -math.expm1(-x) / x
        for n in range(1, order + 1):
            value = (n * value - tail) / x
        return value
    term = tail / (order + 1)
    value = term
    n = order + 1
    while term > 1e-17 * value:
        n += 1
        term *= x / n
        value += term
    return value


def response(h: Tensor, rate_a: Tensor, rate_b: Tensor) -> Tensor:
    """``e^{-a t}`` convolved with ``e^{-b t}``, at time h: a membrane h after a unit input.

    With ``a = 1/tau_mem`` and ``b = 1/tau_syn``, a membrane answers an input of weight w with
    ``w / tau_mem`` times this. Symmetric in the rates.

    Args:
        h: seconds, >= 0, float64.
        rate_a, rate_b: per second, >= 0; they broadcast with h.

    Returns:
        seconds, in the broadcast shape; precise and differentiable at equal rates too.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3.

    >>> one = torch.tensor(1.0, dtype=torch.float64)
    >>> response(one, one, one).item() == math.exp(-1)
    True
    """
    slow, fast = _ordered(rate_a, rate_b)
    return _response(h, slow, fast)


def response_integral(h: Tensor, rate_a: Tensor, rate_b: Tensor) -> Tensor:
    """The integral of ``response`` from 0 to h, in seconds squared.

    By integrating the membrane's equation: (integral of the current - response) / rate. Where h is
    far below both time constants the value is about h^2/2, with an error of about 1e-16 h times
    the shorter time constant.

    Args and shapes as for ``response``; rates > 0.

    >>> one = torch.tensor(1.0, dtype=torch.float64)
    >>> round(response_integral(40 * one, one, one / 2).item(), 6)
    2.0
    """
    slow, fast = _ordered(rate_a, rate_b)
    return (h * moment(h * slow) - _response(h, slow, fast)) / fast


def _response(h: Tensor, slow: Tensor, fast: Tensor) -> Tensor:
    return h * torch.exp(-slow * h) * moment((fast - slow) * h)


def _ordered(rate_a: Tensor, rate_b: Tensor) -> tuple[Tensor, Tensor]:
    """The smaller and the larger; by selection, so that derivatives are right at equal rates."""
    first = rate_a <= rate_b
    return torch.where(first, rate_a, rate_b), torch.where(first, rate_b, rate_a)
