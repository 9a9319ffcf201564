"""The search for spikes of neurons that do not feed each other, from arrival to arrival.

Neurons with the same arrivals go together. Over an interval between two arrivals all of them are
propagated in one loop, which also marks those that may cross threshold on the way; the marked ones
are looked at one by one. Then the spikes of the layer are sorted by time.
"""

from __future__ import annotations

import numpy as np

from snn_eventprop.kernels.arrivals import (
    LEAK,
    REFRACTORY,
    TAU_MEM,
    TAU_SYN,
    V_RESET,
    V_TH,
    gather_arrivals,
)
from snn_eventprop.kernels.closed_form import first_crossing, propagators
from snn_eventprop.kernels.compiling import Floats, Ints, compiled
from snn_eventprop.kernels.layers import Cells, Synapses, Trains
from snn_eventprop.kernels.replay import NOBODY, NOWHERE, own_delay, own_weight


@compiled
def grown(times: Floats, neurons: Ints, n: int, room: int) -> tuple[Floats, Ints]:
    """The list of n spikes with room for more, at least twice as long as before."""
    size = max(2 * len(times), n + room)
    more_times, more_neurons = np.empty(size), np.empty(size, dtype=np.int64)
    more_times[:n], more_neurons[:n] = times[:n], neurons[:n]
    return more_times, more_neurons


@compiled
def as_stored(time: float, earliest: float, single: bool) -> float:
    """The spike time in the precision of the result, not before the last arrival."""
    if single:
        return max(np.float64(np.float32(time)), earliest)
    return time


@compiled
def released(
    v: float, i: float, begin: float, end: float, held: float, v_reset: float, tau_syn: float
) -> tuple[float, float, float]:
    """v, i and the time where the hold ends, or the interval does."""
    until = min(held, end)
    return v_reset, i * np.exp((begin - until) / tau_syn), until


@compiled
def spikes_of(
    v: float,
    i: float,
    begin: float,
    end: float,
    held: float,
    p: Floats,
    times: Floats,
    most: int,
    single: bool,
) -> tuple[int, float, float, float]:
    """One neuron from ``begin`` to ``end`` without an arrival, in general: it may be held, and
    spike many times.

    Args:
        v, i: at the beginning.
        held: until when it is refractory.
        p: parameters of the neuron (6,).
        times: filled with its spikes.
        most: how many spikes are enough.

    Returns:
        how many spikes, of which those beyond the length of ``times`` are counted only; v, i and
        held at the end.
    """
    tau_mem, tau_syn, leak, v_th = p[TAU_MEM], p[TAU_SYN], p[LEAK], p[V_TH]
    n = 0
    while n <= most:
        if held > begin:
            v, i, begin = released(v, i, begin, end, held, p[V_RESET], tau_syn)
            if held >= end:
                break
        decay_mem, decay_syn, response = propagators(end - begin, tau_mem, tau_syn)
        v_end, i_end = leak + (v - leak) * decay_mem + i * response, i * decay_syn
        h = first_crossing(v, i, end - begin, v_end, i_end, leak, v_th, tau_mem, tau_syn)
        time = as_stored(begin + h, begin, single)
        if h < 0.0 or time >= end:
            v, i = v_end, i_end
            break
        if n < len(times):
            times[n] = time
        n += 1
        i *= np.exp((begin - time) / tau_syn)
        v, begin = p[V_RESET], time
        held = time + p[REFRACTORY]
    return n, v, i, held


