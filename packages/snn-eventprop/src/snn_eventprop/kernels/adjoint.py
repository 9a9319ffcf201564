"""The adjoint of a layer: from the gradients of spikes, samples and ends to those of everything.

Neurons that do not feed each other are independent, and those without spikes or gradients are
passed over. In a recurrent layer ``feedback`` first completes the gradient of each spike time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from snn_eventprop.kernels.arrivals import REFRACTORY
from snn_eventprop.kernels.compiling import Floats, compiled, compiled_lean
from snn_eventprop.kernels.feedback import add_feedback
from snn_eventprop.kernels.history import Scratch
from snn_eventprop.kernels.layers import Cells, Synapses, Trains
from snn_eventprop.kernels.nodes import find_slopes, make_nodes
from snn_eventprop.kernels.replay import Sample, open_sample, replay_neuron, scratch_for
from snn_eventprop.kernels.sweep import sweep_back


class Asked(NamedTuple):
    """What the loss says, and what is wanted.

    Args:
        spikes: (B, S) of spike times; samples: (2, B, N, Q) of v and i.
        ends: (B, 3, N) of v, i and held time.
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
    """

    input_times: Floats
    look_times: Floats
    weight: Floats
    delay: Floats
    feedback_weight: Floats
    feedback_delay: Floats
    params: Floats
    start: Floats


@compiled_lean
def spread(
    b: int,
    m: int,
    c: int,
    inputs: Trains,
    spikes: Trains,
    n_arrivals: int,
    s: Scratch,
    out: Answer,
) -> None:
    """Give the gradients of neuron m's arrivals to weights, delays and input times."""
    weight, delay, times = out.weight, out.delay, out.input_times
    own = b if weight.shape[0] == len(times) else c
    sources, strength, grad, rows = s.sources, s.strength, s.arrival_grad, inputs.rows
    for j in range(n_arrivals):
        source = sources[j]
        of_time = strength[j] * grad[1, j]
        if source >= 0:
            row = rows[b, source]
            weight[own, row, m] += grad[0, j]
            times[b, source] += of_time
            if delay.shape[1] > 0:
                delay[c, m if delay.shape[1] > 1 else 0, row] += of_time
        else:
            row = spikes.rows[b, -1 - source]
            out.feedback_weight[c, row, m] += grad[0, j]
            if out.feedback_delay.shape[1] > 0:
                out.feedback_delay[c, m if out.feedback_delay.shape[1] > 1 else 0, row] += of_time


@compiled_lean
def spikes_that_matter(sample: Sample, m: int, asked: Asked, grad: Floats) -> int:
    """How many spikes of a neuron, from its first, to go back from; -1 if it has no gradient.

    All, if its membrane is looked at or its end has a gradient; else those up to the last that has
    one.
    """
    b, ends, samples = sample.b, asked.ends, asked.samples
    first, members = sample.first[m], sample.members
    n = sample.first[m + 1] - first
    if ends[b, 0, m] != 0.0 or ends[b, 1, m] != 0.0:
        return n
    for q in range(samples.shape[3]):
        if samples[0, b, m, q] != 0.0 or samples[1, b, m, q] != 0.0:
            return n
    last = n
    while last > 0 and grad[members[first + last - 1]] == 0.0:
        last -= 1
    if last == 0:
        return -1
    return n if samples.shape[3] > 0 else last


@compiled_lean
def add_held_time(
    sample: Sample, spikes: Trains, cells: Cells, ends: Floats, grad: Floats, c: int, out: Answer
) -> None:
    """The gradient of the time for which a neuron is still held: to what began the hold."""
    b = sample.b
    for m in range(cells.params.shape[1]):
        g = ends[b, 2, m]
        if g == 0.0:
            continue
        if sample.first[m + 1] > sample.first[m]:
            k = sample.members[sample.first[m + 1] - 1]
            if spikes.times[b, k] + cells.params[REFRACTORY, m] > cells.duration:
                grad[k] += g
                out.params[c, REFRACTORY, m] += g
        elif cells.start[b, 2, m] > cells.duration:
            out.start[b, 2, m] += g


