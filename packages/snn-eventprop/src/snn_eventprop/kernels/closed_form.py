"""The closed forms of one event-free interval: propagators, their tau-derivatives, the crossing.

With kappa = 1/tau_mem - 1/tau_syn, over h seconds without an arrival or a spike,

    V(h) = E + (V0 - E) e^{-h/tau_mem} + I0 phi(h)          I(h) = I0 e^{-h/tau_syn}
    phi(h) = (h/tau_mem) e^{-h/tau_mem} expm1(kappa h)/(kappa h)

phi is regular at tau_mem = tau_syn, where it is (h/tau) e^{-h/tau}. All times in seconds.

Source: the solution of the LIF equations in ``snn_neurons.lif``; Wunderlich and Pehle, Scientific
Reports 11, 2021, table 1; the closed forms of phi at equal and at other time constants are those
of Göltz et al., Nature Machine Intelligence 3, 2021, eqs. 7 and 8.
"""

from __future__ import annotations

import math

from snn_eventprop.kernels.compiling import compiled_lean

NO_CROSSING = -1.0

# Relative distance of the time constants from which the plain difference of exponentials is exact
# to some ten units of rounding of the membrane; below, expm1 is taken.
_DISTINCT = 0.05

# Where the differences of exponentials below lose less than a digit; their series then ends early.
_SMALL = 0.25
_TERMS = 14

# A peak counts as a crossing if it is above threshold by more than rounding.
_TANGENT = 1e-13
_MOST_STEPS = 60


@compiled_lean
def membrane_response(
    h: float, decay_mem: float, decay_syn: float, tau_mem: float, tau_syn: float
) -> float:
    """phi(h), given e^{-h/tau_mem} and e^{-h/tau_syn}."""
    distance = tau_mem - tau_syn
    if abs(distance) > _DISTINCT * tau_syn:
        return tau_syn / distance * (decay_mem - decay_syn)
    x = h * (1.0 / tau_mem - 1.0 / tau_syn)
    if x == 0.0:
        return h / tau_mem * decay_mem
    if abs(x) > 1.0:
        return h / tau_mem * (decay_syn - decay_mem) / x
    return h / tau_mem * decay_mem * math.expm1(x) / x


@compiled_lean
def propagators(h: float, tau_mem: float, tau_syn: float) -> tuple[float, float, float]:
    """e^{-h/tau_mem}, e^{-h/tau_syn} and phi(h)."""
    decay_mem = math.exp(-h / tau_mem)
    decay_syn = math.exp(-h / tau_syn)
    return decay_mem, decay_syn, membrane_response(h, decay_mem, decay_syn, tau_mem, tau_syn)


@compiled_lean
def scaled_first(x: float, decay_mem: float, decay_syn: float) -> float:
    """e^{-h/tau_mem} E1(x), x = kappa h, E1(x) = (e^x - 1)/x."""
    if abs(x) > _SMALL:
        return (decay_syn - decay_mem) / x
    return decay_mem * (math.expm1(x) / x if x != 0.0 else 1.0)


@compiled_lean
def scaled_second(x: float, decay_mem: float, decay_syn: float) -> float:
    """e^{-h/tau_mem} E2(x), E2(x) = (e^x - 1 - x)/x^2 = sum_n x^n/(n + 2)!."""
    if abs(x) > _SMALL:
        return (decay_syn - decay_mem - x * decay_mem) / (x * x)
    total, term = 0.0, 0.5
    for n in range(_TERMS):
        total += term
        term *= x / (n + 3)
    return decay_mem * total


@compiled_lean
def scaled_third(x: float, decay_mem: float, decay_syn: float) -> float:
    """e^{-h/tau_mem} E3(x), E3(x) = (x e^x - e^x + 1)/x^2 = sum_n (n + 1) x^n/(n + 2)!."""
    if abs(x) > _SMALL:
        return (x * decay_syn - decay_syn + decay_mem) / (x * x)
    total, term = 0.0, 0.5
    for n in range(_TERMS):
        total += (n + 1) * term
        term *= x / (n + 3)
    return decay_mem * total


@compiled_lean
def time_of_extremum(v: float, i: float, leak: float, tau_mem: float, tau_syn: float) -> float:
    """Where dV/dt = 0 after a start at (v, i), i not 0; inf or negative if nowhere ahead.

    s = ln(1 + y)/kappa with y = kappa tau_syn (1 - (v - E)/i), regular at equal time constants.
    """
    kappa = 1.0 / tau_mem - 1.0 / tau_syn
    reach = tau_syn * (1.0 - (v - leak) / i)
    y = kappa * reach
    if y <= -1.0:
        return math.inf
    if y == 0.0:
        return reach
    return reach * (math.log1p(y) / y)


