"""A model neuron as an analog circuit: rails, a synapse that saturates, the moment of a crossing.

The circuit takes the neuron's own step and adds what a circuit has around it. With s = bend tanh(i
/ bend) the current that reaches the membrane:

    z, v  = the neuron's step with s for i
    i     = the neuron's step with i itself
    v    <- min(max(v, low), high)
    late  = u / (u - u_old), u = v - v_th before the reset, u_old that of the step before

``late`` is the part of the step that had passed since v met v_th, on the line between both.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable
from typing import Any

import torch
from snn_core import Neuron, Value
from torch import Tensor

EXTRA = ("low", "high", "bend")
"""The parameters of a circuit that its neuron has not: rails and bend, in units of the model."""


@functools.cache
def circuit(neuron: Neuron, *, rails: bool, bends: bool) -> Neuron:
    """The circuit of a neuron; its Params and State are the neuron's with ``EXTRA`` and ``late``.

    Made once for each neuron, so that a backend which compiles steps compiles it once.

    >>> from snn_neurons.lif import LIF
    >>> circuit(LIF, rails=True, bends=False).State._fields
    ('v', 'i', 'late')
    """
    defaults = (*neuron.Params._field_defaults.values(), 0.0, 0.0, 0.0)
    make: Callable[..., Any] = collections.namedtuple  # mypy reads only literal fields
    Params = make("Params", (*neuron.Params._fields, *EXTRA), defaults=defaults, module=__name__)
    State = make("State", (*neuron.State._fields, "late"), module=__name__)
    return Neuron(
        f"{neuron.name}_circuit",
        Params,
        State,
        functools.partial(_initial_state, neuron=neuron, State=State),
        functools.partial(_step, neuron=neuron, State=State, rails=rails, bends=bends),
    )


def _initial_state(
    params: Any, shape: tuple[int, ...], *, dtype: Any, device: Any, neuron: Neuron, State: Any
) -> Any:
    own = neuron.Params(*params[: len(neuron.Params._fields)])
    inner = neuron.initial_state(own, shape, dtype=dtype, device=device)
    return State(*inner, torch.zeros(shape, dtype=dtype, device=device))


def _step(
    x: Tensor,
    state: Any,
    params: Any,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    *,
    neuron: Neuron,
    State: Any,
    rails: bool,
    bends: bool,
) -> tuple[Tensor, Any]:
    own = neuron.Params(*params[: len(neuron.Params._fields)])
    inner = neuron.State(*state[:-1])
    above: list[Tensor] = []

    def crossed(u: Tensor) -> Tensor:
        above.append(u)
        return threshold(u)

    if bends:
        reached = inner._replace(i=params.bend * torch.tanh(inner.i / params.bend))
        output, after = neuron.step(x, reached, own, crossed, dt)
        after = after._replace(i=neuron.step(x, inner, own, threshold, dt)[1].i)
    else:
        output, after = neuron.step(x, inner, own, crossed, dt)
    if rails:
        v = torch.minimum(
            torch.maximum(after.v, _like(params.low, after.v)), _like(params.high, after.v)
        )
        output, after = (v if output is after.v else output), after._replace(v=v)
    late = torch.zeros_like(after.v) if not above else _late(above[0], inner.v - own.v_th)
    return output, State(*after, late)


def _like(value: Value, v: Tensor) -> Tensor:
    return torch.zeros_like(v) + value


def _late(u: Tensor, before: Tensor) -> Tensor:
    """The part of a step since u left 0 on the line from before; 0 where it did not cross."""
    crossed = (u > 0) & (before < 0)
    return torch.where(crossed, u / torch.where(crossed, u - before, 1.0), 0.0)
