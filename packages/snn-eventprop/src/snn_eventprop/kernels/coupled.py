"""The search for spikes of neurons that feed each other: one queue of arrivals for the layer.

The earliest predicted spike of all neurons is a spike unless something arrives before it; then the
neurons that it reaches are predicted anew (``predicting``).
At equal times spikes come before arrivals, and all neurons that cross at once spike at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.kernels.arrivals import REFRACTORY, V_RESET
from snn_eventprop.kernels.compiling import Bools, Floats, Ints, compiled
from snn_eventprop.kernels.group import grown
from snn_eventprop.kernels.layers import Cells, Synapses, Trains, own_weight
from snn_eventprop.kernels.predicting import NOTHING_KNOWN, advance, deliver, next_spike, not_before
from snn_eventprop.kernels.queue import Queue, empty_queue, first_time, grown_queue, pop, push
from snn_eventprop.kernels.search import fire_at_start, keep_ends, keep_spikes
from snn_eventprop.kernels.single import as_stored
from snn_eventprop.kernels.sorting import sort_train

EVERYONE = -1


class Order(NamedTuple):
    """In which order the synapses of a source deliver: (R, N) neurons by delay, or of no rows."""

    forward: Ints
    feedback: Ints


@compiled
def put_next(
    queue: Queue,
    size: int,
    time: float,
    source: int,
    rank: int,
    delay: Floats,
    order: Ints,
    row: int,
) -> tuple[Queue, int]:
    """Put the next delivery of a source into the queue: to everyone, or to its synapse ``rank``."""
    if len(delay) == 0:
        return push(grown_queue(queue, size), size, time, source, EVERYONE)
    if delay.shape[0] == 1:
        return push(grown_queue(queue, size), size, time + delay[0, row], source, EVERYONE)
    if rank == order.shape[1]:
        return queue, size
    lag = delay[order[row, rank], row]
    return push(grown_queue(queue, size), size, time + lag, source, rank)


@compiled
def coupled_sample(
    b: int,
    inputs: Trains,
    forward: Synapses,
    feedback: Synapses,
    order: Order,
    cells: Cells,
    state: Floats,
    most: int,
    single: bool,
) -> tuple[Floats, Ints, int]:
    """All spikes of sample b, sorted by time: times, neurons, and how many.

    Args:
        state: (3, N), v, i and the time until which each is held; changed to those at the end.
        most, single: as for ``search``.
    """
    n_neurons, weight = cells.params.shape[1], own_weight(forward, b)
    times, neurons = np.empty(64 + n_neurons), np.empty(64 + n_neurons, dtype=np.int64)
    n = fire_at_start(state, cells.params, times, neurons)
    local, following = np.zeros(n_neurons), np.empty(n_neurons)
    sure = np.zeros(n_neurons, dtype=np.bool_)
    queue, size = empty_queue(inputs.times.shape[1] + 64), 0
    for k in range(inputs.times.shape[1]):
        if inputs.rows[b, k] >= 0:
            queue, size = put_next(
                queue, size, inputs.times[b, k], k, 0, forward.delay, order.forward,
                inputs.rows[b, k],
            )  # fmt: skip
    for m in range(n_neurons):
        following[m] = not_before(state[0, m], state[1, m], 0.0, state[2, m], cells.params[:, m])
    for k in range(n):
        queue, size = put_next(
            queue, size, times[k], -1 - k, 0, feedback.delay, order.feedback, neurons[k]
        )
    while n <= most:
        arrival = first_time(queue, size)
        spike = next_spike(arrival, state, local, following, sure, cells)
        if min(arrival, spike) >= cells.duration:
            break
        if spike <= arrival:
            before = n
            times, neurons, n = fire(
                spike, arrival, state, local, following, sure, cells, times, neurons, n, single
            )
            for k in range(before, n):
                queue, size = put_next(
                    queue, size, times[k], -1 - k, 0, feedback.delay, order.feedback, neurons[k]
                )
            continue
        source, rank, size = pop(queue, size)
        row = inputs.rows[b, source] if source >= 0 else neurons[-1 - source]
        strengths = weight[row] if source >= 0 else feedback.weight[0, row]
        targets = order.forward if source >= 0 else order.feedback
        if rank == EVERYONE:
            deliver(0, n_neurons, arrival, strengths, state, local, following, sure, cells)
        else:
            m = targets[row, rank]
            deliver(m, m + 1, arrival, strengths, state, local, following, sure, cells)
            sent = inputs.times[b, source] if source >= 0 else times[-1 - source]
            delay = forward.delay if source >= 0 else feedback.delay
            queue, size = put_next(queue, size, sent, source, rank + 1, delay, targets, row)
    for m in range(n_neurons):
        advance(state, local, m, cells.duration, cells.params[:, m], NOTHING_KNOWN)
    sort_train(times, neurons, n)
    return times, neurons, n


@compiled
def fire(
    spike: float,
    arrival: float,
    state: Floats,
    local: Floats,
    following: Floats,
    sure: Bools,
    cells: Cells,
    times: Floats,
    neurons: Ints,
    n: int,
    single: bool,
) -> tuple[Floats, Ints, int]:
    """All neurons whose next spike is now: put into the list, reset, predicted anew.

    The next arrival at any of them is at ``arrival``, or never (inf).

    One whose time is rounded to the end of the recording or beyond does not spike any more.
    """
    if n + len(following) > len(times):
        times, neurons = grown(times, neurons, n, len(following))
    for m in range(len(following)):
        if not sure[m] or following[m] != spike:
            continue
        p = cells.params[:, m]
        time = as_stored(spike, local[m], arrival, single)
        if time >= cells.duration:
            following[m] = np.inf
            continue
        advance(state, local, m, time, p, NOTHING_KNOWN)
        state[0, m] = p[V_RESET]
        state[2, m] = time + p[REFRACTORY]
        times[n], neurons[n] = time, m
        n += 1
        following[m] = not_before(p[V_RESET], state[1, m], time, state[2, m], p)
        sure[m] = False
    return times, neurons, n


@compiled
def search_coupled(
    first: int,
    last: int,
    inputs: Trains,
    forward: Synapses,
    feedback: Synapses,
    order: Order,
    cells: Cells,
    most: int,
    single: bool,
    found: Trains,
    counts: Ints,
    ends: Floats,
) -> None:
    """As ``search.search``, for a layer with feedback."""
    for b in range(first, last):
        state = cells.start[b].copy()
        times, neurons, n = coupled_sample(
            b, inputs, forward, feedback, order, cells, state, most, single
        )
        keep_spikes(times, neurons, n, found.times[b], found.rows[b])
        counts[b] = n
        keep_ends(state, cells.duration, ends[b])
