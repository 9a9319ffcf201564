"""From a Problem to the engine and back: one layer of LIF or LI neurons on events."""

from __future__ import annotations

import math
from typing import Any

import torch
from snn_core import Events, Neuron, Problem, RecurrentState, Value
from snn_neurons.li import LI
from snn_neurons.lif import LIF
from snn_neurons.lif_refractory import LIF_REFRACTORY
from torch import Tensor

from snn_eventprop.engine.function import Engine, Result, Settings
from snn_eventprop.engine.posing import Constants

FIT = (LIF, LIF_REFRACTORY, LI)
DTYPES = (torch.float32, torch.float64)


def constants_of(problem: Problem, n: int) -> Constants:
    """The neurons' parameters, numbers or ``(N,)``; a leaky integrator never reaches threshold."""
    p = problem.params._asdict()
    values = (
        p["tau_mem"],
        p["tau_syn"],
        p.get("v_th", math.inf),
        p.get("v_reset", 0.0),
        p["v_leak"],
        p.get("refractory_time", 0.0),
    )
    return Constants(*(_flat(value, problem, n) for value in values))


def _flat(value: Value, problem: Problem, n: int) -> Value:
    """A tensor with a value for each neuron as ``(N,)``, one with a single value as ``()``."""
    if not isinstance(value, Tensor):
        return value
    if value.numel() == 1:
        return value.reshape(()) if value.ndim else value
    shape = tuple(neuron_state(problem).v.shape[1:])
    return value.expand(shape).reshape(n)


def neuron_state(problem: Problem) -> Any:
    """The state of the neurons, without the output that a recurrent layer keeps beside."""
    state = problem.state
    return state.neuron if isinstance(state, RecurrentState) else state


def run_engine(
    problem: Problem,
    inputs: Events,
    weight: Tensor,
    *,
    recorded: Events | None,
    max_spikes: int,
    vdot_min: float | None,
    looks: Tensor | None = None,
) -> Result:
    """Run a layer.

    Args:
        problem: of a neuron in ``FIT``; its input is not read.
        inputs: the input as events.
        weight: ``(N, R)``, or ``(B, R, N)`` if each sample has its own.
        recorded: spikes that are given.
        looks: ``(1 or B, 1 or N, Q)``, ascending times at which v and i are looked at.

    Raises:
        RuntimeError: more than ``max_spikes`` in a sample.
    """
    state = neuron_state(problem)
    n = math.prod(state.v.shape[1:])
    held = getattr(state, "ref", None)
    return Result(
        *Engine.apply(  # type: ignore[no-untyped-call]
            Settings(inputs, recorded, max_spikes, vdot_min),
            inputs.times,
            weight,
            problem.delay,
            problem.recurrent_weight,
            problem.recurrent_delay,
            flat(state.v),
            flat(state.i),
            None if held is None else flat(held),
            looks,
            *constants_of(problem, n),
        )
    )


def flat(state: Tensor) -> Tensor:
    """(B, *N) as (B, N)."""
    return state if state.ndim == 2 else state.reshape(len(state), math.prod(state.shape[1:]))


def input_weight(problem: Problem, events: Events) -> tuple[Events, Tensor]:
    """The events in one axis, and their weight: 1 to the neuron of the same place if there is
    none."""
    weight = problem.weight
    if weight is None:
        weight = torch.eye(math.prod(events.shape), dtype=neuron_state(problem).v.dtype)
    return events._replace(shape=(weight.shape[1],)), weight


def spikes_of(problem: Problem, result: Result, duration: float) -> Events:
    """The spikes of a run in the layer's shape."""
    shape = tuple(neuron_state(problem).v.shape[1:])
    return Events(result.times, result.index, shape, duration)


def ends(problem: Problem, result: Result) -> Any:
    """The neurons' State at the end."""
    shape = neuron_state(problem).v.shape
    fields = (result.v, result.i, result.held)[: len(problem.neuron.State._fields)]
    if len(shape) == 2:
        return problem.neuron.State(*fields)
    return problem.neuron.State(*(field.reshape(shape) for field in fields))


def is_neuron(neuron: Neuron, known: Neuron) -> bool:
    """Whether this is that neuron, also as a copy or unpickled in another process."""
    return (neuron.name, neuron.Params, neuron.State) == (known.name, known.Params, known.State)


def unfit(problem: Problem) -> str | None:
    """Why no backend of this package can run the problem, whatever its input."""
    if not any(is_neuron(problem.neuron, one) for one in FIT):
        names = ", ".join(one.name for one in FIT)
        return f"it has the closed form of {names} only, not of {problem.neuron.name!r}"
    like = neuron_state(problem).v
    if like.device.type != "cpu":
        return f"it runs on the CPU, the layer is on {like.device}"
    if like.dtype not in DTYPES:
        return f"it computes in double and stores in float32 or float64, not in {like.dtype}"
    if is_neuron(problem.neuron, LI) and problem.recurrent_weight is not None:
        return "a leaky integrator has no spikes to feed back; leave recurrent_weight out"
    observed = problem.observed
    if observed is not None and (observed.v is not None or is_neuron(problem.neuron, LI)):
        return (
            "it takes measured spikes only (at a spike the membrane is v_th by definition); "
            "pass observed=snn.Observed(z=...)"
        )
    return None
