"""The adjoint of a layer: from the gradients of spikes, samples and ends to those of everything.

Neurons that do not feed each other are independent, and those without spikes or gradients are
passed over. In a recurrent layer ``feedback`` first completes the gradient of each spike time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.kernels.arrivals import REFRACTORY
from snn_eventprop.kernels.compiling import Floats, Ints, compiled
from snn_eventprop.kernels.feedback import Nodes, Slopes, add_feedback
from snn_eventprop.kernels.history import RELEASE, SPIKE
from snn_eventprop.kernels.layers import Cells, Synapses, Trains
from snn_eventprop.kernels.replay import (
    Groups,
    Scratch,
    count_spikes,
    group_spikes,
    replay_neuron,
    scratch_for,
)
from snn_eventprop.kernels.sweep import slope_after, slope_before, sweep_back


class Asked(NamedTuple):
    """What the loss says, and what is wanted.

    Args:
        spikes: (B, S) of spike times; samples: (2, B, N, Q) of v and i; ends: (B, 3, N) of v, i and held time.
        looks: (1 or B, 1 or N, Q), the times of the samples, ascending.
        least_slope: (N,), least dV/dt at a spike.
        constants: whether gradients of the time constants are wanted.
    """

    spikes: Floats
    samples: Floats
    ends: Floats
    looks: Floats
    least_slope: Floats
    constants: bool


class Answer(NamedTuple):
    """Gradients, zero at first: C chunks of samples have a sum each, added up afterwards.

    Args:
        input_times: (B, K); look_times: (B, N, Q).
        weight: (C or B, R, N); delay: (C, 1 or N, R); feedback_weight: (C, N, N);
            feedback_delay: (C, 1 or N, N).
        params: (C, 6, N); start: (B, 3, N).
        clipped: (C,), how many slopes were below the least.
    """

    input_times: Floats
    look_times: Floats
    weight: Floats
    delay: Floats
    feedback_weight: Floats
    feedback_delay: Floats
    params: Floats
    start: Floats
    clipped: Ints


@compiled
def find_slopes(
    b: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    n_spikes: int,
    feedback: Synapses,
    cells: Cells,
    least_slope: Floats,
    groups: Groups,
    scratch: Scratch,
) -> Slopes:
    """The slopes of all spikes of sample b."""
    slopes = Slopes(
        np.empty(n_spikes), np.zeros(n_spikes), np.full(n_spikes, np.inf), np.ones(n_spikes)
    )
    for m in range(cells.params.shape[1]):
        members = groups.members[groups.first[m] : groups.first[m + 1]]
        if len(members) == 0:
            continue
        p = cells.params[:, m]
        n, _ = replay_neuron(
            b, m, inputs, forward, spikes, n_spikes, feedback, cells,
            groups.times[groups.first[m] : groups.first[m + 1]], np.empty(0), scratch,
        )  # fmt: skip
        for e in range(n):
            kind, i = scratch.kinds[e], scratch.path[1, e + 1]
            if kind == SPIKE:
                k = members[scratch.numbers[e]]
                slopes.before[k] = slope_before(i, p, least_slope[m])
                slopes.caused[k] = 1.0 - scratch.path[2, e]
                if p[REFRACTORY] == 0.0:
                    slopes.release[k], slopes.after[k] = scratch.times[e], slope_after(i, p)
            elif kind == RELEASE and scratch.numbers[e] >= 0:
                k = members[scratch.numbers[e]]
                slopes.release[k], slopes.after[k] = scratch.times[e], slope_after(i, p)
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
    order = np.argsort(time, kind="mergesort")
    return Nodes(
        time[order], neuron[order], spike[order], grad[:, order],
        np.zeros(n), np.zeros(n), np.full(n, -1, dtype=np.int64),
    )  # fmt: skip


@compiled
def spread(
    b: int,
    m: int,
    c: int,
    inputs: Trains,
    spikes: Trains,
    n_arrivals: int,
    scratch: Scratch,
    out: Answer,
) -> None:
    """Give the gradients of neuron m's arrivals to weights, delays and input times."""
    weight = out.weight[b if out.weight.shape[0] == len(inputs.times) else c]
    for j in range(n_arrivals):
        source, of_weight = scratch.sources[j], scratch.arrival_grad[0, j]
        of_time = scratch.strength[j] * scratch.arrival_grad[1, j]
        if source >= 0:
            row = inputs.rows[b, source]
            weight[row, m] += of_weight
            out.input_times[b, source] += of_time
            if out.delay.shape[1] > 0:
                out.delay[c, m if out.delay.shape[1] > 1 else 0, row] += of_time
        else:
            row = spikes.rows[b, -1 - source]
            out.feedback_weight[c, row, m] += of_weight
            if out.feedback_delay.shape[1] > 0:
                out.feedback_delay[c, m if out.feedback_delay.shape[1] > 1 else 0, row] += of_time


