"""IAF: integrate-and-fire without leak and without synapse, in both orders.

Continuous:

    dv/dt = sum over inputs of x delta(t - t_input)

Input jumps into v. A spike z = 1 is emitted where v > v_th, and v is set to v_reset.

Discrete, ``iaf``, in this order:

    z  = threshold(v - v_th)
    v <- (1 - z) v + z v_reset
    v <- v + x

and ``iaf_integrate_first``:

    v <- v + x
    z  = threshold(v - v_th)
    v <- (1 - z) v + z v_reset

The first keeps the input of the spiking step and answers one step late, the second erases it. The
step dt does not enter. The gradient goes through the reset: with T' the surrogate derivative,
dv'/dv = (1 - z) + T'(v - v_th) (v_reset - v); an infinite v is replaced without the second term.

Measured: v after the input was added (then there is no reset), z after the threshold.

Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3 without the leak. The order of ``iaf``
is that of norse up to 0.0.7, the order of ``iaf_integrate_first`` that of norse from 1.0.0 on
(Pehle and Pedersen, norse, 2021, doi:10.5281/zenodo.4422025).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import torch
from snn_core.injection import inject
from snn_core.types import Neuron, Observed, Quantity, Value
from torch import Tensor

from snn_neurons.terms import UNOBSERVED, weighed_reset


class Params(NamedTuple):
    """The parameters of IAF; each a number or a tensor that broadcasts to ``(*N,)``."""

    v_th: Annotated[Value, Quantity("V", "firing threshold")] = 1.0
    v_reset: Annotated[Value, Quantity("V", "membrane after a spike")] = 0.0


class State(NamedTuple):
    """The state of IAF, ``(B, *N)``."""

    v: Annotated[Tensor, Quantity("V", "membrane")]


def initial_state(
    params: Params, shape: tuple[int, ...], *, dtype: torch.dtype, device: torch.device | str
) -> State:
    """A membrane of 0; ``shape`` is ``(B, *N)``."""
    return State(torch.zeros(shape, dtype=dtype, device=device))


def fire_first_step(
    x: Tensor,
    state: State,
    params: Params,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    observed: Observed | None = None,
) -> tuple[Tensor, State]:
    """One step of ``iaf``: input x ``(B, *N)`` to spikes ``(B, *N)`` and the next state.

    >>> from snn_core.thresholds import SUPER_SPIKE
    >>> start = State(torch.tensor([[1.25]]))
    >>> z, after = fire_first_step(torch.tensor([[0.5]]), start, Params(), SUPER_SPIKE, dt=1e-3)
    >>> z.item(), after.v.item()
    (1.0, 0.5)
    """
    seen = observed or UNOBSERVED
    v = state.v
    # spike
    z = inject(threshold(v - params.v_th), seen.z)
    # reset, unless the membrane is measured
    if seen.v is None:
        v = weighed_reset(v, z, params.v_reset)
    # integrate
    v = inject(v + x, seen.v)
    return z, State(v)


def integrate_first_step(
    x: Tensor,
    state: State,
    params: Params,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    observed: Observed | None = None,
) -> tuple[Tensor, State]:
    """One step of ``iaf_integrate_first``: input x ``(B, *N)`` to spikes and the next state.

    >>> from snn_core.thresholds import SUPER_SPIKE
    >>> x, start = torch.tensor([[0.5]]), State(torch.tensor([[0.75]]))
    >>> z, after = integrate_first_step(x, start, Params(), SUPER_SPIKE, dt=1e-3)
    >>> z.item(), after.v.item()
    (1.0, 0.0)
    """
    seen = observed or UNOBSERVED
    # integrate
    v = inject(state.v + x, seen.v)
    # spike
    z = inject(threshold(v - params.v_th), seen.z)
    # reset, unless the membrane is measured
    if seen.v is None:
        v = weighed_reset(v, z, params.v_reset)
    return z, State(v)


IAF = Neuron("iaf", Params, State, initial_state, fire_first_step, ("v", "z"))
IAF_INTEGRATE_FIRST = Neuron(
    "iaf_integrate_first", Params, State, initial_state, integrate_first_step, ("v", "z")
)
