"""Which operations of torch are traced as simpler ones: mostly derivatives with own kernels."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch._decomp import get_decompositions

aten = torch.ops.aten


@functools.cache
def decompositions() -> dict[Any, Callable[..., Any]]:
    """The table for ``make_fx``; what is in it is written in operations that can be lowered."""
    return get_decompositions(
        [
            aten.addcdiv,
            aten.addcmul,
            aten.elu,
            aten.elu_backward,
            aten.hardsigmoid,
            aten.hardsigmoid_backward,
            aten.hardtanh,
            aten.hardtanh_backward,
            aten.heaviside,
            aten.leaky_relu,
            aten.leaky_relu_backward,
            aten.lerp,
            aten.masked_fill,
            aten.sigmoid_backward,
            aten.silu,
            aten.silu_backward,
            aten.softplus,
            aten.softplus_backward,
            aten.tanh_backward,
            aten.threshold,
            aten.threshold_backward,
        ]
    )
