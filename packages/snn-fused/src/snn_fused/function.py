"""The autograd function of a layer: forward and backward of its plan's engine."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn_fused.cpu.spikes import Spikes
from snn_fused.layer import Found, Grads, Inputs, Kept
from snn_fused.plan import Plan


class LayerFunction(torch.autograd.Function):
    """One layer over time; the tensors of ``Inputs`` one after the other, so that torch sees them.

    Returns the output, the state after the last step, the traces.
    """

    @staticmethod
    def forward(
        ctx: Any, plan: Plan, spikes: Spikes | None, n_steps: int, *tensors: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Run the layer."""
        inputs = restored(plan, spikes, n_steps, tensors)
        outputs = plan.engine.forward(inputs)
        found = outputs.spikes
        ctx.plan, ctx.n_steps = plan, n_steps
        ctx.layout = None if found is None else found[3:]
        kept = outputs.output if plan.kind.recurrent else None
        # sparse input is kept as spikes, so that the dense tensor can go
        source = (tensors[0], None, None) if found is None else found[:3]
        ctx.save_for_backward(*tensors[1:], kept, outputs.checkpoints, *source)
        ctx.set_materialize_grads(False)
        return (outputs.output, *outputs.state, *outputs.traces)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        """Run it backwards."""
        plan: Plan = ctx.plan
        *tensors, output, checkpoints, source, columns, values = ctx.saved_tensors
        x, spikes = source, None
        if ctx.layout is not None:
            x, spikes = None, Spikes(source, columns, values, *ctx.layout)
        inputs = restored(plan, spikes, ctx.n_steps, (x, *tensors))
        kept = Kept(output, checkpoints, spikes)
        n = plan.n_states
        found = plan.engine.backward(
            inputs, kept, Grads(grads[0], grads[1 : 1 + n], grads[1 + n :])
        )
        return (None, None, None, *flat_found(found), *(None for _ in inputs.seen))


def flat(inputs: Inputs) -> tuple[Tensor | None, ...]:
    """The tensors of a layer's inputs, without spikes, in the order that ``restored`` knows."""
    return (
        *(inputs.x, inputs.weight, inputs.recurrent_weight, inputs.before),
        *(*inputs.state, *inputs.params, *inputs.seen),
    )


def flat_found(found: Found) -> tuple[Tensor | None, ...]:
    """The gradients in the same order, without those of measurements, which have none."""
    return (
        *(found.x, found.weight, found.recurrent_weight, found.before),
        *(*found.state, *found.params),
    )


def restored(plan: Plan, spikes: Spikes | None, n_steps: int, tensors: Any) -> Inputs:
    """``Inputs`` again, from what ``flat`` made of them."""
    x, weight, recurrent_weight, before, *rest = tensors
    n_states, n_params = plan.n_states, len(plan.kind.spec.tensors)
    return Inputs(
        x,
        spikes,
        n_steps,
        weight,
        recurrent_weight,
        tuple(rest[:n_states]),
        before,
        tuple(rest[n_states : n_states + n_params]),
        tuple(rest[n_states + n_params :]),
    )
