"""LIF without a synapse: leaky integrate-and-fire, driven by its input current itself.

Continuous:

    tau_mem dv/dt = (v_leak - v) + r x

The input is a current, constant over each step: a spike is a rectangle (a "box") of one step. A
spike z = 1 is emitted where v > v_th, and v is set to v_reset.

Discrete, in this order (right-hand sides are old values):

    v <- v + dt/tau_mem (r x + (v_leak - v))
    z  = threshold(v - v_th)
    v <- v_reset where z

So an input at step t is in v at t and can fire at t, a step earlier than with the synapse of
``lif``. The recorded v of a spiking step is v_reset. No gradient goes through the reset. With
r = tau_mem/dt each input jumps into v undiminished.

Measured: v after its update (then there is no reset), z after the threshold.

Source: Gerstner, Kistler, Naud and Paninski, Neuronal Dynamics, 2014, eq. 1.5 and section 1.3; it
is the LIF of NIR (Pedersen et al., Nature Communications 15, 2024, doi:10.1038/s41467-024-52259-9),
on the grid that norse's LIFBox has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import torch
from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value
from torch import Tensor

from snn_neurons.lif import TauMem
from snn_neurons.terms import UNOBSERVED, at_rest, driven_membrane, reset

Gain = Annotated[Value, Quantity("1", "resistance: how much of the input drives the membrane")]


class Params(NamedTuple):
    """The parameters of LIFBox; each a number or a tensor that broadcasts to ``(*N,)``."""

    tau_mem: TauMem = 10e-3
    r: Gain = 1.0
    v_th: Annotated[Value, Quantity("V", "firing threshold")] = 1.0
    v_reset: Annotated[Value, Quantity("V", "membrane after a spike")] = 0.0
    v_leak: Annotated[Value, Quantity("V", "resting membrane")] = 0.0


class State(NamedTuple):
    """The state of LIFBox, ``(B, *N)``."""

    v: Annotated[Tensor, Quantity("V", "membrane")]


def initial_state(
    params: Params, shape: tuple[int, ...], *, dtype: torch.dtype, device: torch.device | str
) -> State:
    """At rest; ``shape`` is ``(B, *N)``."""
    return State(at_rest(torch.zeros(shape, dtype=dtype, device=device), params.v_leak))


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
    >>> start = State(v=torch.tensor([[0.5, 0.9]]))
    >>> z, after = step(torch.tensor([[1.0, 3.0]]), start, Params(), SUPER_SPIKE, dt=1e-3)
    >>> z, after.v
    (tensor([[0., 1.]]), tensor([[0.5500, 0.0000]]))
    """
    seen = observed or UNOBSERVED
    # integrate
    v = driven_membrane(state.v, x, params.r, params.v_leak, dt, params.tau_mem)
    v = inject(v, seen.v)
    # spike
    z = inject(threshold(v - params.v_th), seen.z)
    # reset, unless the membrane was measured: the measurement has had its own
    if seen.v is None:
        v = reset(v, z, params.v_reset)
    return z, State(v)


LIF_BOX = Neuron("lif_box", Params, State, initial_state, step, ("v", "z"))
