"""listed: what is in an NIR graph, a line for each node, from the input on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import nir
import numpy as np

STATING = (nir.Input, nir.Output, nir.Flatten)
"""Kinds that state the shape of what comes to them."""
SIZES = ("kernel_size", "stride", "padding", "dilation", "input_shape")
"""Fields that count elements, for each axis."""
APART = ("input_type", "output_type", "metadata", "nodes", "edges")
"""Fields that are no values."""


class _Row(NamedTuple):
    name: str
    kind: str
    leads_to: str
    values: str


def listed(graph: nir.NIRGraph) -> str:
    """A graph in columns: name, kind and shape, where it leads, values.

    Of arrays the range is shown, of weights the shape. The nodes of a graph within the graph are
    set in below it. Graphs that are not whole are listed as well.

    >>> graph = nir.NIRGraph.from_list(nir.Linear(np.ones((2, 3))), nir.Threshold(np.array([1, 2])))
    >>> print(listed(graph))
    input      Input (3,)      -> linear
    linear     Linear          -> threshold  weight=(2, 3)
    threshold  Threshold (2,)  -> output     threshold=1...2
    output     Output (2,)
    """
    rows = list(_rows(graph))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _rows(graph: nir.NIRGraph, margin: str = "") -> Iterator[_Row]:
    after: dict[str, list[str]] = {}
    for a, b in graph.edges:
        after.setdefault(str(a), []).append(str(b))
    for name in _from_the_input_on(graph.nodes, after):
        node = graph.nodes[name]
        leads_to = ", ".join(after.get(name, ()))
        yield _Row(margin + name, _kind(node), leads_to and f"-> {leads_to}", _values(node))
        if isinstance(node, nir.NIRGraph):
            yield from _rows(node, margin + "  ")


def _from_the_input_on(
    nodes: Mapping[str, nir.NIRNode], after: Mapping[str, list[str]]
) -> list[str]:
    """Names in the order of their distance from an input; what no input reaches; outputs."""
    inputs = [name for name, node in nodes.items() if isinstance(node, nir.Input)]
    outputs = [name for name, node in nodes.items() if isinstance(node, nir.Output)]
    reached = dict.fromkeys(inputs)
    waiting = list(inputs)
    while waiting:
        new = [name for name in after.get(waiting.pop(0), ()) if name in nodes]
        waiting += dict.fromkeys(name for name in new if name not in reached)
        reached |= dict.fromkeys(new)
    ahead = [name for name in dict.fromkeys([*reached, *nodes]) if name not in outputs]
    return [*ahead, *outputs]


def _kind(node: nir.NIRNode) -> str:
    """The kind, and the shape of one sample where a node states it or has values of that shape."""
    values = dict(_fields(node))
    shapes: set[tuple[int, ...]] = set()
    if isinstance(node, STATING):
        shapes = {_sizes(shape) for shape in node.input_type.values() if shape is not None}
    elif "weight" not in values:
        shapes = {np.shape(value) for name, value in values.items() if name not in SIZES}
    (shape,) = shapes if len(shapes) == 1 else ((),)
    return f"{type(node).__name__} {shape}" if shape else type(node).__name__


def _fields(node: nir.NIRNode) -> Iterator[tuple[str, Any]]:
    pairs = vars(node).items()
    return ((name, value) for name, value in pairs if name not in APART and value is not None)


def _values(node: nir.NIRNode) -> str:
    return " ".join(f"{name}={_value(name, value)}" for name, value in _fields(node))


def _value(name: str, value: Any) -> str:
    """The shape of a weight, sizes as they are, the range of anything else."""
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    if name == "weight" or not array.size:
        return str(array.shape)
    if name in SIZES and array.ndim:
        return str(_sizes(array))
    low, high = array.min(), array.max()
    return f"{low:.4g}" if low == high else f"{low:.4g}...{high:.4g}"


def _sizes(value: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in np.ravel(value))
