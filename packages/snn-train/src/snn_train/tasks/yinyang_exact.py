"""Task ``yinyang`` by exact EventProp: the published recipe, two layers of LIF on events."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import torch
from snn_eventprop import first_spike, ttfs_cross_entropy
from torch.optim import Adam

from snn_train.data.records import Dataset
from snn_train.data.trains import EventDataset, SpikeTrains
from snn_train.data.yinyang import load_yin_yang
from snn_train.decisions import earliest
from snn_train.drawing import draw_spikes
from snn_train.encode import events_at, spike_times
from snn_train.event_network import EventClassifier, event_classifier, its_events
from snn_train.loop import Loss
from snn_train.schedules import DecaySchedule
from snn_train.tasks.record import Task


class Settings(NamedTuple):
    """The network of this task; times in seconds, weights in units of the threshold.

    Args:
        n_hidden: spiking neurons.
        t_max: time of the spike of the value 1; that of 0 is 0, as is that of the bias.
        duration: of one sample, so long that every membrane is at rest again: it costs nothing.
        tau_mem, tau_syn: time constants of both layers.
        hidden_mean, hidden_std: of one initial weight of a hidden neuron.
        output_mean, output_std: of one initial weight of an output neuron.
        tau0, tau1, alpha: of the loss, see ``snn_eventprop.ttfs_cross_entropy``.
    """

    n_hidden: int = 200
    t_max: float = 30e-3
    duration: float = 230e-3
    tau_mem: float = 20e-3
    tau_syn: float = 5e-3
    hidden_mean: float = 1.5
    hidden_std: float = 0.78
    output_mean: float = 0.93
    output_std: float = 0.1
    tau0: float = 0.5e-3
    tau1: float = 6.4e-3
    alpha: float = 3e-3


def prepare(data: Dataset, settings: Any) -> EventDataset:
    """One spike for each of x, y, 1 - x, 1 - y, the later the larger, and a bias spike at 0.

    >>> data = prepare(Dataset(torch.tensor([[0.0, 1.0, 0.5, 0.5]]), torch.tensor([0])), Settings())
    >>> data.inputs.events.times.tolist()
    [[0.0, 0.0, 0.015, 0.015, 0.03]]
    """
    values = torch.cat([data.inputs, data.inputs.new_zeros(len(data.inputs), 1)], 1)
    times = spike_times(values.double(), 0.0, settings.t_max)
    return EventDataset(SpikeTrains(events_at(times, settings.duration)), data.labels)


def network(settings: Settings, backend: str) -> EventClassifier:
    """LIF neurons, read out by one LIF neuron a class; the first to fire wins."""
    return event_classifier(
        its_events,
        first_spike,
        (5, settings.n_hidden, 3),
        readout="lif",
        tau_mem=settings.tau_mem,
        tau_syn=settings.tau_syn,
        hidden_weight=(settings.hidden_mean, settings.hidden_std),
        readout_weight=(settings.output_mean, settings.output_std),
        backend=backend,
    )


def loss(settings: Any) -> Loss:
    """Cross entropy of the first output spikes' times."""
    return functools.partial(
        ttfs_cross_entropy, tau0=settings.tau0, tau1=settings.tau1, alpha=settings.alpha
    )


YIN_YANG_EXACT = Task(
    "yinyang",
    DecaySchedule(epochs=100, batch_size=32, learning_rate=5e-3, decay=0.95),
    Settings(),
    load_yin_yang,
    network,
    loss=loss,
    decide=earliest,
    prepare=prepare,
    optimizer=functools.partial(Adam, fused=True),
    gradient="eventprop_exact",
    backend="eventprop_exact",
    draw=draw_spikes,
)
