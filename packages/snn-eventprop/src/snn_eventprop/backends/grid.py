"""Backend ``eventprop``: LIF and LI on a grid, spikes inside the steps, gradients by the adjoint.

Row k of a grid is the step from k dt to (k + 1) dt. A dense input of row k arrives at k dt; one
that carries its times (``TimedSpikes``, ``Events``) arrives at them. Between arrivals the engine is
that of ``eventprop_exact``: exponential propagators, each crossing located inside its step, also
where the membrane comes back below threshold within it. A recorded membrane is that at the end of
its step. Spikes that were found inside steps travel on beside the grid, so stacked layers are as
exact as on events; the input alone is rounded to the grid, if it comes as one.

The gradient of a dense input is the true dL/dx of its amplitude, that of spikes the true dL/dt of
their times.

Source: as ``snn_eventprop.backends.exact``.
"""

from __future__ import annotations

import functools
import math
from typing import Any, cast

import torch
from snn_core import Backend, Events, Output, Problem, RecurrentState
from snn_neurons.li import LI
from torch import Tensor
from torch.nn.functional import linear

from snn_eventprop.backends.settings import MAX_SPIKES, Limits, checked_limits
from snn_eventprop.engine.function import Result, looked
from snn_eventprop.engine.running import (
    ends,
    input_weight,
    is_neuron,
    neuron_state,
    run_engine,
    spikes_of,
    unfit,
)
from snn_eventprop.engine.sampling import silence
from snn_eventprop.timed import TimedSpikes


def grid(*, max_spikes: int = MAX_SPIKES, vdot_min: float | None = None) -> Backend:
    """The backend with settings of its own; see ``snn_eventprop.exact`` for them.

    >>> import snn_core as snn
    >>> x = torch.zeros(20, 1, 2)
    >>> x[1, 0, 0] = x[2, 0, 1] = 1
    >>> weight = torch.tensor([[2.0, 3.0]]).requires_grad_()
    >>> out = snn.integrate("lif", x, weight=weight, dt=1e-3, backend=grid(), record=("v",))
    >>> out.output.flatten().argmax().item(), out.output.events.times
    (4, tensor([[0.0049]], grad_fn=<EngineBackward>))
    """
    run = functools.partial(_run, limits=checked_limits(max_spikes, vdot_min))
    return Backend("eventprop", None, supports, run, ("cpu",), delays=True)


def supports(problem: Problem) -> str | None:
    """LIF, with or without refractoriness, and LI, on a grid."""
    if problem.dt is None:
        return "it runs on a grid: pass dt=1e-3 (seconds), or take backend 'eventprop_exact'"
    unknown = set(problem.record) - {"v", "i"}
    if unknown:
        return f"it records 'v' and 'i', not {sorted(unknown)[0]!r}"
    if problem.delay is not None and _events(problem) is None:
        return (
            "a delay needs the times of single spikes: pass Events.from_grid(x, dt), or the "
            "output of a layer on this backend"
        )
    return unfit(problem)


def _run(problem: Problem, *, limits: Limits) -> Output:
    dt = cast(float, problem.dt)  # supports() has seen to it
    state, n_steps = neuron_state(problem), _steps(problem)
    inputs, weight = _inputs(problem, n_steps, state.v)
    looks = None
    if problem.record or is_neuron(problem.neuron, LI):
        ends_of_steps = torch.arange(1, n_steps + 1, dtype=torch.float64) * dt
        looks = ends_of_steps.clamp(max=inputs.duration).reshape(1, 1, n_steps)
    result = run_engine(
        problem._replace(state=_held_in(state, dt)),
        inputs,
        weight,
        recorded=_recorded(problem, inputs),
        max_spikes=limits.max_spikes,
        vdot_min=limits.vdot_min,
        looks=looks,
    )
    after = _held_in(ends(problem, result), 1 / dt)
    traces = _traces(problem, result)
    if is_neuron(problem.neuron, LI):
        return Output(_on_grid(looked(result.looked_v), state.v), after, traces)
    spikes = TimedSpikes.of(spikes_of(problem, result, inputs.duration), dt, dtype=state.v.dtype)
    if problem.recurrent_weight is not None:
        after = RecurrentState(after, spikes[-1].detach())
    return Output(spikes, after, traces)


def _steps(problem: Problem) -> int:
    x = problem.x
    return x.steps(cast(float, problem.dt)) if isinstance(x, Events) else len(x)


def _events(problem: Problem) -> Events | None:
    """The input as events, if it comes with its times."""
    x = problem.x
    return x.events if isinstance(x, TimedSpikes) else x if isinstance(x, Events) else None


def _inputs(problem: Problem, n_steps: int, v: Tensor) -> tuple[Events, Tensor]:
    """Arrivals and weights: events and the layer's weight, or a row of currents for each step."""
    events, dt = _events(problem), cast(float, problem.dt)
    if events is not None:
        return input_weight(problem, on_clock("x", events, n_steps, dt))
    x = cast(Tensor, problem.x)
    drive = x
    if problem.weight is not None:
        with torch.autocast(x.device.type, enabled=False):  # times need all the digits there are
            drive = linear(x.to(problem.weight.dtype), problem.weight)
    drive = drive.reshape(n_steps, len(v), math.prod(v.shape[1:])).transpose(0, 1)
    times = torch.arange(n_steps, dtype=torch.float64) * dt
    rows = torch.arange(n_steps)
    shape = (len(v), n_steps)
    begins = Events(times.to(v.dtype).expand(shape), rows.expand(shape), (n_steps,), n_steps * dt)
    return begins, drive


def on_clock(name: str, events: Events, n_steps: int, dt: float) -> Events:
    """The events, as long as the grid to rounding.

    Raises:
        ValueError: they were found with another dt.
    """
    if abs(events.duration - n_steps * dt) > 1e-6 * dt:
        raise ValueError(
            f"{name} has {n_steps} rows but carries the events of {events.duration:g} s, which is "
            f"not {n_steps} times dt = {dt:g} s; give the dt of the layer that it comes from, or "
            f"{name}.detach().clone() for the grid without its times"
        )
    return events._replace(duration=n_steps * dt)


def _recorded(problem: Problem, inputs: Events) -> Events | None:
    """Spikes that are given; a leaky integrator has none."""
    if is_neuron(problem.neuron, LI):
        return silence(inputs)
    if problem.observed is None:
        return None
    z = cast(Tensor, problem.observed.z)
    if isinstance(z, TimedSpikes):
        return on_clock("observed.z", z.events.detach(), len(z), cast(float, problem.dt))
    return Events.from_grid(z, cast(float, problem.dt))


def _held_in(state: Any, unit: float) -> Any:
    """The state with its refractory time in another unit: steps of dt on a grid, seconds below."""
    return state._replace(ref=state.ref * unit) if hasattr(state, "ref") else state


def _on_grid(values: Tensor, v: Tensor) -> Tensor:
    """(B, N, T) as (T, B, *N)."""
    return values.permute(2, 0, 1).reshape(values.shape[2], *v.shape)


def _traces(problem: Problem, result: Result) -> Any:
    """The recorded state variables, None where not recorded."""
    v = neuron_state(problem).v
    found = {"v": result.looked_v, "i": result.looked_i}
    return problem.neuron.State(
        **{
            name: _on_grid(looked(found[name]), v) if name in problem.record else None
            for name in problem.neuron.State._fields
        }
    )


EVENTPROP = grid()
