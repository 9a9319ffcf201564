"""carried: a network that came from a graph is written as it was there, where nothing has changed.

A number for all neurons becomes the array that it was read from, with its dtype; edges and nodes
get their order back.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import nir
import torch

from snn_nodes.exchange.arrays import NOT_VALUES, array, same, to_array, to_tensor
from snn_nodes.exchange.cards import without
from snn_nodes.exchange.network import Source


def carried(graph: nir.NIRGraph, source: Source | None) -> nir.NIRGraph:
    """The graph, with what is equal taken from its source."""
    if source is None:
        return graph
    before = source.graph.nodes
    for name, node in graph.nodes.items():
        had = before.get(name)
        if type(had) is type(node) and not isinstance(node, nir.NIRGraph):
            _carry(node, had, source.dtype)
    if set(graph.edges) == set(source.graph.edges):
        graph.edges = list(source.graph.edges)
    graph.metadata = without(source.graph.metadata) | graph.metadata
    order = [name for name in before if name in graph.nodes]
    order += [name for name in graph.nodes if name not in before]
    graph.nodes = {name: graph.nodes[name] for name in order}
    return graph


def _carry(node: Any, had: Any, dtype: torch.dtype) -> None:
    fields = [f.name for f in dataclasses.fields(node) if f.name not in NOT_VALUES]
    kept = [f for f in fields if _unchanged(getattr(had, f), getattr(node, f), dtype)]
    for field in kept:
        setattr(node, field, getattr(had, field))
    if kept == fields:
        node.metadata = without(had.metadata) | node.metadata
    for types, before in ((node.input_type, had.input_type), (node.output_type, had.output_type)):
        for key, value in types.items():
            old = (before or {}).get(key)
            if old is not None and same(old, value):
                types[key] = old


def _unchanged(had: Any, now: Any, dtype: torch.dtype) -> bool:
    """Whether a value is still what it was read as: as it stood, or rounded to the dtype."""
    if same(had, now):
        return True
    return array(had).dtype.kind == "f" and same(to_array(to_tensor(had, dtype)), now)
