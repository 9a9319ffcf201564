"""Task ``yinyang`` with an emulated chip in the loop: forward on the chip, surrogate gradients.

Network, data and loss are those of the recipe in simulation, ``yinyang``; the chip's clock runs a
thousand times faster.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from snn_core import Layer
from snn_hardware import Chip
from snn_neurons import li, lif

from snn_train.decode import max_over_time
from snn_train.network import SpikingClassifier, draw_weight_
from snn_train.schedules import Schedule
from snn_train.tasks import yinyang
from snn_train.tasks.record import Task

ACCELERATION = 1000.0
"""Milliseconds of the task are microseconds of the chip."""

NETWORK = yinyang.Settings()


class Settings(NamedTuple):
    """The chip and how the network lies on it; the network is that of the task in simulation.

    Args:
        chip: its serial number.
        threshold: in LSB of the CADC.
        dac_bias: with the threshold, how much a step of a weight is worth.
        replicas: row pairs of an input, so that its weights can be as many times larger.
        per_unit: LSB of the readout for one unit of the model.
        inject: what the model takes of the hidden neurons, "z" spikes, "vz" membranes too.
    """

    chip: int = 0
    threshold: float = 150.0
    dac_bias: float = 1000.0
    replicas: int = 5
    per_unit: float = 10.0
    inject: str = "z"


def params() -> Any:
    """The parameters of the hidden neurons."""
    return lif.Params(tau_mem=NETWORK.tau, tau_syn=NETWORK.tau)


def calibrated(settings: Any, neuron: Any, **options: Any) -> Chip:
    """The chip of some settings, calibrated to neurons of these parameters.

    Args:
        settings: with ``chip``, ``threshold`` and ``dac_bias``.
        neuron: Params of LIF.
        options: of ``Chip``, such as its effects.
    """
    chip = Chip(settings.chip, acceleration=ACCELERATION, **options)
    chip.calibrate(
        chip.target_for(neuron, threshold=settings.threshold, dac_bias=settings.dac_bias)
    )
    return chip


def network_on(chip: Chip, settings: Settings) -> SpikingClassifier:
    """The network of the task on a chip."""
    hidden = Layer(
        5,
        NETWORK.n_hidden,
        "lif",
        dt=NETWORK.dt,
        params=params(),
        backend=chip.at("hidden", replicas=settings.replicas, inject=tuple(settings.inject)),
    )
    readout = Layer(
        NETWORK.n_hidden,
        3,
        "li",
        dt=NETWORK.dt,
        params=li.Params(tau_mem=NETWORK.tau, tau_syn=NETWORK.tau),
        backend=chip.at("readout", per_unit=settings.per_unit),
    )
    draw_weight_(hidden, NETWORK.hidden_mean, NETWORK.hidden_std)
    draw_weight_(readout, NETWORK.readout_mean, NETWORK.readout_std)
    encode = functools.partial(yinyang.encode, settings=NETWORK)
    return SpikingClassifier(encode, hidden, readout, max_over_time)


def network(settings: Settings, backend: str) -> SpikingClassifier:
    """The network of the task on a chip of its own, calibrated."""
    return network_on(calibrated(settings, params()), settings)


YIN_YANG_CHIP = Task(
    "yinyang",
    Schedule(epochs=40, batch_size=100, learning_rate=1e-2),
    Settings(),
    yinyang.load,
    network,
    gradient="chip",
    backend="bss2",
)
