"""Task ``yinyang`` with an emulated chip in the loop, EventProp by nothing but its spikes."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from snn_eventprop import first_spike
from snn_hardware import Chip
from snn_neurons import lif
from torch.optim import Adam

from snn_train.data.records import Dataset
from snn_train.data.trains import EventDataset
from snn_train.data.yinyang import load_yin_yang
from snn_train.decisions import earliest
from snn_train.drawing import draw_spikes
from snn_train.event_network import EventClassifier, drawn_layer, its_events
from snn_train.loop import Loss
from snn_train.schedules import DecaySchedule
from snn_train.tasks import yinyang_exact
from snn_train.tasks.record import Task
from snn_train.tasks.yinyang_chip import calibrated

NETWORK = yinyang_exact.Settings(duration=60e-3)
"""The network of the task in simulation; a chip records no longer than it must."""


class Settings(NamedTuple):
    """The chip and how the network lies on it; the network is that of the task in simulation.

    Args:
        chip: its serial number.
        threshold: in LSB of the CADC.
        dac_bias: with the threshold, how much a step of a weight is worth.
        replicas: row pairs of an input, so that its weights can be as many times larger.
    """

    chip: int = 0
    threshold: float = 150.0
    dac_bias: float = 600.0
    replicas: int = 5


def params() -> Any:
    """The parameters of all neurons."""
    return lif.Params(tau_mem=NETWORK.tau_mem, tau_syn=NETWORK.tau_syn)


def prepare(data: Dataset, settings: Settings) -> EventDataset:
    """The points as spike times, as in simulation."""
    return yinyang_exact.prepare(data, NETWORK)


def network_on(chip: Chip, settings: Settings) -> EventClassifier:
    """The network of the task on a chip."""
    handle = chip.with_gradient("eventprop_exact")
    hidden = drawn_layer(
        5,
        NETWORK.n_hidden,
        "lif",
        params=params(),
        mean=NETWORK.hidden_mean,
        std=NETWORK.hidden_std,
        backend=handle.at("hidden", replicas=settings.replicas),
    )
    output = drawn_layer(
        NETWORK.n_hidden,
        3,
        "lif",
        params=params(),
        mean=NETWORK.output_mean,
        std=NETWORK.output_std,
        backend=handle.at("output"),
    )
    return EventClassifier(its_events, hidden, output, first_spike)


def network(settings: Settings, backend: str) -> EventClassifier:
    """The network of the task on a chip of its own, calibrated."""
    return network_on(calibrated(settings, params()), settings)


def loss(settings: Any) -> Loss:
    """Cross entropy of the first output spikes' times."""
    return yinyang_exact.loss(NETWORK)


YIN_YANG_CHIP_EXACT = Task(
    "yinyang",
    DecaySchedule(epochs=50, batch_size=32, learning_rate=5e-3, decay=0.95),
    Settings(),
    load_yin_yang,
    network,
    loss=loss,
    decide=earliest,
    prepare=prepare,
    optimizer=functools.partial(Adam, fused=True),
    gradient="chip_eventprop",
    backend="bss2",
    draw=draw_spikes,
)
