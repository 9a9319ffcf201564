"""columns: a table as text."""

from __future__ import annotations

from collections.abc import Sequence


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Rows below their heads, two spaces between columns; the first ``left`` are flush left.

    >>> print(columns(("name", "n"), [("a", "10"), ("long name", "2")], left=1))
    name        n
    a          10
    long name   2
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = (
        "  ".join(
            text.ljust(width) if place < left else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (heads, *rows)
    )
    return "\n".join(line.rstrip() for line in lines)
