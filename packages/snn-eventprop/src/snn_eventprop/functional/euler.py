"""Forward kernels: the Euler steps of ``snn_neurons.lif`` over blocks of independent columns.

The arithmetic is torch's to the bit, operation by operation in the dtype of the input; the tests
hold it to ``cuba_lif_integration``. Arrays are ``(T, C)``, C columns (a neuron of a sample each);
row 0 is the start, and row t + 1 has seen the input of row t:

    i[t+1] = i[t] (1 - dt/tau_syn) + x[t]
    v[t+1] = v[t] + dt/tau_mem (i[t+1] + (leak - v[t]))
    z[t+1] = 1 and v[t+1] = reset where v[t+1] > threshold

This is the current one row later than ``snn_neurons.lif`` records it, and the same v and z.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from snn_eventprop.kernels.compiling import compiled

BLOCK = 1024
"""Columns of a block: a few pages a row, so that the state of a block stays in the cache."""

Array = NDArray[Any]


@compiled
def next_current(i: float, x: float, keep: float) -> float:
    """One step of tau_syn di/dt = -i, then the input jumps in."""
    return i * keep + x


@compiled
def next_membrane(v: float, i: float, leak: float, rate: float) -> float:
    """One step of tau_mem dv/dt = leak - v + i."""
    return v + rate * (i + (leak - v))


@compiled
def fire_row(
    x: Array, v: Array, i: Array,
    mem_rate: Array, syn_keep: Array, leak: Array, reset: Array, threshold: Array,
    next_z: Array, next_v: Array, next_i: Array,
) -> None:  # fmt: skip
    """One step of some columns."""
    for c in range(len(x)):
        current = next_current(i[c], x[c], syn_keep[c])
        membrane = next_membrane(v[c], current, leak[c], mem_rate[c])
        after = reset[c]  # read in any case: a loop without branches becomes vector instructions
        fired = membrane > threshold[c]
        next_i[c] = current
        next_v[c] = after if fired else membrane
        next_z[c] = fired


@compiled
def fire(
    block: int, x: Array,
    mem_rate: Array, syn_keep: Array, leak: Array, reset: Array, threshold: Array,
    z: Array, v: Array, i: Array,
) -> None:  # fmt: skip
    """Fill z, v and i of a block from the input."""
    a, b = block * BLOCK, min((block + 1) * BLOCK, x.shape[1])
    z[0, a:b], v[0, a:b], i[0, a:b] = 0.0, leak[a:b], 0.0
    for t in range(len(x) - 1):
        fire_row(
            x[t, a:b], v[t, a:b], i[t, a:b],
            mem_rate[a:b], syn_keep[a:b], leak[a:b], reset[a:b], threshold[a:b],
            z[t + 1, a:b], v[t + 1, a:b], i[t + 1, a:b],
        )  # fmt: skip


@compiled
def current_row(x: Array, i: Array, syn_keep: Array, next_i: Array) -> None:
    """One step of the current of some columns."""
    for c in range(len(x)):
        next_i[c] = next_current(i[c], x[c], syn_keep[c])


@compiled
def integrate_current(block: int, x: Array, syn_keep: Array, i: Array) -> None:
    """Fill i of a block from the input."""
    a, b = block * BLOCK, min((block + 1) * BLOCK, x.shape[1])
    i[0, a:b] = 0.0
    for t in range(len(x) - 1):
        current_row(x[t, a:b], i[t, a:b], syn_keep[a:b], i[t + 1, a:b])


@compiled
def membrane_row(v: Array, i: Array, mem_rate: Array, leak: Array, next_v: Array) -> None:
    """One step of the membrane of some columns, given the current after it."""
    for c in range(len(v)):
        next_v[c] = next_membrane(v[c], i[c], leak[c], mem_rate[c])


@compiled
def integrate_membrane(block: int, i: Array, mem_rate: Array, leak: Array, v: Array) -> None:
    """Fill v of a block, of neurons that do not fire, from the current."""
    a, b = block * BLOCK, min((block + 1) * BLOCK, i.shape[1])
    v[0, a:b] = leak[a:b]
    for t in range(len(i) - 1):
        membrane_row(v[t, a:b], i[t + 1, a:b], mem_rate[a:b], leak[a:b], v[t + 1, a:b])


@compiled
def reset_row(z: Array, reset: Array, v: Array) -> None:
    """Reset some columns where they spike."""
    for c in range(len(z)):
        after = reset[c]
        v[c] = after if z[c] > 0 else v[c]


@compiled
def integrate_between_spikes(
    block: int, i: Array, z: Array, mem_rate: Array, leak: Array, reset: Array, v: Array
) -> None:
    """Fill v of a block from the current and the spikes that were recorded."""
    a, b = block * BLOCK, min((block + 1) * BLOCK, i.shape[1])
    v[0, a:b] = leak[a:b]
    reset_row(z[0, a:b], reset[a:b], v[0, a:b])
    for t in range(len(i) - 1):
        membrane_row(v[t, a:b], i[t + 1, a:b], mem_rate[a:b], leak[a:b], v[t + 1, a:b])
        reset_row(z[t + 1, a:b], reset[a:b], v[t + 1, a:b])
