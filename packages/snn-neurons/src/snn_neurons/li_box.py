"""LI without a synapse: a leaky integrator of its input current; it does not fire.

Continuous:

    tau_mem dv/dt = (v_leak - v) + r x

The output is v: ``lif_box`` without threshold and reset, and with its state and start.

Discrete (right-hand sides are old values):

    v <- v + dt/tau_mem (r x + (v_leak - v))

A unit impulse at step t0 gives, with k = dt/tau_mem, v[t0 + n] = r k (1 - k)^n.

Measured: v after its update.

Source: as ``snn_neurons.lif_box`` without its threshold; the LI of NIR.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value
from torch import Tensor

from snn_neurons.lif import TauMem
from snn_neurons.lif_box import Gain, State, initial_state
from snn_neurons.terms import UNOBSERVED, driven_membrane


class Params(NamedTuple):
    """The parameters of LIBox; each a number or a tensor that broadcasts to ``(*N,)``."""

    tau_mem: TauMem = 10e-3
    r: Gain = 1.0
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
    >>> start = State(v=torch.tensor([[0.5]]))
    >>> v, after = step(torch.ones(1, 1), start, Params(), SUPER_SPIKE, dt=1e-3)
    >>> round(v.item(), 4), round(after.v.item(), 4)
    (0.55, 0.55)
    """
    seen = observed or UNOBSERVED
    v = driven_membrane(state.v, x, params.r, params.v_leak, dt, params.tau_mem)
    v = inject(v, seen.v)
    return v, State(v)


LI_BOX = Neuron("li_box", Params, State, initial_state, step, ("v",))
