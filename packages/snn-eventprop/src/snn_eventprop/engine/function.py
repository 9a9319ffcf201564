"""The engine as an autograd function: forward finds or takes spikes, backward is their adjoint."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
import torch
from snn_core import Events, Value
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn_eventprop.engine.calling import Arrays, find_spikes, go_back, look
from snn_eventprop.engine.posing import (
    Constants,
    Start,
    as_stored,
    cells,
    check_start,
    floor_of_slopes,
    numbers,
    projection,
    trains,
)
from snn_eventprop.kernels.adjoint import Answer, Asked
from snn_eventprop.kernels.compiling import Floats
from snn_eventprop.kernels.layers import Trains


class Settings(NamedTuple):
    """What a run needs beside its tensors.

    Args:
        inputs: events of the input; their times are handed over beside, for their gradient.
        recorded: the spikes, if they are given and not to be searched for.
        max_spikes: of one sample; more raise.
        vdot_min: least dV/dt at a spike, V/s; None as ``posing.floor_of_slopes`` says.
    """

    inputs: Events
    recorded: Events | None
    max_spikes: int
    vdot_min: float | None


class Result(NamedTuple):
    """What a run gives.

    Args:
        times, index: of the spikes, ``(B, S)``, padded with inf and -1.
        v, i, held: at the end, ``(B, N)``.
        looked_v, looked_i: ``(B, N, Q)``, at the times asked for, if any.
    """

    times: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which nobody calls here
    v: Tensor
    i: Tensor
    held: Tensor
    looked_v: Tensor | None = None
    looked_i: Tensor | None = None


def looked(values: Tensor | None) -> Tensor:
    """The values at the times asked for, by one who has asked."""
    return cast(Tensor, values)


class Engine(torch.autograd.Function):
    """A layer on events; see ``run_layer`` for the arguments."""

    @staticmethod
    def forward(
        ctx: Any,
        settings: Settings,
        times: Tensor,
        weight: Tensor,
        delay: Value | None,
        feedback_weight: Tensor | None,
        feedback_delay: Value | None,
        v: Tensor,
        i: Tensor,
        held: Tensor | None,
        looks: Tensor | None,
        *constants: Value,
    ) -> Any:
        """Spikes, ends and looks."""
        dtype = torch.promote_types(times.dtype, weight.dtype)
        start, params = Start(v, i, held), Constants(*constants)
        neurons = cells(params, start, as_stored(settings.inputs.duration, dtype))
        check_start(neurons)
        n = neurons.params.shape[1]
        arrays = Arrays(
            trains(settings.inputs._replace(times=times)),
            projection(weight, delay, n),
            projection(feedback_weight, feedback_delay, n),
            neurons,
        )
        at = np.empty((1, 1, 0)) if looks is None else numbers(looks)
        values = None
        if settings.recorded is None:
            spikes, ends = find_spikes(arrays, settings.max_spikes, dtype == torch.float32)
        else:
            given_times, given_rows = trains(settings.recorded)
            spikes = Trains(given_times.copy(), given_rows.copy())  # they are returned
        if settings.recorded is not None or looks is not None:
            values, ends = look(arrays, spikes, at)
        ctx.set_materialize_grads(False)
        ctx.arrays, ctx.spikes, ctx.at, ctx.settings = arrays, spikes, at, settings
        given = (times, weight, delay, feedback_weight, feedback_delay, v, i, held, looks)
        ctx.given = tuple(
            Given(one.shape, one.dtype) if wanted and isinstance(one, Tensor) else None
            for one, wanted in zip((*given, *constants), ctx.needs_input_grad[1:], strict=True)
        )
        ctx.single = dtype == torch.float32
        ctx.weight_axes = weight.ndim
        outputs = _outputs(spikes, ends, values, dtype, weight.dtype)
        ctx.mark_non_differentiable(outputs[1])
        # never read again, but the arrays share their memory: a change in place is noticed by it
        inputs, recorded = settings.inputs, settings.recorded or settings.inputs
        kept = (
            *(times, weight, delay, feedback_weight, feedback_delay, looks, inputs.index),
            *(recorded.times, recorded.index, *outputs[:2]),
        )
        ctx.save_for_backward(*(one for one in kept if isinstance(one, Tensor)))
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        """Gradients of everything that asks for one."""
        _ = ctx.saved_tensors
        wanted = ctx.needs_input_grad[1:]
        arrays, settings = ctx.arrays, ctx.settings
        floor = floor_of_slopes(
            arrays.cells.params, settings.vdot_min, settings.recorded is not None, ctx.single
        )
        asked = _asked(arrays, ctx.spikes, ctx.at, floor, any(wanted[9:11]), grads)
        found = _gradients(go_back(arrays, ctx.spikes, asked), ctx.weight_axes == 3, wanted)
        return (
            None,
            *(
                None if one is None else one.of(array)
                for one, array in zip(ctx.given, found, strict=True)
            ),
        )


class Given(NamedTuple):
    """Shape and dtype of an argument, to bring its gradient into."""

    shape: torch.Size
    dtype: torch.dtype

    def of(self, array: Floats) -> Tensor:
        """The gradient, summed where the argument was broadcast."""
        grad = torch.from_numpy(np.ascontiguousarray(array))
        if grad.shape != self.shape:
            grad = grad.sum_to_size(self.shape)
        return grad.to(self.dtype)


def _outputs(
    spikes: Trains, ends: Floats, values: Floats | None, dtype: torch.dtype, layer: torch.dtype
) -> tuple[Tensor, ...]:
    """The fields of Result: times in one dtype, membranes in the layer's."""
    times = torch.from_numpy(spikes.times).to(dtype)
    v, i, held = (torch.from_numpy(ends[:, row]).to(layer) for row in range(3))
    at = () if values is None else tuple(torch.from_numpy(one).to(layer) for one in values)
    return times, torch.from_numpy(spikes.rows), v, i, held, *at


def _asked(
    arrays: Arrays,
    spikes: Trains,
    at: Floats,
    floor: Floats,
    constants: bool,
    grads: tuple[Tensor | None, ...],
) -> Asked:
    """The gradients of the outputs as arrays, zero where there is none."""
    of_times, _, *of_ends = grads[:5]
    n_batch, n = len(arrays.inputs.times), arrays.cells.params.shape[1]
    ends: Floats = np.zeros((n_batch, 3, n))
    for row, grad in enumerate(of_ends):
        if grad is not None:
            ends[:, row] = numbers(grad)
    of_looks: Floats = np.zeros((2, n_batch, n, at.shape[2]))
    for row, grad in enumerate(grads[5:]):
        if grad is not None:
            of_looks[row] = numbers(grad)
    of_spikes = np.zeros_like(spikes.times) if of_times is None else numbers(of_times)
    return Asked(of_spikes, of_looks, ends, at, floor, constants)


def _gradients(answer: Answer, per_sample: bool, wanted: tuple[bool, ...]) -> list[Any]:
    """The gradients in the order of the arguments, chunks added up; None where not wanted."""
    weight = answer.weight if per_sample else answer.weight.sum(0).T
    found: list[Any] = [answer.input_times, weight, None, None, None]
    if wanted[2]:
        found[2] = answer.delay.sum(0)
    if wanted[3]:
        found[3] = answer.feedback_weight.sum(0).T
    if wanted[4]:
        found[4] = answer.feedback_delay.sum(0)
    params = answer.params.sum(0)
    return [*found, *answer.start.transpose(1, 0, 2), answer.look_times, *params]
