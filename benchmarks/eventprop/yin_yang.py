"""The Yin-Yang samples as events."""

from __future__ import annotations

import torch
from networks import DURATION, T_MAX
from snn_core import Events
from snn_train.data.yinyang import yin_yang
from snn_train.encode import events_at, spike_times
from torch import Tensor


def samples(size: int) -> tuple[Tensor, Tensor]:
    """Spike times ``(size, 5)``, bias last, and labels, of the published training set."""
    data = yin_yang(size, seed=42)
    values = torch.cat([data.inputs, torch.zeros(size, 1).double()], 1)
    return spike_times(values, 0.0, T_MAX), data.labels


def events(times: Tensor) -> Events:
    return events_at(times, DURATION)
