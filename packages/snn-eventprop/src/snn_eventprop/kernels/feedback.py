"""What the spikes of a recurrent layer do to each other, backwards through time.

A spike of neuron n changes neuron m at t + d through the weight w: its G has the sum over m of
w (b_m/tau_syn - a_m/tau_mem) at t + d. The costates of a neuron jump only at its own spikes and
samples, its *nodes*; between them they are known in closed form. So the nodes of all neurons are
taken from the last to the first, and a spike asks each neuron for its costates after the arrival.

Source: Wunderlich and Pehle, Scientific Reports 11, 2021, eq. 7; with delays: Göltz et al.
(DelGrad), Nature Communications 16, 2025.
"""

from __future__ import annotations

import numpy as np

from snn_eventprop.kernels.arrivals import TAU_MEM, TAU_SYN
from snn_eventprop.kernels.closed_form import propagators
from snn_eventprop.kernels.compiling import Floats, Ints, compiled, compiled_lean
from snn_eventprop.kernels.layers import Cells
from snn_eventprop.kernels.nodes import Nodes, Slopes


@compiled_lean
def free_costates(
    node: int, time: float, end: float, end_grad: Floats, nodes: Nodes, p: Floats
) -> tuple[float, float]:
    """(a, b) of a neuron that is free from ``time`` to its next node (or the end, -1)."""
    until, a, b = end, end_grad[0], end_grad[1]
    if node >= 0:
        until, a, b = nodes.times[node], nodes.a[node], nodes.b[node]
    decay_mem, decay_syn, response = propagators(until - time, p[TAU_MEM], p[TAU_SYN])
    return a * decay_mem, b * decay_syn + a * response


@compiled_lean
def costates(
    head: int,
    last_spike: int,
    start_release: float,
    time: float,
    end: float,
    end_grad: Floats,
    nodes: Nodes,
    slopes: Slopes,
    p: Floats,
) -> tuple[float, float]:
    """(a, b) of a neuron at ``time``, after any node of its own at that time.

    Args:
        head: its earliest node that was treated, or -1.
        last_spike: its last spike that was not treated, or -1; not after ``time``.
        start_release: when it is let go if it was held at the start.
    """
    node = head
    while node >= 0 and nodes.times[node] <= time:
        if nodes.spikes[node] >= 0:
            last_spike = nodes.spikes[node]
        node = nodes.later[node]
    release = slopes.release[last_spike] if last_spike >= 0 else start_release
    if release <= time:
        return free_costates(node, time, end, end_grad, nodes, p)
    if node >= 0 and nodes.times[node] <= release:  # its next node comes within the hold
        return 0.0, nodes.b[node] * np.exp((time - nodes.times[node]) / p[TAU_SYN])
    until = min(release, end)
    _, b = free_costates(node, until, end, end_grad, nodes, p)
    return 0.0, b * np.exp((time - until) / p[TAU_SYN])


@compiled
def add_feedback(
    spike_rows: Ints,
    n_spikes: int,
    nodes: Nodes,
    slopes: Slopes,
    weight: Floats,
    delay: Floats,
    cells: Cells,
    start: Floats,
    end_grad: Floats,
    spike_grad: Floats,
) -> None:
    """Add to the gradient of each spike time of one sample what its arrivals in the layer say.

    Args:
        weight: (N, N), row of the neuron that spikes.
        delay: (1 or N, N), of the neuron that receives, or of no rows.
        start: (3, N); end_grad: (2, N), 0 for v of a neuron that ends held.
        spike_grad: (S,), added to.
    """
    n_neurons, params = weight.shape[0], cells.params
    head = np.full(n_neurons, -1, dtype=np.int64)
    last, earlier = last_spikes(spike_rows, n_spikes, n_neurons)
    for q in range(len(nodes.times) - 1, -1, -1):
        n, k, time = nodes.neurons[q], nodes.spikes[q], nodes.times[q]
        p = params[:, n]
        if k < 0:
            a, b = costates(
                head[n], last[n], start[2, n], time, cells.duration, end_grad[:, n], nodes,
                slopes, p,
            )  # fmt: skip
            held = (slopes.release[last[n]] if last[n] >= 0 else start[2, n]) > time
            nodes.a[q] = 0.0 if held else a + nodes.grads[0, q]
            nodes.b[q] = b + nodes.grads[1, q]
        else:
            last[n] = earlier[k]
            for m in range(n_neurons):
                w = weight[n, m]
                if w == 0.0:
                    continue
                lag = delay[m if delay.shape[0] > 1 else 0, n] if delay.shape[0] > 0 else 0.0
                if not time + lag < cells.duration:
                    continue
                # this very spike is no node yet, but the last one before an arrival at itself
                a, b = costates(
                    head[m], k if m == n else last[m], start[2, m], time + lag, cells.duration,
                    end_grad[:, m], nodes, slopes, params[:, m],
                )  # fmt: skip
                spike_grad[k] += w * (b / params[TAU_SYN, m] - a / params[TAU_MEM, m])
            a, b = costates(
                head[n], k, start[2, n], time, cells.duration, end_grad[:, n], nodes, slopes, p
            )
            after = 0.0
            if slopes.release[k] < np.inf:
                freed, _ = costates(
                    head[n], k, start[2, n], slopes.release[k], cells.duration, end_grad[:, n],
                    nodes, slopes, p,
                )  # fmt: skip
                after = freed * slopes.after[k]
            nodes.a[q] = slopes.caused[k] * (after - spike_grad[k]) / slopes.before[k]
            nodes.b[q] = b
        nodes.later[q] = head[n]
        head[n] = q


@compiled
def last_spikes(rows: Ints, n_spikes: int, n_neurons: int) -> tuple[Ints, Ints]:
    """The last spike of each neuron (-1 if none), and the spike of the same neuron before each."""
    last = np.full(n_neurons, -1, dtype=np.int64)
    earlier = np.empty(n_spikes, dtype=np.int64)
    for k in range(n_spikes):
        earlier[k] = last[rows[k]]
        last[rows[k]] = k
    return last, earlier
