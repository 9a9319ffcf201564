"""Operators ``snn_fused::layer`` and ``snn_fused::layer_backward``, for graphs that torch traces.

Outside of traced graphs the autograd function of ``function`` does the same at a quarter of the
cost of a call. A plan travels by its key, since a graph holds tensors and plain constants only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snn_fused.cpu.spikes import Spikes
from snn_fused.function import flat_found, restored
from snn_fused.layer import Grads, Kept
from snn_fused.plan import Plan, plan_at


@torch.library.custom_op("snn_fused::layer", mutates_args=())
def layer(
    key: str,
    n_steps: int,
    x: Tensor | None,
    weight: Tensor | None,
    recurrent_weight: Tensor | None,
    before: Tensor | None,
    rest: Sequence[Tensor],
    spikes: Sequence[Tensor],
    layout: Sequence[int],
) -> list[Tensor]:
    """Run a layer.

    Args:
        key: of the plan.
        n_steps: T.
        x, weight, recurrent_weight, before: as in ``Inputs``.
        rest: state, tensor parameters, measurements.
        spikes: pointers, columns, values of input that came as events, or nothing.
        layout: the other fields of these spikes.

    Returns:
        Output, state after the last step, traces, checkpoints.
    """
    inputs = restored(
        plan_at(key), _spikes(spikes, layout), n_steps, (x, weight, recurrent_weight, before, *rest)
    )
    outputs = plan_at(key).engine.forward(inputs)
    return [outputs.output, *outputs.state, *outputs.traces, outputs.checkpoints]


@layer.register_fake
def _layer_shapes(
    key: str,
    n_steps: int,
    x: Tensor | None,
    weight: Tensor | None,
    recurrent_weight: Tensor | None,
    before: Tensor | None,
    rest: Sequence[Tensor],
    spikes: Sequence[Tensor],
    layout: Sequence[int],
) -> list[Tensor]:
    plan, like = plan_at(key), rest[0]
    inputs = restored(
        plan, _spikes(spikes, layout), n_steps, (x, weight, recurrent_weight, before, *rest)
    )
    streams = [like.new_empty(n_steps, *like.shape) for _ in range(1 + len(plan.kind.spec.record))]
    state = [like.new_empty(like.shape) for _ in range(plan.n_states)]
    n_checkpoints = plan.engine.n_checkpoints(inputs)
    checkpoints = like.new_empty(n_checkpoints, plan.n_states, *like.shape)
    return [streams[0], *state, *streams[1:], checkpoints]


@torch.library.custom_op("snn_fused::layer_backward", mutates_args=())
def layer_backward(
    key: str,
    n_steps: int,
    x: Tensor | None,
    weight: Tensor | None,
    recurrent_weight: Tensor | None,
    before: Tensor | None,
    rest: Sequence[Tensor],
    spikes: Sequence[Tensor],
    layout: Sequence[int],
    kept: Sequence[Tensor],
    grads: Sequence[Tensor],
) -> list[Tensor]:
    """Run a layer backwards.

    Args:
        key, ..., layout: as for ``layer``.
        kept: the output, if recurrent, and the checkpoints.
        grads: to the output, the state after the last step, the traces.

    Returns:
        The gradients that are not None, in the order of ``flat_found``.
    """
    plan = plan_at(key)
    given = _spikes(spikes, layout)
    inputs = restored(plan, given, n_steps, (x, weight, recurrent_weight, before, *rest))
    output = kept[0] if plan.kind.recurrent else None
    n = 1 + plan.n_states
    arrived = Grads(grads[0], tuple(grads[1:n]), tuple(grads[n:]))
    found = plan.engine.backward(inputs, Kept(output, kept[-1], given), arrived)
    return [grad.clone() for grad in flat_found(found) if grad is not None]


@layer_backward.register_fake
def _gradient_shapes(
    key: str,
    n_steps: int,
    x: Tensor | None,
    weight: Tensor | None,
    recurrent_weight: Tensor | None,
    before: Tensor | None,
    rest: Sequence[Tensor],
    spikes: Sequence[Tensor],
    layout: Sequence[int],
    kept: Sequence[Tensor],
    grads: Sequence[Tensor],
) -> list[Tensor]:
    plan = plan_at(key)
    like = (x, weight, recurrent_weight, before, *rest)
    return [
        one.new_empty(one.shape)
        for one, there in zip(like, _present(plan), strict=False)
        if there and one is not None
    ]


def _present(plan: Plan) -> list[bool]:
    """Which of the gradients in the order of ``flat_found`` are there."""
    wants = plan.kind.wants
    assert wants is not None, "a plan without gradients runs forward only"
    projected, recurrent = plan.kind.projected, plan.kind.recurrent
    x = wants.x or not projected
    return [
        *(x, wants.weight, wants.recurrent_weight, recurrent),
        *(True for _ in range(plan.n_states)),
        *wants.params,
    ]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    key, n_steps, *named, rest, spikes, layout = inputs
    ctx.key, ctx.n_steps, ctx.layout = key, n_steps, layout
    ctx.lengths = (len(named), len(rest), len(spikes))
    kept = [output[0], output[-1]] if plan_at(key).kind.recurrent else [output[-1]]
    ctx.save_for_backward(*named, *rest, *spikes, *kept)


def _backward(ctx: Any, grads: list[Tensor]) -> tuple[Any, ...]:
    plan = plan_at(ctx.key)
    tensors, (n_named, n_rest, n_spikes) = ctx.saved_tensors, ctx.lengths
    named, tensors = tensors[:n_named], tensors[n_named:]
    rest, tensors = tensors[:n_rest], tensors[n_rest:]
    spikes, kept = tensors[:n_spikes], tensors[n_spikes:]
    found = iter(
        layer_backward(
            ctx.key, ctx.n_steps, *named, rest, spikes, ctx.layout, kept, list(grads[:-1])
        )
    )
    complete = [next(found) if there else None for there in _present(plan)]
    complete += [None] * (n_named + n_rest - len(complete))
    absent = ([None] * n_spikes, [None] * len(ctx.layout))
    return (None, None, *complete[:n_named], complete[n_named:], *absent)


layer.register_autograd(_backward, setup_context=_keep)


def _spikes(tensors: Sequence[Tensor], layout: Sequence[int]) -> Spikes | None:
    if not tensors:
        return None
    step_stride, batch_stride, *shape = layout
    pointers, columns, values = tensors
    n_steps, n_batch, n_in = shape
    return Spikes(pointers, columns, values, step_stride, batch_stride, (n_steps, n_batch, n_in))
