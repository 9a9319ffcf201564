"""input_neuron and batch_dropout: what stands between recorded or masked spikes and a layer."""

from __future__ import annotations

from typing import Any

import torch
from snn_core.injection import inject
from snn_core.types import Observed
from torch import Tensor

from snn_neurons.functional.observables import HardwareObservables, align


def input_neuron(input: Tensor, hw_data: Any = None) -> Tensor:
    """The input spikes, or what the chip's loop-back recorded of them.

    Args:
        input: ``(T, B, *N)``.
        hw_data: None, the recorded spikes ``(T', B, *N)``, or anything that
            ``HardwareObservables.of`` takes.

    Returns:
        ``(T_out, B, *N)``: the recorded spikes with the gradient of the input, or the input.

    Raises:
        ValueError: a trace that does not fit the input.
        TypeError: a trace whose values the input's dtype cannot hold, such as floating-point ones
            beside an integer input.

    >>> input_neuron(torch.zeros(5, 1, 2), torch.ones(3, 1, 2)).shape
    torch.Size([3, 1, 2])
    """
    if isinstance(hw_data, Tensor):
        hw_data = HardwareObservables(spikes=hw_data)
    cut, observed = align(input, HardwareObservables.of(hw_data), Observed._fields)
    return cut if observed is None else inject(cut, observed.z)


def batch_dropout(input: Tensor, mask: Tensor) -> Tensor:
    """``input * mask``: the same neurons dropped for all steps and samples, without rescaling.

    Args:
        input: spikes ``(T, B, *N)``.
        mask: bool ``(*N,)``, True for what stays.

    Raises:
        ValueError: an input without time and batch, a mask of another shape.
        TypeError: a mask that is not boolean.

    >>> batch_dropout(torch.ones(1, 1, 3), torch.tensor([True, False, True]))
    tensor([[[1., 0., 1.]]])
    """
    if mask.dtype != torch.bool:
        raise TypeError(
            f"mask must be boolean, True for what stays, got {mask.dtype}; pass mask != 0"
        )
    if input.ndim < 3:
        raise ValueError(
            f"expected input of shape (T, B, N), got {tuple(input.shape)}; time comes first, then "
            f"the batch"
        )
    if mask.shape != input.shape[2:]:
        raise ValueError(
            f"expected a mask of the neurons' shape {tuple(input.shape[2:])} (input is "
            f"{tuple(input.shape)}), got {tuple(mask.shape)}"
        )
    return input * mask