@compiled
def mark(
    away: Floats,
    current: Floats,
    held: Floats,
    gap: Floats,
    now: float,
    decay_mem: float,
    decay_syn: float,
    response: float,
    ratio: float,
    marked: Floats,
) -> int:
    """Mark (1.0) the neurons that may spike within an interval; returns how many, at most.

    One with I > th - E that is past its maximum at the end, where I < V - E, may have crossed and
    come back. With r = (V - E)/I and u = (1 - r)(1 - tau_syn/tau_mem) > 0, that maximum is
    E + I e^{-x} with x = -(1 - r) ln(1 - u)/u; the first terms of both series, all positive, bound
    it from above without a transcendental function, and few neurons need a closer look.

    Args:
        away: V - E at the start, (n,); current: I; gap: th - E; held: until when.
        now: the start.
        decay_mem, decay_syn, response: the propagators over the interval.
        ratio: 1 - tau_syn/tau_mem.
    """
    total = 0
    for m in range(len(away)):
        x, y, height = away[m], current[m], gap[m]
        end = x * decay_mem + y * response
        q = 1.0 - x / y
        u = q * ratio
        s = q * (1.0 + u * (1 / 2 + u * (1 / 3 + u * (1 / 4 + u * (1 / 5)))))
        bound = y / (1.0 + s * (1.0 + s * (1 / 2 + s * (1 / 6 + s * (1 / 24)))))
        came_back = (y > height) & (y * decay_syn < end) & ((u <= 0.0) | (bound > height))
        flag = (end >= height) | (held[m] > now) | came_back
        marked[m] = 1.0 if flag else 0.0
        total += 1 if flag else 0
    return total


@compiled
def spikes_of_marked(
    marked: Floats,
    away: Floats,
    current: Floats,
    held: Floats,
    begin: float,
    end: float,
    propagated: tuple[float, float, float],
    first_neuron: int,
    params: Floats,
    times: Floats,
    neurons: Ints,
    n: int,
    most: int,
    single: bool,
) -> tuple[Floats, Ints, int]:
    """Look closer at the marked neurons: append the spikes of those that do spike.

    Their marks become 2, and their ``away`` and ``current`` those at the end of the interval.
    """
    decay_mem, decay_syn, response = propagated
    for m in range(len(away)):
        if marked[m] == 0.0:
            continue
        p = params[:, m]
        v, i = p[LEAK] + away[m], current[m]
        if held[m] <= begin:
            v_end = p[LEAK] + away[m] * decay_mem + i * response
            h = first_crossing(
                v, i, end - begin, v_end, i * decay_syn, p[LEAK], p[V_TH], p[TAU_MEM], p[TAU_SYN]
            )
            if h < 0.0:
                continue
        while True:
            k, x, y, until = spikes_of(
                v, i, begin, end, held[m], p, times[n:], most - n, single
            )
            if n + k <= len(times):
                break
            times, neurons = grown(times, neurons, n, k)
        away[m], current[m], held[m], marked[m] = x - p[LEAK], y, until, 2.0
        neurons[n : n + k] = first_neuron + m
        n += k
        if n > most:
            break
    return times, neurons, n


@compiled
def propagate(
    away: Floats,
    current: Floats,
    marked: Floats,
    decay_mem: float,
    decay_syn: float,
    response: float,
) -> None:
    """Take all neurons but those that spiked (mark 2) to the end of the interval."""
    for m in range(len(away)):
        x, y, there = away[m], current[m], marked[m] == 2.0
        away[m] = x if there else x * decay_mem + y * response
        current[m] = y if there else y * decay_syn


@compiled
def search_group(
    arrivals: Floats,
    rows: Ints,
    weight: Floats,
    first_neuron: int,
    params: Floats,
    state: Floats,
    duration: float,
    times: Floats,
    neurons: Ints,
    n: int,
    most: int,
    single: bool,
) -> tuple[Floats, Ints, int]:
    """The spikes of neurons with the same arrivals and time constants, appended to the list.

    Args:
        arrivals, rows: (A,), ascending, and the rows of the weight that they add.
        weight: (R, n).
        first_neuron: index of the first of these n neurons in the layer.
        params: (6, n).
        state: (3, n), v, i and the time until which each is held; changed to those at the end.
        times, neurons, n: the list of spikes and their number.
        most: more spikes than this are not looked for; the number returned then exceeds it.
        single: round times to single precision.
    """
    tau_mem, tau_syn = params[TAU_MEM, 0], params[TAU_SYN, 0]
    away, current, held = state[0] - params[LEAK], state[1].copy(), state[2]
    gap = params[V_TH] - params[LEAK]
    marked = np.empty(len(away))
    before = 0.0
    for j in range(len(arrivals) + 1):
        now = arrivals[j] if j < len(arrivals) else duration
        if now > before:
            decay_mem, decay_syn, response = propagators(now - before, tau_mem, tau_syn)
            if mark(
                away, current, held, gap, before, decay_mem, decay_syn, response,
                1.0 - tau_syn / tau_mem, marked,
            ):  # fmt: skip
                times, neurons, n = spikes_of_marked(
                    marked, away, current, held, before, now, (decay_mem, decay_syn, response),
                    first_neuron, params, times, neurons, n, most, single,
                )  # fmt: skip
                if n > most:
                    break
            propagate(away, current, marked, decay_mem, decay_syn, response)
            before = now
        if j < len(arrivals):
            add_row(current, weight[rows[j]])
    state[0], state[1] = params[LEAK] + away, current
    return times, neurons, n


