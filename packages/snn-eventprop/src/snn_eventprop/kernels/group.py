"""Neurons that have the same arrivals and time constants, from arrival to arrival together.

Over an interval between two arrivals all of them are propagated in one loop, which also marks those
that may cross threshold on the way; the marked ones are looked at one by one.
"""

from __future__ import annotations

import numpy as np

from snn_eventprop.kernels.arrivals import LEAK, TAU_MEM, TAU_SYN, V_TH
from snn_eventprop.kernels.closed_form import (
    NO_CROSSING,
    first_crossing,
    peaks_below,
    propagators,
)
from snn_eventprop.kernels.compiling import Floats, Ints, compiled, compiled_lean
from snn_eventprop.kernels.single import spikes_of


@compiled
def grown(times: Floats, neurons: Ints, n: int, room: int) -> tuple[Floats, Ints]:
    """The list of n spikes with room for more, at least twice as long as before."""
    size = max(2 * len(times), n + room)
    more_times, more_neurons = np.empty(size), np.empty(size, dtype=np.int64)
    more_times[:n], more_neurons[:n] = times[:n], neurons[:n]
    return more_times, more_neurons


@compiled_lean
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

    One with I > th - E that is past its maximum at the end, where I <= V - E, may have crossed and
    come back, unless ``peaks_below`` says that it has not: few neurons need a closer look.

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
        below = peaks_below(x, y, height, ratio)
        came_back = (y > height) & (y * decay_syn <= end) & (not below)
        flag = (end >= height) | (held[m] > now) | came_back
        marked[m] = 1.0 if flag else 0.0
        total += 1 if flag else 0
    return total


@compiled_lean
def spikes_of_marked(
    m: int,
    marked: Floats,
    away: Floats,
    current: Floats,
    held: Floats,
    begin: float,
    end: float,
    duration: float,
    propagated: tuple[float, float, float],
    first_neuron: int,
    params: Floats,
    times: Floats,
    neurons: Ints,
    n: int,
    most: int,
    single: bool,
) -> tuple[int, int, int]:
    """Look closer at the marked neurons from m on: append the spikes of those that do spike.

    Their marks become 2, and their ``away`` and ``current`` those at the end of the interval.

    Returns:
        the first neuron that was not treated, the number of spikes, and for how many more there
        must be room to go on.
    """
    decay_mem, decay_syn, response = propagated
    while m < len(away) and n <= most:
        if marked[m] == 0.0:
            m += 1
            continue
        p = params[:, m]
        leak, i, ahead = p[LEAK], current[m], NO_CROSSING
        if held[m] <= begin:
            v, v_end = leak + away[m], leak + away[m] * decay_mem + i * response
            ahead = first_crossing(
                v, i, end - begin, v_end, i * decay_syn, leak, p[V_TH], p[TAU_MEM], p[TAU_SYN]
            )
            if ahead < 0.0:
                m += 1
                continue
        k, x, y, until = spikes_of(
            i, begin, end, held[m], ahead, duration, p, times[n:], most - n, single
        )
        if n + k > len(times):
            return m, n, k
        away[m], current[m], held[m], marked[m] = x - leak, y, until, 2.0
        for place in range(n, n + k):
            neurons[place] = first_neuron + m
        n += k
        m += 1
    return m, n, 0


@compiled_lean
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
        weight: (R, N), of which the columns from first_neuron on are those of these n neurons.
        params: (6, n).
        state: (3, n), v, i and the time until which each is held; changed to those at the end.
        times, neurons, n: the list of spikes and their number.
        most: more spikes than this are not looked for; the number returned then exceeds it.
        single: round times to single precision.
    """
    tau_mem, tau_syn = params[TAU_MEM, 0], params[TAU_SYN, 0]
    size = state.shape[1]
    away, current, held, gap, marked = (
        np.empty(size), np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    )  # fmt: skip
    for m in range(size):
        away[m], current[m], held[m] = state[0, m] - params[LEAK, m], state[1, m], state[2, m]
        gap[m] = params[V_TH, m] - params[LEAK, m]
    before = 0.0
    for j in range(len(arrivals) + 1):
        now = arrivals[j] if j < len(arrivals) else duration
        if now > before:
            decay_mem, decay_syn, response = propagators(now - before, tau_mem, tau_syn)
            some = mark(
                away, current, held, gap, before, decay_mem, decay_syn, response,
                1.0 - tau_syn / tau_mem, marked,
            )  # fmt: skip
            m = 0 if some else size
            while m < size and n <= most:
                m, n, room = spikes_of_marked(
                    m, marked, away, current, held, before, now, duration,
                    (decay_mem, decay_syn, response), first_neuron, params, times, neurons, n,
                    most, single,
                )  # fmt: skip
                if room > 0:
                    times, neurons = grown(times, neurons, n, room)
            if n > most:
                break
            propagate(away, current, marked, decay_mem, decay_syn, response)
            before = now
        if j < len(arrivals):
            add_row(current, weight[rows[j]], first_neuron)
    for m in range(size):
        state[0, m], state[1, m], state[2, m] = params[LEAK, m] + away[m], current[m], held[m]
    return times, neurons, n


@compiled_lean
def add_row(current: Floats, row: Floats, first: int) -> None:
    """current += row, from its place ``first`` on."""
    for m in range(len(current)):
        current[m] += row[first + m]
