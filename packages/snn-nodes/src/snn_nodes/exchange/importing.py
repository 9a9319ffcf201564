"""from_nir: an NIR graph as a network, and what the network does otherwise."""

from __future__ import annotations

import copy
import pathlib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import nir
import snn_core as snn
import torch
from snn_core.thresholds import Threshold
from torch import nn

from snn_nodes import layer
from snn_nodes.exchange.dtypes import widest
from snn_nodes.exchange.files import read
from snn_nodes.exchange.graph import LATE, Edge
from snn_nodes.exchange.nesting import nested
from snn_nodes.exchange.network import NirNetwork, NirSequential, Source
from snn_nodes.exchange.ports import Ports, Shapes, checked, inferred
from snn_nodes.exchange.read_nodes import STATEFUL, Reading, read_node
from snn_nodes.exchange.report import Report, inside
from snn_nodes.exchange.restoring import restored
from snn_nodes.exchange.step_size import in_seconds
from snn_nodes.neuron import StatefulNode


class Imported(NamedTuple):
    """What ``from_nir`` returns.

    Args:
        net: ``NirSequential`` where the graph is a chain, else ``NirNetwork``; in step mode 'm'.
        report: what it does otherwise than the graph says.
    """

    net: NirSequential | NirNetwork
    report: Report


def from_nir(
    graph: nir.NIRGraph | str | pathlib.Path,
    *,
    dt: float,
    accept: Collection[str] = (),
    dtype: torch.dtype | None = None,
    threshold: str | Threshold = "super_spike",
    membrane_first: bool = False,
) -> Imported:
    """An NIR graph as a network, by Euler steps of dt.

    Args:
        graph: a ``nir.NIRGraph``, or the path of a file.
        dt: step in seconds; the graph's times are taken for seconds.
        accept: names of differences to let pass, see ``ACCEPTABLE``.
        dtype: of weights and of parameters that differ from neuron to neuron; None for the widest
            of the graph's weights (of its parameters, if it has no weights).
        threshold: for the gradient of neurons, of which NIR says nothing.
        membrane_first: CubaLIF and CubaLI as ``lif`` and ``li``, whose membrane takes the current
            of the step before; as ``CurrentFirst`` if false, which is what other libraries do.

    Raises:
        ExchangeError: a graph that is not whole, a kind or a value that is not known here, or
            something that would mean something else; the message names the node. Or a file that
            holds no graph.
        OSError: a file that cannot be read.
        TypeError: neither a graph nor a path; a dt that is no number; accept that is one name
            instead of a collection of them.
        ValueError: a dt that is not above 0, a name in accept that is no difference.
        LookupError: no such threshold.

    Nodes that ``to_nir`` has written come back as they were, unless the graph has been changed.

    >>> import numpy as np
    >>> graph = nir.NIRGraph.from_list(nir.Scale(np.ones(3)), nir.IF(*np.ones((3, 3))))
    >>> [type(module).__name__ for module in from_nir(graph, dt=1e-3).net]
    ['Scale', 'NeuronNode']
    """
    seconds = in_seconds(dt)
    if isinstance(graph, str | pathlib.Path):
        graph = read(graph)
    if not isinstance(graph, nir.NIRGraph):
        raise TypeError(f"from_nir takes a nir.NIRGraph or a path, got {type(graph).__name__}")
    report = Report(accept)
    ports = checked(graph)
    shapes = inferred(graph, ports, None)
    chosen = widest(graph) if dtype is None else dtype
    surrogate = snn.threshold(threshold, strict=True)  # NIR fires where v > v_threshold
    reading = Reading(seconds, report, chosen, surrogate, membrane_first)
    return Imported(_network(graph, ports, shapes, reading), report)


def _network(
    graph: nir.NIRGraph, ports: Ports, shapes: Shapes, reading: Reading
) -> NirSequential | NirNetwork:
    """A whole graph as a network that knows where it came from."""
    inner = {name: node for name, node in graph.nodes.items() if name not in ports}
    modules: dict[str, Any] = {
        name: _module(node, name, shapes, reading) for name, node in inner.items()
    }
    edges = [(str(a), str(b)) for a, b in graph.edges]
    recurrent = _loops(inner, edges, modules)
    for name, back in recurrent.items():
        modules[name] = layer.Recurrent(modules[name], _matrix(modules.pop(back)), step_mode="m")
        edges = [edge for edge in edges if back not in edge]
        reading.report.add(name, "recurrence", f"what {back!r} leads back arrives {LATE}")
    chain = _chain(edges, ports)
    net: NirSequential | NirNetwork
    if chain is not None:
        net, places = nested({name: modules[name] for name in chain}, recurrent)
    else:
        stateful = {name for name in modules if _has_state(inner[name])}
        net = NirNetwork(modules, edges, *ports, shapes.out, stateful)
        places = net.places
        for a, b in sorted(net.plan.late):
            reading.report.add(b, "recurrence", f"what {a!r} leads back arrives {LATE}")
    net.source = Source(copy.deepcopy(graph), _names(ports, places, recurrent), reading.dtype)
    return net


def _module(node: nir.NIRNode, name: str, shapes: Shapes, reading: Reading) -> nn.Module:
    if isinstance(node, nir.NIRGraph):
        inner = reading._replace(report=reading.report.of_inner(name))
        with inside(name):
            ports = checked(node)
            return _network(node, ports, inferred(node, ports, shapes.into[name]), inner)
    own = restored(node, name, shapes.into[name], reading.dt, reading.report)
    return read_node(node, name, reading) if own is None else own


def _names(ports: Ports, places: Mapping[str, str], recurrent: Mapping[str, str]) -> dict[str, str]:
    """The node that each module was."""
    names = {"<input>": ports.entry, "<output>": ports.exit}
    for name, place in places.items():
        if name in recurrent:
            names |= {f"{place}.node": name, f"{place}.recurrent": recurrent[name]}
        else:
            names[place] = name
    return names


def _loops(
    inner: Mapping[str, nir.NIRNode], edges: list[Edge], modules: Mapping[str, Any]
) -> dict[str, str]:
    """Neurons, and the one matrix that leads from them to them and nowhere else."""
    found: dict[str, str] = {}
    for back, node in inner.items():
        before = [a for a, b in edges if b == back]
        after = [b for a, b in edges if a == back]
        if isinstance(node, nir.Linear | nir.Affine) and len(before) == 1 and before == after:
            (name,) = before
            if isinstance(modules[name], StatefulNode) and name not in found:
                found[name] = back
    return found


def _matrix(linear: nn.Linear) -> nn.Linear:
    """torch's own, which ``Recurrent`` knows to be a matrix and runs with the neurons."""
    n, bias = linear.in_features, linear.bias is not None
    matrix = nn.Linear(n, n, bias, device="meta")
    matrix.weight, matrix.bias = linear.weight, linear.bias
    return matrix


def _has_state(node: nir.NIRNode) -> bool:
    if isinstance(node, nir.NIRGraph):
        return any(map(_has_state, node.nodes.values()))
    return isinstance(node, STATEFUL)


def _chain(edges: list[Edge], ports: Ports) -> list[str] | None:
    """The names between input and output, if each has one node before it and one after."""
    after = dict(edges)
    if len(after) != len(edges) or len({b for _, b in edges}) != len(edges):
        return None
    order: list[str] = []
    here = after[ports.entry]
    while here != ports.exit:
        order.append(here)
        here = after[here]
    return order if len(order) + 1 == len(edges) else None
