"""LI: leaky integrator, current-based, with an exponential synapse; it does not fire.

Continuous:

    tau_mem dv/dt = (v_leak - v) + i          tau_syn di/dt = -i

Input adds to i; the output is v. It is LIF without threshold and reset: the readout of a network.
State and start are those of LIF.

Discrete, in this order (right-hand sides are old values):

    v <- v + dt/tau_mem (i + (v_leak - v))
    i <- i (1 - dt/tau_syn) + x

A unit impulse at step t0 gives, with tau_mem = tau_syn = tau and k = dt/tau,
v[t0 + n] = n k (1 - k)^(n - 1).

Measured: v after its update.

Source: as LIF without its threshold (``snn_neurons.lif``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value
from torch import Tensor

from snn_neurons.lif import State, TauMem, TauSyn, initial_state
from snn_neurons.terms import UNOBSERVED, euler_membrane, euler_synapse, leak_pull


class Params(NamedTuple):
    """The parameters of LI; each a number or a tensor that broadcasts to ``(*N,)``."""

    tau_mem: TauMem = 10e-3
    tau_syn: TauSyn = 5e-3
    v_leak: Annotated[Value, Quantity("V", "resting membrane")] = 0.0


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
    (0.65, 2.6)
    """
    seen = observed or UNOBSERVED
    # integrate: membrane and synapse from the old state
    v = euler_membrane(state.v, state.i + leak_pull(state.v, params.v_leak), dt, params.tau_mem)
    i = euler_synapse(state.i, x, dt, params.tau_syn)
    v = inject(v, seen.v)
    return v, State(v, i)


LI = Neuron("li", Params, State, initial_state, step, ("v",))
