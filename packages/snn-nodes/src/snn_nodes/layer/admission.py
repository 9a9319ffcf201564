"""What Sequential takes as a layer, and what has a time of its own that it cannot know."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from snn_nodes.memory import MemoryModule
from snn_nodes.naming import label
from snn_nodes.stepping import Stepping, TakesLengths

OWN_TIME = (
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerDecoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer,
)
"""Modules of torch with an axis of time, or a state, of their own."""


def outermost_stepping(layer: nn.Module) -> list[Stepping]:
    """Those with a step mode that nothing with a step mode is around; the layer, if it has one.

    What is inside of such a one is its own to call in the mode that each has.

    >>> from snn_nodes.layer import Recurrent
    >>> from snn_nodes.neuron import IFNode
    >>> block = nn.ModuleList([Recurrent(IFNode(), 2), nn.Linear(2, 2), nn.ModuleList([IFNode()])])
    >>> [type(module).__name__ for module in outermost_stepping(block)]
    ['Recurrent', 'IFNode']
    """
    if isinstance(layer, Stepping):
        return [layer]
    return [module for child in layer.children() for module in outermost_stepping(child)]


def knows_time(layer: nn.Module) -> bool:
    """Whether it takes ``(T, B, *)``: it has a step mode, or is made of layers that have."""
    return any(isinstance(module, Stepping) for module in layer.modules())


def takes_lengths(layer: nn.Module) -> bool:
    """Whether its forward takes ``lengths``.

    Raises:
        ValueError: it has nodes inside, which would run on beyond the end of a sample; or a batch
            norm of torch that is in training, and would learn from what is there.
    """
    if isinstance(layer, TakesLengths):
        return True
    if any(isinstance(module, _BatchNorm) and module.training for module in layer.modules()):
        raise ValueError(
            f"{label(layer)} takes no lengths, so that its batch norm would take statistics from "
            f"steps that do not count; use snn_nodes.layer.BatchNorm1d or BatchNorm2d beside it"
        )
    if any(isinstance(module, TakesLengths) for module in layer.modules()):
        raise ValueError(
            f"{label(layer)} has nodes inside and takes no lengths: derive it from "
            f"snn_nodes.stepping.TakesLengths, and give them to its nodes in "
            f"forward(self, x_seq, lengths=None)"
        )
    return False


def check_layer(layer: nn.Module, others: list[nn.Module]) -> None:
    """A layer that Sequential can run over time.

    Args:
        layer: the new one.
        others: those that are there already.

    Raises:
        TypeError: a module with a time of its own.
        ValueError: a container that hands its layers merged steps, or a second place for a layer
            with a state.
    """
    if isinstance(layer, nn.Sequential) and not isinstance(layer, Stepping) and knows_time(layer):
        raise ValueError(
            "torch.nn.Sequential knows no time, and one with nodes or layers with a step mode in "
            "it would give them the wrong axes; use snn_nodes.layer.Sequential for it too"
        )
    if not knows_time(layer):
        check_timeless(layer)
    stateful = [module for module in layer.modules() if isinstance(module, MemoryModule)]
    present = {id(module) for other in others for module in other.modules()}
    for module in stateful:
        if id(module) in present:
            raise ValueError(
                f"{label(module)} is in the network already; at a second place it would go on "
                f"with the state of the first: give each place a node of its own"
            )


def check_timeless(layer: nn.Module) -> None:
    """A layer that can run on all steps merged into the batch.

    Raises:
        TypeError: it has a time of its own.
    """
    for module in layer.modules():
        if isinstance(module, OWN_TIME):
            raise TypeError(
                f"{type(module).__name__} has an axis of time, or a state, of its own, and would "
                f"take merged steps for something else; call it outside, or in a module of your "
                f"own that has a step mode (snn_nodes.stepping.Stepping)"
            )
