"""Task ``digits``: handwritten digits as one early or late spike per pixel."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snn_train.data.digits import load_digits
from snn_train.decode import mean_over_time
from snn_train.encode import events_at, latency
from snn_train.network import SpikingClassifier, draw_weight_, lif_classifier
from snn_train.schedules import Schedule
from snn_train.tasks.record import Task


class Settings(NamedTuple):
    """The network of this task; times in seconds.

    Args:
        n_hidden: spiking neurons.
        dt: step.
        duration: of one image.
        t_max: an input as weak as can be would fire then, the strongest fires at 0.
        tau_mem: membrane time constant of both layers.
        tau_syn: synaptic time constant of both layers.
        hidden_mean, hidden_std: of the sum of a hidden neuron's initial weights.
        readout_std: of the sum of a readout neuron's initial weights, whose mean is 0.
    """

    n_hidden: int = 512
    dt: float = 1e-3
    duration: float = 30e-3
    t_max: float = 15e-3
    tau_mem: float = 10e-3
    tau_syn: float = 5e-3
    hidden_mean: float = 3.0
    hidden_std: float = 0.5
    readout_std: float = 20.0


def encode(inputs: Tensor, settings: Any) -> Tensor:
    """Two channels per pixel: one fires the earlier the brighter it is, the other the darker.

    Args:
        inputs: ``(B, 64)`` in [0, 1].
        settings: of the task; dt, duration and t_max count.

    Returns:
        spikes ``(T, B, 128)``; a channel of value 0 stays silent.

    Raises:
        ValueError: for a value outside [0, 1].

    >>> encode(torch.ones(1, 64), Settings())[0, 0].sum().item()
    64.0
    """
    times = latency(torch.cat([inputs, 1 - inputs], 1), 0.0, settings.t_max)
    return events_at(times, settings.duration).to_grid(settings.dt, dtype=inputs.dtype)


def network(settings: Settings, backend: str) -> SpikingClassifier:
    """LIF neurons, read out by one leaky integrator a class; the highest mean membrane wins."""
    model = lif_classifier(
        functools.partial(encode, settings=settings),
        mean_over_time,
        (128, settings.n_hidden, 10),
        dt=settings.dt,
        tau_mem=settings.tau_mem,
        tau_syn=settings.tau_syn,
        backend=backend,
    )
    draw_weight_(model.hidden, settings.hidden_mean, settings.hidden_std)
    draw_weight_(model.readout, 0.0, settings.readout_std)
    return model


DIGITS = Task(
    "digits",
    Schedule(epochs=30, batch_size=128, learning_rate=1e-2),
    Settings(),
    load_digits,
    network,
)
