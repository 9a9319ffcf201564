"""Exponential-Euler LIF: leaky integrate-and-fire, current-based, with exact decays.

The continuous equations and State are those of LIF (``snn_neurons.lif``):

    tau_mem dv/dt = (v_leak - v) + i          tau_syn di/dt = -i

Discrete, with em = exp(-dt/tau_mem) and es = exp(-dt/tau_syn), in this order (the right-hand sides
of the first two lines are old values):

    v <- v_leak + em (v - v_leak) + (1 - em) i
    i <- es i + x
    z  = threshold(v - v_th)
    v <- v_reset where z

It is exact for a current that is constant over a step, and stable for any dt. A unit impulse at
step t0 gives v[t0 + n] = (1 - em) (es^n - em^n) / (es - em) below threshold with v_leak = 0, and
(1 - em) n em^(n - 1) if both decays are equal.

Measured: v after its update (then there is no reset), z after the threshold.

Source: Hochbruck and Ostermann, Exponential integrators, Acta Numerica 19, 2010, section 1
(exponential Euler), applied to the equations of LIF; hxtorch.spiking, ``exp_cuba_lif_integration``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value
from torch import Tensor

from snn_neurons.lif import State, initial_state
from snn_neurons.terms import (
    UNOBSERVED,
    decay_factor,
    exponential_membrane,
    exponential_synapse,
    reset,
)

TauMem = Annotated[Value, Quantity("s", "membrane time constant", positive=True)]
TauSyn = Annotated[Value, Quantity("s", "synaptic time constant", positive=True)]


class Params(NamedTuple):
    """The parameters of exponential-Euler LIF: those of LIF, with no limit to dt."""

    tau_mem: TauMem = 10e-3
    tau_syn: TauSyn = 5e-3
    v_th: Annotated[Value, Quantity("V", "firing threshold")] = 1.0
    v_reset: Annotated[Value, Quantity("V", "membrane after a spike")] = 0.0
    v_leak: Annotated[Value, Quantity("V", "resting membrane")] = 0.0


class Factors(NamedTuple):
    """What EXP_LIF_BY_FACTORS takes in place of Params: decays a step instead of time constants."""

    tau_mem_exp: Annotated[Value, Quantity("", "exp(-dt/tau_mem)")]
    tau_syn_exp: Annotated[Value, Quantity("", "exp(-dt/tau_syn)")]
    v_th: Annotated[Value, Quantity("V", "firing threshold")]
    v_reset: Annotated[Value, Quantity("V", "membrane after a spike")]
    v_leak: Annotated[Value, Quantity("V", "resting membrane")]


def step(
    x: Tensor,
    state: State,
    params: Params,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    observed: Observed | None = None,
) -> tuple[Tensor, State]:
    """One step: input x ``(B, *N)`` to spikes ``(B, *N)`` and the next state.

    >>> import torch
    >>> from snn_core.thresholds import SUPER_SPIKE
    >>> start = State(v=torch.tensor([[0.5]]), i=torch.tensor([[2.0]]))
    >>> z, after = step(torch.ones(1, 1), start, Params(), SUPER_SPIKE, dt=1e-3)
    >>> z.item(), round(after.v.item(), 4), round(after.i.item(), 4)
    (0.0, 0.6427, 2.6375)
    """
    mem_decay, syn_decay = decay_factor(dt, params.tau_mem), decay_factor(dt, params.tau_syn)
    factors = Factors(mem_decay, syn_decay, params.v_th, params.v_reset, params.v_leak)
    return step_by_factors(x, state, factors, threshold, dt, observed)


def step_by_factors(
    x: Tensor,
    state: State,
    params: Factors,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    observed: Observed | None = None,
) -> tuple[Tensor, State]:
    """The same step from its decay factors; dt does not enter."""
    seen = observed or UNOBSERVED
    # integrate: membrane and synapse from the old state
    v = exponential_membrane(state.v, state.i, params.v_leak, params.tau_mem_exp)
    i = exponential_synapse(state.i, x, params.tau_syn_exp)
    v = inject(v, seen.v)
    # spike
    z = inject(threshold(v - params.v_th), seen.z)
    # reset, unless the membrane was measured
    if seen.v is None:
        v = reset(v, z, params.v_reset)
    return z, State(v, i)


EXP_LIF = Neuron("exp_lif", Params, State, initial_state, step, ("v", "z"))
EXP_LIF_BY_FACTORS = Neuron(
    "exp_lif_by_factors", Factors, State, initial_state, step_by_factors, ("v", "z")
)
