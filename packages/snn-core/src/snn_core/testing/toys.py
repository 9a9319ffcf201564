"""A toy neuron, so that packages without neurons can be tested alone.

    v' = v + dt/tau_mem (-v) + x        z = H(v' - v_th)        v'' = v_reset where z

It leaks without a synapse and takes no measurements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

from snn_core.types import Neuron, Quantity, Value


class Params(NamedTuple):
    """Of the toy neuron."""

    tau_mem: Annotated[
        Value, Quantity("s", "membrane time constant", positive=True, euler=True)
    ] = 10e-3
    v_th: Annotated[Value, Quantity("V", "threshold")] = 1.0
    v_reset: Annotated[Value, Quantity("V", "reset")] = 0.0


class State(NamedTuple):
    """Of the toy neuron."""

    v: Annotated[Tensor, Quantity("V", "membrane")]


def initial_state(
    params: Params, shape: tuple[int, ...], *, dtype: torch.dtype, device: torch.device
) -> State:
    """At rest."""
    return State(torch.zeros(shape, dtype=dtype, device=device))


def step(
    x: Tensor, state: State, params: Params, threshold: Callable[[Tensor], Tensor], dt: float
) -> tuple[Tensor, Any]:
    """One step of the equations above."""
    v = state.v - dt / params.tau_mem * state.v + x
    z = threshold(v - params.v_th)
    return z, State(torch.where(z > 0.5, params.v_reset, v))


TOY = Neuron("toy", Params, State, initial_state, step)
