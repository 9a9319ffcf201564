"""Pieces of kernel text: names of values, loads and stores of a row, one body as statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import torch

from snn_fused.gpu.operations import TYPES, write
from snn_fused.gpu.reach import fixed
from snn_fused.graph.body import Body

INDENT = "    "


def identifier(name: str) -> str:
    """The Python name of a named value of a body.

    No other name becomes ``grad_trace__output_``: a state variable begins with a letter.

    >>> identifier("grad.trace.v"), identifier("grad.trace.(output)")
    ('grad_trace_v', 'grad_trace__output_')
    """
    return name.translate(str.maketrans(".()", "___"))


def is_stream(name: str) -> bool:
    """Whether an input or output has a row of lanes a step.

    >>> is_stream("seen.v"), is_stream("grad.state.v")
    (True, False)
    """
    return name in ("x", "output", "grad.output", "grad.x") or name.startswith(
        ("seen.", "trace.", "grad.trace.")
    )


def indented(lines: Iterable[str]) -> Iterator[str]:
    """The lines one level further in."""
    return (INDENT + line for line in lines)


def row(name: str, step: int) -> str:
    """Where this program's lanes of a stream are, so many steps after the first of a stretch.

    One 64-bit product a stretch, and one sum a row: addresses cost as much as the arithmetic.
    """
    stream = identifier(name)
    return f"{stream}_t + {step} * {stream}_stride" if step else f"{stream}_t"


def checkpoint(place: int, n_kept: int) -> str:
    """Where the checkpoints hold the lanes of one state variable."""
    return f"checkpoints + (place * {n_kept} + {place}) * checkpoint_stride + at"


def together(targets: Iterable[str], values: Iterable[str]) -> list[str]:
    """One assignment of all targets, since a value may be another's target.

    >>> together(["a", "b"], ["b", "a"]), together([], [])
    (['a, b = b, a'], [])
    """
    left = ", ".join(targets)
    return [f"{left} = {', '.join(values)}"] if left else []


class Speller(NamedTuple):
    """How the values of one body are named: ``letter`` and place, and the step unless fixed.

    >>> from snn_fused.graph.body import Node
    >>> body = Body(("x", "number.0"), (Node("neg", (1,)), Node("add", (0, 2))), (("output", 3),))
    >>> speller = Speller(body, "f", fixed(body), torch.float32)
    >>> list(speller.constants({3, 2, 1, 0}))
    ['f2 = -number_0']
    >>> list(speller.step({3, 2, 1, 0}, "_4", {"x": "x_4"}))
    ['f3_4 = x_4 + f2']
    """

    body: Body
    letter: str
    fixed: frozenset[int]
    dtype: torch.dtype

    def name(self, place: int, step: str, inputs: Mapping[str, str]) -> str:
        """The variable of a value at a step; ``inputs`` maps inputs that change to variables."""
        if place < len(self.body.inputs):
            name = self.body.inputs[place]
            return identifier(name) if place in self.fixed else inputs[name]
        return f"{self.letter}{place}" + ("" if place in self.fixed else step)

    def result(self, output: str, step: str, inputs: Mapping[str, str]) -> str:
        """The variable of an output at a step."""
        return self.name(dict(self.body.outputs)[output], step, inputs)

    def constants(self, places: Iterable[int]) -> Iterator[str]:
        """Statements for those of the places that are nodes and fixed over time."""
        return self._statements(self.fixed.intersection(places), "", {})

    def step(self, places: Iterable[int], step: str, inputs: Mapping[str, str]) -> Iterator[str]:
        """Statements for those of the places that are nodes and change."""
        return self._statements(set(places) - self.fixed, step, inputs)

    def _statements(
        self, places: Iterable[int], step: str, inputs: Mapping[str, str]
    ) -> Iterator[str]:
        for place in sorted(places):
            if place < len(self.body.inputs):
                continue
            node = self.body.nodes[place - len(self.body.inputs)]
            operands = tuple(self.name(operand, step, inputs) for operand in node.operands)
            yield (
                f"{self.name(place, step, inputs)} = {write(node.operation, operands, self.dtype)}"
            )


def speller(body: Body, letter: str, dtype: torch.dtype) -> Speller:
    """The speller of a body."""
    return Speller(body, letter, fixed(body), dtype)


def kernel_text(name: str, about: str, arguments: Iterable[str], lines: Iterable[str]) -> str:
    """The file of a kernel: imports, the function with its arguments, the lines in it."""
    signature = "".join(f"{INDENT}{argument},\n" for argument in arguments)
    body = "".join(f"{line}\n" for line in indented(lines))
    return (
        f'"""{about}"""\n'
        f"import triton.language as tl\n"
        f"from triton.language.extra import libdevice\n\n\n"
        f"def {name}(\n{signature}):\n{body}"
    )


def opening(streams: Iterable[str]) -> Iterator[str]:
    """The first lines of a kernel: which lanes are this program's, strides in 64 bits."""
    yield "at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)"
    yield "here = at < n_lanes"
    yield "checkpoint_stride = tl.cast(n_lanes, tl.int64)"
    for name in streams:
        yield f"{identifier(name)}_stride = tl.cast({identifier(name)}_stride, tl.int64)"


def constant_inputs(bodies: Iterable[Body], dtype: torch.dtype) -> Iterator[str]:
    """Load numbers, one rounding each, and per-lane values, each once."""
    names = dict.fromkeys(name for body in bodies for name in body.inputs)
    for name in names:
        if name.startswith("number."):
            place = name.removeprefix("number.")
            read = f"tl.load(numbers + {place}).to({TYPES[dtype]})"
            yield f"{identifier(name)} = tl.full([BLOCK], {read}, {TYPES[dtype]})"
        elif name.startswith("lane."):
            yield f"{identifier(name)} = tl.load({identifier(name)}_place + at, mask=here)"
