"""Task ``digits`` by exact EventProp: one early or late spike per pixel, on events."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch.optim import Adam

from snn_train.data.digits import load_digits
from snn_train.data.records import Dataset
from snn_train.data.trains import EventDataset, SpikeTrains
from snn_train.drawing import draw_membrane
from snn_train.encode import events_at, latency
from snn_train.event_decode import early_mean
from snn_train.event_network import EventClassifier, event_classifier, its_events
from snn_train.schedules import DecaySchedule
from snn_train.tasks.record import Task


class Settings(NamedTuple):
    """The network of this task; times in seconds, weights in units of the threshold.

    Args:
        n_hidden: spiking neurons.
        t_max: an input as weak as can be would fire then, the strongest fires at 0.
        duration: of one image.
        tau_mem, tau_syn: time constants of both layers.
        hidden_mean, hidden_std: of one initial weight of a hidden neuron.
        readout_mean, readout_std: of one initial weight of a readout neuron.
        score_tau, score_scale: of the score, see ``early_mean``.
    """

    n_hidden: int = 256
    t_max: float = 10e-3
    duration: float = 210e-3
    tau_mem: float = 20e-3
    tau_syn: float = 5e-3
    hidden_mean: float = 0.08
    hidden_std: float = 0.1
    readout_mean: float = 0.0
    readout_std: float = 0.37
    score_tau: float = 5e-3
    score_scale: float = 20.0


def prepare(data: Dataset, settings: Settings) -> EventDataset:
    """Two channels per pixel: one fires the earlier the brighter it is, the other the darker.

    >>> data = prepare(Dataset(torch.ones(1, 64), torch.tensor([3])), Settings())
    >>> data.inputs.shape, data.inputs.events.times.isfinite().sum().item()
    ((1, 128), 64)
    """
    both = torch.cat([data.inputs, 1 - data.inputs], 1).double()
    times = latency(both, 0.0, settings.t_max)
    return EventDataset(SpikeTrains(events_at(times, settings.duration)), data.labels)


def network(settings: Settings, backend: str) -> EventClassifier:
    """LIF neurons, read out by one leaky integrator a class; the highest early mean wins."""
    return event_classifier(
        its_events,
        functools.partial(early_mean, tau=settings.score_tau, scale=settings.score_scale),
        (128, settings.n_hidden, 10),
        readout="li",
        tau_mem=settings.tau_mem,
        tau_syn=settings.tau_syn,
        hidden_weight=(settings.hidden_mean, settings.hidden_std),
        readout_weight=(settings.readout_mean, settings.readout_std),
        backend=backend,
    )


DIGITS_EXACT = Task(
    "digits",
    DecaySchedule(epochs=30, batch_size=32, learning_rate=5e-3, decay=0.9),
    Settings(),
    load_digits,
    network,
    prepare=prepare,
    optimizer=functools.partial(Adam, fused=True),
    gradient="eventprop_exact",
    backend="eventprop_exact",
    draw=draw_membrane,
)
