"""What to keep of the forward run for the backward run: the fewest values from which it can go on.

Some values of a backward body do not depend on any gradient: it computes them again from the state
before the step and the step's input. The forward run can keep any of them instead of the state.
Keeping a value costs memory traffic, so the cheapest set is wanted that cuts the inputs off from
all that depends on gradients: a minimum cut, found as a maximum flow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from snn_fused.graph.body import NUMBER, Body, kind

KEPT, READ_AGAIN = 4, 3
"""Costs of a value: stored and loaded; loaded once more from where the caller has it."""

UNLIMITED = 10**6
SOURCE, SINK = -1, -2

Graph = dict[int, dict[int, int]]
"""For each vertex its neighbours and how much can still flow there."""


def kept(backward: Body, again: tuple[str, ...]) -> tuple[int, ...]:
    """The places of a backward body that are best kept for each step, in order.

    Between sets of the same cost it is the one latest in the computation, which leaves least to do.

    Args:
        backward: the body.
        again: how names of inputs begin that need not be stored, only loaded once more.

    >>> from snn_fused.graph.body import Node
    >>> nodes = (Node("add", (0, 1)), Node("abs", (3,)), Node("mul", (2, 4)))
    >>> kept(Body(("x", "state.v", "grad.output"), nodes, (("grad.x", 5),)), ("x",))
    (4,)
    """
    graph = _graph(backward, again)
    while path := _path(graph):
        amount = min(graph[a][b] for a, b in path)
        for a, b in path:
            graph[a][b] -= amount
            graph[b][a] = graph[b].get(a, 0) + amount
    after = _reaching_sink(graph)
    places = range(len(backward.inputs) + len(backward.nodes))
    return tuple(p for p in places if 2 * p not in after and 2 * p + 1 in after)


def depends_on_gradients(backward: Body) -> set[int]:
    """The places whose value depends on a gradient."""
    return _reached(backward, "grad.")


def _reached(body: Body, *prefixes: str) -> set[int]:
    """The places whose value depends on inputs with such names."""
    reached = {k for k, name in enumerate(body.inputs) if name.startswith(prefixes)}
    for k, node in enumerate(body.nodes, start=len(body.inputs)):
        if reached.intersection(node.operands):
            reached.add(k)
    return reached


def _graph(backward: Body, again: tuple[str, ...]) -> Graph:
    """Value p is an edge from vertex 2 p to 2 p + 1, as wide as its cost; its uses are unlimited.

    What depends on gradients, and what the body gives, lies at the sink. What depends on numbers
    and lanes only is not in it.
    """
    graph: Graph = {SOURCE: {}, SINK: {}}
    given = _reached(backward, "x", "seen.", "state.")
    late = depends_on_gradients(backward)
    for place in sorted(given - late):
        graph[2 * place] = {2 * place + 1: _cost(backward, place, again)}
        graph[2 * place + 1] = {}
        if place < len(backward.inputs):
            graph[SOURCE][2 * place] = UNLIMITED
    for user, operands in _uses(backward):
        target = SINK if user is None or user in late else 2 * user
        for operand in operands:
            if 2 * operand + 1 in graph:
                graph[2 * operand + 1][target] = UNLIMITED
    return {a: dict(edges) for a, edges in graph.items()}


def _uses(body: Body) -> Iterator[tuple[int | None, tuple[int, ...]]]:
    """Each operation's place and operands; None and the outputs."""
    for k, node in enumerate(body.nodes, start=len(body.inputs)):
        yield k, node.operands
    yield None, tuple(place for _, place in body.outputs)


def _cost(backward: Body, place: int, again: tuple[str, ...]) -> int:
    if place < len(backward.inputs):
        return READ_AGAIN if backward.inputs[place].startswith(again) else KEPT
    return KEPT if kind(backward, place) == NUMBER else UNLIMITED


def _path(graph: Graph) -> list[tuple[int, int]]:
    """The edges of a shortest way that has room from source to sink; none if there is none."""
    came: dict[int, int] = {SOURCE: SOURCE}
    waiting = deque([SOURCE])
    while waiting and SINK not in came:
        here = waiting.popleft()
        for there, room in graph[here].items():
            if room and there not in came:
                came[there] = here
                waiting.append(there)
    if SINK not in came:
        return []
    path, here = [], SINK
    while here != SOURCE:
        path.append((came[here], here))
        here = came[here]
    return path


def _reaching_sink(graph: Graph) -> set[int]:
    """The vertices from which something could still flow to the sink."""
    back: dict[int, list[int]] = {vertex: [] for vertex in graph}
    for a, edges in graph.items():
        for b, room in edges.items():
            if room:
                back[b].append(a)
    found, waiting = {SINK}, [SINK]
    while waiting:
        for vertex in back[waiting.pop()]:
            if vertex not in found:
                found.add(vertex)
                waiting.append(vertex)
    return found
