"""Replay of a record: one neuron's arrivals put together, its history run through, its membrane.

Nothing here searches: the spikes are given, whether they were found or measured, and what follows
from them is computed the same way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.kernels.arrivals import REFRACTORY, gather_arrivals
from snn_eventprop.kernels.compiling import Floats, Ints, compiled
from snn_eventprop.kernels.history import SAMPLE, merge_history, replay_history
from snn_eventprop.kernels.layers import Cells, Synapses, Trains

NOWHERE = np.empty(0)
NOBODY = np.empty(0, dtype=np.int64)


class Scratch(NamedTuple):
    """Memory for one neuron at a time: A arrivals, and E entries of its history.

    Args:
        arrivals, sources, strength: (A,).
        times, kinds, numbers: (E,).
        table: (3, E + 1); path: (3, E + 2).
        arrival_grad: (2, A).
    """

    arrivals: Floats
    sources: Ints
    strength: Floats
    times: Floats
    kinds: Ints
    numbers: Ints
    table: Floats
    path: Floats
    arrival_grad: Floats


class Groups(NamedTuple):
    """The spikes of one sample by neuron: those of m are members[first[m]:first[m + 1]]."""

    first: Ints
    members: Ints
    times: Floats


@compiled
def make_scratch(n_arrivals: int, n_entries: int) -> Scratch:
    """Scratch of these sizes."""
    return Scratch(
        np.empty(n_arrivals),
        np.empty(n_arrivals, dtype=np.int64),
        np.empty(n_arrivals),
        np.empty(n_entries),
        np.empty(n_entries, dtype=np.int64),
        np.empty(n_entries, dtype=np.int64),
        np.empty((3, n_entries + 1)),
        np.empty((3, n_entries + 2)),
        np.empty((2, n_arrivals)),
    )


@compiled
def count_spikes(rows: Ints) -> int:
    """How many entries of a padded train are spikes."""
    n = 0
    while n < len(rows) and rows[n] >= 0:
        n += 1
    return n


@compiled
def group_spikes(times: Floats, rows: Ints, n_spikes: int, n_neurons: int) -> Groups:
    """The spikes of one sample, neuron by neuron, each neuron's in order of time."""
    first = np.zeros(n_neurons + 1, dtype=np.int64)
    for k in range(n_spikes):
        first[rows[k] + 1] += 1
    for m in range(n_neurons):
        first[m + 1] += first[m]
    place, members, grouped = first.copy(), np.empty(n_spikes, np.int64), np.empty(n_spikes)
    for k in range(n_spikes):
        at = place[rows[k]]
        members[at], grouped[at] = k, times[k]
        place[rows[k]] = at + 1
    return Groups(first, members, grouped)


@compiled
def own_delay(delay: Floats, m: int) -> Floats:
    """The delays of neuron m's synapses, empty if there are none."""
    if delay.shape[0] == 0:
        return NOWHERE
    return delay[m if delay.shape[0] > 1 else 0]


@compiled
def own_weight(synapses: Synapses, b: int) -> Floats:
    """The weight (R, N) of sample b."""
    return synapses.weight[b if synapses.weight.shape[0] > 1 else 0]


@compiled
def replay_neuron(
    b: int,
    m: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    n_feedback: int,
    feedback: Synapses,
    cells: Cells,
    own: Floats,
    samples: Floats,
    scratch: Scratch,
) -> tuple[int, int]:
    """Fill scratch with the history of neuron m in sample b; returns its entries and arrivals.

    Args:
        spikes, n_feedback: of the layer; how many of sample b come back through ``feedback``.
        own: spike times of this neuron.
        samples: times at which it is looked at, ascending.
    """
    s = scratch
    n_arrivals = gather_arrivals(
        s.arrivals, s.sources, inputs.times[b], inputs.rows[b], own_delay(forward.delay, m),
        spikes.times[b], spikes.rows[b], n_feedback, own_delay(feedback.delay, m),
        cells.duration,
    )  # fmt: skip
    weight = own_weight(forward, b)
    for j in range(n_arrivals):
        source = s.sources[j]
        if source >= 0:
            s.strength[j] = weight[inputs.rows[b, source], m]
        else:
            s.strength[j] = feedback.weight[0, spikes.rows[b, -1 - source], m]
    p, start = cells.params[:, m], cells.start[b, :, m]
    n = merge_history(
        s.arrivals, n_arrivals, own, samples, start[2], p[REFRACTORY], cells.duration,
        s.times, s.kinds, s.numbers,
    )  # fmt: skip
    replay_history(
        s.times, s.kinds, s.numbers, n, s.strength, start[0], start[1], start[2] > 0.0, p,
        cells.duration, s.table, s.path,
    )  # fmt: skip
    return n, n_arrivals


@compiled
def scratch_for(
    b: int, inputs: Trains, n_feedback: int, n_spikes: int, n_samples: int
) -> Scratch:
    """Scratch that is large enough for any neuron of sample b."""
    n_arrivals = inputs.times.shape[1] + n_feedback
    return make_scratch(n_arrivals, n_arrivals + 2 * n_spikes + n_samples + 1)


@compiled
def membranes(
    first: int,
    last: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    cells: Cells,
    samples: Floats,
    values: Floats,
    ends: Floats,
) -> None:
    """Samples first to last - 1: v and i of each neuron at given times and at the end.

    Args:
        samples: (1 or B, 1 or N, S), ascending.
        values: (2, B, N, S), filled with v and i; before an arrival or a spike at the same time.
        ends: (B, 3, N), filled with v, i, and how long each is still held.
    """
    n_neurons = cells.params.shape[1]
    for b in range(first, last):
        n_spikes = count_spikes(spikes.rows[b])
        groups = group_spikes(spikes.times[b], spikes.rows[b], n_spikes, n_neurons)
        n_feedback = n_spikes if feedback.weight.shape[1] > 0 else 0
        scratch = scratch_for(b, inputs, n_feedback, n_spikes, samples.shape[2])
        looks = samples[b if samples.shape[0] > 1 else 0]
        for m in range(n_neurons):
            own = groups.times[groups.first[m] : groups.first[m + 1]]
            n, _ = replay_neuron(
                b, m, inputs, forward, spikes, n_feedback, feedback, cells, own,
                looks[m if looks.shape[0] > 1 else 0], scratch,
            )  # fmt: skip
            for e in range(n):
                if scratch.kinds[e] == SAMPLE:
                    values[0, b, m, scratch.numbers[e]] = scratch.path[0, e + 1]
                    values[1, b, m, scratch.numbers[e]] = scratch.path[1, e + 1]
            ends[b, 0, m], ends[b, 1, m] = scratch.path[0, n + 1], scratch.path[1, n + 1]
            ends[b, 2, m] = still_held(b, m, own, cells)


@compiled
def still_held(b: int, m: int, own: Floats, cells: Cells) -> float:
    """How long neuron m is still held at the end of the recording."""
    until = cells.start[b, 2, m]
    if len(own) > 0:
        until = own[len(own) - 1] + cells.params[REFRACTORY, m]
    return max(until - cells.duration, 0.0)
