"""Replay of a record: the arrivals of neurons put together, their histories run through.

Nothing here searches: the spikes are given, whether they were found or measured, and what follows
from them is computed the same way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.kernels.arrivals import REFRACTORY, gather_arrivals
from snn_eventprop.kernels.compiling import Floats, Ints, compiled, compiled_lean
from snn_eventprop.kernels.history import (
    SAMPLE,
    Scratch,
    fill_spacing,
    make_scratch,
    merge_history,
    replay_history,
)
from snn_eventprop.kernels.layers import Cells, Synapses, Trains


class Sample(NamedTuple):
    """One sample of a batch: its number, and its spikes neuron by neuron.

    Args:
        b: its number.
        n_spikes: of the layer; n_feedback: how many of them come back to it, all or none.
        first: (N + 1,); members: (S,): the spikes of neuron m are members[first[m]:first[m + 1]].
        looks: which row of the times to be looked at it has.
    """

    b: int
    n_spikes: int
    n_feedback: int
    first: Ints
    members: Ints
    looks: int


@compiled_lean
def count_spikes(rows: Ints, b: int) -> int:
    """How many entries of a padded train are spikes."""
    n = 0
    while n < rows.shape[1] and rows[b, n] >= 0:
        n += 1
    return n


@compiled
def open_sample(
    b: int, spikes: Trains, feedback: Synapses, n_neurons: int, looks: Floats
) -> Sample:
    """Sample b, its spikes grouped by neuron, each neuron's in order of time."""
    rows = spikes.rows
    n_spikes = count_spikes(rows, b)
    first, place = np.zeros(n_neurons + 1, dtype=np.int64), np.zeros(n_neurons, dtype=np.int64)
    for k in range(n_spikes):
        first[rows[b, k] + 1] += 1
    for m in range(n_neurons):
        place[m] = first[m]
        first[m + 1] += first[m]
    members = np.empty(n_spikes, dtype=np.int64)
    for k in range(n_spikes):
        members[place[rows[b, k]]] = k
        place[rows[b, k]] += 1
    n_feedback = n_spikes if feedback.weight.shape[1] > 0 else 0
    return Sample(b, n_spikes, n_feedback, first, members, b if looks.shape[0] > 1 else 0)


@compiled
def scratch_for(sample: Sample, inputs: Trains, looks: Floats) -> Scratch:
    """Scratch that is large enough for any neuron of a sample."""
    n_arrivals = inputs.times.shape[1] + sample.n_feedback
    return make_scratch(n_arrivals, sample.n_spikes, looks.shape[2])


@compiled_lean
def has_own_arrivals(forward: Synapses, feedback: Synapses) -> bool:
    """Whether arrivals differ from neuron to neuron: some delay is that of a single synapse."""
    return forward.delay.shape[0] > 1 or feedback.delay.shape[0] > 1


@compiled_lean
def replay_neuron(
    sample: Sample,
    m: int,
    n_arrivals: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    cells: Cells,
    looks: Floats,
    n_own: int,
    s: Scratch,
) -> tuple[int, int, int]:
    """Fill the scratch with the history of neuron m.

    Args:
        n_arrivals: of the neuron before, whose arrivals are still in the scratch; -1 for the first
            neuron of a sample.
        looks: (1 or B, 1 or N, Q).
        n_own: how many of its spikes are of interest: if not all, the history ends with the last
            of them.

    Returns:
        how many entries the history has, how many arrivals are in it, and how many there are.
    """
    b, params, p, start = sample.b, cells.params, s.params, s.start
    for row in range(6):
        p[row] = params[row, m]
    for row in range(3):
        start[row] = cells.start[b, row, m]
    anew = n_arrivals < 0 or has_own_arrivals(forward, feedback)
    if anew:
        n_arrivals = gather_arrivals(
            m, b, inputs, forward.delay, spikes, sample.n_feedback, feedback.delay,
            cells.duration, s.arrivals, s.sources,
        )  # fmt: skip
    if anew or not cells.shared:
        fill_spacing(s, n_arrivals, cells.duration)
    members, first, own, times = sample.members, sample.first[m], s.own, spikes.times
    for k in range(n_own):
        own[k] = times[b, members[first + k]]
    end, n_within = cells.duration, n_arrivals
    if n_own < sample.first[m + 1] - first:
        end, n_within = own[n_own - 1], 0
        while n_within < n_arrivals and s.arrivals[n_within] < end:
            n_within += 1
    fill_strength(b, m, n_within, inputs, forward, spikes, feedback, s)
    row = m if looks.shape[1] > 1 else 0
    n = merge_history(s, n_within, n_own, looks[sample.looks], row, end)
    replay_history(s, n, n_within, end)
    return n, n_within, n_arrivals


@compiled_lean
def fill_strength(
    b: int,
    m: int,
    n_arrivals: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    s: Scratch,
) -> None:
    """The weights of the arrivals at neuron m."""
    weight, back = forward.weight, feedback.weight
    own = b if weight.shape[0] > 1 else 0
    input_rows, spike_rows, sources, strength = inputs.rows, spikes.rows, s.sources, s.strength
    for j in range(n_arrivals):
        source = sources[j]
        if source >= 0:
            strength[j] = weight[own, input_rows[b, source], m]
        else:
            strength[j] = back[0, spike_rows[b, -1 - source], m]


@compiled
def membranes(
    first: int,
    last: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    cells: Cells,
    looks: Floats,
    values: Floats,
    ends: Floats,
) -> None:
    """Samples first to last - 1: v and i of each neuron at given times and at the end.

    Args:
        looks: (1 or B, 1 or N, Q), ascending.
        values: (2, B, N, Q), filled with v and i; before an arrival or a spike at the same time.
        ends: (B, 3, N), filled with v, i, and how long each is still held.
    """
    n_neurons = cells.params.shape[1]
    for b in range(first, last):
        sample = open_sample(b, spikes, feedback, n_neurons, looks)
        s = scratch_for(sample, inputs, looks)
        n_arrivals = -1
        for m in range(n_neurons):
            n, _, n_arrivals = replay_neuron(
                sample, m, n_arrivals, inputs, forward, spikes, feedback, cells, looks,
                sample.first[m + 1] - sample.first[m], s,
            )  # fmt: skip
            for e in range(n):
                if s.kinds[e] == SAMPLE:
                    values[0, b, m, s.numbers[e]] = s.path[0, e + 1]
                    values[1, b, m, s.numbers[e]] = s.path[1, e + 1]
            ends[b, 0, m], ends[b, 1, m] = s.path[0, n + 1], s.path[1, n + 1]
            ends[b, 2, m] = still_held(sample, m, spikes, cells)


@compiled_lean
def still_held(sample: Sample, m: int, spikes: Trains, cells: Cells) -> float:
    """How long neuron m is still held at the end of the recording."""
    until = cells.start[sample.b, 2, m]
    if sample.first[m + 1] > sample.first[m]:
        last = sample.members[sample.first[m + 1] - 1]
        until = spikes.times[sample.b, last] + cells.params[REFRACTORY, m]
    return max(until - cells.duration, 0.0)
