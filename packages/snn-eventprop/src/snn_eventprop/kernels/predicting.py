"""When each neuron of a recurrent layer spikes next: a bound first, the time itself if it matters.

Between its arrivals a neuron's next spike is known in closed form. But arrivals are many and spikes
few, so an arrival leaves only a bound before which the neuron does not spike, which takes no
transcendental function; the bounds that come first are replaced by the times themselves.
"""

from __future__ import annotations

import numpy as np

from snn_eventprop.kernels.arrivals import LEAK, TAU_MEM, TAU_SYN, V_RESET, V_TH
from snn_eventprop.kernels.closed_form import propagators
from snn_eventprop.kernels.compiling import Bools, Floats, compiled_lean
from snn_eventprop.kernels.layers import Cells
from snn_eventprop.kernels.single import look_ahead

Known = tuple[float, float, float, float]

NOTHING_KNOWN = (-1.0, 0.0, 0.0, 0.0)


@compiled_lean
def not_before(v: float, i: float, now: float, held: float, p: Floats) -> float:
    """A time before which a neuron does not spike if nothing arrives; inf if it never does then.

    Its membrane rises no faster than now, with (E - V + max(I, 0))/tau_mem.
    """
    if 0.0 <= i <= p[V_TH] - p[LEAK] or (i < 0.0 and p[LEAK] <= p[V_TH]):
        return np.inf
    if held > now:
        return held
    pull = p[LEAK] - v + max(i, 0.0)
    return now + max(p[V_TH] - v, 0.0) * p[TAU_MEM] / pull if pull > 0.0 else np.inf


@compiled_lean
def predict(v: float, i: float, now: float, held: float, p: Floats, duration: float) -> float:
    """When a neuron spikes next if nothing arrives; inf if not before the end."""
    if held > now:
        if held >= duration:
            return np.inf
        v, i, now = p[V_RESET], i * np.exp((now - held) / p[TAU_SYN]), held
    if not now < duration:
        return np.inf
    ahead, _, _ = look_ahead(v, i, duration - now, p)
    return now + ahead if ahead >= 0.0 and now + ahead < duration else np.inf


@compiled_lean
def advance(state: Floats, local: Floats, m: int, time: float, p: Floats, known: Known) -> Known:
    """Take neuron m to a time before which it does not spike.

    Args:
        state: (3, N), v, i and the time until which each is held.
        local: (N,), the time at which each neuron's v and i are known.
        known: a length of time and its propagators, with the time constants of this neuron;
            a negative length if none is known.

    Returns:
        ``known``, or the length and the propagators that were computed instead.
    """
    held, now = state[2, m], local[m]
    if held > now:
        until = min(held, time)
        state[0, m] = p[V_RESET]
        state[1, m] *= np.exp((now - until) / p[TAU_SYN])
        now = until
    if time > now:
        if time - now != known[0]:
            decay_mem, decay_syn, response = propagators(time - now, p[TAU_MEM], p[TAU_SYN])
            known = (time - now, decay_mem, decay_syn, response)
        state[0, m] = p[LEAK] + (state[0, m] - p[LEAK]) * known[1] + state[1, m] * known[3]
        state[1, m] *= known[2]
    local[m] = time
    return known


@compiled_lean
def deliver(
    first: int,
    last: int,
    time: float,
    strengths: Floats,
    state: Floats,
    local: Floats,
    following: Floats,
    sure: Bools,
    cells: Cells,
) -> None:
    """An arrival at neurons first to last - 1: their currents jump, their next spikes are open.

    Args:
        following: (N,), when each spikes next, or a time before which it does not.
        sure: (N,), which of the two.
    """
    known, params, shared = NOTHING_KNOWN, cells.params, cells.shared
    for m in range(first, last):
        p = params[:, m]
        if not shared:
            known = NOTHING_KNOWN
        known = advance(state, local, m, time, p, known)
        state[1, m] += strengths[m]
        following[m] = not_before(state[0, m], state[1, m], time, state[2, m], p)
        sure[m] = False


@compiled_lean
def next_spike(
    arrival: float,
    state: Floats,
    local: Floats,
    following: Floats,
    sure: Bools,
    cells: Cells,
) -> float:
    """When the next spike of the layer is, if it is not after the next arrival.

    Neurons whose bound comes first are predicted until one of them is the first for sure.
    """
    while True:
        m = np.argmin(following)
        if sure[m] or following[m] > arrival or following[m] >= cells.duration:
            return following[m]
        following[m] = predict(
            state[0, m], state[1, m], local[m], state[2, m], cells.params[:, m], cells.duration
        )
        sure[m] = True
