"""Gains of neurons moved into the weights before them, for importers that have no place for them.

What drives a neuron is r x (IF, LIF) or, through its synapse, r w_in x (CubaLIF): only the product
with the weight counts. Moving a factor from one to the other changes no spike but by rounding.
"""

from __future__ import annotations

from typing import Any

import nir
import numpy as np

from snn_nodes.exchange.arrays import Array, array
from snn_nodes.exchange.dtypes import WEIGHTED
from snn_nodes.exchange.report import ExchangeError, Report


def set_gains(graph: nir.NIRGraph, name: str, report: Report, **wanted: Array | float) -> None:
    """Set r, and w_in where there is one, of a neuron; the rest of their product goes to weights.

    Args:
        graph: changed in place.
        name: of the neuron.
        report: where it is noted.
        wanted: the new values.

    Raises:
        ExchangeError: something else than a weight leads to the neuron, or a weight that leads
            elsewhere too.
    """
    node: Any = graph.nodes[name]
    factor = np.ones(1)
    for field, value in wanted.items():
        had = array(getattr(node, field)).astype(np.float64)
        factor = factor * had / value
        setattr(node, field, np.broadcast_to(value, had.shape).copy())
    if np.allclose(factor, 1.0, rtol=1e-12, atol=0.0):
        return
    for before in [a for a, b in graph.edges if b == name]:
        _scale(graph, before, name, factor)
    fields = " and ".join(wanted)
    report.add(name, "gain", f"{fields} moved into the weights; the same but for rounding")


def _scale(graph: nir.NIRGraph, before: str, name: str, factor: Array) -> None:
    node: Any = graph.nodes[before]
    others = [b for a, b in graph.edges if a == before and b != name]
    if not isinstance(node, WEIGHTED) or others:
        why = f"leads to {others} too" if others else f"is a {type(node).__name__}"
        raise ExchangeError(
            f"node {name!r}: its gain must move into the weights before it, but {before!r} {why}; "
            f"put a Linear without bias between them"
        )
    rows = _per_row(name, factor, array(node.weight).shape[0])
    weight = array(node.weight)
    shaped = rows.reshape(-1, *(1,) * (weight.ndim - 1))
    node.weight = (weight * shaped).astype(weight.dtype)
    if not isinstance(node, nir.Linear):
        bias = array(node.bias)
        node.bias = (bias * rows).astype(bias.dtype)


def _per_row(name: str, factor: Array, rows: int) -> Array:
    """One factor for each output channel."""
    if factor.size == 1:
        return np.broadcast_to(factor.reshape(-1), (rows,))
    channels = factor.reshape(factor.shape[0], -1)
    if channels.shape[0] != rows or not (channels == channels[:, :1]).all():
        raise ExchangeError(
            f"node {name!r}: its gains differ within a channel, so that no weight can have them"
        )
    return channels[:, 0]
