"""Task ``yinyang-delays``: Yin-Yang with 30 hidden neurons, whose synapses learn their delays."""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from snn_core import Layer
from snn_eventprop import first_spike
from snn_neurons import lif
from torch.optim import Adam

from snn_train.data.yinyang import load_yin_yang
from snn_train.decisions import earliest
from snn_train.drawing import draw_spikes
from snn_train.event_network import EventClassifier, drawn_layer, its_events
from snn_train.schedules import Schedule
from snn_train.tasks.record import Task
from snn_train.tasks.yinyang_exact import loss, prepare


class Settings(NamedTuple):
    """The network of this task; times in seconds, weights in units of the threshold.

    Args:
        n_hidden: spiking neurons.
        t_max: time of the spike of the value 1; that of 0 is 0, as is that of the bias.
        duration: of one sample, so long that every membrane is at rest again: it costs nothing.
        tau_mem, tau_syn: time constants of both layers.
        hidden_mean, hidden_std: of one initial weight of a hidden neuron.
        output_mean, output_std: of one initial weight of an output neuron.
        delay, delay_spread: initial delays of all synapses are log-normal, with this median and
            this standard deviation of the logarithm.
        tau0, tau1, alpha: of the loss, see ``snn_eventprop.ttfs_cross_entropy``.
    """

    n_hidden: int = 30
    t_max: float = 30e-3
    duration: float = 330e-3
    tau_mem: float = 20e-3
    tau_syn: float = 5e-3
    hidden_mean: float = 2.0
    hidden_std: float = 1.0
    output_mean: float = 1.2
    output_std: float = 0.5
    delay: float = 5e-3
    delay_spread: float = 0.5
    tau0: float = 0.5e-3
    tau1: float = 6.4e-3
    alpha: float = 3e-3


def network(settings: Settings, backend: str) -> EventClassifier:
    """LIF neurons, read out by one LIF neuron a class; the first to fire wins."""
    hidden = _layer(5, settings.n_hidden, "hidden", settings, backend)
    output = _layer(settings.n_hidden, 3, "output", settings, backend)
    return EventClassifier(its_events, hidden, output, first_spike)


def _layer(n_in: int, n_out: int, name: str, settings: Settings, backend: str) -> Layer:
    spread = settings.delay_spread * torch.randn(n_out, n_in, dtype=torch.float64)
    return drawn_layer(
        n_in,
        n_out,
        "lif",
        params=lif.Params(tau_mem=settings.tau_mem, tau_syn=settings.tau_syn),
        mean=getattr(settings, f"{name}_mean"),
        std=getattr(settings, f"{name}_std"),
        backend=backend,
        delay=settings.delay * spread.exp(),
        learn=("delay",),
    )


YIN_YANG_DELAYS = Task(
    "yinyang-delays",
    Schedule(epochs=100, batch_size=32, learning_rate=1e-2),
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
