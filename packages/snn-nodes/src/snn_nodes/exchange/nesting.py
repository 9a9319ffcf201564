"""nested: a chain of modules whose names have dots, as Sequentials within Sequentials."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from torch import nn

from snn_nodes.exchange.network import NirSequential, free_name
from snn_nodes.layer import Sequential


def nested(
    modules: Mapping[str, nn.Module], recurrent: Mapping[str, str]
) -> tuple[NirSequential, dict[str, str]]:
    """The chain, and the place of each node's module in it.

    Args:
        modules: by the names of the nodes, in their order.
        recurrent: for each ``Recurrent`` that was made of two nodes, the second one.

    ``features.0`` becomes module 0 of a Sequential ``features``, if all nodes of that prefix follow
    one another and none is called like an attribute; otherwise dots become underscores.

    >>> chain = {"a.0": nn.Linear(2, 2), "a.1": nn.Linear(2, 2), "b": nn.Linear(2, 2)}
    >>> net, places = nested(chain, {})
    >>> [place for place, _ in net.named_children()], places["a.1"]
    (['a', 'b'], 'a.1')
    """
    wanted = {name: _place(name, recurrent.get(name)).split(".") for name in modules}
    if not _contiguous(list(wanted.values())):
        wanted = {name: [name.replace(".", "_")] for name in modules}
    net = NirSequential()
    places: dict[str, str] = {}
    for name, module in modules.items():
        *above, last = wanted[name]
        inner: nn.Module = net
        for key in above:
            if key not in inner._modules:
                inner.add_module(key, Sequential())
            inner = inner.get_submodule(key)
        last = free_name(inner, last)
        inner.add_module(last, module)
        places[name] = ".".join([*above, last])
    return net, places


def _place(name: str, back: str | None) -> str:
    """Where a node's module belongs; ``x.node`` and ``x.recurrent`` are the Recurrent x."""
    prefix, _, last = name.rpartition(".")
    whole = prefix and last == "node" and back == f"{prefix}.recurrent"
    return prefix if whole else name


def _contiguous(paths: list[list[str]]) -> bool:
    """Whether paths with a prefix in common follow one another, and none is another's prefix."""
    taken = dir(NirSequential)
    if any(not key or key in taken for path in paths for key in path):
        return False
    groups = [(key, list(members)) for key, members in groupby(paths, key=lambda path: path[0])]
    if len({key for key, _ in groups}) != len(groups):
        return False
    for _, members in groups:
        rest = [path[1:] for path in members]
        if any(not path for path in rest):
            if len(rest) > 1:
                return False
        elif not _contiguous(rest):
            return False
    return True