@compiled
def complete_spike_grad(
    sample: Sample,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    cells: Cells,
    asked: Asked,
    s: Scratch,
    grad: Floats,
) -> None:
    """Add to the gradient of each spike of a recurrent layer what it does to the others."""
    b, n_neurons = sample.b, cells.params.shape[1]
    slopes = find_slopes(sample, inputs, forward, spikes, feedback, cells, asked.least_slope, s)
    nodes = make_nodes(
        spikes.times[b], spikes.rows[b], sample.n_spikes, n_neurons, asked.looks[sample.looks],
        asked.samples[:, b],
    )  # fmt: skip
    add_feedback(
        spikes.rows[b], sample.n_spikes, nodes, slopes, feedback.weight[0], feedback.delay, cells,
        cells.start[b], asked.ends[b], grad,
    )  # fmt: skip


@compiled_lean
def adjoint_neuron(
    sample: Sample,
    m: int,
    c: int,
    n_arrivals: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    cells: Cells,
    asked: Asked,
    n_own: int,
    s: Scratch,
    grad: Floats,
    out: Answer,
) -> int:
    """Add the gradients of neuron m, given those of all spikes; returns its arrivals' number.

    Args:
        n_own: how many of its spikes to go back from; nothing after them has a gradient.
    """
    b = sample.b
    n, n_within, n_arrivals = replay_neuron(
        sample, m, n_arrivals, inputs, forward, spikes, feedback, cells, asked.looks, n_own, s
    )
    first, members, own_grad = sample.first[m], sample.members, s.own_grad
    for k in range(n_own):
        own_grad[k] = grad[members[first + k]]
    end = cells.duration if n_own == sample.first[m + 1] - first else s.times[n - 1]
    sweep_back(
        s, n, end, asked.least_slope[m], asked.constants, asked.samples, b, m,
        asked.ends[b, 0, m], asked.ends[b, 1, m], out.look_times,
    )  # fmt: skip
    for row in range(6):
        out.params[c, row, m] += s.param_grad[row]
    for row in range(3):
        out.start[b, row, m] += s.start_grad[row]
    spread(b, m, c, inputs, spikes, n_within, s, out)
    return n_arrivals


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
    n_neurons = cells.params.shape[1]
    sample = open_sample(b, spikes, feedback, n_neurons, asked.looks)
    s = scratch_for(sample, inputs, asked.looks)
    grad = np.empty(sample.n_spikes)
    for k in range(sample.n_spikes):
        grad[k] = asked.spikes[b, k]
    add_held_time(sample, spikes, cells, asked.ends, grad, c, out)
    if sample.n_feedback > 0:
        complete_spike_grad(sample, inputs, forward, spikes, feedback, cells, asked, s, grad)
    n_arrivals = -1
    for m in range(n_neurons):
        n_own = spikes_that_matter(sample, m, asked, grad)
        if n_own >= 0:
            n_arrivals = adjoint_neuron(
                sample, m, c, n_arrivals, inputs, forward, spikes, feedback, cells, asked, n_own,
                s, grad, out,
            )  # fmt: skip


@compiled
def adjoint(
    first: int,
    last: int,
    inputs: Trains,
    forward: Synapses,
    spikes: Trains,
    feedback: Synapses,
    cells: Cells,
    asked: Asked,
    out: Answer,
) -> None:
    """Chunks first to last - 1 of the samples, which are divided evenly among all chunks."""
    n_samples, n_chunks = len(inputs.times), len(out.params)
    for c in range(first, last):
        for b in range(n_samples * c // n_chunks, n_samples * (c + 1) // n_chunks):
            adjoint_sample(b, c, inputs, forward, spikes, feedback, cells, asked, out)
