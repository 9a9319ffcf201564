"""The pieces of equations that the models share: pure functions of one return expression each.

Letters: v membrane (V), i synaptic current, w adaptation current, z spikes (0 or 1), x input,
ref steps that a neuron is still held, dt step (s). Every argument that is not a state variable is
a number, a 0-d tensor, or a tensor that broadcasts to ``(*N,)``.

An equation of a model stands here or in the file of the model, once; ``CuBaStepCode`` prints the
step with these very expressions in it.
"""

from __future__ import annotations

import math

import torch
from snn_core.types import Observed, Value
from torch import Tensor

UNOBSERVED = Observed()
"""What a step has seen when nothing was measured."""


def leak_pull(v: Tensor, v_leak: Value) -> Tensor:
    """How far the membrane lies below rest, in volts: v_leak - v."""
    return v_leak - v


def leak_current(v: Tensor, g_l: Value, v_leak: Value) -> Tensor:
    """Current through the leak conductance: g_l (v_leak - v)."""
    return g_l * leak_pull(v, v_leak)


def exponential_current(v: Tensor, g_l: Value, exp_slope: Value, exp_threshold: Value) -> Tensor:
    """Spike-generating current: g_l D exp((v - V_T) / D), D the slope, V_T the soft threshold.

    Source: Fourcaud-Trocmé et al., J. Neurosci. 23(37), 2003; Brette and Gerstner 2005, eq. 1.
    """
    return g_l * exp_slope * torch.exp((v - exp_threshold) / exp_slope)


def euler_membrane(v: Tensor, current: Tensor, dt: float, c_mem: Value) -> Tensor:
    """One Euler step of c_mem dv/dt = current; with g_l = 1, c_mem is tau_mem in seconds."""
    return v + dt / c_mem * current


def driven_membrane(
    v: Tensor, x: Tensor, r: Value, v_leak: Value, dt: float, tau_mem: Value
) -> Tensor:
    """One Euler step of tau_mem dv/dt = (v_leak - v) + r x for an x that is constant over it."""
    return euler_membrane(v, r * x + leak_pull(v, v_leak), dt, tau_mem)


def charged_membrane(v: Tensor, x: Tensor, r: Value, dt: float) -> Tensor:
    """One step of dv/dt = r x for an x that is constant over it: exact."""
    return v + dt * r * x


def euler_decay(y: Tensor, dt: float, tau: Value) -> Tensor:
    """One Euler step of tau dy/dt = -y."""
    return y * (1 - dt / tau)


def euler_synapse(i: Tensor, x: Tensor, dt: float, tau_syn: Value) -> Tensor:
    """One Euler step of the exponential synapse tau_syn di/dt = -i, then the input jumps in."""
    return euler_decay(i, dt, tau_syn) + x


def adaptation_drive(v: Tensor, a: Value, v_leak: Value, dt: float, tau_adap: Value) -> Tensor:
    """What the membrane adds to w in one Euler step of tau_adap dw/dt = a (v - v_leak) - w."""
    return dt / tau_adap * a * (v - v_leak)


def decay_factor(dt: float, tau: Value) -> Value:
    """What is left of an exponential decay after dt: exp(-dt / tau)."""
    return torch.exp(-dt / tau) if isinstance(tau, Tensor) else math.exp(-dt / tau)


def exponential_membrane(v: Tensor, i: Tensor, v_leak: Value, mem_decay: Value) -> Tensor:
    """Exact step of tau_mem dv/dt = v_leak - v + i for an i that is constant over the step."""
    return v_leak + mem_decay * (v - v_leak) + (1 - mem_decay) * i


def exponential_synapse(i: Tensor, x: Tensor, syn_decay: Value) -> Tensor:
    """Exact step of tau_syn di/dt = -i, then the input jumps in."""
    return syn_decay * i + x


def held_at(v: Tensor, held: Tensor, v_reset: Value) -> Tensor:
    """The membrane, v_reset where it is held."""
    return torch.where(held, v_reset, v)


def reset(v: Tensor, z: Tensor, v_reset: Value) -> Tensor:
    """The membrane, v_reset where it spiked: a selection, so no 0 * inf and no gradient to z."""
    return held_at(v, z > 0.5, v_reset)


def weighed_reset(v: Tensor, z: Tensor, v_reset: Value) -> Tensor:
    """The same value as ``reset``, with a gradient to z: dv'/dz = v_reset - v.

    An infinite v is selected, without this gradient: a product would be 0 * inf.

    >>> weighed_reset(torch.tensor([math.inf, 2.0, 0.5]), torch.tensor([1.0, 1.0, 0.0]), 0.25)
    tensor([0.2500, 0.2500, 0.5000])
    """
    return torch.where(
        v.isinf(), reset(v, z, v_reset), weighed(torch.where(v.isinf(), 0.0, v), z, v_reset)
    )


def weighed(v: Tensor, z: Tensor, v_reset: Value) -> Tensor:
    """v and v_reset mixed by z: v where it is 0, v_reset where it is 1."""
    return (1 - z) * v + z * v_reset


def silenced(z: Tensor, held: Tensor) -> Tensor:
    """Spikes of the neurons that are not held."""
    return torch.where(held, 0.0, z)


def countdown(ref: Tensor, z: Tensor, n: Value) -> Tensor:
    """Steps still to be held: n after a spike, otherwise one less than before, at least 0."""
    return torch.where(z > 0.5, n, torch.clamp(ref - 1, min=0))


def at_rest(zeros: Tensor, v_rest: Value) -> Tensor:
    """A membrane at v_rest in the shape of ``zeros``: memory of its own, differentiable."""
    return zeros + v_rest
