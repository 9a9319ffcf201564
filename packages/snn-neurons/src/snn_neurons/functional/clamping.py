"""exponential_clamp and linear_exponential_clamp: weights bent smoothly below a hardware limit."""

from __future__ import annotations

import torch
from snn_core.injection import inject
from torch import Tensor
from torch.nn import functional as torch_functional

from snn_neurons.functional.projections import check_floating, check_projection

LEVELS = 63
"""The largest magnitude of a synaptic weight on the chip, in steps of its 6 bits."""


def exponential_clamp(
    weight: Tensor, cap: float = 1.5, start_weight: float = 61.0, quantize: bool = False
) -> Tensor:
    """Weights, bent towards ``±cap`` from ``start_weight`` levels on.

    With f = start_weight / 63 and s = 1 / (1 - f), for ``|w| > f cap``

        sign(w) cap (1 - exp(-s (|w|/cap - f)) / s)

    and w itself below: continuous with its derivative at the knee, and never beyond the cap.

    Args:
        weight: any shape.
        cap: the limit, above 0; that of level 63.
        start_weight: the level of the knee, between 0 and 63.
        quantize: round to multiples of ``cap / 63``, ties away from zero; the gradient goes
            straight through.

    Raises:
        ValueError: cap or start_weight out of range.
        TypeError: a weight that is not floating point.

    Source: hxtorch.spiking, ``linear_exponential_clamp``.

    >>> exponential_clamp(torch.tensor([1.4, 1.6, -1.6], dtype=torch.float64))
    tensor([ 1.4000,  1.4979, -1.4979], dtype=torch.float64)
    """
    check_floating("weight", weight)
    if not 0 < start_weight < LEVELS:
        raise ValueError(
            f"start_weight must lie between 0 and {LEVELS}, exclusive, got {start_weight}; "
            f"pass start_weight=61.0"
        )
    if not cap > 0:
        raise ValueError(f"cap must be above 0, got {cap}; pass cap=1.5")
    knee = start_weight / LEVELS
    sharpness = 1 / (1 - knee)
    # clamped below the knee, so that the branch which is not taken stays finite in backward
    excess = torch.clamp(weight.abs() / cap - knee, min=0)
    bent = weight.sign() * cap * (1 - torch.exp(-sharpness * excess) / sharpness)
    clamped = torch.where(weight.abs() > knee * cap, bent, weight)
    if not quantize:
        return clamped
    step = cap / LEVELS
    return inject(clamped, step * round_half_away(clamped.detach() / step))


def linear_exponential_clamp(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    cap: float = 1.5,
    start_weight: float = 61.0,
    quantize: bool = False,
) -> Tensor:
    """``linear`` with the weight bent by ``exponential_clamp``; returns the layer's output.

    Args:
        inputs, weight, bias: as for ``linear``.
        cap, start_weight, quantize: as for ``exponential_clamp``.

    Returns:
        ``(..., N_out)``: the output of the linear map, not the weights.

    Raises:
        ValueError: shapes that do not fit, cap or start_weight out of range.
        TypeError: a weight that is not floating point, dtypes that differ.

    >>> linear_exponential_clamp(torch.ones(1, 1), torch.tensor([[1.6]]))
    tensor([[1.4979]])
    """
    check_projection(inputs, weight, bias)
    bent = exponential_clamp(weight, cap, start_weight, quantize)
    return torch_functional.linear(inputs, bent, bias)


def round_half_away(x: Tensor) -> Tensor:
    """The nearest integer, ties away from zero; exact where floor(|x| + 0.5) would be off.

    >>> round_half_away(torch.tensor([0.5, -0.5, 1.4]))
    tensor([ 1., -1.,  1.])
    """
    whole = x.trunc()
    return whole + torch.where((x - whole).abs() >= 0.5, x.sign(), 0.0)
