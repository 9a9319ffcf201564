"""The engine as an autograd function: forward finds or takes spikes, backward is their adjoint."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from snn_core import Events, Value
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn_eventprop.engine.posing import (
    Constants,
    Start,
    as_stored,
    cells,
    floor_of_slopes,
    numbers,
    order_of_delivery,
    projection,
    trains,
)
from snn_eventprop.engine.threads import number_of_chunks, run_spans
from snn_eventprop.kernels.adjoint import Answer, Asked, adjoint
from snn_eventprop.kernels.compiling import Floats, Ints
from snn_eventprop.kernels.coupled import Order, search_coupled
from snn_eventprop.kernels.layers import Cells, Synapses, Trains
from snn_eventprop.kernels.replay import membranes
from snn_eventprop.kernels.search import search

PARAMS = len(Constants._fields)


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
        looked_v, looked_i: ``(B, N, Q)``, at the times asked for.
    """

    times: Tensor
    index: Tensor
    v: Tensor
    i: Tensor
    held: Tensor
    looked_v: Tensor
    looked_i: Tensor


class Arrays(NamedTuple):
    """A run as the kernels see it."""

    inputs: Trains
    forward: Synapses
    feedback: Synapses
    cells: Cells


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
        n = neurons.params.shape[1]
        arrays = Arrays(
            trains(settings.inputs._replace(times=times)),
            projection(weight, delay, n),
            projection(feedback_weight, feedback_delay, n),
            neurons,
        )
        at = np.empty((1, 1, 0)) if looks is None else numbers(looks)
        if settings.recorded is None:
            spikes, ends = _search(arrays, settings.max_spikes, dtype == torch.float32)
        else:
            spikes, ends = trains(settings.recorded), None
        values: Floats = np.empty((2, len(times), n, at.shape[2]))
        if ends is None or at.size:
            values, ends = _look(arrays, spikes, at)
        ctx.set_materialize_grads(False)
        ctx.arrays, ctx.spikes, ctx.at, ctx.settings = arrays, spikes, at, settings
        given = (times, weight, delay, feedback_weight, feedback_delay, v, i, held, looks)
        ctx.given = tuple(_given(one) for one in (*given, *constants))
        outputs = _outputs(spikes, ends, values, dtype, weight.dtype)
        ctx.mark_non_differentiable(outputs[1])
        # never read again, but the arrays share their memory: a change in place is noticed by it
        kept = (times, weight, delay, feedback_weight, feedback_delay, looks, outputs[0])
        ctx.save_for_backward(*(one for one in kept if isinstance(one, Tensor)))
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        """Gradients of everything that asks for one."""
        _ = ctx.saved_tensors
        wanted = ctx.needs_input_grad[1:]
        arrays, spikes, at = ctx.arrays, ctx.spikes, ctx.at
        settings, params = ctx.settings, arrays.cells.params
        recorded = settings.recorded is not None
        floor = floor_of_slopes(params, settings.vdot_min, recorded, ctx.given[0].dtype)
        asked = _asked(arrays, spikes, at, floor, any(wanted[9:11]), grads)
        answer = _adjoint(arrays, spikes, asked)
        per_sample = len(ctx.given[1].shape) == 3
        found = _gradients(answer, per_sample, wanted)
        return (
            None,
            *(
                one.of(array) if want else None
                for one, array, want in zip(ctx.given, found, wanted, strict=True)
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


def _given(value: Any) -> Given | None:
    return Given(value.shape, value.dtype) if isinstance(value, Tensor) else None


def _search(arrays: Arrays, most: int, single: bool) -> tuple[Trains, Floats]:
    """The spikes of all samples, and v, i and held at the end."""
    inputs, neurons = arrays.inputs, arrays.cells
    n_batch, n_events = inputs.times.shape
    n = neurons.params.shape[1]
    ends: Floats = np.empty((n_batch, 3, n))
    counts: Ints = np.zeros(n_batch, dtype=np.int64)
    order = Order(order_of_delivery(arrays.forward.delay), order_of_delivery(arrays.feedback.delay))
    room = n + n_events
    while True:
        found = Trains(np.empty((n_batch, room)), np.empty((n_batch, room), dtype=np.int64))

        def task(first: int, last: int, found: Trains = found) -> None:
            rest = (neurons, most, single, found, counts, ends)
            if arrays.feedback.weight.shape[1]:
                search_coupled(first, last, inputs, arrays.forward, arrays.feedback, order, *rest)
            else:
                search(first, last, inputs, arrays.forward, *rest)

        run_spans(task, n_batch, n_batch * n * (n_events + 1))
        needed = int(counts.max(initial=0))
        if needed > most:
            raise_too_many(counts, most)
        if needed <= room:
            return Trains(found.times[:, :needed], found.rows[:, :needed]), ends
        room = needed


def raise_too_many(counts: Ints, most: int) -> None:
    """Raise for the first sample with more spikes than allowed."""
    sample = int((counts > most).argmax())
    raise RuntimeError(
        f"sample {sample} has more than max_spikes = {most} spikes; if that is right, pass "
        f"backend=snn_eventprop.exact(max_spikes=...), else look for weights, a leak or feedback "
        f"that keep neurons firing without end"
    )


def _look(arrays: Arrays, spikes: Trains, at: Floats) -> tuple[Floats, Floats]:
    """v and i at the times ``at`` (2, B, N, Q), and v, i and held at the end (B, 3, N)."""
    n_batch, n_events = arrays.inputs.times.shape
    n = arrays.cells.params.shape[1]
    values: Floats = np.empty((2, n_batch, n, at.shape[2]))
    ends: Floats = np.empty((n_batch, 3, n))

    def task(first: int, last: int) -> None:
        membranes(
            first, last, arrays.inputs, arrays.forward, spikes, arrays.feedback, arrays.cells,
            at, values, ends,
        )  # fmt: skip

    run_spans(task, n_batch, n_batch * n * (n_events + 1 + at.shape[2]))
    return values, ends


def _outputs(
    spikes: Trains, ends: Floats, values: Floats, dtype: torch.dtype, layer: torch.dtype
) -> tuple[Tensor, ...]:
    """The fields of Result: times in one dtype, membranes in the layer's."""
    times = torch.from_numpy(np.ascontiguousarray(spikes.times)).to(dtype)
    index = torch.from_numpy(np.ascontiguousarray(spikes.rows))
    v, i, held = (torch.from_numpy(ends[:, row]).to(layer) for row in range(3))
    return times, index, v, i, held, *(torch.from_numpy(one).to(layer) for one in values)


def _asked(
    arrays: Arrays,
    spikes: Trains,
    at: Floats,
    floor: Floats,
    constants: bool,
    grads: tuple[Tensor | None, ...],
) -> Asked:
    """The gradients of the outputs as arrays, zero where there is none."""
    of_times, _, of_v, of_i, of_held, of_looked_v, of_looked_i = grads
    n_batch, n = len(arrays.inputs.times), arrays.cells.params.shape[1]
    ends: Floats = np.zeros((n_batch, 3, n))
    for row, grad in enumerate((of_v, of_i, of_held)):
        if grad is not None:
            ends[:, row] = numbers(grad)
    looked: Floats = np.zeros((2, n_batch, n, at.shape[2]))
    for row, grad in enumerate((of_looked_v, of_looked_i)):
        if grad is not None:
            looked[row] = numbers(grad)
    of_spikes = np.zeros_like(spikes.times) if of_times is None else numbers(of_times)
    return Asked(of_spikes, looked, ends, at, floor, constants)


def _adjoint(arrays: Arrays, spikes: Trains, asked: Asked) -> Answer:
    """All gradients, in sums by chunk."""
    inputs, forward, feedback, neurons = arrays
    n_batch, n_events = inputs.times.shape
    n, n_chunks = neurons.params.shape[1], number_of_chunks(n_batch)
    own_weights = forward.weight.shape[0] > 1
    answer = Answer(
        np.zeros(inputs.times.shape),
        np.zeros((n_batch, n, asked.looks.shape[2])),
        np.zeros((n_batch if own_weights else n_chunks, *forward.weight.shape[1:])),
        np.zeros((n_chunks, *forward.delay.shape)),
        np.zeros((n_chunks, *feedback.weight.shape[1:])),
        np.zeros((n_chunks, *feedback.delay.shape)),
        np.zeros((n_chunks, *neurons.params.shape)),
        np.zeros(neurons.start.shape),
        np.zeros(n_chunks, dtype=np.int64),
    )

    def task(first: int, last: int) -> None:
        adjoint(first, last, inputs, forward, spikes, feedback, neurons, asked, answer)

    run_spans(task, n_chunks, spikes.rows.size * (n_events + 1))
    return answer


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
