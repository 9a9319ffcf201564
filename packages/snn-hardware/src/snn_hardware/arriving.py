"""Events on their way to a layer: at the steps of the integration, and without those dropped."""

from __future__ import annotations

import torch
from snn_core import Events
from torch import Tensor

from snn_hardware.preparing import Setup


def on_steps_of(events: Events, setup: Setup, dtype: torch.dtype) -> Tensor:
    """Counts of events at the steps of the integration, ``(T', B, N_in)``: each at the nearest.

    One in the last half step would arrive after the end; it could not do anything either.
    """
    step, n_steps = setup.step, setup.n_steps
    later = events.detach()._replace(
        times=events.times.detach().double() + step / 2, duration=(n_steps + 1) * step
    )
    return later.to_grid(step, dtype=dtype)[:n_steps]


def without(events: Events, lost: Tensor, step: float) -> Events:
    """The events that were not dropped, with the gradient of their times.

    Args:
        events: that were sent.
        lost: how many of a source were dropped at a step, ``(T', B, N_in)``; the last ones.
        step: of the integration, in seconds of the model.
    """
    times, index = events.times, events.index
    real = times.detach().isfinite()
    at = (times.detach().double() / step + 0.5).floor().nan_to_num(posinf=0).long()
    at = at.clamp(max=len(lost) - 1)
    sample = torch.arange(len(times))[:, None].expand_as(index)
    dropped = real & (lost[at, sample, index.clamp(min=0)] > 0)
    return Events.of(times.masked_fill(dropped, torch.inf), index, events.shape, events.duration)