@compiled
def is_idle(n_spikes: int, samples: Floats, ends: Floats) -> bool:
    """Whether a neuron without spikes has no gradient either."""
    if n_spikes > 0 or ends[0] != 0.0 or ends[1] != 0.0 or ends[2] != 0.0:
        return False
    for q in range(samples.shape[1]):
        if samples[0, q] != 0.0 or samples[1, q] != 0.0:
            return False
    return True


@compiled
def add_held_time(
    b: int, groups: Groups, cells: Cells, ends: Floats, grad: Floats, c: int, out: Answer
) -> None:
    """The gradient of the time for which a neuron is still held: to what began the hold."""
    for m in range(cells.params.shape[1]):
        g = ends[2, m]
        if g == 0.0:
            continue
        if groups.first[m + 1] > groups.first[m]:
            at = groups.first[m + 1] - 1
            if groups.times[at] + cells.params[REFRACTORY, m] > cells.duration:
                grad[groups.members[at]] += g
                out.params[c, REFRACTORY, m] += g
        elif cells.start[b, 2, m] > cells.duration:
            out.start[b, 2, m] += g


@compiled
def adjoint_sample(
    b: int,
    c: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    cells: Cells,
    asked: Asked,
    out: Answer,
) -> None:
    """Add the gradients of sample b to ``out``, its sums to those of chunk c."""
    n_neurons, n_spikes = cells.params.shape[1], count_spikes(spikes.rows[b])
    recurrent = feedback.weight.shape[1] > 0
    n_feedback = n_spikes if recurrent else 0
    groups = group_spikes(spikes.times[b], spikes.rows[b], n_spikes, n_neurons)
    scratch = scratch_for(b, inputs, n_feedback, n_spikes, asked.looks.shape[2])
    grad, ends = asked.spikes[b, :n_spikes].copy(), asked.ends[b]
    looks = asked.looks[b if asked.looks.shape[0] > 1 else 0]
    add_held_time(b, groups, cells, ends, grad, c, out)
    if recurrent and n_spikes > 0:
        slopes = find_slopes(
            b, inputs, forward, spikes, n_spikes, feedback, cells, asked.least_slope, groups,
            scratch,
        )  # fmt: skip
        nodes = make_nodes(
            spikes.times[b], spikes.rows[b], n_spikes, n_neurons, looks, asked.samples[:, b]
        )
        add_feedback(
            spikes.rows[b], n_spikes, nodes, slopes, feedback.weight[0], feedback.delay, cells,
            cells.start[b], ends, grad,
        )  # fmt: skip
    for m in range(n_neurons):
        members = groups.members[groups.first[m] : groups.first[m + 1]]
        if is_idle(len(members), asked.samples[:, b, m], ends[:, m]):
            continue
        n, n_arrivals = replay_neuron(
            b, m, inputs, forward, spikes, n_feedback, feedback, cells,
            groups.times[groups.first[m] : groups.first[m + 1]],
            looks[m if looks.shape[0] > 1 else 0], scratch,
        )  # fmt: skip
        out.clipped[c] += sweep_back(
            scratch.times, scratch.kinds, scratch.numbers, n, scratch.table, scratch.path,
            cells.params[:, m], cells.duration, asked.least_slope[m], asked.constants,
            grad[members], asked.samples[:, b, m], ends[:2, m], scratch.arrival_grad,
            out.look_times[b, m], out.params[c, :, m], out.start[b, :, m],
        )  # fmt: skip
        spread(b, m, c, inputs, spikes, n_arrivals, scratch, out)


@compiled
def adjoint(
    first: int,
    last: int,
    chunk: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    cells: Cells,
    asked: Asked,
    out: Answer,
) -> None:
    """Samples first to last - 1, the chunk of this number."""
    for b in range(first, last):
        adjoint_sample(b, chunk, inputs, forward, spikes, feedback, cells, asked, out)
