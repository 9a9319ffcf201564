"""carried: a network that came from a graph is written as it was there, where nothing has changed.

A number for all neurons becomes the array that it was read from, with its dtype; edges and nodes
get their order back.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import nir

from snn_nodes.exchange.arrays import same
from snn_nodes.exchange.cards import without
from snn_nodes.exchange.network import Source

_NOT_VALUES = ("input_type", "output_type", "metadata")


def carried(graph: nir.NIRGraph, source: Source | None) -> nir.NIRGraph:
    """The graph, with what is equal taken from its source."""
    if source is None:
        return graph
    before = source.graph.nodes
    for name, node in graph.nodes.items():
        had = before.get(name)
        if type(had) is type(node) and not isinstance(node, nir.NIRGraph):
            _carry(node, had)
    if set(graph.edges) == set(source.graph.edges):
        graph.edges = list(source.graph.edges)
    graph.metadata = without(source.graph.metadata) | graph.metadata
    order = [name for name in before if name in graph.nodes]
    order += [name for name in graph.nodes if name not in before]
    graph.nodes = {name: graph.nodes[name] for name in order}
    return graph


def _carry(node: Any, had: Any) -> None:
    fields = [f.name for f in dataclasses.fields(node) if f.name not in _NOT_VALUES]
    kept = [field for field in fields if same(getattr(had, field), getattr(node, field))]
    for field in kept:
        setattr(node, field, getattr(had, field))
    if kept == fields:
        node.metadata = without(had.metadata) | node.metadata
    for types, before in ((node.input_type, had.input_type), (node.output_type, had.output_type)):
        for key, value in types.items():
            old = (before or {}).get(key)
            if old is not None and same(old, value):
                types[key] = old
