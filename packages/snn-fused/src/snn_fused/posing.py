"""From a problem of ``integrate`` to the kind of call that it is, and to flat tensors."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from snn_core import Events
from snn_core.eager import drive, on_grid
from snn_core.types import Output, Problem, RecurrentState
from torch import Tensor
from torch.autograd import forward_ad

from snn_fused.cpu.spikes import of_events
from snn_fused.graph.tracing import Spec
from snn_fused.layer import Inputs, Wants
from snn_fused.plan import Kind

DTYPES = (torch.float32, torch.float64)


def declined(problem: Problem) -> str | None:
    """What no kernel takes, in words; None if there is nothing of the kind."""
    dtype, device = layer_dtype(problem), neuron_state(problem)[0].device.type
    if problem.dt is None:
        return "it runs on a grid: pass dt=1e-3 (seconds)"
    if dtype not in DTYPES:
        return f"it computes in torch.float32 and torch.float64, the layer is {dtype}"
    if torch._C._functorch.maybe_current_level() is not None:
        return "torch.func transforms do not see into a kernel"
    if forward_ad._current_level >= 0:
        return "a kernel has no forward-mode derivative"
    if problem.recurrent_weight is not None and torch.is_autocast_enabled(device):
        return "autocast would compute the feedback of each step in another precision"
    return None


def layer_dtype(problem: Problem) -> torch.dtype:
    """The dtype of the neurons."""
    dtype: torch.dtype = neuron_state(problem)[0].dtype
    return dtype


def neuron_state(problem: Problem) -> Any:
    """The neurons' own state, of a recurrent layer too."""
    return problem.state if problem.recurrent_weight is None else problem.state.neuron


def kind_of(problem: Problem) -> Kind:
    """The kind of call."""
    params = problem.params._asdict()
    seen = () if problem.observed is None else problem.observed._asdict().items()
    spec = Spec(
        problem.neuron,
        problem.threshold,
        cast(float, problem.dt),
        layer_dtype(problem),
        tuple(_sort(value) for value in params.values()),
        problem.record,
        tuple(name for name, trace in seen if trace is not None),
    )
    device = neuron_state(problem)[0].device.type
    projected = problem.weight is not None and not _autocasts(problem)
    recurrent = problem.recurrent_weight is not None
    return Kind(device, spec, recurrent, projected, _wants(problem))


def inputs_of(problem: Problem) -> Inputs:
    """The tensors of a call, flat; on the way from the caller's so that autograd sees it."""
    state = neuron_state(problem)
    shape = tuple(state[0].shape[1:])
    x, spikes, weight = problem.x, None, problem.weight
    if weight is None or _autocasts(problem):
        x, weight = drive(problem).to(layer_dtype(problem)), None
    elif isinstance(x, Events) and weight.device.type == "cpu":
        spikes = of_events(x, cast(float, problem.dt), weight.dtype)
    elif isinstance(x, Events):
        x = x.to_grid(cast(float, problem.dt), dtype=weight.dtype)
    return Inputs(
        None if isinstance(x, Events) else x.flatten(2),
        spikes,
        _n_steps(problem),
        weight,
        problem.recurrent_weight,
        tuple(value.flatten(1).contiguous() for value in state),
        _before(problem),
        tuple(_flat(value, shape) for value in problem.params if isinstance(value, Tensor)),
        tuple(trace.flatten(2) for trace in on_grid(problem.observed) if trace is not None),
    )


def output_of(problem: Problem, results: tuple[Tensor, ...]) -> Output:
    """The output, states and traces of a call in the shapes of its layer."""
    state = neuron_state(problem)
    n_states, shape = len(state), state[0].shape
    if len(shape) > 2:
        results = tuple(value.reshape(*value.shape[:-2], *shape) for value in results)
    output, *rest = results
    State = problem.neuron.State
    end = State(*rest[:n_states])
    traces = dict(zip(problem.record, rest[n_states:], strict=True))
    return Output(
        output,
        end if problem.recurrent_weight is None else RecurrentState(end, output[-1]),
        State(**{name: traces.get(name) for name in State._fields}),
    )


def _n_steps(problem: Problem) -> int:
    x = problem.x
    return x.steps(cast(float, problem.dt)) if isinstance(x, Events) else len(x)


def _before(problem: Problem) -> Tensor | None:
    if problem.recurrent_weight is None:
        return None
    before: Tensor = problem.state.output.flatten(1)
    return before


def _sort(value: float | Tensor) -> float | torch.dtype | str:
    if not isinstance(value, Tensor):
        return float(value)
    return "N" if value.ndim else value.dtype


def _flat(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    return value.expand(shape).reshape(math.prod(shape)) if value.ndim else value


def _autocasts(problem: Problem) -> bool:
    """Whether a projection runs in another precision: then torch does it, before the kernel."""
    return problem.weight is not None and torch.is_autocast_enabled(problem.weight.device.type)


def _wants(problem: Problem) -> Wants | None:
    if not torch.is_grad_enabled():
        return None
    x = not isinstance(problem.x, Events) and problem.x.requires_grad
    weight = _needs(problem.weight)
    if _autocasts(problem):
        x, weight = x or weight, False
    params = tuple(v.requires_grad for v in problem.params if isinstance(v, Tensor))
    wants = Wants(x, weight, _needs(problem.recurrent_weight), params)
    before = problem.state.output if problem.recurrent_weight is not None else None
    needed = (*wants[:3], *params, *map(_needs, neuron_state(problem)), _needs(before))
    return wants if any(needed) else None


def _needs(value: Tensor | None) -> bool:
    return value is not None and value.requires_grad
