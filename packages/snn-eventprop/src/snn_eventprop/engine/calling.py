"""The kernels called on a batch: memory for their results, and the threads that they run on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.engine.posing import order_of_delivery
from snn_eventprop.engine.threads import number_of_chunks, run_spans
from snn_eventprop.kernels.adjoint import Answer, Asked, adjoint
from snn_eventprop.kernels.compiling import Floats, Ints
from snn_eventprop.kernels.coupled import Order, search_coupled
from snn_eventprop.kernels.layers import Cells, Synapses, Trains
from snn_eventprop.kernels.replay import membranes
from snn_eventprop.kernels.search import search


class Arrays(NamedTuple):
    """A run as the kernels see it."""

    inputs: Trains
    forward: Synapses
    feedback: Synapses
    cells: Cells

    @property
    def work(self) -> int:
        """Neurons times arrivals of the batch."""
        n_batch, n_events = self.inputs.times.shape
        return int(n_batch * self.cells.params.shape[1] * (n_events + 1))


def find_spikes(arrays: Arrays, most: int, single: bool) -> tuple[Trains, Floats]:
    """The spikes of all samples, and v, i and held at the end (B, 3, N).

    Raises:
        RuntimeError: a sample has more than ``most``.
    """
    inputs, forward, feedback, neurons = arrays
    n_batch, n_events = inputs.times.shape
    n = neurons.params.shape[1]
    ends: Floats = np.empty((n_batch, 3, n))
    counts: Ints = np.zeros(n_batch, dtype=np.int64)
    recurrent = feedback.weight.shape[1] > 0
    order = Order(order_of_delivery(forward.delay), order_of_delivery(feedback.delay))
    room = n + n_events
    while True:
        found = Trains(np.empty((n_batch, room)), np.empty((n_batch, room), dtype=np.int64))

        def plain(first: int, last: int, found: Trains = found) -> None:
            search(first, last, inputs, forward, neurons, most, single, found, counts, ends)

        def coupled(first: int, last: int, found: Trains = found) -> None:
            search_coupled(
                first, last, inputs, forward, feedback, order, neurons, most, single, found,
                counts, ends,
            )  # fmt: skip

        run_spans(coupled if recurrent else plain, n_batch, arrays.work)
        needed = int(counts.max()) if n_batch else 0
        if needed > most:
            _raise_too_many(counts, most)
        if needed <= room:
            times, rows = found
            return Trains(times[:, :needed].copy(), rows[:, :needed].copy()), ends
        room = needed


def _raise_too_many(counts: Ints, most: int) -> None:
    """Raise for the first sample with more spikes than allowed."""
    sample = int((counts > most).argmax())
    raise RuntimeError(
        f"sample {sample} has more than max_spikes = {most} spikes; if that is right, pass "
        f"backend=snn_eventprop.exact(max_spikes=...), else look for weights, a leak or feedback "
        f"that keep neurons firing without end"
    )


def look(arrays: Arrays, spikes: Trains, at: Floats) -> tuple[Floats, Floats]:
    """v and i at the times ``at`` (2, B, N, Q), and v, i and held at the end (B, 3, N)."""
    inputs, forward, feedback, neurons = arrays
    n_batch, n = len(inputs.times), neurons.params.shape[1]
    values: Floats = np.empty((2, n_batch, n, at.shape[2]))
    ends: Floats = np.empty((n_batch, 3, n))

    def task(first: int, last: int) -> None:
        membranes(first, last, inputs, forward, spikes, feedback, neurons, at, values, ends)

    run_spans(task, n_batch, arrays.work + values.size)
    return values, ends


def go_back(arrays: Arrays, spikes: Trains, asked: Asked) -> Answer:
    """All gradients, in sums by chunk."""
    inputs, forward, feedback, neurons = arrays
    n_batch, n = len(inputs.times), neurons.params.shape[1]
    n_chunks = number_of_chunks(n_batch, arrays.work, forward.weight[0].size + feedback.weight.size)
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
    )

    def task(first: int, last: int) -> None:
        adjoint(first, last, inputs, forward, spikes, feedback, neurons, asked, answer)

    run_spans(task, n_chunks, arrays.work)
    return answer
