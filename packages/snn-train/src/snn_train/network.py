"""A classifier with one hidden spiking layer, and its form on a grid of time steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from snn_core import Layer
from snn_neurons import li, lif
from torch import Tensor, nn

Encoder = Callable[[Tensor], Tensor]
"""``inputs (B, *F) -> spikes (T, B, N_in)``; of `Events` take ``to_grid(dt)``."""

Decoder = Callable[[Tensor], Tensor]
"""``output trace (T, B, C) -> scores (B, C)``."""


class Activity(NamedTuple):
    """What a network did with a batch, over time.

    Args:
        input: spikes ``(T, B, N_in)``.
        hidden: spikes ``(T, B, N)``.
        hidden_v: membrane of the hidden neurons after reset, ``(T, B, N)``.
        output_v: membrane of the readout, ``(T, B, C)``.
        scores: ``(B, C)``.
    """

    input: Tensor
    hidden: Tensor
    hidden_v: Tensor
    output_v: Tensor
    scores: Tensor


class Classifier(nn.Module):
    """Encoder, a hidden layer of spiking neurons, a readout layer, decoder, one after the other.

    Args:
        encode: from inputs to what the hidden layer takes; a module of its own knows whether it
            trains.
        hidden: a layer that spikes.
        readout: a layer that takes these spikes, one neuron a class.
        decode: from the output of the readout to scores ``(B, C)``.

    Raises:
        ValueError: if the layers do not fit.
    """

    def __init__(
        self,
        encode: Callable[[Any], Any],
        hidden: Layer,
        readout: Layer,
        decode: Callable[[Any], Tensor],
    ) -> None:
        super().__init__()
        if hidden.n_out != readout.n_in:
            raise ValueError(
                f"the hidden layer has {hidden.n_out} neurons, the readout takes {readout.n_in}; "
                "make them equal"
            )
        self.encode = encode
        self.hidden = hidden
        self.readout = readout
        self.decode = decode

    def forward(self, inputs: Any) -> Tensor:
        """Scores ``(B, C)`` of inputs, which mean what the decoder says."""
        hidden = self.hidden(self.encode(inputs)).output
        return self.decode(self.readout(hidden).output)


class SpikingClassifier(Classifier):
    """A classifier on a grid of time steps, read out by leaky integrators.

    Args:
        encode: from inputs ``(B, *F)`` to spikes ``(T, B, N_in)``.
        hidden: a layer that spikes.
        readout: a layer whose output is its membrane, one neuron a class.
        decode: from the readout's membrane ``(T, B, C)`` to scores ``(B, C)``, the largest for the
            most likely class.

    Raises:
        ValueError: if the layers do not fit.

    >>> from snn_train.decode import sum_over_time
    >>> hidden = Layer(4, 6, "lif", dt=1e-3)
    >>> readout = Layer(6, 3, "li", dt=1e-3)
    >>> model = SpikingClassifier(lambda x: x.expand(20, *x.shape), hidden, readout, sum_over_time)
    >>> model(torch.rand(5, 4)).shape, model.activity(torch.rand(5, 4)).hidden_v.shape
    (torch.Size([5, 3]), torch.Size([20, 5, 6]))
    """

    def __init__(self, encode: Encoder, hidden: Layer, readout: Layer, decode: Decoder) -> None:
        super().__init__(encode, hidden, readout, decode)

    def activity(self, inputs: Tensor) -> Activity:
        """Spikes and membranes of the whole network for inputs ``(B, *F)``."""
        x = self.encode(inputs)
        hidden = self.hidden(x, record=("v",))
        output = self.readout(hidden.output).output
        return Activity(x, hidden.output, hidden.traces.v, output, self.decode(output))


def lif_classifier(
    encode: Encoder,
    decode: Decoder,
    sizes: tuple[int, int, int],
    *,
    dt: float,
    tau_mem: float,
    tau_syn: float,
    backend: str = "auto",
) -> SpikingClassifier:
    """A classifier of LIF neurons, read out by leaky integrators with the same time constants.

    Args:
        encode, decode: as of :class:`SpikingClassifier`.
        sizes: numbers of input channels, hidden neurons and classes.
        dt: step in seconds.
        tau_mem, tau_syn: time constants in seconds.
        backend: name of the backend of both layers.

    Raises:
        UnknownName, MissingNeed: as the registry says of the backend.
        ValueError: as :class:`snn_core.Layer`.

    >>> from snn_train.decode import max_over_time
    >>> model = lif_classifier(
    ...     lambda x: x.expand(20, *x.shape),
    ...     max_over_time,
    ...     (4, 6, 3),
    ...     dt=1e-3,
    ...     tau_mem=10e-3,
    ...     tau_syn=5e-3,
    ... )
    >>> model(torch.rand(5, 4)).shape
    torch.Size([5, 3])
    """
    n_in, n_hidden, n_classes = sizes
    hidden = Layer(
        n_in,
        n_hidden,
        "lif",
        dt=dt,
        params=lif.Params(tau_mem=tau_mem, tau_syn=tau_syn),
        backend=backend,
    )
    readout = Layer(
        n_hidden,
        n_classes,
        "li",
        dt=dt,
        params=li.Params(tau_mem=tau_mem, tau_syn=tau_syn),
        backend=backend,
    )
    return SpikingClassifier(encode, hidden, readout, decode)


def draw_weight_(layer: Layer, mean: float, std: float) -> None:
    """Draw the weights of a layer anew from a normal distribution, from torch's random numbers.

    Args:
        layer: whose ``weight`` is drawn in place.
        mean, std: of the sum of a neuron's ``n_in`` weights, not of one weight. So a layer that
            gets one spike per input neuron starts alike, whatever its size.

    >>> layer = Layer(50, 3, "lif", dt=1e-3)
    >>> draw_weight_(layer, mean=2.0, std=0.0)
    >>> round(layer.weight[0].sum().item(), 4)
    2.0
    """
    with torch.no_grad():
        layer.weight.normal_(mean / layer.n_in, std / layer.n_in**0.5)
