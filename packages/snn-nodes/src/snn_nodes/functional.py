"""What is done to all nodes of a network at once; each call walks ``net.modules()`` afresh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from snn_core.types import AsBackend, Backend
from torch import nn

from snn_nodes.batch_bound import BatchBound
from snn_nodes.memory import MemoryModule
from snn_nodes.naming import name_places
from snn_nodes.neuron.stateful import StatefulNode
from snn_nodes.stepping import Stepping

Kind = TypeVar("Kind", bound=nn.Module)


def reset_net(net: nn.Module) -> None:
    """Set all memories in ``net`` to their reset values: between sequences.

    >>> import torch
    >>> from snn_nodes.neuron import IFNode
    >>> net = nn.Sequential(nn.Linear(2, 2), IFNode())
    >>> _ = net(torch.rand(1, 2))
    >>> reset_net(net)
    >>> net[1].v
    0.0
    """
    for module in _each(net, MemoryModule):
        module.reset()


def detach_net(net: nn.Module) -> None:
    """Cut all memories in ``net`` from the graph that led to them, as for truncated BPTT."""
    for module in _each(net, MemoryModule):
        module.detach()


reset, detach = reset_net, detach_net  # by the names of the methods of each


def set_step_mode(net: nn.Module, step_mode: str) -> None:
    """Set the step mode of everything in ``net`` that has one: ``'s'`` or ``'m'``.

    >>> from snn_nodes.neuron import IFNode
    >>> net = nn.Sequential(IFNode(), IFNode())
    >>> set_step_mode(net, "m")
    >>> [node.step_mode for node in net]
    ['m', 'm']
    """
    for module in _each(net, Stepping):
        module.step_mode = step_mode


def set_T(net: nn.Module, T: int) -> None:
    """Set the number of steps of a call of all nodes in ``net``, for ``parallel_optim``."""
    for module in _each(net, StatefulNode):
        module.T = T


def set_backend(net: nn.Module, backend: str | Backend | AsBackend) -> None:
    """Set what runs the nodes in ``net`` over time, as for ``snn.integrate``."""
    for module in _each(net, StatefulNode):
        module.backend = backend


def set_on_new_shape(net: nn.Module, policy: str) -> None:
    """Set what is done in ``net`` with a state of another batch: ``'restart'`` or ``'raise'``."""
    for module in _each(net, BatchBound):
        module.on_new_shape = policy


@contextmanager
def fresh(net: nn.Module) -> Iterator[nn.Module]:
    """A scope in which ``net`` starts without a state, and after which it has none.

    >>> import torch
    >>> from snn_nodes.neuron import IFNode
    >>> net = nn.Sequential(IFNode())
    >>> with fresh(net):
    ...     spikes = net(torch.ones(1, 2))
    >>> net[0].v
    0.0
    """
    reset_net(net)
    try:
        yield net
    finally:
        reset_net(net)


def _each(net: nn.Module, kind: type[Kind]) -> list[Kind]:
    if not isinstance(net, nn.Module):
        raise TypeError(f"net must be a torch.nn.Module, got {type(net).__name__}")
    name_places(net)
    return [module for module in net.modules() if isinstance(module, kind)]
