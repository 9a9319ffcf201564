"""The membrane of leaky integrators at given times, and where it is largest."""

from __future__ import annotations

import math

import numpy as np
import torch
from snn_core import Events, Value
from snn_neurons.li import Params
from snn_neurons.lif import State
from torch import Tensor

from snn_eventprop.engine.function import Engine, Result, Settings, looked
from snn_eventprop.engine.posing import Constants, Start, cells, projection, trains
from snn_eventprop.engine.threads import run_spans
from snn_eventprop.kernels.peaks import peaks as find_peaks


def voltage_at(
    events: Events,
    weight: Tensor,
    delay: Value | None,
    params: Params,
    state: State,
    times: Tensor,
) -> Tensor:
    """The membrane at given times, differentiable in everything.

    Args:
        events: of shape ``(R,)``; weight: ``(N, R)``; delay: as of ``integrate``.
        state: at the start, each ``(B, N)``.
        times: ``(B, 1 or N, S)``, ascending; at an arrival the membrane is that before it.

    Returns:
        ``(B, N, S)``, float64 if the weight is.
    """
    settings = Settings(events, silence(events), 1, None)
    constants = constants_of(params, weight.shape[0])
    outputs = Engine.apply(  # type: ignore[no-untyped-call]
        settings, events.times, weight, delay, None, None, *state, None, times, *constants
    )
    return looked(Result(*outputs).looked_v)


def peaks(
    events: Events, weight: Tensor, delay: Value | None, params: Params, state: State
) -> tuple[Tensor, Tensor]:
    """When each membrane is largest, ``(B, N)`` float64 without gradient, and at whose arrival.

    The second is the position ``(B, N)`` of the event in its sample whose arrival makes a kink
    there, -1 if the maximum is smooth or at an end.
    """
    n_batch, n = state.v.shape
    neurons = cells(constants_of(params, n), Start(*state, None), events.duration)
    times, arrivals = np.empty((n_batch, n)), np.empty((n_batch, n), dtype=np.int64)
    inputs, forward = trains(events), projection(weight, delay, n)
    nothing, no_feedback = trains(silence(events)), projection(None, None, n)

    def task(first: int, last: int) -> None:
        find_peaks(first, last, inputs, forward, nothing, no_feedback, neurons, times, arrivals)

    run_spans(task, n_batch, n_batch * n * (inputs.times.shape[1] + 1))
    return torch.from_numpy(times), torch.from_numpy(arrivals)


def silence(events: Events) -> Events:
    """No events, of as many samples."""
    return events._replace(times=events.times[:, :0].detach(), index=events.index[:, :0])


def constants_of(params: Params, n: int) -> Constants:
    """Of ``n`` neurons that never reach threshold."""
    tau_mem, tau_syn, v_leak = (
        value.expand(n) if isinstance(value, Tensor) and value.numel() > 1 else value
        for value in params
    )
    return Constants(tau_mem, tau_syn, math.inf, 0.0, v_leak, 0.0)
