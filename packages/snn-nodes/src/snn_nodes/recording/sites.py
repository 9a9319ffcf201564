"""Where a network is looked at: its layers of neurons, by name, and hooks that copies lose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from snn_nodes.layer.recurrent import Recurrent
from snn_nodes.layer.states import started_from
from snn_nodes.naming import name_places
from snn_nodes.neuron.stateful import StatefulNode

Site = StatefulNode | Recurrent
"""A module whose output is that of a layer of neurons."""


def sites(net: nn.Module) -> dict[str, Site]:
    """The layers of neurons in ``net`` by their place; one at the top by its class.

    A ``Recurrent`` is one layer: it runs its node itself.

    Raises:
        ValueError: there are none.

    >>> from snn_nodes.neuron import IFNode
    >>> list(sites(nn.Sequential(nn.Linear(2, 2), IFNode(), Recurrent(IFNode(), 2))))
    ['1', '2']
    >>> list(sites(IFNode()))
    ['IFNode']
    """
    found = layers_of_neurons(net)
    if not found:
        raise ValueError(
            f"{type(net).__name__} has no layer of neurons (StatefulNode, such as LIFNode) to look "
            f"at; pass the network that holds them"
        )
    return found


def layers_of_neurons(net: nn.Module) -> dict[str, Site]:
    """As ``sites``, and empty where there are none."""
    name_places(net)
    inner = {id(m.node) for m in net.modules() if isinstance(m, Recurrent)}
    return {
        place or type(module).__name__: module
        for place, module in net.named_modules()
        if isinstance(module, StatefulNode | Recurrent) and id(module) not in inner
    }


def chosen_sites(net: nn.Module, names: Sequence[str] | None) -> dict[str, Site]:
    """Those of ``sites`` with these names; all for None.

    Raises:
        TypeError: one string instead of a sequence of names.
        ValueError: a name that is none of a layer of neurons.
    """
    found = sites(net)
    if names is None:
        return found
    if isinstance(names, str):
        raise TypeError(f"nodes are names of layers, got the string {names!r}; pass [{names!r}]")
    unknown = [name for name in names if name not in found]
    if unknown:
        raise ValueError(
            f"no layer of neurons is called {', '.join(map(repr, unknown))}; there are: "
            f"{', '.join(map(repr, found))}"
        )
    return {name: found[name] for name in names}


def node_of(site: Site) -> StatefulNode:
    """The node that has the membrane."""
    return site.node if isinstance(site, Recurrent) else site


def over_time(site: Site, output: Tensor) -> Tensor:
    """The output of one call as ``(T, B, *N)``; T is 1 for a single step."""
    node = node_of(site)
    if site.step_mode == "m":
        return output
    if node.parallel_optim:
        return output.reshape(node.T, -1, *output.shape[1:])
    return output.unsqueeze(0)


def _nothing(*args: Any) -> None:
    """The hook of a copy."""


class Hook:
    """A hook that belongs to one module: a copy or a pickle of that module does not call it.

    Args:
        act: what the hook calls.

    >>> import copy
    >>> seen = []
    >>> module = nn.Identity()
    >>> _ = module.register_forward_hook(Hook(lambda module, args, output: seen.append(output)))
    >>> module(1), copy.deepcopy(module)(2), seen
    (1, 2, [1])
    """

    def __init__(self, act: Callable[..., Any]) -> None:
        self._act = act

    def __call__(self, *args: Any) -> Any:
        """Call it."""
        return self._act(*args)

    def __reduce__(self) -> Any:
        return Hook, (_nothing,)


@contextmanager
def hooked(handles: Sequence[RemovableHandle]) -> Iterator[None]:
    """A scope after which the hooks are gone."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def undisturbed(net: nn.Module) -> Iterator[None]:
    """A scope in which ``net`` starts without a state, and after which it is as it was.

    Memories, buffers (what batch norms have learnt of their input) and torch's random numbers are
    put back.
    """
    buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]
    devices = {p.device.index for p in net.parameters() if p.device.type == "cuda"}
    try:
        with torch.random.fork_rng(sorted(devices)), started_from(net, None):
            yield
    finally:
        with torch.no_grad():
            for buffer, value in buffers:
                if not torch.equal(buffer, value):  # a graph may still need one that is as it was
                    buffer.copy_(value)
