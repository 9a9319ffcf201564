"""The adjoint of one neuron: backwards through its history, with all its gradients.

With a = dL/dV and b = dL/dI, over an interval without an entry (a1, b1 at its end)

    a0 = a1 e^{-h/tau_mem}          b0 = b1 e^{-h/tau_syn} + a1 phi(h)

and a = 0 while the neuron is held. At spike k, with G_k what the loss and everything that the spike
reaches say of its time, and V'- and V'+ the slopes before the spike and after the reset or release,

    D_k = G_k - a+ V'+          a- = -D_k / V'-          b is continuous

Source: Wunderlich and Pehle, Scientific Reports 11, 2021, eqs. 4 to 7 and table 1 (their lambda_V is
-a/tau_mem, their lambda_I is -b/tau_syn); the gradients of constants are integrals of the same
costates, Pehle and Wetterich, arXiv:2109.10736.
"""

from __future__ import annotations

from snn_eventprop.kernels.arrivals import LEAK, REFRACTORY, TAU_MEM, TAU_SYN, V_RESET, V_TH
from snn_eventprop.kernels.closed_form import scaled_first, scaled_second, scaled_third
from snn_eventprop.kernels.compiling import Floats, Ints, compiled
from snn_eventprop.kernels.history import ARRIVAL, RELEASE, SAMPLE


@compiled
def slope_before(i: float, p: Floats, least: float) -> float:
    """dV/dt just before a spike, at least ``least``."""
    return max((p[LEAK] - p[V_TH] + i) / p[TAU_MEM], least)


@compiled
def slope_after(i: float, p: Floats) -> float:
    """dV/dt just after the reset, or after the release from it."""
    return (p[LEAK] - p[V_RESET] + i) / p[TAU_MEM]


@compiled
def add_time_constants(
    a: float, b: float, h: float, v: float, i: float, decays: Floats, p: Floats, out: Floats
) -> None:
    """Add an interval's part of dL/dtau_mem and dL/dtau_syn.

    Args:
        a, b: at its end; a = 0 if the neuron is held.
        h: its length; v, i: at its start; decays: its propagators (3,).
        out: (6,), gradients of the parameters.
    """
    tau_mem, tau_syn = p[TAU_MEM], p[TAU_SYN]
    decay_mem, decay_syn = decays[0], decays[1]
    per_syn = b * h * decay_syn
    if a != 0.0:
        x = h * (1.0 / tau_mem - 1.0 / tau_syn)
        first = scaled_first(x, decay_mem, decay_syn)
        second = scaled_second(x, decay_mem, decay_syn)
        from_i = i * (h * first - h * h / tau_mem * second)
        out[TAU_MEM] -= a / (tau_mem * tau_mem) * (from_i - (v - p[LEAK]) * h * decay_mem)
        per_syn += a * h * h / tau_mem * scaled_third(x, decay_mem, decay_syn)
    out[TAU_SYN] += i / (tau_syn * tau_syn) * per_syn


@compiled
def sweep_back(
    times: Floats,
    kinds: Ints,
    numbers: Ints,
    n: int,
    table: Floats,
    path: Floats,
    p: Floats,
    duration: float,
    least_slope: float,
    constants: bool,
    spike_grad: Floats,
    sample_grad: Floats,
    end_grad: Floats,
    arrival_grad: Floats,
    sample_time_grad: Floats,
    param_grad: Floats,
    start_grad: Floats,
) -> int:
    """All gradients of one neuron in one sample; returns how many slopes were below the least.

    Args:
        times, kinds, numbers, n, table, path: of ``history``.
        least_slope: least dV/dt at a spike, V/s.
        constants: whether the gradients of the time constants are wanted.
        spike_grad: (S,), G of each spike; sample_grad: (2, Q), of v and i of each sample;
            end_grad: (2,), of v and i at the end.
        arrival_grad: (2, A), filled: b, and b/tau_syn - a/tau_mem, at each arrival.
        sample_time_grad: filled.
        param_grad: (6,), start_grad: (3,): added to.
    """
    a, b, after, clipped = end_grad[0], end_grad[1], 0.0, 0
    if path[2, n] > 0.0:
        param_grad[V_RESET] += a
        a = 0.0
    for e in range(n, -1, -1):
        h = (times[e] if e < n else duration) - (times[e - 1] if e > 0 else 0.0)
        if constants:
            add_time_constants(a, b, h, path[0, e], path[1, e], table[:, e], p, param_grad)
        b = b * table[1, e] + a * table[2, e]
        param_grad[LEAK] += a * (1.0 - table[0, e])
        a *= table[0, e]
        if e == 0:
            break
        kind, number, i = kinds[e - 1], numbers[e - 1], path[1, e]
        held = path[2, e - 1] > 0.0  # before the entry
        if kind == ARRIVAL:
            arrival_grad[0, number] = b
            arrival_grad[1, number] = b / p[TAU_SYN] - a / p[TAU_MEM]
        elif kind == SAMPLE:
            of_v, of_i = sample_grad[0, number], sample_grad[1, number]
            sample_time_grad[number] = -of_i * i / p[TAU_SYN]
            b += of_i
            if held:
                param_grad[V_RESET] += of_v
            else:
                sample_time_grad[number] += of_v * (p[LEAK] - path[0, e] + i) / p[TAU_MEM]
                a += of_v
        elif kind == RELEASE:
            param_grad[V_RESET] += a
            after = a * slope_after(i, p)
            if number < 0:
                start_grad[2] -= after
            else:
                param_grad[REFRACTORY] -= after
            a = 0.0
        else:
            if p[REFRACTORY] == 0.0:
                param_grad[V_RESET] += a
                after = a * slope_after(i, p)
            slope = slope_before(i, p, least_slope)
            clipped += 1 if slope == least_slope else 0
            # a recorded spike that comes while its neuron is held is caused by nothing
            a = 0.0 if held else (after - spike_grad[number]) / slope
            param_grad[V_TH] -= a
            after = 0.0
    start_grad[0] += 0.0 if path[2, 0] > 0.0 else a
    param_grad[V_RESET] += a if path[2, 0] > 0.0 else 0.0
    start_grad[1] += b
    return clipped
