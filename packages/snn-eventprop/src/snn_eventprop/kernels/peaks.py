"""Where the membrane of a neuron that does not spike is largest.

Inside an interval it has a maximum if it rises at the start and falls at the end. At an arrival it
may have a kink that is a maximum: it rises before and falls after an inhibitory input.
"""

from __future__ import annotations

import math

from snn_eventprop.kernels.arrivals import LEAK, TAU_MEM, TAU_SYN
from snn_eventprop.kernels.closed_form import time_of_extremum
from snn_eventprop.kernels.compiling import Floats, Ints, compiled
from snn_eventprop.kernels.history import ARRIVAL
from snn_eventprop.kernels.layers import Cells, Synapses, Trains
from snn_eventprop.kernels.replay import NOWHERE, Scratch, replay_neuron, scratch_for


@compiled
def highest(n: int, scratch: Scratch, p: Floats, duration: float) -> tuple[float, int]:
    """Time of the maximum over a history of n entries, and the arrival whose kink it is, or -1."""
    best, best_time, best_arrival = scratch.path[0, 0], 0.0, -1
    before = 0.0
    for e in range(n + 1):
        v, i = scratch.path[0, e], scratch.path[1, e]
        v_end, now = scratch.path[0, e + 1], scratch.times[e] if e < n else duration
        i_end = i * scratch.table[1, e]
        if p[LEAK] - v + i > 0.0 and p[LEAK] - v_end + i_end < 0.0:
            s = time_of_extremum(v, i, p[LEAK], p[TAU_MEM], p[TAU_SYN])
            height = p[LEAK] + i * math.exp(-s / p[TAU_SYN])
            if height > best:
                best, best_time, best_arrival = height, min(before + s, now), -1
        if v_end > best:
            is_arrival = e < n and scratch.kinds[e] == ARRIVAL
            best, best_time = v_end, now
            best_arrival = scratch.sources[scratch.numbers[e]] if is_arrival else -1
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
    for b in range(first, last):
        scratch = scratch_for(b, inputs, 0, 0, 0)
        for m in range(cells.params.shape[1]):
            n, _ = replay_neuron(
                b, m, inputs, forward, nothing, 0, no_feedback, cells, NOWHERE, NOWHERE, scratch
            )
            times[b, m], arrivals[b, m] = highest(
                n, scratch, cells.params[:, m], cells.duration
            )
