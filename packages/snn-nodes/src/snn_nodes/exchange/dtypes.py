"""widest: the dtype that a graph's network has unless the caller says another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import nir
import numpy as np
import torch

from snn_nodes.exchange.arrays import array
from snn_nodes.exchange.cards import settings_of
from snn_nodes.exchange.report import ExchangeError

WEIGHTED = (nir.Linear, nir.Affine, nir.Conv1d, nir.Conv2d)
"""The nodes that have a weight."""


def widest(graph: nir.NIRGraph) -> torch.dtype:
    """The widest dtype of the graph's weights; of its other values, if it has no weights.

    Raises:
        ExchangeError: one that torch does not have.
    """
    nodes = list(_all(graph))
    weighted = [node for node in nodes if isinstance(node, WEIGHTED)]
    if any(settings_of(node.metadata).get("dtype") == "bfloat16" for node in weighted):
        return torch.bfloat16  # NumPy has none: the arrays are float32
    weights = [array(node.weight).dtype for node in weighted]
    kinds = weights or [array(v).dtype for n in nodes for v in vars(n).values() if _is_array(v)]
    floating = [kind for kind in kinds if kind.kind == "f"]
    if not floating:
        return torch.get_default_dtype()
    name = np.result_type(*floating).name
    found = vars(torch).get(name)
    if not isinstance(found, torch.dtype):
        raise ExchangeError(f"torch has no dtype {name}; pass dtype=torch.float64")
    return found


def _all(graph: nir.NIRGraph) -> Iterator[Any]:
    for node in graph.nodes.values():
        if isinstance(node, nir.NIRGraph):
            yield from _all(node)
        else:
            yield node


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | torch.Tensor)
