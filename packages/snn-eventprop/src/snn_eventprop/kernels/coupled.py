"""The search for spikes of neurons that feed each other: one queue of arrivals for the layer.

Between its arrivals a neuron's next spike is known in closed form. The earliest of all neurons is
a spike unless something arrives before it; then the neurons that it reaches are predicted anew.
At equal times spikes come before arrivals, and all neurons that cross at once spike at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.kernels.arrivals import (
    LEAK,
    REFRACTORY,
    TAU_MEM,
    TAU_SYN,
    V_RESET,
    V_TH,
)
from snn_eventprop.kernels.closed_form import propagators
from snn_eventprop.kernels.compiling import Bools, Floats, Ints, compiled, compiled_lean
from snn_eventprop.kernels.group import grown
from snn_eventprop.kernels.layers import Cells, Synapses, Trains, own_weight
from snn_eventprop.kernels.queue import Queue, empty_queue, first_time, grown_queue, pop, push
from snn_eventprop.kernels.search import fire_at_start, keep_ends, keep_spikes
from snn_eventprop.kernels.single import as_stored, look_ahead
from snn_eventprop.kernels.sorting import sort_train

EVERYONE = -1
NOTHING_KNOWN = (-1.0, 0.0, 0.0, 0.0)


class Order(NamedTuple):
    """In which order the synapses of a source deliver: (R, N) neurons by delay, or of no rows."""

    forward: Ints
    feedback: Ints


@compiled_lean
def not_before(v: float, i: float, now: float, held: float, p: Floats) -> float:
    """A time before which a neuron does not spike if nothing arrives; inf if it never does then.

    Its membrane rises no faster than now, with (E - V + max(I, 0))/tau_mem.
    """
    if 0.0 <= i <= p[V_TH] - p[LEAK] or (i < 0.0 and p[LEAK] <= p[V_TH]):
        return np.inf
    if held > now:
        return held
    pull = p[LEAK] - v + max(i, 0.0)
    return now + max(p[V_TH] - v, 0.0) * p[TAU_MEM] / pull if pull > 0.0 else np.inf


@compiled_lean
def predict(v: float, i: float, now: float, held: float, p: Floats, duration: float) -> float:
    """When a neuron spikes next if nothing arrives; inf if not before the end."""
    if held > now:
        if held >= duration:
            return np.inf
        v, i, now = p[V_RESET], i * np.exp((now - held) / p[TAU_SYN]), held
    if not now < duration:
        return np.inf
    ahead, _, _ = look_ahead(v, i, duration - now, p)
    return now + ahead if ahead >= 0.0 and now + ahead < duration else np.inf


@compiled_lean
def advance(
    state: Floats, local: Floats, m: int, time: float, p: Floats, known: tuple[float, ...]
) -> tuple[float, ...]:
    """Take neuron m to a time before which it does not spike.

    Args:
        state: (3, N), v, i and the time until which each is held.
        local: (N,), the time at which each neuron's v and i are known.
        known: a length of time and its propagators, with the time constants of this neuron;
            a negative length if none is known.

    Returns:
        ``known``, or the length and the propagators that were computed instead.
    """
    held, now = state[2, m], local[m]
    if held > now:
        until = min(held, time)
        state[0, m] = p[V_RESET]
        state[1, m] *= np.exp((now - until) / p[TAU_SYN])
        now = until
    if time > now:
        if time - now != known[0]:
            decay_mem, decay_syn, response = propagators(time - now, p[TAU_MEM], p[TAU_SYN])
            known = (time - now, decay_mem, decay_syn, response)
        state[0, m] = p[LEAK] + (state[0, m] - p[LEAK]) * known[1] + state[1, m] * known[3]
        state[1, m] *= known[2]
    local[m] = time
    return known


@compiled_lean
def deliver(
    first: int,
    last: int,
    time: float,
    strengths: Floats,
    state: Floats,
    local: Floats,
    following: Floats,
    sure: Bools,
    cells: Cells,
) -> None:
    """An arrival at neurons first to last - 1: their currents jump, their next spikes are open.

    Args:
        following: (N,), when each spikes next, or a time before which it does not.
        sure: (N,), which of the two.
    """
    known, params, shared = NOTHING_KNOWN, cells.params, cells.shared
    for m in range(first, last):
        p = params[:, m]
        if not shared:
            known = NOTHING_KNOWN
        known = advance(state, local, m, time, p, known)
        state[1, m] += strengths[m]
        following[m] = not_before(state[0, m], state[1, m], time, state[2, m], p)
        sure[m] = False


@compiled_lean
def next_spike(
    arrival: float,
    state: Floats,
    local: Floats,
    following: Floats,
    sure: Bools,
    cells: Cells,
) -> float:
    """When the next spike of the layer is, if it is not after the next arrival.

    Neurons whose bound comes first are predicted until one of them is the first for sure.
    """
    while True:
        m = np.argmin(following)
        if sure[m] or following[m] > arrival or following[m] >= cells.duration:
            return following[m]
        following[m] = predict(
            state[0, m], state[1, m], local[m], state[2, m], cells.params[:, m], cells.duration
        )
        sure[m] = True


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
