"""Task ``yinyang``: points of the Yin-Yang symbol, given by the times of five spikes."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor

from snn_train.data.records import Dataset, Splits
from snn_train.data.yinyang import load_yin_yang
from snn_train.decode import max_over_time
from snn_train.encode import events_at, spike_times
from snn_train.network import SpikingClassifier, draw_weight_, lif_classifier
from snn_train.schedules import Schedule
from snn_train.tasks.record import Task


class Settings(NamedTuple):
    """The network of this task; times in seconds.

    Args:
        n_hidden: spiking neurons.
        dt: step.
        duration: of one sample.
        t_min: time of the value 0, and of the bias spike.
        t_max: time of the value 1.
        tau: membrane and synaptic time constant of both layers.
        hidden_mean, hidden_std: of the sum of a hidden neuron's initial weights.
        readout_mean, readout_std: of the sum of a readout neuron's initial weights. The mean is
            positive, because a membrane that never rises learns nothing through its maximum.
    """

    n_hidden: int = 120
    dt: float = 1e-3
    duration: float = 38e-3
    t_min: float = 2e-3
    t_max: float = 26e-3
    tau: float = 6e-3
    hidden_mean: float = 3.0
    hidden_std: float = 2.0
    readout_mean: float = 12.0
    readout_std: float = 6.0


def encode(inputs: Tensor, settings: Settings) -> Tensor:
    """One spike for each of x, y, 1 - x, 1 - y, the later the larger, and a bias spike at t_min.

    Args:
        inputs: ``(B, 4)`` in [0, 1].
        settings: of the task.

    Returns:
        spikes ``(T, B, 5)``.

    Raises:
        ValueError: for a value outside [0, 1].

    >>> encode(torch.tensor([[0.0, 1.0, 0.5, 0.5]]), Settings())[:, 0].argmax(0).tolist()
    [2, 26, 14, 14, 2]
    """
    values = torch.cat([inputs, inputs.new_zeros(len(inputs), 1)], 1)
    times = spike_times(values, settings.t_min, settings.t_max)
    return events_at(times, settings.duration).to_grid(settings.dt, dtype=inputs.dtype)


def network(settings: Settings, backend: str) -> SpikingClassifier:
    """LIF neurons, read out by one leaky integrator a class; the highest membrane wins."""
    model = lif_classifier(
        functools.partial(encode, settings=settings),
        max_over_time,
        (5, settings.n_hidden, 3),
        dt=settings.dt,
        tau_mem=settings.tau,
        tau_syn=settings.tau,
        backend=backend,
    )
    draw_weight_(model.hidden, settings.hidden_mean, settings.hidden_std)
    draw_weight_(model.readout, settings.readout_mean, settings.readout_std)
    return model


def load() -> Splits:
    """The published splits, in single precision like the network."""
    return Splits(*(Dataset(part.inputs.float(), part.labels) for part in load_yin_yang()))


YIN_YANG = Task(
    "yinyang",
    Schedule(epochs=40, batch_size=100, learning_rate=1e-2),
    Settings(),
    load,
    network,
)
