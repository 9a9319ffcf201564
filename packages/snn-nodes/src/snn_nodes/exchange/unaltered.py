"""Whether a module runs as its class says, so that its class tells what to write."""

from __future__ import annotations

import snn_core
from torch import nn

from snn_nodes import layer
from snn_nodes.exchange.cuba import CurrentFirst, MembraneFirst
from snn_nodes.exchange.network import NirNetwork
from snn_nodes.exchange.report import ExchangeError
from snn_nodes.exchange.write_layers import PASSED
from snn_nodes.neuron import StatefulNode

KINDS = (
    *(StatefulNode, NirNetwork, CurrentFirst, MembraneFirst, nn.Sequential, layer.Sequential),
    *(layer.Recurrent, snn_core.Layer, *PASSED),
)
"""Classes that are written whatever derives from them, if it keeps their forward."""

_FORWARDS = frozenset(kind.forward for kind in KINDS)


def keeps_forward(module: nn.Module) -> bool:
    """Whether its class has the forward of one of ``KINDS``, none of its own.

    >>> class Doubled(nn.Sequential):
    ...     def forward(self, x):
    ...         return 2 * super().forward(x)
    >>> keeps_forward(nn.Sequential()), keeps_forward(Doubled())
    (True, False)
    """
    return type(module).forward in _FORWARDS


def check_unaltered(module: nn.Module, name: str) -> None:
    """No hook and no replaced method, of which a graph would say nothing.

    Args:
        module: without those inside of it.
        name: how the message names it.

    Raises:
        ExchangeError: it has one.
    """
    kind = type(module).__name__
    if module._forward_hooks or module._forward_pre_hooks:
        raise ExchangeError(
            f"node {name!r}: {kind} has forward hooks, and what they do cannot be written; remove "
            f"them (torch.nn.utils.remove_weight_norm, prune.remove, ...), and write after the "
            f"block of a Recorder, which sets hooks too"
        )
    replaced = [key for key in vars(module) if callable(getattr(type(module), key, None))]
    if replaced:
        raise ExchangeError(
            f"node {name!r}: {replaced[0]} of this {kind} was replaced on the object, and what it "
            f"does now cannot be written; delete the attribute {replaced[0]!r}"
        )
