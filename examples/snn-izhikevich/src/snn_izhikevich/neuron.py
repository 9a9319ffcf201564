"""Izhikevich's neuron (IEEE Trans. Neural Networks 14(6), 2003, eqs. 1 to 3), in SI units.

    dv/dt = 4e4 v^2 + 5e3 v + 140 - u + x        du/dt = a (b v - u)
    where v > v_th:  v <- v_reset,  u <- u + d

The paper counts in mV and ms. 1 mV/ms is 1 V/s, so x, u and d keep the paper's numbers; v is the
paper's / 1000, a and b are the paper's * 1000. A step is one of Euler's, at best 0.5 ms or less.
"""

from typing import Annotated, NamedTuple

import torch
from snn_core import Neuron, Quantity, Value
from torch import Tensor


class Params(NamedTuple):
    """A regular spiking cortical neuron."""

    a: Annotated[Value, Quantity("1/s", "rate of recovery", positive=True)] = 20.0
    b: Annotated[Value, Quantity("1/s", "recovery's pull by the membrane")] = 200.0
    d: Annotated[Value, Quantity("V/s", "recovery added by a spike")] = 8.0
    v_th: Annotated[Value, Quantity("V", "peak of a spike")] = 30e-3
    v_reset: Annotated[Value, Quantity("V", "membrane after a spike")] = -65e-3


class State(NamedTuple):
    v: Annotated[Tensor, Quantity("V", "membrane")]
    u: Annotated[Tensor, Quantity("V/s", "recovery")]


def initial_state(params, shape, *, dtype, device):
    v = torch.full(shape, -70e-3, dtype=dtype, device=device)  # where a = 20, b = 200 rest
    return State(v, params.b * v)


def step(x, state, params, threshold, dt):
    dv = 4e4 * state.v**2 + 5e3 * state.v + 140.0 - state.u + x
    v = state.v + dt * dv
    u = state.u + dt * params.a * (params.b * state.v - state.u)
    z = threshold(v - params.v_th)
    return z, State(torch.where(z > 0.5, params.v_reset, v), torch.where(z > 0.5, u + params.d, u))


IZHIKEVICH = Neuron("izhikevich", Params, State, initial_state, step)
