"""LIF: leaky integrate-and-fire, current-based, with an exponential synapse.

Continuous:

    tau_mem dv/dt = (v_leak - v) + i          tau_syn di/dt = -i

A spike z = 1 is emitted where v > v_th, and v is set to v_reset. Input adds to i.

Discrete, in this order (the right-hand sides of the first two lines are old values):

    v <- v + dt/tau_mem (i + (v_leak - v))
    i <- i (1 - dt/tau_syn) + x
    z  = threshold(v - v_th)
    v <- v_reset where z

So an input at step t is in i at t, in v at t + 1, and fires at t + 1 at the earliest. The recorded
v of a spiking step is v_reset. No gradient goes through the reset. With c_mem = tau_mem and
g_l = 1 these are the numbers of ``cuba_aelif_integration``, to the bit.

Measured: v after its update (then there is no reset), z after the threshold.

Source: Gerstner, Kistler, Naud and Paninski, Neuronal Dynamics, 2014, eq. 1.5 and section 1.3;
Dayan and Abbott, Theoretical Neuroscience, 2001, eq. 5.8; with the synapse and on a grid: Neftci,
Mostafa and Zenke, IEEE Signal Processing Magazine 36(6), 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import torch
from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value
from torch import Tensor

from snn_neurons.terms import UNOBSERVED, at_rest, euler_membrane, euler_synapse, leak_pull, reset

TauMem = Annotated[Value, Quantity("s", "membrane time constant", positive=True, euler=True)]
TauSyn = Annotated[Value, Quantity("s", "synaptic time constant", positive=True, euler=True)]


class Params(NamedTuple):
    """The parameters of LIF; each a number or a tensor that broadcasts to ``(*N,)``."""

    tau_mem: TauMem = 10e-3
    tau_syn: TauSyn = 5e-3
    v_th: Annotated[Value, Quantity("V", "firing threshold")] = 1.0
    v_reset: Annotated[Value, Quantity("V", "membrane after a spike")] = 0.0
    v_leak: Annotated[Value, Quantity("V", "resting membrane")] = 0.0


class State(NamedTuple):
    """The state of LIF, each ``(B, *N)``."""

    v: Annotated[Tensor, Quantity("V", "membrane")]
    i: Annotated[Tensor, Quantity("V", "synaptic current over the leak conductance")]


def initial_state(
    params: Params, shape: tuple[int, ...], *, dtype: torch.dtype, device: torch.device | str
) -> State:
    """At rest, without current; ``shape`` is ``(B, *N)``."""
    i = torch.zeros(shape, dtype=dtype, device=device)
    return State(at_rest(i, params.v_leak), i)


def step(
    x: Tensor,
    state: State,
    params: Params,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    observed: Observed | None = None,
) -> tuple[Tensor, State]:
    """One step: input x ``(B, *N)`` to spikes ``(B, *N)`` and the next state.

    >>> from snn_core.thresholds import SUPER_SPIKE
    >>> start = State(v=torch.tensor([[0.9]]), i=torch.tensor([[2.0]]))
    >>> z, after = step(torch.ones(1, 1), start, Params(), SUPER_SPIKE, dt=1e-3)
    >>> z.item(), after.v.item(), round(after.i.item(), 4)
    (1.0, 0.0, 2.6)
    """
    seen = observed or UNOBSERVED
    # integrate: membrane and synapse from the old state
    v = euler_membrane(state.v, state.i + leak_pull(state.v, params.v_leak), dt, params.tau_mem)
    i = euler_synapse(state.i, x, dt, params.tau_syn)
    v = inject(v, seen.v)
    # spike
    z = inject(threshold(v - params.v_th), seen.z)
    # reset, unless the membrane was measured: the measurement has had its own
    if seen.v is None:
        v = reset(v, z, params.v_reset)
    return z, State(v, i)


LIF = Neuron("lif", Params, State, initial_state, step, ("v", "z"))
