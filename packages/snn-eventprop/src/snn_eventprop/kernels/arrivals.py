"""Arrivals: what reaches a neuron and when, in order.

An arrival has a source: s >= 0 is event s of the input, s < 0 is spike -1 - s of the layer itself.
Weights and delays are found by the source's row: the input channel, or the neuron that spiked.
"""

from __future__ import annotations

from snn_eventprop.kernels.compiling import Floats, Ints, compiled
from snn_eventprop.kernels.layers import Trains
from snn_eventprop.kernels.sorting import sort_train

# Parameters of the neurons are the rows of one array (6, N).
TAU_MEM, TAU_SYN, V_TH, V_RESET, LEAK, REFRACTORY = range(6)


@compiled
def gather_arrivals(
    m: int,
    b: int,
    inputs: Trains,
    delay: Floats,
    spikes: Trains,
    n_spikes: int,
    spike_delay: Floats,
    duration: float,
    times: Floats,
    sources: Ints,
) -> int:
    """Fill in the arrivals at neuron m in sample b before the end; returns their number.

    Args:
        delay: (1 or N, R) of the input, or of no rows; spike_delay: (1 or N, N) alike.
        n_spikes: how many spikes of the layer come back to it.
        times, sources: filled, long enough for all.
    """
    input_times, input_rows, n = inputs.times, inputs.rows, 0
    own = m if delay.shape[0] > 1 else 0
    for k in range(input_times.shape[1]):
        time = input_times[b, k]
        if not time < duration:
            break
        if delay.shape[0] > 0:
            time += delay[own, input_rows[b, k]]
            if not time < duration:
                continue
        times[n], sources[n] = time, k
        n += 1
    spike_times, spike_rows = spikes.times, spikes.rows
    own = m if spike_delay.shape[0] > 1 else 0
    for k in range(n_spikes):
        time = spike_times[b, k]
        if spike_delay.shape[0] > 0:
            time += spike_delay[own, spike_rows[b, k]]
        if time < duration:
            times[n], sources[n] = time, -1 - k
            n += 1
    sort_train(times, sources, n)
    return n
