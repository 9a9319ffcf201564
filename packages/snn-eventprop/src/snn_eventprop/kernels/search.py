"""The search for spikes of neurons that do not feed each other.

Without delays of single synapses, and with the same time constants, all neurons of a layer go
together; otherwise each goes alone. Then the spikes of the layer are sorted by time.
"""

from __future__ import annotations

import numpy as np

from snn_eventprop.kernels.arrivals import REFRACTORY, V_RESET, V_TH, gather_arrivals
from snn_eventprop.kernels.compiling import Floats, Ints, compiled, compiled_lean
from snn_eventprop.kernels.group import search_group
from snn_eventprop.kernels.layers import Cells, Synapses, Trains, own_weight
from snn_eventprop.kernels.sorting import sort_train

NO_SPIKES = Trains(np.empty((1, 0)), np.empty((1, 0), dtype=np.int64))
NO_DELAY = np.empty((0, 0))


@compiled
def search_sample(
    b: int,
    inputs: Trains,
    forward: Synapses,
    cells: Cells,
    state: Floats,
    most: int,
    single: bool,
) -> tuple[Floats, Ints, int]:
    """All spikes of sample b, sorted by time: times, neurons, and how many.

    Args:
        state: (3, N), v, i and the time until which each is held; changed to those at the end.
        most, single: as for ``search_group``.
    """
    n_events, n_neurons = inputs.times.shape[1], cells.params.shape[1]
    weight, delay = own_weight(forward, b), forward.delay
    arrivals, sources = np.empty(n_events), np.empty(n_events, dtype=np.int64)
    rows = np.empty(n_events, dtype=np.int64)
    times, neurons = np.empty(64 + n_neurons), np.empty(64 + n_neurons, dtype=np.int64)
    n = fire_at_start(state, cells.params, times, neurons)
    group = max(1, n_neurons if cells.shared and delay.shape[0] <= 1 else 1)
    for m in range(0, n_neurons, group):
        k = gather_arrivals(
            m, b, inputs, delay, NO_SPIKES, 0, NO_DELAY, cells.duration, arrivals, sources
        )
        for j in range(k):
            rows[j] = inputs.rows[b, sources[j]]
        times, neurons, n = search_group(
            arrivals[:k], rows[:k], weight, m,
            cells.params[:, m : m + group], state[:, m : m + group], cells.duration,
            times, neurons, n, most, single,
        )  # fmt: skip
        if n > most:
            return times, neurons, n
    sort_train(times, neurons, n)
    return times, neurons, n


@compiled_lean
def fire_at_start(state: Floats, params: Floats, times: Floats, neurons: Ints) -> int:
    """Neurons that begin at or above threshold spike at once, at 0; returns how many."""
    n = 0
    for m in range(state.shape[1]):
        if state[0, m] >= params[V_TH, m] and state[2, m] <= 0.0:
            times[n], neurons[n] = 0.0, m
            state[0, m], state[2, m] = params[V_RESET, m], params[REFRACTORY, m]
            n += 1
    return n


@compiled
def search(
    first: int,
    last: int,
    inputs: Trains,
    forward: Synapses,
    cells: Cells,
    most: int,
    single: bool,
    found: Trains,
    counts: Ints,
    ends: Floats,
) -> None:
    """Samples first to last - 1: fill in their spikes, padded with inf and -1.

    Args:
        most: more spikes than this are not looked for; the count then exceeds it.
        single: round times to single precision.
        found: (B, C); spikes beyond C are counted only.
        counts: (B,).
        ends: (B, 3, N), filled with v, i, and how long each is still held.
    """
    for b in range(first, last):
        state = cells.start[b].copy()
        times, neurons, n = search_sample(b, inputs, forward, cells, state, most, single)
        keep_spikes(times, neurons, n, found.times[b], found.rows[b])
        counts[b] = n
        keep_ends(state, cells.duration, ends[b])


@compiled_lean
def keep_spikes(
    times: Floats, neurons: Ints, n: int, spike_times: Floats, spike_neurons: Ints
) -> None:
    """Copy what fits, pad the rest."""
    room = len(spike_times)
    kept = min(n, room)
    for k in range(kept):
        spike_times[k], spike_neurons[k] = times[k], neurons[k]
    for k in range(kept, room):
        spike_times[k], spike_neurons[k] = np.inf, -1


@compiled_lean
def keep_ends(state: Floats, duration: float, ends: Floats) -> None:
    """Copy v and i, and how long each neuron is still held."""
    for m in range(state.shape[1]):
        ends[0, m], ends[1, m] = state[0, m], state[1, m]
        ends[2, m] = max(state[2, m] - duration, 0.0)
