"""What a kernel is given: the header of its table, and the order of the arrays after it.

A kernel is ``void kernel(int64 *table, int64 lo, int64 hi, void *scratch)``. The table begins with
the header; each slot then has an address and the distance of its rows in elements, 0 if it has one
row. A row has the lanes of one step, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from snn_fused.graph.body import Body

HEADER = ("n_steps", "n_lanes", "is_start", "n_neurons", "n_batch")
"""The first entries of a table, of this stretch; ``is_start`` is 1 if it begins the whole run."""


def states(forward: Body) -> tuple[str, ...]:
    """The state variables, as ``state.v``.

    >>> states(Body(("x", "state.v"), (), (("output", 0), ("state.v", 1))))
    ('state.v',)
    """
    return forward.results("state.")


def forward_slots(body: Body) -> tuple[str, ...]:
    """The slots of a forward kernel, in order.

    >>> forward_slots(Body(("x", "state.v"), (), (("output", 0), ("state.v", 1))))
    ('numbers', 'x', 'state.v.before', 'state.v.after', 'output')
    """
    return (
        "numbers",
        *body.names("lane."),
        "x",
        *body.names("seen."),
        *(f"{name}.before" for name in states(body)),
        *(f"{name}.after" for name in states(body)),
        "output",
        *body.results("trace."),
    )


def backward_slots(forward: Body, backward: Body) -> tuple[str, ...]:
    """The slots of a backward kernel, in order. Gradients to the state are changed in place.

    >>> forward = Body(("x", "state.v"), (), (("output", 0), ("state.v", 1)))
    >>> names = ("grad.output", "grad.state.v")
    >>> backward_slots(forward, Body(names, (), (("grad.x", 0), ("grad.state.v", 1))))
    ('numbers', 'x', 'state.v.before', 'grad.output', 'grad.state.v', 'grad.x')
    """
    return (
        "numbers",
        *_either(backward.names("lane."), forward.names("lane.")),
        "x",
        *_either(backward.names("seen."), forward.names("seen.")),
        *(f"{name}.before" for name in states(forward)),
        "grad.output",
        *backward.names("grad.trace."),
        *backward.results("grad.state."),
        *backward.results("grad.x"),
        *backward.results("sum."),
    )


def recurrent_forward_slots(body: Body) -> tuple[str, ...]:
    """The slots of a recurrent layer's forward kernel, in order."""
    return (*forward_slots(body), "feedback.transposed", "output.before")


def recurrent_backward_slots(forward: Body, backward: Body) -> tuple[str, ...]:
    """The slots of a recurrent layer's backward kernel, in order."""
    return (
        *backward_slots(forward, backward),
        "feedback.transposed",
        "feedback",
        "output.before",
        "output",
        "grad.feedback",
    )


def _either(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    """The names of both, each once."""
    return tuple(dict.fromkeys([*first, *second]))
