"""Groups of lanes as LLVM IR: loaded, stored, filled with one value."""

from __future__ import annotations

from snn_fused.cpu.code import Code
from snn_fused.cpu.vectors import Vector

WHOLE = "splat (i1 true)"
"""The mask of a whole group; LLVM turns a load or store under it into a plain one."""


def element(code: Code, kind: str, base: str, at: str | int) -> str:
    """The address of element ``at`` of an array of ``kind``."""
    return code.value(f"getelementptr {kind}, ptr {base}, i64 {at}")


def load(code: Code, group: Vector, address: str, mask: str = WHOLE) -> str:
    """The lanes of the mask, 0 in the others; the address needs no alignment."""
    return code.call(
        group.numbers,
        f"llvm.masked.load.{group.suffix}.p0",
        [
            ("ptr", address),
            ("i32", str(group.size)),
            (group.flags, mask),
            (group.numbers, "zeroinitializer"),
        ],
    )


def store(code: Code, group: Vector, value: str, address: str, mask: str = WHOLE) -> None:
    """Store the lanes of the mask."""
    code.do(
        f"llvm.masked.store.{group.suffix}.p0",
        [
            (group.numbers, value),
            ("ptr", address),
            ("i32", str(group.size)),
            (group.flags, mask),
        ],
    )


def store_past_cache(code: Code, group: Vector, value: str, address: str, past: str) -> None:
    """Store a whole group; if ``past`` (i1) is set, to memory at once, and the address must be a
    multiple of 64 bytes.

    A line of memory that is written whole need not be read first, nor drive others from the cache.
    """
    with code.choice(past) as otherwise:
        code.line(f"store {group.numbers} {value}, ptr {address}, align 64, !nontemporal !0")
        otherwise()
        store(code, group, value, address)


def finish_stores(code: Code, past: str) -> None:
    """Wait until what was stored past the cache can be seen by other threads."""
    with code.when(past):
        code.line("fence seq_cst")


def prefetch(code: Code, address: str) -> None:
    """Begin to fetch a line of memory into the second cache; any address will do."""
    read, second_cache, data = ("i32", "0"), ("i32", "2"), ("i32", "1")
    code.do("llvm.prefetch.p0", [("ptr", address), read, second_cache, data])


def first_lanes(code: Code, group: Vector, count: str) -> str:
    """The mask of the first ``count`` (i64) lanes."""
    kind = f"<{group.lanes} x i64>"
    places = ", ".join(f"i64 {k}" for k in range(group.lanes))
    return code.value(f"icmp ult {kind} <{places}>, {spread(code, kind, 'i64', count)}")


def spread(code: Code, kind: str, element_kind: str, value: str) -> str:
    """A vector with one value in every place."""
    lanes = kind[1:].split()[0]
    first = code.value(f"insertelement {kind} poison, {element_kind} {value}, i64 0")
    return code.value(
        f"shufflevector {kind} {first}, {kind} poison, <{lanes} x i32> zeroinitializer"
    )


def fused(code: Code, group: Vector, a: str, b: str, c: str) -> str:
    """a * b + c, rounded once."""
    operands = [(group.numbers, value) for value in (a, b, c)]
    return code.call(group.numbers, f"llvm.fma.{group.suffix}", operands)
