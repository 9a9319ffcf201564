"""Text for a terminal: aligned columns, wrapped paragraphs, headings. No colours."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

NARROWEST, WIDEST = 40, 100
"""Lines are never set shorter or longer than this, whatever the terminal."""


def width() -> int:
    """The width of the terminal (or ``COLUMNS``, or 80), within what reads well."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size().columns))


def prints(characters: str) -> bool:
    """Whether the standard output can encode these characters."""
    try:
        characters.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def columns(rows: Sequence[Sequence[str]], indent: int = 0, gap: int = 2) -> list[str]:
    """Rows of cells as aligned lines; the last column wraps at the terminal's width, at blanks.

    A word longer than the line stays whole. Where the others leave the last column too little room
    it goes below them.

    >>> columns([("a", "one"), ("bcd", "two")], indent=2)
    ['  a    one', '  bcd  two']
    """
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    start = indent + sum(widths) + gap * len(widths)
    below = width() - start < NARROWEST // 2
    if below:
        start = indent + 2 * gap
    lines = []
    for *cells, last in rows:
        padded = [cell.ljust(size) for cell, size in zip(cells, widths, strict=True)]
        head = " " * indent + (" " * gap).join([*padded, ""])
        wrapped = _wrapped(last, width() - start)
        beside = wrapped.pop(0) if wrapped and not below else ""
        lines += [f"{head}{beside}".rstrip(), *(" " * start + line for line in wrapped)]
    return lines


def heading(left: str, right: str = "") -> list[str]:
    """A title line with something at its right end, and a rule below it."""
    rule = "─" if prints("─") else "-"
    room = width() - len(left)
    return [f"{left}{right.rjust(room)}".rstrip(), rule * width()]


def paragraphs(docstring: str, indent: int = 0) -> list[str]:
    """A cleaned docstring at the terminal's width: prose is wrapped, indented lines are kept.

    >>> paragraphs("one\\ntwo\\n\\n    v <- v + dt", indent=2)
    ['  one two', '', '      v <- v + dt']
    """
    lines: list[str] = []
    for block in docstring.replace("``", "`").split("\n\n"):
        if lines:
            lines.append("")
        for piece in _pieces(block):
            lines += _set(piece, " " * indent)
    return lines


def _pieces(block: str) -> list[str]:
    """A block cut into prose, list items, and indented lines, which all stay apart."""
    pieces: list[str] = []
    for line in block.splitlines():
        own = line.startswith((" ", "- ", "* ")) or not pieces or pieces[-1].startswith(" ")
        if own:
            pieces.append(line)
        else:
            pieces[-1] += f" {line}"
    return pieces


def _set(piece: str, indent: str) -> list[str]:
    if piece.startswith(" "):
        return [(indent + piece).rstrip()]
    hanging = "  " if piece.startswith(("- ", "* ")) else ""
    return _wrapped(piece, width(), indent, indent + hanging)


def _wrapped(line: str, columns: int, first: str = "", rest: str = "") -> list[str]:
    """Lines broken at blanks only: half a path, or half a name, cannot be copied."""
    return textwrap.wrap(
        line,
        columns,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
