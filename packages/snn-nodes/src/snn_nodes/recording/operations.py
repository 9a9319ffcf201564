"""Synaptic operations: what a network has to compute for an input, layer by layer."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from snn_core.layer import Layer
from torch import Tensor, nn

from snn_nodes.layer.recurrent import Recurrent
from snn_nodes.naming import label
from snn_nodes.neuron.stateful import StatefulNode
from snn_nodes.recording.columns import columns
from snn_nodes.recording.counting import Count, FeedbackCount, LayerCount, NodeCount, SynapseCount
from snn_nodes.recording.fan_out import SYNAPSES
from snn_nodes.recording.sites import layers_of_neurons, undisturbed


class LayerOperations(NamedTuple):
    """What one layer has computed, summed over steps and samples.

    Args:
        name, kind: its place and its class.
        accumulations: additions of a weight, one for each synapse that a spike reaches.
        multiplications: multiplications of a weight and an input that is not a spike, each with
            its addition (MACs).
        biases: additions of a bias.
        updates: steps of a neuron.
        dense: multiplications that the synapses would need for the same input if it were not
            spikes.
    """

    name: str
    kind: str
    accumulations: int = 0
    multiplications: int = 0
    biases: int = 0
    updates: int = 0
    dense: int = 0


class Operations(NamedTuple):
    """The operations of each layer, in the order of the network; ``print`` it.

    Args:
        layers: layers of synapses, layers of neurons.
        not_counted: modules with weights whose operations are not counted.
    """

    layers: tuple[LayerOperations, ...]
    not_counted: tuple[str, ...]

    @property
    def total(self) -> LayerOperations:
        """The sums over all layers."""
        numbers = (row[2:] for row in self.layers)
        return LayerOperations("total", "", *map(sum, zip(*numbers, strict=True)))

    def __str__(self) -> str:
        heads = ("layer", "kind", "accumulations", "MACs", "biases", "updates", "MACs if dense")
        rows = [(*row[:2], *(f"{n:,}" for n in row[2:])) for row in (*self.layers, self.total)]
        text = columns(heads, rows, left=2)
        return f"{text}\nnot counted: {', '.join(self.not_counted)}" if self.not_counted else text


class OperationCounter:
    """Counts the operations of all calls of a network, from its construction to ``remove()``.

    An input whose values are all 0 and 1 is one of spikes: each adds up the weights of its
    synapses, and the absence of a spike costs nothing. Any other input is multiplied, its zeros
    too; so is one of 0 and another number, such as a dropout in training makes. Weights that are 0
    count; connections that a ``SparseSynapse`` does not have, and what lies in the padding of a
    convolution, do not. Pooling and normalisation are not counted.

    Layers of synapses are ``torch.nn.Linear``, ``Conv1d``, ``Conv2d``, ``Conv3d`` and their
    subclasses, the feedback of ``Recurrent``, and ``snn_core.Layer`` (where it runs by events it
    has no steps, so neither updates nor a dense counterpart).

    Args:
        net: the network, or a layer.

    >>> layer = nn.Linear(4, 3, bias=False)
    >>> with OperationCounter(layer) as counter:
    ...     _ = layer(torch.tensor([[1.0, 0.0, 1.0, 0.0]]))
    >>> counter.operations().layers[0].accumulations
    6
    """

    def __init__(self, net: nn.Module) -> None:
        self._counts: dict[str, Count] = {}
        self._not_counted: list[str] = []
        nodes = {id(module) for module in layers_of_neurons(net).values()}
        around = {id(m.recurrent): m for m in net.modules() if isinstance(m, Recurrent)}
        for place, module in net.named_modules():
            count = _count(module, id(module) in nodes, around.get(id(module)))
            if count is not None:
                self._counts[place or type(module).__name__] = count
            elif _has_weights(module):
                self._not_counted.append(label(module))
        self._handles = [h for count in self._counts.values() for h in count.attach()]

    def remove(self) -> None:
        """Count no more."""
        for handle in self._handles:
            handle.remove()

    def operations(self) -> Operations:
        """The operations until now."""
        rows = (
            LayerOperations(name, count.kind, *count.numbers)
            for name, count in self._counts.items()
        )
        return Operations(tuple(rows), tuple(self._not_counted))

    def __enter__(self) -> OperationCounter:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def synaptic_operations(net: nn.Module, x: Any) -> Operations:
    """The operations of ``net(x)``, from a start without state; ``net`` is left as it was.

    What counts is said at ``OperationCounter``, which also counts what runs step by step.

    Args:
        net: the network.
        x: its input, such as spikes ``(T, B, *)``.

    >>> from snn_nodes.neuron import IFNode
    >>> net = nn.Sequential(nn.Linear(4, 3, bias=False), IFNode(step_mode="m"))
    >>> print(synaptic_operations(net, torch.ones(5, 2, 4)))
    layer  kind    accumulations  MACs  biases  updates  MACs if dense
    0      Linear            120     0       0        0            120
    1      IFNode              0     0       0       30              0
    total                    120     0       0       30            120
    """
    with undisturbed(net), torch.no_grad(), OperationCounter(net) as counter:
        net(x)
    return counter.operations()


def _count(module: nn.Module, of_neurons: bool, around: Recurrent | None) -> Count | None:
    if isinstance(module, SYNAPSES):
        return SynapseCount(module) if around is None else FeedbackCount(module, around)
    if isinstance(module, Layer):
        return LayerCount(module)
    return NodeCount(module) if of_neurons else None


def _has_weights(module: nn.Module) -> bool:
    """Whether it has parameters of its own that are not those of neurons."""
    own: list[Tensor] = list(module.parameters(recurse=False))
    return bool(own) and not isinstance(module, StatefulNode)
