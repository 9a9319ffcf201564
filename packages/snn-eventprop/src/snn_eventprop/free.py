"""The free membrane of a firing layer: what it would do without a threshold, in closed form.

For a neuron that stays silent it is the membrane itself. For one that fires, its current is still
the true one, since a reset leaves the current alone.
"""

from __future__ import annotations

from typing import Any

import torch
from snn_core.events import Events
from snn_core.types import RecurrentState, Value
from snn_neurons.li import LI, Params
from snn_neurons.lif import State
from torch import Tensor

from snn_eventprop.decode import HasEvents, events_of
from snn_eventprop.membrane import Membrane


def free_membrane(
    inputs: Events | HasEvents,
    weight: Tensor,
    params: Any,
    *,
    delay: Value | None = None,
    state: Any = None,
    spikes: Events | HasEvents | None = None,
    recurrent_weight: Tensor | None = None,
    recurrent_delay: Value | None = None,
) -> Membrane:
    """The membrane of ``lif`` neurons as if they had no threshold, for the arguments of
    ``integrate``.

    Args:
        inputs: of shape ``(N_in,)``.
        weight: ``(N_out, N_in)``.
        params: of ``lif`` or ``lif_refractory``.
        delay: seconds, a number or a tensor that broadcasts to the weight's shape.
        state: of the layer at the start; None for rest.
        spikes, recurrent_weight, recurrent_delay: of a recurrent layer: what it fired,
            ``(N_out, N_out)``, and as delay. The spikes are taken as they are, like inputs.

    Returns:
        a ``Membrane``; differentiable with respect to all of it.

    Raises:
        ValueError: only one of spikes and recurrent_weight; a neuron that starts refractory; or
            events that are not well formed.

    >>> from snn_neurons.lif import Params
    >>> events = Events.of(torch.tensor([[0.0]]).double(), torch.tensor([[0]]), (1,), 1.0)
    >>> free = free_membrane(events, torch.tensor([[2.0]]).double(), Params(10e-3, 10e-3))
    >>> round(free.maximum().item(), 6)  # weight / e
    0.735759
    """
    events = events_of(inputs)
    if (spikes is None) != (recurrent_weight is None):
        raise ValueError(
            "spikes and recurrent_weight belong together: give both for a recurrent layer, "
            "neither for another"
        )
    without_threshold = Params(params.tau_mem, params.tau_syn, params.v_leak)
    n_batch = len(events.times)
    start = _start(state, without_threshold, (n_batch, len(weight)), weight)
    if spikes is None or recurrent_weight is None:
        return Membrane(events.check(), weight, delay, without_threshold, start)
    both = torch.cat([weight, recurrent_weight], dim=1)
    if delay is not None or recurrent_delay is not None:
        parts = (_delays(delay, weight), _delays(recurrent_delay, recurrent_weight))
        delay = torch.cat(parts, dim=1)
    return Membrane(_joined(events, events_of(spikes)), both, delay, without_threshold, start)


def _start(state: Any, params: Params, shape: tuple[int, int], weight: Tensor) -> State:
    if state is None:
        rest: State = LI.initial_state(params, shape, dtype=weight.dtype, device=weight.device)
        return rest
    if isinstance(state, RecurrentState):
        state = state.neuron
    held = getattr(state, "ref", None)
    if held is not None and bool((held > 0).any()):
        raise ValueError(
            "a neuron that starts refractory is held at its reset and has no free membrane; "
            "start from a state in which ref is 0"
        )
    return State(state.v, state.i)


def _delays(delay: Value | None, weight: Tensor) -> Tensor:
    value = torch.as_tensor(0.0 if delay is None else delay, dtype=torch.float64)
    return value.expand(weight.shape)


def _joined(events: Events, spikes: Events) -> Events:
    """Inputs and spikes as one input: the spikes' neurons come after the input's channels."""
    times = torch.cat([events.times.double(), spikes.times.double()], dim=1)
    n_in, n_out = events.shape[0], spikes.shape[0]
    index = torch.cat([events.index, spikes.index + n_in], dim=1)
    return Events.of(times, index, (n_in + n_out,), events.duration)
