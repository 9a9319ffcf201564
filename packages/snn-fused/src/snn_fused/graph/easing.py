"""Divisions by a constant become multiplications where a step rounds in ways of its own anyway."""

from __future__ import annotations

from snn_fused.graph.body import Body, Node

TRANSCENDENTAL = frozenset(
    ("exp", "expm1", "log", "log1p", "sigmoid", "tanh", "sin", "cos", "atan", "erf", "erfc", "pow")
)


def eased(body: Body) -> Body:
    """The body with ``x / number`` as ``x * (1 / number)`` if it has a transcendental operation.

    A division takes ten times as long as a product; the quotient of the numbers is computed once.
    The result may differ in the last place, as that of ``exp`` does. Other bodies stay as they
    are, equal to torch to the bit.

    >>> body = Body(("x", "number.0"), (Node("div", (0, 1)), Node("exp", (2,))), (("output", 3),))
    >>> [node.operation for node in eased(body).nodes]
    ['reciprocal', 'mul', 'exp']
    >>> eased(body).outputs
    (('output', 4),)
    """
    if not any(node.operation in TRANSCENDENTAL for node in body.nodes):
        return body
    first = len(body.inputs)
    nodes: list[Node] = []
    inverse: dict[int, int] = {}
    places = list(range(first))
    for operation, operands in body.nodes:
        moved = tuple(places[place] for place in operands)
        if operation == "div" and _is_number(body, moved[1]):
            if moved[1] not in inverse:
                nodes.append(Node("reciprocal", (moved[1],)))
                inverse[moved[1]] = first + len(nodes) - 1
            operation, moved = "mul", (moved[0], inverse[moved[1]])
        nodes.append(Node(operation, moved))
        places.append(first + len(nodes) - 1)
    outputs = tuple((name, places[place]) for name, place in body.outputs)
    return Body(body.inputs, tuple(nodes), outputs)


def _is_number(body: Body, place: int) -> bool:
    return place < len(body.inputs) and body.inputs[place].startswith("number.")
