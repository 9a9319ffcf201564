"""The order in which the nodes of a graph run: cycles found, and broken where a neuron is.

A cycle is recurrence: one of its edges carries the value of the step before. NIR does not say which
one. Here a walk from the input decides, which takes edges in the order in which the graph lists
them: what leads back to a node that the walk has come through is late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from snn_nodes.exchange.report import ExchangeError

Edge = tuple[str, str]

LATE = "one step (dt) late; in NIR's continuous time it arrives at once"
"""How reports say when what a late edge carries arrives."""


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
    _check_broken(names, edges, breaking)
    order, late = _walk([*inputs, *names], _following(edges))
    ahead = [edge for edge in edges if edge not in late]
    return Schedule(_grouped(order, _cyclic(names, edges), ahead), frozenset(late))


def _walk(starts: Sequence[str], after: Mapping[str, list[str]]) -> tuple[list[str], set[Edge]]:
    """A walk in depth: the nodes, each before those it leads to, and the edges that lead back."""
    order: list[str] = []
    late: set[Edge] = set()
    seen: set[str] = set()
    for start in starts:
        path: list[tuple[str, Iterator[str]]] = []
        _enter(start, path, seen, after)
        while path:
            here, ways = path[-1]
            there = next(ways, None)
            if there is None:
                order.append(path.pop()[0])
            elif any(there == name for name, _ in path):
                late.add((here, there))
            else:
                _enter(there, path, seen, after)
    return order[::-1], late


def _enter(
    name: str,
    path: list[tuple[str, Iterator[str]]],
    seen: set[str],
    after: Mapping[str, list[str]],
) -> None:
    if name not in seen:
        seen.add(name)
        path.append((name, iter(after.get(name, ()))))


def _check_broken(names: list[str], edges: Sequence[Edge], breaking: Collection[str]) -> None:
    without = [(a, b) for a, b in edges if a not in breaking and b not in breaking]
    for members in _cyclic(names, without):
        ring = " -> ".join(sorted(members))
        raise ExchangeError(
            f"nodes {ring} form a cycle that no neuron and no delay breaks, so that none of them "
            f"can be computed first; put a neuron or a Delay into it"
        )


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


def _grouped(
    order: list[str], cyclic: list[frozenset[str]], ahead: Sequence[Edge]
) -> tuple[tuple[str, ...], ...]:
    """The order with the nodes of each cycle together, still each before those it leads to."""
    group_of = {name: members for members in cyclic for name in members}
    groups = {name: tuple(n for n in order if n in group_of.get(name, {name})) for name in order}
    first = {name: members[0] for name, members in groups.items()}
    heads = list(dict.fromkeys(first[name] for name in order))
    between = _following([(first[a], first[b]) for a, b in ahead if first[a] != first[b]])
    sorted_heads, _ = _walk(heads[::-1], between)
    return tuple(groups[head] for head in sorted_heads)
