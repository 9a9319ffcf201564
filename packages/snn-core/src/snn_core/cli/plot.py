"""A curve in a terminal, drawn with Braille characters: two dots wide and four dots high each."""

from __future__ import annotations

from collections.abc import Sequence

BLANK = 0x2800
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bit of a dot by its column and its row, from the top (Unicode, Braille Patterns)."""


def curve(values: Sequence[float], reach: float, rows: int = 8) -> list[str]:
    """A curve over ``[-reach, reach]`` with its axes, half as many characters wide as values.

    Args:
        values: an odd number of finite heights, the middle one over 0.
        reach: the value at both ends of the horizontal axis.
        rows: height in characters.
    """
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    steps = 4 * rows - 1
    heights = [round((value - low) / span * steps) for value in values]
    cells = _cells(heights, rows)
    labels = [f"{high if high > low else 1.0:.3g}", *[""] * (rows - 2), f"{low:.3g}"]
    margin = max(map(len, labels))
    lines = [
        f"{label:>{margin}} │{''.join(map(chr, row)).rstrip(chr(BLANK))}"
        for label, row in zip(labels, cells, strict=True)
    ]
    middle = (len(values) - 1) // 4
    axis = "─" * middle + "┴" + "─" * (len(cells[0]) - middle - 1)
    left, right = f"{-reach:g}", f"{reach:g}"
    numbers = left.ljust(middle) + "0" + right.rjust(len(axis) - middle - 1)
    return [*lines, f"{'':>{margin}} └{axis}", f"{'':>{margin}}  {numbers}"]


def _cells(heights: Sequence[int], rows: int) -> list[list[int]]:
    """Character codes by row and column; jumps between neighbouring heights are filled."""
    cells = [[BLANK] * ((len(heights) + 1) // 2) for _ in range(rows)]
    previous = heights[0]
    for place, height in enumerate(heights):
        step = 1 if previous < height else -1
        for dot in [height, *range(previous + step, height, step)]:
            row = 4 * rows - 1 - dot
            cells[row // 4][place // 2] |= DOTS[place % 2][row % 4]
        previous = height
    return cells
