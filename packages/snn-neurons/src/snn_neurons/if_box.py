"""IF with a current as input: integrate-and-fire without leak and without synapse.

Continuous:

    dv/dt = r x

The input is a current, constant over each step, so that its effect is in proportion to dt; the
input of ``iaf`` and ``iaf_integrate_first`` is a charge, and dt does not enter there. A spike z = 1
is emitted where v > v_th, and v is set to v_reset.

Discrete, in this order:

    v <- v + dt r x
    z  = threshold(v - v_th)
    v <- v_reset where z

With r = 1/dt it is ``iaf_integrate_first`` but for the gradient: none goes through the reset. State
and start are those of IAF.

Measured: v after its update (then there is no reset), z after the threshold.

Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3 without the leak; it is the IF of NIR
(Pedersen et al., Nature Communications 15, 2024, doi:10.1038/s41467-024-52259-9).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value
from torch import Tensor

from snn_neurons.iaf import State, initial_state
from snn_neurons.terms import UNOBSERVED, charged_membrane, reset


class Params(NamedTuple):
    """The parameters of IFBox; each a number or a tensor that broadcasts to ``(*N,)``."""

    r: Annotated[Value, Quantity("1/s", "how fast an input of 1 V moves the membrane")] = 1e3
    v_th: Annotated[Value, Quantity("V", "firing threshold")] = 1.0
    v_reset: Annotated[Value, Quantity("V", "membrane after a spike")] = 0.0


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
    >>> start = State(v=torch.tensor([[0.5, 0.5]]))
    >>> z, after = step(torch.tensor([[0.25, 0.75]]), start, Params(), SUPER_SPIKE, dt=1e-3)
    >>> z, after.v
    (tensor([[0., 1.]]), tensor([[0.7500, 0.0000]]))
    """
    seen = observed or UNOBSERVED
    # integrate
    v = inject(charged_membrane(state.v, x, params.r, dt), seen.v)
    # spike
    z = inject(threshold(v - params.v_th), seen.z)
    # reset, unless the membrane was measured: the measurement has had its own
    if seen.v is None:
        v = reset(v, z, params.v_reset)
    return z, State(v)


IF_BOX = Neuron("if_box", Params, State, initial_state, step, ("v", "z"))
