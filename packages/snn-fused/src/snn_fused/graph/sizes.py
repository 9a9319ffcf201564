"""Whether a step does the same for a layer of any size: graphs of two sizes, compared."""

from __future__ import annotations

from typing import Any

from torch import fx

from snn_fused.graph.tracing import LANES, OTHER_LANES
from snn_fused.graph.writer import CannotLower, fail

_FIRST = (*LANES, LANES[0] * LANES[1])
_SECOND = (*OTHER_LANES, OTHER_LANES[0] * OTHER_LANES[1])


def check_any_size(graph: fx.Graph, other: fx.Graph) -> None:
    """Raise if two graphs, of LANES and of OTHER_LANES, differ in more than the shapes they name.

    A number that follows from a shape, as in a mean over the neurons or in ``x / len(x)``, would
    be taken along to layers of another size.

    Raises:
        CannotLower: names the first operation that differs.
    """
    nodes, others = list(graph.nodes), list(other.nodes)
    if len(nodes) != len(others):
        raise CannotLower("its step does other operations in a layer of another size")
    places = {node: k for k, node in enumerate(nodes)}
    other_places = {node: k for k, node in enumerate(others)}
    for node, twin in zip(nodes, others, strict=True):
        same = node.op == twin.op and (node.op == "placeholder" or node.target == twin.target)
        if not same or not _alike(
            (node.args, dict(node.kwargs)), (twin.args, dict(twin.kwargs)), places, other_places
        ):
            raise fail(node, "which goes by the size of the layer")


def _alike(
    one: Any, two: Any, places: dict[fx.Node, int], others: dict[fx.Node, int], shape: bool = False
) -> bool:
    if isinstance(one, fx.Node) and isinstance(two, fx.Node):
        return places[one] == others[two]
    if isinstance(one, dict) and isinstance(two, dict):
        return list(one) == list(two) and all(
            _alike(one[key], two[key], places, others) for key in one
        )
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        inside = isinstance(one, list)  # a shape; the arguments themselves are a tuple
        return len(one) == len(two) and all(
            _alike(a, b, places, others, inside) for a, b in zip(one, two, strict=True)
        )
    if shape and one in _FIRST and two == _SECOND[_FIRST.index(one)]:
        return True
    return bool(one == two) or (one != one and two != two)
