"""The drawing of a curve: every point is where it belongs."""

from __future__ import annotations

import pytest
from snn_core.cli.plot import BLANK, DOTS, curve


def dots(lines: list[str], rows: int) -> set[tuple[int, int]]:
    """The (column, height) of every dot, decoded from the Braille characters."""
    found = set()
    for row, line in enumerate(lines[:rows]):
        for place, character in enumerate(line.split("│")[1]):
            for column, bits in enumerate(DOTS):
                for below, bit in enumerate(bits):
                    if (ord(character) - BLANK) & bit:
                        found.add((2 * place + column, 4 * rows - 1 - 4 * row - below))
    return found


def test_a_rising_line_has_one_dot_a_column():
    values = [float(height) for height in range(8)]
    assert dots(curve(values, 1.0, rows=2), 2) == {(place, place) for place in range(8)}


def test_a_jump_is_drawn_as_a_vertical_line():
    drawn = dots(curve([0.0, 1.0, 0.0], 1.0, rows=2), 2)
    assert drawn == {(0, 0), (2, 0), *((1, height) for height in range(1, 8)), *down(2)}


def down(column: int) -> set[tuple[int, int]]:
    return {(column, height) for height in range(1, 7)}


def test_labels_are_the_extremes_and_the_axis_has_0_in_the_middle():
    lines = curve([-1.0, *[0.0] * 37, 3.0, *[0.0] * 37, -1.0], 0.5)
    assert lines[0].startswith(" 3 │")
    assert lines[7].startswith("-1 │")
    assert lines[-2].index("┴") == lines[-1].index("0", 6)
    assert lines[-1].split() == ["-0.5", "0", "0.5"]


@pytest.mark.parametrize("height", [0.0, 1.0])
def test_a_constant_is_a_level_line_over_an_axis_from_0_to_1(height):
    lines = curve([height] * 9, 1.0, rows=2)
    assert dots(lines, 2) == {(place, 7 * height) for place in range(9)}
    assert lines[0].startswith("1 │")
    assert lines[1].startswith("0 │")
