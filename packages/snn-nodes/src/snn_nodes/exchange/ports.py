"""A graph that is whole: one way in, one way out, every edge and every shape right."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, NamedTuple

import nir

from snn_nodes.exchange.arrays import array, whole
from snn_nodes.exchange.report import ExchangeError, inside
from snn_nodes.exchange.shapes import Shape, output_shape, port_shape


class Ports(NamedTuple):
    """Names of the Input and the Output of a graph."""

    entry: str
    exit: str


class Shapes(NamedTuple):
    """Shapes of one sample at one step, by the name of the node.

    Args:
        into: of what comes to it.
        out: of what it puts out.
    """

    into: dict[str, Shape]
    out: dict[str, Shape]


def checked(graph: nir.NIRGraph) -> Ports:
    """The ports of a graph whose edges are right.

    Raises:
        ExchangeError: an edge to a node that is not there, a double edge, a node that nothing leads
            to or that leads nowhere, more or less than one Input or Output.
    """
    edges = [(str(a), str(b)) for a, b in graph.edges]
    for a, b in edges:
        for name in (a, b):
            if name not in graph.nodes:
                raise ExchangeError(
                    f"edge {a!r} -> {b!r} leads to a node that is not there, {name!r}; nodes are "
                    f"{_listed(graph.nodes)}"
                )
    for (a, b), times in Counter(edges).items():
        if times > 1:
            raise ExchangeError(f"edge {a!r} -> {b!r} is there {times} times; keep one")
    entry = _one(graph, nir.Input, "Input")
    exit = _one(graph, nir.Output, "Output")
    lost = set(graph.nodes) - {b for _, b in edges} - {entry}
    if lost:
        raise ExchangeError(f"nothing leads to node {_listed(lost)}; connect it, or remove it")
    dead = set(graph.nodes) - {a for a, _ in edges} - {exit}
    if dead:
        raise ExchangeError(f"node {_listed(dead)} leads nowhere; connect it, or remove it")
    return Ports(entry, exit)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names)))


def _one(graph: nir.NIRGraph, kind: type[nir.NIRNode], called: str) -> str:
    found = [str(name) for name, node in graph.nodes.items() if isinstance(node, kind)]
    if len(found) != 1:
        raise ExchangeError(
            f"a graph with one {called} is wanted, got {len(found)}: {_listed(found) or 'none'}"
        )
    return found[0]


def inferred(graph: nir.NIRGraph, ports: Ports, shape: Shape | None) -> Shapes:
    """The shapes everywhere in a graph.

    Args:
        graph: whole.
        ports: its ports.
        shape: of the input, where it is known from outside.

    Raises:
        ExchangeError: shapes that do not fit; the message names the node.
    """
    start = _start(graph, ports, shape)
    into: dict[str, Shape] = {ports.entry: start}
    out: dict[str, Shape] = {}
    queue = deque([ports.entry])
    while queue:
        name = queue.popleft()
        out[name] = _after(name, graph.nodes[name], into[name])
        for a, b in graph.edges:
            if a == name and b not in into:
                into[b] = out[name]
                queue.append(b)
    for name in sorted(set(graph.nodes) - set(into)):
        raise ExchangeError(f"no path leads from the input to node {name!r}; connect it")
    for a, b in graph.edges:
        if out[a] != into[b]:
            raise ExchangeError(
                f"node {b!r} gets the shape {out[a]} from {a!r} and {into[b]} from elsewhere; what "
                f"leads to one node is added up, so that shapes must be equal"
            )
    return Shapes(into, out)


def _after(name: str, node: nir.NIRNode, shape: Shape) -> Shape:
    if not isinstance(node, nir.NIRGraph):
        return output_shape(name, node, shape)
    with inside(name):
        ports = checked(node)
        return inferred(node, ports, shape).out[ports.exit]


def _start(graph: nir.NIRGraph, ports: Ports, shape: Shape | None) -> Shape:
    """What the input says of itself, or what the first node that says anything wants."""
    said = port_shape(graph.nodes[ports.entry])
    if said is not None or shape is not None:
        if None not in (said, shape) and said != shape:
            raise ExchangeError(f"node {ports.entry!r} says {said}, what comes has shape {shape}")
        return said or shape or ()
    for a, b in graph.edges:
        wanted = _wanted(graph.nodes[b]) if a == ports.entry else None
        if wanted is not None:
            return wanted
    raise ExchangeError(
        f"node {ports.entry!r} does not say the shape of the input, and no node after it does: "
        f"graph.nodes[{ports.entry!r}] = nir.Input(np.array([...]))"
    )


def _wanted(node: Any) -> Shape | None:
    """The shape of input that a node says it wants; None if it takes several."""
    if isinstance(node, nir.Linear | nir.Affine):
        return (array(node.weight).shape[-1],)
    if isinstance(node, nir.Conv1d | nir.Conv2d):
        if node.input_shape is None:
            return None
        return (array(node.weight).shape[1] * int(node.groups), *whole(node.input_shape))
    given = (node.input_type or {}).get("input")
    return None if given is None or array(given).size == 0 else whole(given)
