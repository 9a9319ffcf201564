"""The text of an LLVM module: functions, what they call, loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

METADATA = """\
!0 = !{i32 1}
!1 = distinct !{!1, !2}
!2 = !{!"llvm.loop.unroll.disable"}
"""
"""!0 marks stores past the cache. !1 marks loops, of which LLVM is to make no copies: they work on
whole vectors already, and it would take most of the time to compile them."""


class Parameter(NamedTuple):
    """A parameter of a function: its type and its name, which begins with %."""

    type: str
    name: str


class Carried(NamedTuple):
    """What a loop carries.

    Args:
        counter: its name.
        values: names of the values in a round; after the loop, of the last ones.
        following: to be filled with the names that they have at the end of a round.
    """

    counter: str
    values: list[str]
    following: list[str]


class Code:
    """The text of one function, line after line, and what it needs beside itself.

    Args:
        needs: text by name of other functions, declared or defined; shared by a module.
    """

    def __init__(self, needs: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.needs = needs

    def line(self, text: str) -> None:
        """Write a line that gives no value."""
        self.lines.append(f"  {text}")

    def value(self, text: str) -> str:
        """Write a line that gives a value; returns its new name.

        >>> code = Code({})
        >>> code.value("add i64 1, 2"), code.lines
        ('%_0', ['  %_0 = add i64 1, 2'])
        """
        name = f"%_{len(self.lines)}"
        self.line(f"{name} = {text}")
        return name

    def call(self, result: str, function: str, given: Sequence[tuple[str, str]]) -> str:
        """Call a function that gives a value, declaring it; given are types and values.

        >>> code = Code({})
        >>> code.call("float", "cosf", [("float", "%x")]), code.needs
        ('%_0', {'cosf': 'declare float @cosf(float)'})
        """
        return self.value(self._call(result, function, given))

    def do(self, function: str, given: Sequence[tuple[str, str]]) -> None:
        """Call a function that gives no value, declaring it."""
        self.line(self._call("void", function, given))

    def _call(self, result: str, function: str, given: Sequence[tuple[str, str]]) -> str:
        types = ", ".join(kind for kind, _ in given)
        self.needs.setdefault(function, f"declare {result} @{function}({types})")
        values = ", ".join(f"{kind} {value}" for kind, value in given)
        return f"call {result} @{function}({values})"

    def define(self, head: str, given: Sequence[Parameter], attributes: str) -> str:
        """The text of the function of these lines."""
        start = f"define {head}({', '.join(map(' '.join, given))}) {attributes} {{"
        return "\n".join([start, *self.lines, "}"])

    @contextmanager
    def loop(self, begin: str, end: str, step: str | int) -> Iterator[str]:
        """Count from begin while below end; what is written inside is repeated.

        Yields the counter, an i64.
        """
        with self.carry(begin, end, step, []) as carried:
            yield carried.counter

    @contextmanager
    def carry(
        self, begin: str, end: str, step: str | int, given: Sequence[tuple[str, str]]
    ) -> Iterator[Carried]:
        """A loop that carries values from one round to the next.

        Args:
            begin, end, step: of the counter, i64.
            given: types and values before the first round.
        """
        label = f"loop{len(self.lines)}"
        values = [f"%{label}.{k}" for k in range(len(given))]
        carried = Carried(f"%{label}", values, [])
        self._block(f"{label}.entry")
        self._block(f"{label}.head")
        start = len(self.lines)
        self.lines += [""] * (1 + len(given))
        self.line(f"%{label}.more = icmp slt i64 %{label}, {end}")
        self.line(f"br i1 %{label}.more, label %{label}.inside, label %{label}.exit")
        self.lines.append(f"{label}.inside:")
        yield carried
        self._block(f"{label}.latch")
        self.line(f"%{label}.next = add nsw i64 %{label}, {step}")
        self.line(f"br label %{label}.head, !llvm.loop !1")
        self.lines.append(f"{label}.exit:")
        joined = [(f"%{label}", "i64", begin, f"%{label}.next")]
        for name, (kind, first), last in zip(values, given, carried.following, strict=True):
            joined.append((name, kind, first, last))
        for k, (name, kind, first, last) in enumerate(joined, start=start):
            ways = f"[{first}, %{label}.entry], [{last}, %{label}.latch]"
            self.lines[k] = f"  {name} = phi {kind} {ways}"

    def _block(self, label: str) -> None:
        """Go on in a new block."""
        self.line(f"br label %{label}")
        self.lines.append(f"{label}:")

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """What is written inside runs only if the condition, an i1, holds."""
        with self.choice(condition) as otherwise:
            yield
            otherwise()

    @contextmanager
    def choice(self, condition: str) -> Iterator[Callable[[], None]]:
        """What is written before the call of what this yields runs if the condition, an i1, holds;
        what is written after it runs if not."""
        label = f"if{len(self.lines)}"

        def otherwise() -> None:
            self.line(f"br label %{label}.end")
            self.lines.append(f"{label}.else:")

        self.line(f"br i1 {condition}, label %{label}.then, label %{label}.else")
        self.lines.append(f"{label}.then:")
        yield otherwise
        self._block(f"{label}.end")


def module(functions: Sequence[str], needs: dict[str, str]) -> str:
    """The text of a module: its functions, then what they need, in an order that is always same."""
    return "\n\n".join([*functions, *(needs[name] for name in sorted(needs)), METADATA])
