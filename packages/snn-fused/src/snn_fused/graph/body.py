"""Body: the arithmetic of one time step as a list of pointwise operations; code is made from it.

A lane is one neuron of one sample; a layer of B samples and N neurons has B * N of them, sample
after sample. Every value of a body is one number, or one flag, per lane. Names say what a value is:

    x                 input of this step                                    stream
    seen.v            a measurement of this step                            stream
    state.v           a state variable: before the step, as output after it  carried
    lane.0            constant over time, differs from lane to lane         per lane
    number.0          constant over time, the same for all lanes            table of doubles
    output            what the neuron puts out                              stream
    trace.v           the state variable after the step, recorded           stream

and in the backward body, which runs from the last step to the first:

    grad.output       gradient of the loss to this step's output            stream
    grad.trace.v      to the recorded state *before* this step, that is to  stream, one row late
                      trace row t - 1; zero at the first step of all
    grad.trace.(output)  the same, of an output that is a state variable as it is
    grad.state.v      to a state variable: after the step, as output before it  carried
    grad.x            to the input of this step                             stream
    sum.0             to be added up over the steps, per lane               accumulated

A stream has a row of lanes a step. The backward body gets the forward inputs of its step as well.
"""

from __future__ import annotations

from typing import NamedTuple


class Node(NamedTuple):
    """One operation: its name in ``OPERATIONS`` and the places of its operands."""

    operation: str
    operands: tuple[int, ...]


class Body(NamedTuple):
    """Inputs by name, operations in order, outputs by name.

    A place counts the inputs first, then the nodes: value ``k`` is input ``k``, or node
    ``k - len(inputs)``.
    """

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, int], ...]

    def names(self, prefix: str) -> tuple[str, ...]:
        """The inputs whose name begins so, in order.

        >>> Body(("x", "state.v", "state.i"), (), (("output", 1),)).names("state.")
        ('state.v', 'state.i')
        """
        return tuple(name for name in self.inputs if name.startswith(prefix))

    def results(self, prefix: str) -> tuple[str, ...]:
        """The outputs whose name begins so, in order."""
        return tuple(name for name, _ in self.outputs if name.startswith(prefix))


NUMBER, FLAG = "number", "flag"

# What each operation takes and gives: n a number, f a flag; the result after the arrow.
OPERATIONS: dict[str, str] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "pow", "maximum", "minimum"), "nn>n"),
    **dict.fromkeys(("neg", "abs", "sqrt", "reciprocal", "ceil", "floor", "round", "trunc"), "n>n"),
    **dict.fromkeys(("exp", "expm1", "log", "log1p", "sigmoid", "tanh"), "n>n"),
    **dict.fromkeys(("sin", "cos", "atan", "erf", "erfc", "sign"), "n>n"),
    **dict.fromkeys(("gt", "ge", "lt", "le", "eq", "ne"), "nn>f"),
    **dict.fromkeys(("and", "or", "xor"), "ff>f"),
    "not": "f>f",
    "isinf": "n>f",
    "isnan": "n>f",
    "where": "fnn>n",  # the second where the flag is set, else the third
    "number": "f>n",  # 1 where set, else 0
    "flag": "n>f",  # set where not 0
}
"""The semantics are torch's: maximum and minimum give NaN if either is, round goes to even."""


def kind(body: Body, place: int) -> str:
    """Whether the value at a place is a number or a flag.

    >>> body = Body(("x", "number.0"), (Node("gt", (0, 1)),), ())
    >>> kind(body, 0), kind(body, 2)
    ('number', 'flag')
    """
    if place < len(body.inputs):
        return NUMBER
    result = OPERATIONS[body.nodes[place - len(body.inputs)].operation][-1]
    return FLAG if result == "f" else NUMBER