@compiled_lean
def peaks_below(away: float, i: float, gap: float, ratio: float) -> bool:
    """Whether a rising membrane surely stays below threshold, without a transcendental function.

    With r = (V - E)/I and u = (1 - r)(1 - tau_syn/tau_mem) > 0 its maximum is E + I e^{-x} with
    x = -(1 - r) ln(1 - u)/u, above threshold only if I > (th - E) e^x; the first terms of both
    series, all positive, bound e^x from below.

    Args:
        away: V - E; gap: th - E; ratio: 1 - tau_syn/tau_mem.
    """
    q = 1.0 - away / i
    u = q * ratio
    x = q * (1.0 + u * (1 / 2 + u * (1 / 3 + u * (1 / 4 + u * (1 / 5)))))
    least = gap * (1.0 + x * (1.0 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24)))))
    return (u > 0.0) & (i <= least)


@compiled_lean
def first_crossing(
    v: float,
    i: float,
    h: float,
    v_end: float,
    i_end: float,
    leak: float,
    v_th: float,
    tau_mem: float,
    tau_syn: float,
) -> float:
    """Time of the first upward crossing of v_th within (0, h], or ``NO_CROSSING``; none is missed.

    Args:
        v, i: at the start, v < v_th.
        h: length of the interval; v_end, i_end: after it, as the propagators say.

    With i >= 0 the membrane rises first and is concave until its only maximum, where it is E + I:
    so there is a crossing only if i > v_th - E, and then if the end or that maximum is above
    threshold. With i < 0 it has at most a minimum, and only E > v_th pulls it up.
    """
    if i >= 0.0:
        if i <= v_th - leak:
            return NO_CROSSING
        if v_end < v_th:
            # by its time, not by E + I < V at the end: after a long time both are E
            summit = time_of_extremum(v, i, leak, tau_mem, tau_syn)
            if not summit < h:
                return NO_CROSSING  # still rising at the end
            peak = leak + i * math.exp(-summit / tau_syn)
            if peak <= v_th + _TANGENT * abs(v_th):
                return NO_CROSSING
        return min(_on_concave_rise(v, i, leak, v_th, tau_mem, tau_syn), h)
    if leak <= v_th or v_end < v_th:
        return NO_CROSSING
    low = 0.0
    if leak - v + i < 0.0:
        low = min(max(time_of_extremum(v, i, leak, tau_mem, tau_syn), 0.0), h)
    return _between(low, h, v, i, leak, v_th, tau_mem, tau_syn)


@compiled_lean
def _on_concave_rise(
    v: float, i: float, leak: float, v_th: float, tau_mem: float, tau_syn: float
) -> float:
    """The crossing ahead on a concave rise, from the second-order expansion, repeated.

    V''' > 0 there, so a step ends before the maximum; where the parabola stays below threshold,
    Newton's step does, which ends before the crossing.
    """
    s = 0.0
    here, current = v, i
    for _ in range(_MOST_STEPS):
        missing = v_th - here
        slope = (leak - here + current) / tau_mem
        if slope <= 0.0:
            break  # within rounding of the maximum
        curvature = -(slope + current / tau_syn) / tau_mem
        root = slope * slope + 2.0 * missing * curvature
        step = missing / slope if root < 0.0 else 2.0 * missing / (slope + math.sqrt(root))
        s += step
        if s < 0.0:
            return 0.0
        # what the parabola leaves out, as a time
        bend = (current / (tau_syn * tau_syn) - curvature) / tau_mem
        if abs(step) <= 2e-16 * s or (
            root > 0.25 * slope * slope and bend * abs(step) ** 3 <= 1e-16 * slope * s
        ):
            break
        decay_mem, decay_syn, response = propagators(s, tau_mem, tau_syn)
        here = leak + (v - leak) * decay_mem + i * response
        current = i * decay_syn
    return s


@compiled_lean
def _between(
    low: float,
    high: float,
    v: float,
    i: float,
    leak: float,
    v_th: float,
    tau_mem: float,
    tau_syn: float,
) -> float:
    """The crossing in [low, high], on which V rises from below v_th: Newton, halved where it leaves
    the bracket."""
    s = 0.5 * (low + high)
    for _ in range(4 * _MOST_STEPS):
        decay_mem, decay_syn, response = propagators(s, tau_mem, tau_syn)
        here = leak + (v - leak) * decay_mem + i * response
        if here < v_th:
            low = s
        else:
            high = s
        slope = (leak - here + i * decay_syn) / tau_mem
        following = s + (v_th - here) / slope if slope > 0.0 else low
        if not (low < following < high):
            following = 0.5 * (low + high)
        if abs(following - s) <= 2e-16 * high:
            return following
        s = following
    return s
