"""EventPropSynapseFunction: a projection with a second channel for the gradient of spike times."""

from __future__ import annotations

from typing import Any

import torch
from snn_core import checking
from torch import Tensor
from torch.autograd.function import once_differentiable


class EventPropSynapseFunction(torch.autograd.Function):
    """``x @ weight.T`` whose backward keeps two gradients apart.

    A synapse of EventProp hands dL/d(x @ weight.T) to its weight, and the gradient of the time of
    its spikes to the layer before; one tensor cannot carry both, so the output has two channels.
    """

    @classmethod
    def apply(cls, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Project spikes for an EventProp neuron.

        Args:
            input: spikes ``(T, B, N_in)`` in the weight's dtype, bool or integers.
            weight: ``(N_out, N_in)``.
            bias: must be None; it is there for the reference's signature.

        Returns:
            ``(2, T, B, N_out)``: ``input @ weight.T``, and zeros. Backward, the first channel's
            gradient goes to the weight (dL/dw), the second's, times the weight, to the input
            (-dL/dt in the slots of its spikes).

        Raises:
            ValueError: a bias, which would be no spike and have no time; shapes that do not fit.
            TypeError: dtypes that do not fit.

        >>> x = torch.zeros(5, 1, 3)  # (T, B, N_in)
        >>> EventPropSynapseFunction.apply(x, torch.ones(2, 3)).shape
        torch.Size([2, 5, 1, 2])
        """
        stacked: Tensor = super().apply(input, weight, bias)  # type: ignore[no-untyped-call]
        return stacked

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """See ``apply``."""
        if bias is not None:
            raise ValueError(
                "EventPropSynapseFunction takes no bias: it has no spike time and would have no "
                "gradient here; pass bias=None, and shift the neuron's leak instead"
            )
        checking.check_weight("weight", weight)
        if not isinstance(input, Tensor):
            raise TypeError(f"input must be a Tensor (T, B, N_in), got {type(input).__name__}")
        checking.check_input(input, weight, None)
        x = input.to(weight.dtype).flatten(end_dim=1)
        ctx.save_for_backward(x, weight)
        ctx.shape = input.shape
        stacked = weight.new_empty(2, *input.shape[:2], len(weight))
        stacked[1] = 0.0
        torch.mm(x, weight.T, out=stacked[0].flatten(end_dim=1))
        return stacked

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Weight gradient from channel 0 in one contraction, input gradient from channel 1."""
        x, weight = ctx.saved_tensors
        to_weight, to_arrival = grad.flatten(start_dim=1, end_dim=2)
        wants_input, wants_weight, _ = ctx.needs_input_grad
        return (
            (to_arrival @ weight).reshape(ctx.shape) if wants_input else None,
            to_weight.T @ x if wants_weight else None,
            None,
        )
