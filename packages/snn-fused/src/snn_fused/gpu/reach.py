"""What a Body really needs: places reached from its outputs, fixed places, states kept."""

from __future__ import annotations

from collections.abc import Iterable

from snn_fused.graph.body import Body


def reached(body: Body, outputs: Iterable[str]) -> frozenset[int]:
    """The places, inputs and nodes, that the given outputs depend on.

    >>> from snn_fused.graph.body import Node
    >>> body = Body(("x", "state.v"), (Node("neg", (0,)),), (("output", 2), ("state.v", 1)))
    >>> sorted(reached(body, ["output"]))
    [0, 2]
    """
    places = dict(body.outputs)
    found: set[int] = set()
    open_places = [places[name] for name in outputs]
    while open_places:
        place = open_places.pop()
        if place in found:
            continue
        found.add(place)
        if place >= len(body.inputs):
            open_places.extend(body.nodes[place - len(body.inputs)].operands)
    return frozenset(found)


def fixed(body: Body) -> frozenset[int]:
    """The places that do not change over time: numbers, per-lane values, and what is made of them.

    >>> from snn_fused.graph.body import Node
    >>> body = Body(("x", "number.0"), (Node("neg", (1,)), Node("add", (0, 2))), ())
    >>> sorted(fixed(body))
    [1, 2]
    """
    found = {
        place for place, name in enumerate(body.inputs) if name.startswith(("number.", "lane."))
    }
    for place, node in enumerate(body.nodes, len(body.inputs)):
        if found.issuperset(node.operands):
            found.add(place)
    return frozenset(found)


def used_inputs(body: Body, prefix: str, outputs: Iterable[str]) -> tuple[str, ...]:
    """The inputs whose name begins so and that the outputs depend on, in order."""
    places = reached(body, outputs)
    return tuple(
        name
        for place, name in enumerate(body.inputs)
        if place in places and name.startswith(prefix)
    )


def kept_states(forward: Body, backward: Body) -> tuple[str, ...]:
    """The states that the backward pass must know: all if it reads any, else none.

    The forward kernel stores these at the start of each stretch.

    >>> from snn_fused.graph.body import Node
    >>> forward = Body(("x", "state.v"), (Node("add", (0, 1)),), (("output", 2), ("state.v", 2)))
    >>> linear = Body(("grad.output",), (), (("grad.x", 0),))
    >>> kept_states(forward, linear)
    ()
    >>> square = Body(("state.v", "grad.output"), (Node("mul", (0, 1)),), (("grad.x", 2),))
    >>> kept_states(forward, square)
    ('state.v',)
    """
    reads = used_inputs(backward, "state.", backward.results(""))
    return forward.names("state.") if reads else ()
