"""Exponential-Euler LI: leaky integrator, current-based, with exact decays; it does not fire.

The continuous equations are those of LI (``snn_neurons.li``):

    tau_mem dv/dt = (v_leak - v) + i          tau_syn di/dt = -i

Discrete, with em = exp(-dt/tau_mem) and es = exp(-dt/tau_syn), in this order (right-hand sides are
old values); the output is v:

    v <- v_leak + em (v - v_leak) + (1 - em) i
    i <- es i + x

The impulse response stands in ``snn_neurons.exp_lif``.

Measured: v after its update.

Source: as ``snn_neurons.exp_lif``; hxtorch.spiking's ``exp_cuba_li_integration``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value
from torch import Tensor

from snn_neurons.exp_lif import TauMem, TauSyn
from snn_neurons.lif import State, initial_state
from snn_neurons.terms import UNOBSERVED, decay_factor, exponential_membrane, exponential_synapse


class Params(NamedTuple):
    """The parameters of exponential-Euler LI: those of LI, with no limit to dt."""

    tau_mem: TauMem = 10e-3
    tau_syn: TauSyn = 5e-3
    v_leak: Annotated[Value, Quantity("V", "resting membrane")] = 0.0


class Factors(NamedTuple):
    """What EXP_LI_BY_FACTORS takes in place of Params: decays a step instead of time constants."""

    tau_mem_exp: Annotated[Value, Quantity("", "exp(-dt/tau_mem)")]
    tau_syn_exp: Annotated[Value, Quantity("", "exp(-dt/tau_syn)")]
    v_leak: Annotated[Value, Quantity("V", "resting membrane")]


def step(
    x: Tensor,
    state: State,
    params: Params,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    observed: Observed | None = None,
) -> tuple[Tensor, State]:
    """One step: input x ``(B, *N)`` to the membrane ``(B, *N)`` and the next state.

    The threshold is not used.

    >>> import torch
    >>> from snn_core.thresholds import SUPER_SPIKE
    >>> start = State(v=torch.tensor([[0.5]]), i=torch.tensor([[2.0]]))
    >>> v, after = step(torch.ones(1, 1), start, Params(), SUPER_SPIKE, dt=1e-3)
    >>> round(v.item(), 4), round(after.i.item(), 4)
    (0.6427, 2.6375)
    """
    mem_decay, syn_decay = decay_factor(dt, params.tau_mem), decay_factor(dt, params.tau_syn)
    factors = Factors(mem_decay, syn_decay, params.v_leak)
    return step_by_factors(x, state, factors, threshold, dt, observed)


def step_by_factors(
    x: Tensor,
    state: State,
    params: Factors,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    observed: Observed | None = None,
) -> tuple[Tensor, State]:
    """The same step from its decay factors; dt and the threshold do not enter."""
    seen = observed or UNOBSERVED
    # integrate: membrane and synapse from the old state
    v = exponential_membrane(state.v, state.i, params.v_leak, params.tau_mem_exp)
    i = exponential_synapse(state.i, x, params.tau_syn_exp)
    v = inject(v, seen.v)
    return v, State(v, i)


EXP_LI = Neuron("exp_li", Params, State, initial_state, step, ("v",))
EXP_LI_BY_FACTORS = Neuron(
    "exp_li_by_factors", Factors, State, initial_state, step_by_factors, ("v",)
)
