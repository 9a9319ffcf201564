"""Where the membrane of a neuron that does not spike is largest.

Inside an interval it has a maximum if it rises at the start and falls at the end. At an arrival it
may have a kink that is a maximum: it rises before and falls after an inhibitory input.
"""

from __future__ import annotations

import math

import numpy as np

from snn_eventprop.kernels.arrivals import LEAK, TAU_MEM, TAU_SYN
from snn_eventprop.kernels.closed_form import time_of_extremum
from snn_eventprop.kernels.compiling import Floats, Ints, compiled, compiled_lean
from snn_eventprop.kernels.history import ARRIVAL, Scratch
from snn_eventprop.kernels.layers import Cells, Synapses, Trains
from snn_eventprop.kernels.replay import open_sample, replay_neuron, scratch_for


@compiled_lean
def highest(n: int, s: Scratch, duration: float) -> tuple[float, int]:
    """Time of the maximum over a history of n entries, and the arrival whose kink it is, or -1."""
    p, best, best_time, best_arrival = s.params, s.path[0, 0], 0.0, -1
    before = 0.0
    for e in range(n + 1):
        v, i = s.path[0, e], s.path[1, e]
        v_end, now = s.path[0, e + 1], s.times[e] if e < n else duration
        if p[LEAK] - v + i > 0.0:
            ahead = time_of_extremum(v, i, p[LEAK], p[TAU_MEM], p[TAU_SYN])
            if 0.0 < ahead < now - before:
                height = p[LEAK] + i * math.exp(-ahead / p[TAU_SYN])
                if height > best:
                    best, best_time, best_arrival = height, before + ahead, -1
        if v_end > best:
            is_arrival = e < n and s.kinds[e] == ARRIVAL
            best, best_time = v_end, now
            best_arrival = s.sources[s.numbers[e]] if is_arrival else -1
        before = now
    return best_time, best_arrival


@compiled
def peaks(
    first: int,
    last: int,
    inputs: Trains,
    forward: Synapses,
    nothing: Trains,
    no_feedback: Synapses,
    cells: Cells,
    times: Floats,
    arrivals: Ints,
) -> None:
    """Samples first to last - 1: fill in time and arrival of each neuron's maximum, both (B, N)."""
    looks = np.empty((1, 1, 0))
    for b in range(first, last):
        sample = open_sample(b, nothing, no_feedback, cells.params.shape[1], looks)
        s = scratch_for(sample, inputs, looks)
        n_arrivals = -1
        for m in range(cells.params.shape[1]):
            n, _, n_arrivals = replay_neuron(
                sample, m, n_arrivals, inputs, forward, nothing, no_feedback, cells, looks, 0, s
            )
            times[b, m], arrivals[b, m] = highest(n, s, cells.duration)