@compiled
def add_row(current: Floats, row: Floats) -> None:
    """current += row."""
    for m in range(len(current)):
        current[m] += row[m]


@compiled
def search_sample(
    b: int,
    inputs: Trains,
    forward: Synapses,
    cells: Cells,
    state: Floats,
    most: int,
    single: bool,
) -> tuple[Floats, Ints, int]:
    """All spikes of sample b, sorted by time: times, neurons, and how many.

    Args:
        state: (3, N), v, i and the time until which each is held; changed to those at the end.
        most, single: as for ``search_group``.
    """
    n_events, n_neurons = inputs.times.shape[1], cells.params.shape[1]
    weight, delay = own_weight(forward, b), forward.delay
    arrivals, sources = np.empty(n_events), np.empty(n_events, dtype=np.int64)
    times, neurons, n = np.empty(64), np.empty(64, dtype=np.int64), 0
    group = n_neurons if cells.shared and delay.shape[0] <= 1 else 1
    for m in range(0, n_neurons, group):
        k = gather_arrivals(
            arrivals, sources, inputs.times[b], inputs.rows[b], own_delay(delay, m),
            NOWHERE, NOBODY, 0, NOWHERE, cells.duration,
        )  # fmt: skip
        times, neurons, n = search_group(
            arrivals[:k], inputs.rows[b][sources[:k]], weight[:, m : m + group], m,
            cells.params[:, m : m + group], state[:, m : m + group], cells.duration,
            times, neurons, n, most, single,
        )  # fmt: skip
        if n > most:
            return times, neurons, n
    order = by_time(times, neurons, n)
    return times[order], neurons[order], n


@compiled
def by_time(times: Floats, neurons: Ints, n: int) -> Ints:
    """The order of the first n spikes by time, equal times by neuron."""
    order = np.argsort(times[:n], kind="mergesort")
    for j in range(1, n):
        k = j
        while (
            k > 0
            and times[order[k - 1]] == times[order[k]]
            and neurons[order[k - 1]] > neurons[order[k]]
        ):
            order[k - 1], order[k] = order[k], order[k - 1]
            k -= 1
    return order


@compiled
def search(
    first: int,
    last: int,
    inputs: Trains,
    forward: Synapses,
    cells: Cells,
    most: int,
    single: bool,
    found: Trains,
    counts: Ints,
    ends: Floats,
) -> None:
    """Samples first to last - 1: fill in their spikes, padded with inf and -1.

    Args:
        most: more spikes than this are not looked for; the count then exceeds it.
        single: round times to single precision.
        found: (B, C); spikes beyond C are counted only.
        counts: (B,).
        ends: (B, 3, N), filled with v, i, and how long each is still held.
    """
    for b in range(first, last):
        state = cells.start[b].copy()
        times, neurons, n = search_sample(b, inputs, forward, cells, state, most, single)
        keep_spikes(times, neurons, n, found.times[b], found.rows[b])
        counts[b] = n
        ends[b, :2], ends[b, 2] = state[:2], np.maximum(state[2] - cells.duration, 0.0)


@compiled
def keep_spikes(
    times: Floats, neurons: Ints, n: int, spike_times: Floats, spike_neurons: Ints
) -> None:
    """Copy what fits, pad the rest."""
    room = len(spike_times)
    kept = min(n, room)
    spike_times[:kept], spike_neurons[:kept] = times[:kept], neurons[:kept]
    spike_times[kept:], spike_neurons[kept:] = np.inf, -1
