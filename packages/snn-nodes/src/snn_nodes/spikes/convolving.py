"""Convolutions of spikes and their gradients, each in the way that is faster there."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snn_nodes.spikes.bits import as_floats
from snn_nodes.spikes.convolution import add_kernel_rows, kernel_gradient
from snn_nodes.spikes.plain import has_values
from snn_nodes.spikes.tally import Tally
from snn_nodes.spikes.window import limits, window_of

_aten = torch.ops.aten


def convolve(elem: Tensor, tally: Tally, weight: Tensor, bias: Tensor | None, *how: Any) -> Tensor:
    """``aten.convolution`` of spikes; ``how`` is stride, padding, dilation, transposed,
    output_padding and groups."""
    stride, padding, dilation, transposed, _, groups = how
    window = window_of(weight, stride, padding, dilation, transposed, groups)
    if window is not None and has_values(elem, weight):
        limit = limits(tuple(elem.shape), len(weight), window, weight.dtype).forward
        if limit > 0 and tally.at_most(limit, elem):
            return add_kernel_rows(elem, weight, bias, window)
    out: Tensor = _aten.convolution(as_floats(elem, weight.dtype), weight, bias, *how)
    return out


def convolve_backward(
    grad: Tensor,
    elem: Tensor,
    tally: Tally,
    weight: Tensor,
    bias_sizes: list[int] | None,
    *how: Any,
) -> tuple[Tensor | None, ...]:
    """``aten.convolution_backward``; ``how`` as for ``convolve``, and which gradients are asked
    for: of the spikes, the weight, the bias."""
    stride, padding, dilation, transposed, _, groups, (of_spikes, of_weight, of_bias) = how
    window = window_of(weight, stride, padding, dilation, transposed, groups)
    kernel = None
    if of_weight and window is not None and has_values(elem, grad):
        limit = limits(tuple(elem.shape), len(weight), window, grad.dtype).gradient
        if limit > 0 and tally.at_most(limit, elem):
            kernel = kernel_gradient(elem, grad, window)
    if kernel is None:
        floats = as_floats(elem, grad.dtype)
        return _gradients(grad, floats, weight, bias_sizes, *how)
    # Asked for the bias alone, torch may make the gradient of the kernel as well.
    bias = grad.sum([0, 2, 3]) if of_bias else None
    if not of_spikes:
        return None, kernel, bias
    floats = as_floats(elem, grad.dtype)
    spikes, _, _ = _gradients(grad, floats, weight, bias_sizes, *how[:-1], [True, False, False])
    return spikes, kernel, bias


def _gradients(*arguments: Any) -> tuple[Tensor | None, ...]:
    gradients: tuple[Tensor | None, ...] = _aten.convolution_backward(*arguments)
    return gradients
