"""A classifier with one hidden spiking layer on events: spike times in, no grid anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import snn_core
import torch
from snn_core import AsBackend, Backend, Events, Layer
from torch import Tensor

from snn_train.data.trains import SpikeTrains
from snn_train.network import Classifier


class EventActivity(NamedTuple):
    """What a network on events did with a batch.

    Args:
        input: spikes of the input channels.
        hidden: spikes of the hidden neurons.
        output: of the readout: its spikes, or its membrane in closed form.
        scores: ``(B, C)``.
    """

    input: Events
    hidden: Events
    output: Any
    scores: Tensor


class EventClassifier(Classifier):
    """A classifier whose layers run event by event.

    Args:
        encode: from inputs to ``Events`` of the input channels.
        hidden: a layer of an event-driven backend that spikes.
        readout: another, one neuron a class; it spikes, or is a leaky integrator.
        decode: from the output of the readout to scores ``(B, C)``.

    Raises:
        ValueError: if the layers do not fit.
    """

    def __init__(
        self,
        encode: Callable[[Any], Events],
        hidden: Layer,
        readout: Layer,
        decode: Callable[[Any], Tensor],
    ) -> None:
        super().__init__(encode, hidden, readout, decode)

    def activity(self, inputs: Any) -> EventActivity:
        """Spikes of the whole network for a batch."""
        x = self.encode(inputs)
        hidden = self.hidden(x).output
        output = self.readout(hidden).output
        return EventActivity(x, hidden, output, self.decode(output))


def its_events(trains: SpikeTrains) -> Events:
    """The encoder of inputs that are spike trains already.

    >>> events = Events(torch.zeros(3, 1), torch.zeros(3, 1).long(), (1,), 0.5)
    >>> its_events(SpikeTrains(events)) is events
    True
    """
    return trains.events


def drawn_layer(
    n_in: int,
    n_out: int,
    neuron: str,
    *,
    params: Any,
    mean: float,
    std: float,
    backend: str | Backend | AsBackend,
    **options: Any,
) -> Layer:
    """A layer in double precision whose weights are drawn, each one, from a normal distribution.

    Double precision, because spike times come from sums over the whole past of a neuron and cost
    no more in it.

    Args:
        n_in, n_out, neuron, params, backend, options: as of :class:`snn_core.Layer`.
        mean, std: of one weight, from torch's random numbers.

    Raises:
        UnknownName, MissingNeed, Unsupported, ValueError: as :class:`snn_core.Layer`.
    """
    layer = Layer(
        n_in, n_out, neuron, params=params, backend=backend, dtype=torch.float64, **options
    )
    with torch.no_grad():
        layer.weight.normal_(mean, std)
    return layer


def event_classifier(
    encode: Callable[[Any], Events],
    decode: Callable[[Any], Tensor],
    sizes: tuple[int, int, int],
    *,
    readout: str,
    tau_mem: float,
    tau_syn: float,
    hidden_weight: tuple[float, float],
    readout_weight: tuple[float, float],
    backend: str,
) -> EventClassifier:
    """LIF neurons on events, read out by neurons with the same time constants.

    Args:
        encode, decode: as of :class:`EventClassifier`.
        sizes: numbers of input channels, hidden neurons and classes.
        readout: ``"lif"`` or ``"li"``, the neurons of the readout.
        tau_mem, tau_syn: time constants in seconds.
        hidden_weight, readout_weight: mean and standard deviation of one initial weight.
        backend: name of the event-driven backend of both layers.

    Raises:
        UnknownName, MissingNeed, Unsupported, ValueError: as :class:`snn_core.Layer`.
    """
    n_in, n_hidden, n_classes = sizes
    hidden, output = (
        drawn_layer(
            *size,
            name,
            params=snn_core.neuron(name).Params(tau_mem=tau_mem, tau_syn=tau_syn),
            mean=mean,
            std=std,
            backend=backend,
        )
        for size, name, (mean, std) in (
            ((n_in, n_hidden), "lif", hidden_weight),
            ((n_hidden, n_classes), readout, readout_weight),
        )
    )
    return EventClassifier(encode, hidden, output, decode)
