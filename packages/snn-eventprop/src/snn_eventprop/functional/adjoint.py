"""Backward kernels: the adjoint of the Euler steps, with every spike inside its step.

In the reference's scaling lv = a/tau_mem and li = b/tau_syn, a = dL/dV, b = dL/dI. A step without
a spike is the transpose of the forward step:

    lv <- lv (1 - dt/tau_mem)          li <- li (1 - dt/tau_syn) + dt/tau_syn lv    (lv before)

and row t - 1 of the input, which the step from t - 1 to t has seen, gets
(tau_syn li, lv - li): dL/dx, and -dL/dt of a spike of unit weight that arrives then.

A step with a spike at the part f of it has the current i_c = i e^{-f dt/tau_syn} there. The
membrane is held from the spike to the end of the step; so li alone decays over the rest, lv jumps,

    lv- = (lv (leak - reset + i_c) + g) / (leak - threshold + i_c)

with g = -dL/dt of the spike, and exact propagators bring both back over f dt.

Source: Wunderlich and Pehle, Scientific Reports 11, 2021, table 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eventprop.functional.euler import BLOCK
from snn_eventprop.kernels.closed_form import propagators
from snn_eventprop.kernels.compiling import Floats, Ints, compiled

Array = NDArray[Any]


@compiled
def part_of_step(v: float, rise: float, threshold: float, recorded: bool) -> float:
    """When in its step a membrane that rises linearly from v by ``rise`` crosses the threshold.

    A recorded spike sits at the end: the model's membrane does not know it.
    """
    return 1.0 if recorded else min((threshold - v) / rise, 1.0)


@compiled
def slope_at_spike(slope: float, floor: float, mean: float) -> tuple[float, bool]:
    """A slope that can be divided by, and whether it had to be raised.

    Near tangency the model's slope at the crossing may be 0 or less though the step crossed; then
    the floor is taken, or without one the mean slope of the step, which is positive.
    """
    if slope > 0.0 and slope >= floor:
        return slope, False
    return (floor if floor > 0.0 else mean), True


@compiled
def through_spike(
    lv: float, li: float, g: float, v: float, i: float, leak: float, reset: float, threshold: float,
    floor: float, mem_rate: float, syn_rate: float, recorded: bool,
) -> tuple[float, float, bool]:  # fmt: skip
    """lv and li before a step that ends in a spike, and whether its slope was raised.

    v, the membrane before the step; i, the current in it. Times are in steps. A neuron that was
    above threshold before the step (a leak above threshold, at the start) fires at once whatever
    comes in: the time of this spike moves with nothing, and the reset forgets the membrane.
    """
    li *= math.exp(-syn_rate)
    if v > threshold and not recorded:
        return 0.0, li, False
    drive = leak - v + i
    f = part_of_step(v, mem_rate * drive, threshold, recorded)
    decay_mem, decay_syn, response = propagators(f, 1.0 / mem_rate, 1.0 / syn_rate)
    i *= decay_syn
    slope, raised = slope_at_spike(leak - threshold + i, floor, drive)
    lv = (lv * (leak - reset + i) + g) / slope
    return lv * decay_mem, li + lv * syn_rate / mem_rate * response, raised


@compiled
def step_back(lv: Array, li: Array, mem_rate: Array, syn_rate: Array, syn_keep: Array) -> None:
    """The transpose of a step without spikes, of some columns."""
    for c in range(len(lv)):
        li[c] = li[c] * syn_keep[c] + syn_rate[c] * lv[c]
        lv[c] -= mem_rate[c] * lv[c]


@compiled
def write_row(lv: Array, li: Array, tau_syn: Array, to_input: Array, to_arrival: Array) -> None:
    """Both channels of the gradient of one row of the input, of some columns."""
    for c in range(len(lv)):
        to_input[c] = tau_syn[c] * li[c]
        to_arrival[c] = lv[c] - li[c]


@compiled
def keep_spiking(
    z: Array, lv: Array, li: Array, columns: Ints, kept_lv: Array, kept_li: Array
) -> int:
    """Which columns spike in a row, and their adjoint after it; returns how many."""
    n = 0
    for c in range(len(z)):
        if z[c] > 0:
            columns[n], kept_lv[n], kept_li[n] = c, lv[c], li[c]
            n += 1
    return n


@compiled
def neuron_adjoint(
    block: int, grad: Array, z: Array, v: Array, i: Array,
    mem_rate: Array, syn_rate: Array, syn_keep: Array, leak: Array, tau_syn: Array,
    reset: Array, threshold: Array, floor: Floats, recorded: bool,
    to_input: Array, to_arrival: Array, n_clipped: Ints,
) -> None:  # fmt: skip
    """Fill both channels of a block's input gradient but its last row; count raised slopes.

    Args:
        grad, z, v, i: ``(T, C)``; -dL/dt in the spike slots, and what the forward returned.
        floor: least slope times tau_mem, in volts.
        recorded: whether the spikes are recorded ones.
        to_input, to_arrival: ``(T, C)``, filled.
        n_clipped: one a block, filled.
    """
    a, b = block * BLOCK, min((block + 1) * BLOCK, z.shape[1])
    lv, li = np.zeros(b - a, z.dtype), np.zeros(b - a, z.dtype)
    kept_lv, kept_li = np.empty_like(lv), np.empty_like(li)
    spiking = np.empty(b - a, np.int64)
    n_clipped[block] = 0
    for t in range(len(z) - 1, 0, -1):
        n_spiking = keep_spiking(z[t, a:b], lv, li, spiking, kept_lv, kept_li)
        step_back(lv, li, mem_rate[a:b], syn_rate[a:b], syn_keep[a:b])
        for n in range(n_spiking):
            c = a + spiking[n]
            lv[c - a], li[c - a], raised = through_spike(
                kept_lv[n], kept_li[n], grad[t, c], v[t - 1, c], i[t, c],
                leak[c], reset[c], threshold[c], floor[c], mem_rate[c], syn_rate[c], recorded,
            )  # fmt: skip
            n_clipped[block] += raised
        write_row(lv, li, tau_syn[a:b], to_input[t - 1, a:b], to_arrival[t - 1, a:b])


@compiled
def add_scaled(total: Array, grad: Array, tau: Array) -> None:
    """Add gradients with respect to a variable to its adjoint over tau, of some columns."""
    for c in range(len(total)):
        total[c] += grad[c] / tau[c]


@compiled
def readout_adjoint(
    block: int, grad_v: Array, grad_i: Array,
    mem_rate: Array, syn_rate: Array, syn_keep: Array, tau_mem: Array, tau_syn: Array,
    to_input: Array, to_arrival: Array,
) -> None:  # fmt: skip
    """The same of neurons that do not fire, from the gradients of membrane and current."""
    a, b = block * BLOCK, min((block + 1) * BLOCK, grad_v.shape[1])
    lv, li = np.zeros(b - a, grad_v.dtype), np.zeros(b - a, grad_v.dtype)
    for t in range(len(grad_v) - 1, 0, -1):
        add_scaled(lv, grad_v[t, a:b], tau_mem[a:b])
        step_back(lv, li, mem_rate[a:b], syn_rate[a:b], syn_keep[a:b])
        add_scaled(li, grad_i[t, a:b], tau_syn[a:b])
        write_row(lv, li, tau_syn[a:b], to_input[t - 1, a:b], to_arrival[t - 1, a:b])
