"""The order in which the nodes of a graph run: cycles found, and broken where a neuron is.

A cycle is recurrence: one of its edges carries the value of the step before. Which one: of the
nodes of the cycle, the one nearest to the input is where it begins, and the edges that lead back
there are late. Where there are cycles within cycles, the same again with what is left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from snn_nodes.exchange.report import ExchangeError

Edge = tuple[str, str]


class Schedule(NamedTuple):
    """How a graph runs.

    Args:
        groups: names of nodes in their order; the nodes of one group are run together, step by
            step, because they form cycles; a group of one without a late edge runs over all steps.
        late: the edges that carry the value of the step before.

    >>> schedule("abc", [("a", "b"), ("b", "c"), ("c", "b")], ["a"], breaking={"b"})
    Schedule(groups=(('a',), ('b', 'c')), late=frozenset({('c', 'b')}))
    """

    groups: tuple[tuple[str, ...], ...]
    late: frozenset[Edge]


def schedule(
    nodes: Iterable[str], edges: Sequence[Edge], inputs: Sequence[str], breaking: Collection[str]
) -> Schedule:
    """The order of the nodes, and which edges are late.

    Args:
        nodes: names of all nodes.
        edges: pairs of names, from and to.
        inputs: where the graph is entered.
        breaking: nodes that have a state; each cycle needs one.

    Raises:
        ExchangeError: a cycle has none.
    """
    names = sorted(nodes)
    nearness = _distances(names, edges, inputs)
    late: set[Edge] = set()
    cyclic = _cyclic(names, edges)
    _check_broken(names, edges, breaking)
    rest = list(edges)
    while again := _cyclic(names, rest):
        for members in again:
            entry = min(members, key=lambda name: (nearness[name], name))
            late |= {(a, b) for a, b in rest if b == entry and a in members}
        rest = [edge for edge in edges if edge not in late]
    order = _sorted(names, rest, nearness)
    return Schedule(_grouped(order, cyclic, rest, nearness), frozenset(late))


def _check_broken(names: list[str], edges: Sequence[Edge], breaking: Collection[str]) -> None:
    without = [(a, b) for a, b in edges if a not in breaking and b not in breaking]
    for members in _cyclic(names, without):
        ring = " -> ".join(sorted(members))
        raise ExchangeError(
            f"nodes {ring} form a cycle that no neuron and no delay breaks, so that none of them "
            f"can be computed first; put a neuron or a Delay into it"
        )


def _distances(names: list[str], edges: Sequence[Edge], inputs: Sequence[str]) -> dict[str, int]:
    """Edges from the nearest input; nodes that none reaches come last."""
    found = dict.fromkeys(inputs, 0)
    queue, after = deque(inputs), _following(edges)
    while queue:
        here = queue.popleft()
        for there in after.get(here, ()):
            if there not in found:
                found[there] = found[here] + 1
                queue.append(there)
    return {name: found.get(name, len(names)) for name in names}


def _following(edges: Sequence[Edge]) -> dict[str, list[str]]:
    after: dict[str, list[str]] = {}
    for a, b in edges:
        after.setdefault(a, []).append(b)
    return after


def _reach(start: str, after: Mapping[str, list[str]]) -> set[str]:
    """Nodes that a path of at least one edge leads to."""
    seen: set[str] = set()
    stack = [start]
    while stack:
        for there in after.get(stack.pop(), ()):
            if there not in seen:
                seen.add(there)
                stack.append(there)
    return seen


def _cyclic(names: list[str], edges: Sequence[Edge]) -> list[frozenset[str]]:
    """The strongly connected sets of nodes that hold a cycle."""
    after = _following(edges)
    reach = {name: _reach(name, after) for name in names}
    found = {frozenset(b for b in reach[a] if a in reach[b]) for a in names if a in reach[a]}
    return sorted(found, key=sorted)


def _sorted(names: list[str], edges: Sequence[Edge], nearness: Mapping[str, int]) -> list[str]:
    """A topological order; of nodes that are free at once, the nearest to the input first."""
    waiting = {name: {a for a, b in edges if b == name} for name in names}
    order: list[str] = []
    while waiting:
        free = [name for name, before in waiting.items() if not before]
        here = min(free, key=lambda name: (nearness[name], name))
        order.append(here)
        del waiting[here]
        for before in waiting.values():
            before.discard(here)
    return order


def _grouped(
    order: list[str],
    cyclic: list[frozenset[str]],
    edges: Sequence[Edge],
    nearness: Mapping[str, int],
) -> tuple[tuple[str, ...], ...]:
    """The order with the nodes of each cycle together."""
    group_of = {name: members for members in cyclic for name in members}
    groups = {name: tuple(n for n in order if n in group_of.get(name, {name})) for name in order}
    first = {name: members[0] for name, members in groups.items()}
    between = [(first[a], first[b]) for a, b in edges if first[a] != first[b]]
    heads = sorted(set(first.values()))
    near = {head: min(nearness[name] for name in groups[head]) for head in heads}
    return tuple(groups[head] for head in _sorted(heads, between, near))
