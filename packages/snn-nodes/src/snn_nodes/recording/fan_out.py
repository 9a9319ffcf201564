"""Fan-out: into how many synapses each input of a layer leads, exactly, at the borders too."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from snn_nodes.layer.sparse import SparseSynapse

SYNAPSES = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
Synapses = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
"""What counts as a layer of synapses, with subclasses such as ``SparseSynapse``."""


def input_shape(layer: Synapses, x: Tensor) -> tuple[int, ...]:
    """The shape of one sample of x: ``(N_in,)``, or channels and space ``(C, *)``."""
    axes = 1 if isinstance(layer, nn.Linear) else len(layer.kernel_size) + 1
    return tuple(x.shape[-axes:])


def fan_out(layer: Synapses, shape: tuple[int, ...]) -> Tensor:
    """How many synapses each input leads into, in double precision, of the shape of one sample.

    The derivative of the sum of all outputs, if every weight were 1: so padding, stride, dilation
    and groups are those of the layer itself. A linear layer has as many as outputs, a
    ``SparseSynapse`` those that exist.

    >>> fan_out(nn.Conv1d(1, 2, 3, padding=1), (1, 4))  # the ends miss a tap
    tensor([[4., 6., 6., 4.]], dtype=torch.float64)
    """
    if isinstance(layer, SparseSynapse):
        return layer.connections.sum(0).double()
    if isinstance(layer, nn.Linear):
        outputs = float(layer.out_features)
        return torch.full(shape, outputs, dtype=torch.float64, device=layer.weight.device)
    # torch's own: ours may take spikes of another type only
    kind: Any = next(k for k in SYNAPSES[1:] if isinstance(layer, k))
    ones = torch.ones_like(layer.weight, dtype=torch.float64)
    with torch.enable_grad():
        x = ones.new_zeros(1, *shape).requires_grad_()
        total = kind._conv_forward(layer, x, ones, None).sum()
        (fan,) = torch.autograd.grad(total, x)
    return fan[0]
