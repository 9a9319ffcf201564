"""One neuron over a time without arrivals: its spikes, one after the other, in closed form."""

from __future__ import annotations

import numpy as np

from snn_eventprop.kernels.arrivals import LEAK, REFRACTORY, TAU_MEM, TAU_SYN, V_RESET, V_TH
from snn_eventprop.kernels.closed_form import (
    NO_CROSSING,
    first_crossing,
    peaks_below,
    propagators,
)
from snn_eventprop.kernels.compiling import Floats, compiled_lean


@compiled_lean
def as_stored(time: float, earliest: float, latest: float, single: bool) -> float:
    """The spike time as a number of the result's precision, in (earliest, latest].

    The bounds are arrivals. A spike that one caused within rounding is put behind it, and one that
    the next would have prevented is not put behind that, or a replay would tell another story.
    """
    if not single:
        return min(time if time > earliest else np.nextafter(earliest, np.inf), latest)
    rounded = np.float32(time)
    if rounded > latest:
        rounded = np.nextafter(rounded, np.float32(-np.inf))
    if rounded <= earliest:
        rounded = np.float32(earliest)
        if rounded <= earliest:
            rounded = np.nextafter(rounded, np.float32(np.inf))
    return np.float64(rounded)


@compiled_lean
def look_ahead(v: float, i: float, h: float, p: Floats) -> tuple[float, float, float]:
    """The first crossing within h seconds, and where the neuron is then if there is none."""
    decay_mem, decay_syn, response = propagators(h, p[TAU_MEM], p[TAU_SYN])
    v_end = p[LEAK] + (v - p[LEAK]) * decay_mem + i * response
    i_end = i * decay_syn
    gap, ratio = p[V_TH] - p[LEAK], 1.0 - p[TAU_SYN] / p[TAU_MEM]
    if v_end < p[V_TH] and i > 0.0 and peaks_below(v - p[LEAK], i, gap, ratio):
        return NO_CROSSING, v_end, i_end
    ahead = first_crossing(v, i, h, v_end, i_end, p[LEAK], p[V_TH], p[TAU_MEM], p[TAU_SYN])
    return ahead, v_end, i_end


@compiled_lean
def after_hold(
    i: float, begin: float, end: float, held: float, p: Floats
) -> tuple[float, float, float, float]:
    """From a hold to its end, or that of the interval: when, then ``look_ahead`` from there."""
    until = min(held, end)
    i *= np.exp((begin - until) / p[TAU_SYN])
    if held >= end:
        return end, NO_CROSSING, p[V_RESET], i
    ahead, v_end, i_end = look_ahead(p[V_RESET], i, end - until, p)
    return until, ahead, v_end, i_end


@compiled_lean
def spikes_of(
    i: float,
    begin: float,
    end: float,
    held: float,
    ahead: float,
    duration: float,
    p: Floats,
    times: Floats,
    most: int,
    single: bool,
) -> tuple[int, float, float, float]:
    """One neuron that is held, or spikes, from ``begin`` to ``end``.

    Args:
        i: at the beginning.
        held: until when it is refractory.
        ahead: its first crossing after the beginning, if it is not held.
        duration: of the recording; a spike at its very end is outside.
        p: parameters of the neuron (6,).
        times: filled with its spikes.
        most: how many spikes are enough.

    Returns:
        how many spikes, of which those beyond the length of ``times`` are counted only; v, i and
        held at the end.
    """
    n, now = 0, begin
    v_end, i_end = p[V_RESET], i
    if held > begin:
        now, ahead, v_end, i_end = after_hold(i, begin, end, held, p)
        i *= np.exp((begin - now) / p[TAU_SYN])
    while n <= most:
        time = as_stored(now + ahead, now, end, single)
        if ahead < 0.0 or time >= duration:
            break
        if n < len(times):
            times[n] = time
        n += 1
        i *= np.exp((now - time) / p[TAU_SYN])
        held = time + p[REFRACTORY]
        if held > time:
            now, ahead, v_end, i_end = after_hold(i, time, end, held, p)
            i *= np.exp((time - now) / p[TAU_SYN])
        else:
            ahead, v_end, i_end = look_ahead(p[V_RESET], i, end - time, p)
            now = time
    return n, v_end, i_end, held
