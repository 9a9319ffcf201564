"""The adjoint of one neuron: backwards through its history, with all its gradients.

With a = dL/dV and b = dL/dI, over an interval without an entry (a1, b1 at its end)

    a0 = a1 e^{-h/tau_mem}          b0 = b1 e^{-h/tau_syn} + a1 phi(h)

and a = 0 while the neuron is held. At spike k, with G_k what the loss and everything that the spike
reaches say of its time, and V'- and V'+ the slopes before the spike and after the reset or release,

    D_k = G_k - a+ V'+          a- = -D_k / V'-          b is continuous

Source: Wunderlich and Pehle, Scientific Reports 11, 2021, table 1 (their lambda_V is -a/tau_mem,
their lambda_I is -b/tau_syn); the gradients of constants are integrals of the same costates.
"""

from __future__ import annotations

from snn_eventprop.kernels.arrivals import LEAK, REFRACTORY, TAU_MEM, TAU_SYN, V_RESET, V_TH
from snn_eventprop.kernels.closed_form import scaled_first, scaled_second, scaled_third
from snn_eventprop.kernels.compiling import Floats, compiled_lean
from snn_eventprop.kernels.history import ARRIVAL, RELEASE, SAMPLE, Scratch


@compiled_lean
def slope_before(i: float, p: Floats, least: float) -> float:
    """dV/dt just before a spike, at least ``least``."""
    return max((p[LEAK] - p[V_TH] + i) / p[TAU_MEM], least)


@compiled_lean
def slope_after(i: float, p: Floats) -> float:
    """dV/dt just after the reset, or after the release from it."""
    return (p[LEAK] - p[V_RESET] + i) / p[TAU_MEM]


@compiled_lean
def add_time_constants(
    a: float,
    b: float,
    h: float,
    v: float,
    i: float,
    decay_mem: float,
    decay_syn: float,
    p: Floats,
    out: Floats,
) -> None:
    """Add an interval's part of dL/dtau_mem and dL/dtau_syn.

    Args:
        a, b: at its end; a = 0 if the neuron is held.
        h: its length; v, i: at its start; decay_mem, decay_syn: over it.
        out: (6,), gradients of the parameters.
    """
    tau_mem, tau_syn = p[TAU_MEM], p[TAU_SYN]
    per_syn = b * h * decay_syn
    if a != 0.0:
        x = h * (1.0 / tau_mem - 1.0 / tau_syn)
        first = scaled_first(x, decay_mem, decay_syn)
        second = scaled_second(x, decay_mem, decay_syn)
        from_i = i * (h * first - h * h / tau_mem * second)
        out[TAU_MEM] -= a / (tau_mem * tau_mem) * (from_i - (v - p[LEAK]) * h * decay_mem)
        per_syn += a * h * h / tau_mem * scaled_third(x, decay_mem, decay_syn)
    out[TAU_SYN] += i / (tau_syn * tau_syn) * per_syn


@compiled_lean
def clear(values: Floats) -> None:
    """Set all to 0."""
    for row in range(len(values)):
        values[row] = 0.0


@compiled_lean
def sweep_back(
    s: Scratch,
    n: int,
    end: float,
    least_slope: float,
    constants: bool,
    sample_grad: Floats,
    b_index: int,
    m: int,
    end_v: float,
    end_i: float,
    sample_time_grad: Floats,
) -> None:
    """All gradients of one neuron in one sample.

    Args:
        s: with its history of n entries; ``own_grad`` holds G of each spike. Filled are
            ``arrival_grad``, b and b/tau_syn - a/tau_mem at each arrival, ``param_grad`` and
            ``start_grad``.
        least_slope: least dV/dt at a spike, V/s.
        constants: whether the gradients of the time constants are wanted.
        sample_grad: (2, B, N, Q), of v and i of each sample; this one is ``b_index``, ``m``.
        end_v, end_i: of v and i at the end.
        sample_time_grad: (B, N, Q), filled.
    """
    times, kinds, numbers, table, path = s.times, s.kinds, s.numbers, s.table, s.path
    p, grad, arrival_grad, start_grad = s.params, s.param_grad, s.arrival_grad, s.start_grad
    rate_mem, rate_syn = 1.0 / p[TAU_MEM], 1.0 / p[TAU_SYN]
    clear(grad)
    clear(start_grad)
    a, b, after = end_v, end_i, 0.0
    if path[2, n] > 0.0:
        grad[V_RESET] += a
        a = 0.0
    for e in range(n, -1, -1):
        if constants:
            h = (times[e] if e < n else end) - (times[e - 1] if e > 0 else 0.0)
            add_time_constants(a, b, h, path[0, e], path[1, e], table[0, e], table[1, e], p, grad)
        b = b * table[1, e] + a * table[2, e]
        grad[LEAK] += a * (1.0 - table[0, e])
        a *= table[0, e]
        if e == 0:
            break
        kind, number, i, held = kinds[e - 1], numbers[e - 1], path[1, e], path[2, e - 1] > 0.0
        if kind == ARRIVAL:
            arrival_grad[0, number] = b
            arrival_grad[1, number] = b * rate_syn - a * rate_mem
        elif kind == SAMPLE:
            of_v, of_i = sample_grad[0, b_index, m, number], sample_grad[1, b_index, m, number]
            slope = 0.0 if held else (p[LEAK] - path[0, e] + i) * rate_mem
            sample_time_grad[b_index, m, number] = of_v * slope - of_i * i * rate_syn
            grad[V_RESET] += of_v if held else 0.0
            a += 0.0 if held else of_v
            b += of_i
        elif kind == RELEASE:
            grad[V_RESET] += a
            after = a * slope_after(i, p)
            start_grad[2] -= after if number < 0 else 0.0
            grad[REFRACTORY] -= after if number >= 0 else 0.0
            a = 0.0
        else:
            if p[REFRACTORY] == 0.0:
                grad[V_RESET] += a
                after = a * slope_after(i, p)
            slope = slope_before(i, p, least_slope)
            # at the start, or in the record of a neuron that is held, it is caused by nothing
            caused = not held and times[e - 1] > 0.0
            a = (after - s.own_grad[number]) / slope if caused else 0.0
            grad[V_TH] -= a
            after = 0.0
    grad[V_RESET] += a if path[2, 0] > 0.0 else 0.0
    start_grad[0] += 0.0 if path[2, 0] > 0.0 else a
    start_grad[1] = b
