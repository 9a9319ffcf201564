"""A circuit whose step is a row of the grid: several steps of the integration in one.

The rows of a trace are then what is kept and moved, not the steps: half of the time of a layer.
Spikes belong to the nearest row, so the steps of row k with m steps each are, counted from 0,

    k m - (m - 1) // 2  to  k m + m // 2

and the input of the row arrives at step k m, after which the membrane of the row is seen.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable
from typing import Any

import torch
from snn_core import Neuron
from torch import Tensor

MOST = 8
"""Steps in a row, beyond which the step of a row would be longer than is good for a compiler."""


def steps_before(per_row: int) -> int:
    """Steps of a row before its input arrives."""
    return (per_row - 1) // 2


@functools.cache
def by_rows(neuron: Neuron, per_row: int) -> Neuron:
    """The neuron with ``per_row`` steps in one; its State has ``seen`` besides.

    The output is how often it fired in the row, of a neuron that does not fire the membrane that is
    seen. Equal to the bit to the neuron's own steps, if it starts at rest.

    >>> from snn_neurons.lif import LIF
    >>> by_rows(LIF, 4).State._fields
    ('v', 'i', 'seen')
    """
    make: Callable[..., Any] = collections.namedtuple  # mypy reads only literal fields
    State = make("State", (*neuron.State._fields, "seen"), module=__name__)
    return Neuron(
        f"{neuron.name}_by_{per_row}",
        neuron.Params,
        State,
        functools.partial(_initial_state, neuron=neuron, State=State),
        functools.partial(_step, neuron=neuron, State=State, per_row=per_row),
    )


def _initial_state(
    params: Any, shape: tuple[int, ...], *, dtype: Any, device: Any, neuron: Neuron, State: Any
) -> Any:
    inner = neuron.initial_state(params, shape, dtype=dtype, device=device)
    return State(*inner, inner.v)


def _step(
    x: Tensor,
    state: Any,
    params: Any,
    threshold: Callable[[Tensor], Tensor],
    dt: float,
    *,
    neuron: Neuron,
    State: Any,
    per_row: int,
) -> tuple[Tensor, Any]:
    inner, nothing = neuron.State(*state[:-1]), torch.zeros_like(x)
    fires = "v_th" in neuron.Params._fields
    count, seen = nothing, inner.v
    for step in range(per_row):
        arrives = step == steps_before(per_row)
        output, inner = neuron.step(
            x if arrives else nothing, inner, params, threshold, dt / per_row
        )
        count = count + output
        seen = inner.v if arrives else seen
    return count if fires else seen, State(*inner, seen)
