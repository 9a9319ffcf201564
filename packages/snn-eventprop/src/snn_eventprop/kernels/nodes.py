"""Where the costates of a recurrent layer jump: its spikes with their slopes, and its samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.kernels.arrivals import REFRACTORY
from snn_eventprop.kernels.compiling import Floats, Ints, compiled
from snn_eventprop.kernels.history import RELEASE, SPIKE, Scratch
from snn_eventprop.kernels.layers import Cells, Synapses, Trains
from snn_eventprop.kernels.replay import Sample, replay_neuron
from snn_eventprop.kernels.sorting import order_of
from snn_eventprop.kernels.sweep import slope_after, slope_before


class Slopes(NamedTuple):
    """Of each spike of a sample: (S,) arrays.

    Args:
        before: dV/dt before it.
        after: dV/dt after its reset, or after its release.
        release: when its neuron is let go; the spike itself without refractoriness; inf if not
            before the end or the next spike.
        caused: whether its neuron was free when it came, and it is not that of the start (1.0).
    """

    before: Floats
    after: Floats
    release: Floats
    caused: Floats


class Nodes(NamedTuple):
    """Spikes and samples of all neurons, (Q,) in order of time.

    Args:
        times, neurons: of each.
        spikes: number of the spike, or -1.
        grads: (2, Q), of v and i of a sample.
        a, b: costates just before each; filled on the way back.
        later: the next node of the same neuron, or -1.
    """

    times: Floats
    neurons: Ints
    spikes: Ints
    grads: Floats
    a: Floats
    b: Floats
    later: Ints


@compiled
def find_slopes(
    sample: Sample,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    cells: Cells,
    least_slope: Floats,
    s: Scratch,
) -> Slopes:
    """The slopes of all spikes of a sample."""
    n_spikes, looks, n_arrivals = sample.n_spikes, np.empty((1, 1, 0)), -1
    slopes = Slopes(
        np.empty(n_spikes), np.zeros(n_spikes), np.full(n_spikes, np.inf), np.ones(n_spikes)
    )
    p = s.params
    for m in range(cells.params.shape[1]):
        first = sample.first[m]
        if sample.first[m + 1] == first:
            continue
        n, _, n_arrivals = replay_neuron(
            sample, m, n_arrivals, inputs, forward, spikes, feedback, cells, looks,
            sample.first[m + 1] - first, s,
        )  # fmt: skip
        for e in range(n):
            kind, i = s.kinds[e], s.path[1, e + 1]
            if kind == SPIKE:
                k = sample.members[first + s.numbers[e]]
                slopes.before[k] = slope_before(i, p, least_slope[m])
                slopes.caused[k] = 1.0 - s.path[2, e] if s.times[e] > 0.0 else 0.0
                if p[REFRACTORY] == 0.0:
                    slopes.release[k], slopes.after[k] = s.times[e], slope_after(i, p)
            elif kind == RELEASE and s.numbers[e] >= 0:
                k = sample.members[first + s.numbers[e]]
                slopes.release[k], slopes.after[k] = s.times[e], slope_after(i, p)
    return slopes


@compiled
def make_nodes(
    times: Floats, rows: Ints, n_spikes: int, n_neurons: int, looks: Floats, grads: Floats
) -> Nodes:
    """Spikes and samples of one sample in order of time, samples first at equal times."""
    n_looks = looks.shape[1]
    n = n_spikes + n_neurons * n_looks
    time, neuron = np.empty(n), np.empty(n, dtype=np.int64)
    spike, grad = np.full(n, -1, dtype=np.int64), np.zeros((2, n))
    at = 0
    for m in range(n_neurons):
        for q in range(n_looks):
            time[at], neuron[at] = looks[m if looks.shape[0] > 1 else 0, q], m
            grad[0, at], grad[1, at] = grads[0, m, q], grads[1, m, q]
            at += 1
    for k in range(n_spikes):
        time[at], neuron[at], spike[at] = times[k], rows[k], k
        at += 1
    order = order_of(time, n)
    return Nodes(
        time[order], neuron[order], spike[order], grad[:, order],
        np.zeros(n), np.zeros(n), np.full(n, -1, dtype=np.int64),
    )  # fmt: skip
