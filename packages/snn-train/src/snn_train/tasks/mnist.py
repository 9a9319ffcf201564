"""Task ``mnist`` by exact EventProp: the published recipe for latency-coded MNIST."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import torch
from snn_core import Events
from torch import Tensor, nn
from torch.optim import Adam

from snn_train.data.mnist import load_mnist
from snn_train.drawing import draw_membrane
from snn_train.encode import events_at
from snn_train.event_decode import highest
from snn_train.event_network import EventClassifier, event_classifier
from snn_train.schedules import DecaySchedule
from snn_train.tasks.record import Task

WHITE = 255


class Settings(NamedTuple):
    """The network of this task; times in seconds, weights in units of the threshold.

    Args:
        n_hidden: spiking neurons.
        t_max: a pixel of value 0 would fire then, one of 255 fires at 0.
        darkest: pixels not above this value stay silent.
        drop: probability that an input spike is left out in training.
        duration: of one image.
        tau_mem, tau_syn: time constants of both layers.
        hidden_mean, hidden_std: of one initial weight of a hidden neuron.
        readout_mean, readout_std: of one initial weight of a readout neuron.
    """

    n_hidden: int = 350
    t_max: float = 20e-3
    darkest: int = 1
    drop: float = 0.2
    duration: float = 220e-3
    tau_mem: float = 20e-3
    tau_syn: float = 5e-3
    hidden_mean: float = 0.078
    hidden_std: float = 0.045
    readout_mean: float = 0.2
    readout_std: float = 0.37


class LatencyEncoder(nn.Module):
    """One spike for each pixel, the earlier the brighter; in training some are left out.

    Args:
        settings: of the task.

    >>> encoder = LatencyEncoder(Settings()).eval()
    >>> events = encoder(torch.tensor([[0, 255, 1, 51]], dtype=torch.uint8))
    >>> events.times.tolist(), events.index.tolist()
    ([[0.0, 0.016]], [[1, 3]])
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, pixels: Tensor) -> Events:
        """Events of pixels ``(B, 784)``, uint8; no wider than the image with the most spikes."""
        settings = self.settings
        silent = pixels <= settings.darkest
        if self.training:
            silent |= torch.rand(pixels.shape, device=pixels.device) < settings.drop
        times = settings.t_max * (1.0 - pixels.double() / WHITE)
        events = events_at(times.masked_fill_(silent, math.inf), settings.duration)
        width = int((~silent).sum(1).max())
        return events._replace(times=events.times[:, :width], index=events.index[:, :width])


def network(settings: Settings, backend: str) -> EventClassifier:
    """LIF neurons, read out by one leaky integrator a class; the highest maximum wins."""
    return event_classifier(
        LatencyEncoder(settings),
        highest,
        (784, settings.n_hidden, 10),
        readout="li",
        tau_mem=settings.tau_mem,
        tau_syn=settings.tau_syn,
        hidden_weight=(settings.hidden_mean, settings.hidden_std),
        readout_weight=(settings.readout_mean, settings.readout_std),
        backend=backend,
    )


MNIST = Task(
    "mnist",
    DecaySchedule(epochs=100, batch_size=5, learning_rate=5e-3, decay=0.95),
    Settings(),
    load_mnist,
    network,
    optimizer=functools.partial(Adam, fused=True),
    gradient="eventprop_exact",
    backend="eventprop_exact",
    draw=draw_membrane,
    folder="the four IDX files of MNIST",
)
