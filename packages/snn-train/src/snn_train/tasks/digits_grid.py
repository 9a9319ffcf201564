"""Task ``digits`` by EventProp on a grid: spikes inside the steps, dense in and out."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch.optim import Adam

from snn_train.data.digits import load_digits
from snn_train.decode import early_mean_over_time
from snn_train.network import SpikingClassifier, lif_classifier
from snn_train.schedules import DecaySchedule
from snn_train.tasks.digits import encode
from snn_train.tasks.record import Task


class Settings(NamedTuple):
    """The network of this task; times in seconds.

    Args:
        n_hidden: spiking neurons.
        dt: step.
        duration: of one image.
        t_max: an input as weak as can be would fire then, the strongest fires at 0.
        tau_mem, tau_syn: time constants of both layers.
        hidden_mean, hidden_std: of one initial weight of a hidden neuron.
        readout_std: of one initial weight of a readout neuron, whose mean is 0.
        score_tau, score_scale: of the score, see ``early_mean_over_time``.
    """

    n_hidden: int = 256
    dt: float = 1e-3
    duration: float = 40e-3
    t_max: float = 10e-3
    tau_mem: float = 20e-3
    tau_syn: float = 5e-3
    hidden_mean: float = 0.08
    hidden_std: float = 0.1
    readout_std: float = 0.37
    score_tau: float = 5e-3
    score_scale: float = 20.0


def network(settings: Settings, backend: str) -> SpikingClassifier:
    """LIF neurons, read out by one leaky integrator a class; the highest early mean wins."""
    model = lif_classifier(
        functools.partial(encode, settings=settings),
        functools.partial(
            early_mean_over_time,
            dt=settings.dt,
            tau=settings.score_tau,
            scale=settings.score_scale,
        ),
        (128, settings.n_hidden, 10),
        dt=settings.dt,
        tau_mem=settings.tau_mem,
        tau_syn=settings.tau_syn,
        backend=backend,
    )
    with torch.no_grad():
        model.hidden.weight.normal_(settings.hidden_mean, settings.hidden_std)
        model.readout.weight.normal_(0.0, settings.readout_std)
    return model


DIGITS_GRID = Task(
    "digits",
    DecaySchedule(epochs=30, batch_size=32, learning_rate=5e-3, decay=0.9),
    Settings(),
    load_digits,
    network,
    optimizer=functools.partial(Adam, fused=True),
    gradient="eventprop",
    backend="eventprop",
)
