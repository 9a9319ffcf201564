"""Backend ``eager``: the reference loop over time steps, differentiated by autograd.

Runs every neuron, dense input or Events, on every device. Other backends are held to it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import linear

from snn_core.events import Events
from snn_core.types import Backend, Observed, Output, Problem, RecurrentState


def supports(problem: Problem) -> str | None:
    """Everything on a grid."""
    return (
        "it runs on a grid: pass dt=1e-3 (seconds), or run events on 'eventprop_exact'"
        if problem.dt is None
        else None
    )


def run(problem: Problem) -> Output:
    """One step after the other; backward costs O(T), since nothing is written in place."""
    x = drive(problem)
    feedback = problem.recurrent_weight
    state = problem.state if feedback is None else problem.state.neuron
    outputs: list[Tensor] = [] if feedback is None else [problem.state.output]
    visited = []
    for x_t, seen in zip(x.unbind(0), observations(problem.observed, len(x)), strict=True):
        received = x_t if feedback is None else x_t + linear(outputs[-1], feedback)
        output, state = problem.neuron.step(
            received, state, problem.params, problem.threshold, problem.dt, *seen
        )
        outputs.append(output)
        visited.append(state)
    end = state if feedback is None else RecurrentState(state, outputs[-1])
    return Output(torch.stack(outputs[-len(x) :]), end, traces(problem, visited))


def drive(problem: Problem) -> Tensor:
    """What the neurons receive from outside, ``(T, B, *N)``: the input through the weight."""
    x, weight = problem.x, problem.weight
    if isinstance(x, Events):
        dtype = None if weight is None else weight.dtype
        x = x.to_grid(cast(float, problem.dt), dtype=dtype)  # supports() has seen to dt
    return x if weight is None else linear(x.to(weight.dtype), weight)


def observations(observed: Observed | None, n_steps: int) -> list[tuple[Observed, ...]]:
    """The last argument of each step: nothing, or that step's measurements."""
    if observed is None:
        return [()] * n_steps
    unmeasured = (None,) * n_steps
    columns = [unmeasured if one is None else one.unbind(0) for one in on_grid(observed)]
    return [(Observed(*row),) for row in zip(*columns, strict=True)]


def on_grid(observed: Observed | None) -> tuple[Tensor | None, ...]:
    """The measured traces v, w, z of a call with dt, which has no Events; nothing if unmeasured."""
    return () if observed is None else cast(tuple[Tensor | None, ...], observed)


def traces(problem: Problem, visited: list[Any]) -> Any:
    """The recorded state variables, ``(T, B, *N)`` each, None where not recorded."""
    return problem.neuron.State(
        **{
            name: torch.stack([getattr(state, name) for state in visited])
            if name in problem.record
            else None
            for name in problem.neuron.State._fields
        }
    )


EAGER = Backend("eager", 0, supports, run)
