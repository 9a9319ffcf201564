"""Arrivals: what reaches a neuron and when, in order, with the propagators between.

An arrival has a source: s >= 0 is event s of the input, s < 0 is spike -1 - s of the layer itself.
Weights and delays are found by the source's row: the input channel, or the neuron that spiked.
"""

from __future__ import annotations

import numpy as np

from snn_eventprop.kernels.closed_form import propagators
from snn_eventprop.kernels.compiling import Floats, Ints, compiled

# Parameters of the neurons are the rows of one array (6, N).
TAU_MEM, TAU_SYN, V_TH, V_RESET, LEAK, REFRACTORY = range(6)

_SHORT = 32


@compiled
def sort_arrivals(times: Floats, sources: Ints, n: int) -> None:
    """Sort the first n arrivals by time, in place; equal times keep their order."""
    if n <= _SHORT:
        for j in range(1, n):
            time, source = times[j], sources[j]
            k = j
            while k > 0 and times[k - 1] > time:
                times[k], sources[k] = times[k - 1], sources[k - 1]
                k -= 1
            times[k], sources[k] = time, source
        return
    order = np.argsort(times[:n], kind="mergesort")
    times[:n] = times[:n][order]
    sources[:n] = sources[:n][order]


@compiled
def gather_arrivals(
    times: Floats,
    sources: Ints,
    input_times: Floats,
    input_rows: Ints,
    input_delay: Floats,
    spike_times: Floats,
    spike_rows: Ints,
    n_spikes: int,
    spike_delay: Floats,
    duration: float,
) -> int:
    """Fill in the arrivals of one neuron before the end of the recording; returns their number.

    Args:
        times, sources: filled, long enough for all.
        input_times, input_rows: (K,) events of the input, padded with inf.
        input_delay: (R,) of each channel at this neuron, or empty.
        spike_times, spike_rows: (S,) spikes of the layer that come back to it, n_spikes of them.
        spike_delay: (N,) or empty.
    """
    n = 0
    ascending = True
    for k in range(len(input_times)):
        time = input_times[k]
        if not time < duration:
            break
        if len(input_delay) > 0:
            time += input_delay[input_rows[k]]
            if not time < duration:
                continue
        ascending = ascending and (n == 0 or times[n - 1] <= time)
        times[n], sources[n] = time, k
        n += 1
    for k in range(n_spikes):
        time = spike_times[k]
        if len(spike_delay) > 0:
            time += spike_delay[spike_rows[k]]
        if time < duration:
            ascending = ascending and (n == 0 or times[n - 1] <= time)
            times[n], sources[n] = time, -1 - k
            n += 1
    if not ascending:
        sort_arrivals(times, sources, n)
    return n


@compiled
def fill_propagators(
    table: Floats, times: Floats, n: int, duration: float, tau_mem: float, tau_syn: float
) -> None:
    """table[0:3, j]: propagators from arrival j - 1 (or the start) to arrival j (or the end)."""
    before = 0.0
    for j in range(n + 1):
        now = times[j] if j < n else duration
        decay_mem, decay_syn, response = propagators(now - before, tau_mem, tau_syn)
        table[0, j], table[1, j], table[2, j] = decay_mem, decay_syn, response
        before = now
