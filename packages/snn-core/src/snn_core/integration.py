"""integrate: run any neuron over time, on any backend. Resolve, check, choose, run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snn_core import checking, lookup
from snn_core.choosing import candidates, choose
from snn_core.events import Events
from snn_core.thresholds import Threshold
from snn_core.types import (
    AsBackend,
    Backend,
    Neuron,
    Observed,
    Output,
    Problem,
    RecurrentState,
    Value,
)


def integrate(
    neuron: str | Neuron,
    x: Tensor | Events,
    *,
    params: Any = None,
    state: Any = None,
    dt: float | None = None,
    weight: Tensor | None = None,
    recurrent_weight: Tensor | None = None,
    delay: Value | None = None,
    recurrent_delay: Value | None = None,
    threshold: str | Threshold = "super_spike",
    record: Sequence[str] = (),
    backend: str | Backend | AsBackend = "auto",
    observed: Observed | None = None,
) -> Output:
    """Run one layer of neurons over time: its projections, its neurons, and their gradient.

    At each step the neurons receive ``x[t] @ weight.T + z[t-1] @ recurrent_weight.T``; without
    weights, ``x[t]`` itself. What they do with it is said in the neuron's own file, see
    ``snn show NAME``. Without dt a spike arrives when its delay has passed, at once if there is
    none.

    Args:
        neuron: name or record.
        x: ``(T, B, *N)``; with a weight ``(T, B, N_in)`` of the weight's dtype, bool or integers;
            or ``Events`` of the layer before.
        params: the neuron's ``Params``; None for its defaults. Numbers or tensors that broadcast
            to ``(*N,)``; tensors receive gradients.
        state: ``out.state`` of an earlier call to go on where it stopped; None to start.
        dt: step in seconds. Event-driven backends take none.
        weight: ``(N_out, N_in)``.
        recurrent_weight: ``(N_out, N_out)``, from the outputs of one step to the next.
        delay: how long a spike takes to the neurons, in seconds, >= 0: a number or a tensor that
            broadcasts to the weight: ``(N_in,)`` one a sender (axonal), ``(N_out, 1)`` one a
            receiver (dendritic), ``(N_out, N_in)`` one a synapse. Not every backend has delays.
        recurrent_delay: the same for the synapses of ``recurrent_weight``.
        threshold: name or record; ``snn.threshold("super_spike", alpha=50.0)`` sets its alpha.
        record: names of state variables to return over time, after each step.
        backend: ``"auto"`` takes the fastest installed one that supports the call; a name never
            falls back. A record, or an object that is a backend (a chip), runs as it is.
        observed: measured traces ``(T, B, *N)`` that replace computed ones; without dt, spikes
            ``z`` as ``Events``.

    Returns:
        ``Output(output, state, traces)``: output ``(T, B, *N)``, the state after the last step,
        and the recorded traces ``(T, B, *N)``; ``observed``, where a backend measures, is what it
        has measured.

    Raises:
        UnknownName, AmbiguousName, MissingNeed: a name that does not resolve.
        ValueError, TypeError: shapes, dtypes, devices, ranges; see the message.
        Unsupported: the backend asked for cannot run this.

    >>> import torch, snn_core as snn
    >>> from snn_core.testing import TOY
    >>> out = snn.integrate(TOY, torch.full((3, 1, 1), 0.6), dt=1e-3, record=("v",))
    >>> out.output.flatten().tolist()
    [0.0, 1.0, 0.0]
    """
    problem = pose(
        lookup.neuron(neuron),
        x,
        params=params,
        state=state,
        dt=dt,
        weight=weight,
        recurrent_weight=recurrent_weight,
        threshold=lookup.threshold(threshold),
        record=checking.names_of("record", record),
        observed=observed,
        delay=delay,
        recurrent_delay=recurrent_delay,
    )
    return choose(candidates(backend), problem).run(problem)


def pose(
    neuron: Neuron,
    x: Tensor | Events,
    *,
    params: Any,
    state: Any,
    dt: float | None,
    weight: Tensor | None,
    recurrent_weight: Tensor | None,
    threshold: Threshold,
    record: tuple[str, ...],
    observed: Observed | None,
    delay: Value | None = None,
    recurrent_delay: Value | None = None,
) -> Problem:
    """The checked problem of a call whose names are resolved; raises before any work."""
    checking.check_step_size(dt)
    checking.check_weight("weight", weight)
    checking.check_input(x, weight, dt)
    shape = _neuron_shape(x, weight)
    like = _reference_tensor(x, weight)
    checking.check_recurrent_weight(recurrent_weight, shape, like)
    checking.check_delay("delay", delay, weight, like)
    checking.check_delay("recurrent_delay", recurrent_delay, recurrent_weight, like)
    params = neuron.Params() if params is None else params
    checking.check_params(neuron, params, shape, like, dt)
    checking.check_record(neuron, record)
    n_batch = len(x.times) if isinstance(x, Events) else x.shape[1]
    state = _complete_state(neuron, params, state, (n_batch, *shape), like, recurrent_weight)
    checking.check_observed(neuron, observed, x, dt, (n_batch, *shape), like)
    if observed is not None and all(trace is None for trace in observed):
        observed = None
    return Problem(
        neuron,
        x,
        params,
        state,
        dt,
        weight,
        recurrent_weight,
        threshold,
        record,
        observed,
        delay,
        recurrent_delay,
    )


def _neuron_shape(x: Tensor | Events, weight: Tensor | None) -> tuple[int, ...]:
    if weight is not None:
        return (weight.shape[0],)
    return x.shape if isinstance(x, Events) else tuple(x.shape[2:])


def _reference_tensor(x: Tensor | Events, weight: Tensor | None) -> Tensor:
    """The tensor whose dtype and device the layer has."""
    if weight is not None:
        return weight
    return x.times.new_empty(0, dtype=torch.get_default_dtype()) if isinstance(x, Events) else x


def _complete_state(
    neuron: Neuron,
    params: Any,
    state: Any,
    shape: tuple[int, ...],
    like: Tensor,
    recurrent_weight: Tensor | None,
) -> Any:
    if recurrent_weight is None:
        if state is None:
            state = neuron.initial_state(params, shape, dtype=like.dtype, device=like.device)
        checking.check_state(state, neuron.State, shape, like)
        return state
    if state is None:
        inner = neuron.initial_state(params, shape, dtype=like.dtype, device=like.device)
        state = RecurrentState(inner, like.new_zeros(shape))
    checking.check_recurrent_state(state, neuron.State, shape, like)
    return state
