"""How the sizes of two-dimensional windows are given."""

from __future__ import annotations

Pair = int | tuple[int, int]
"""One number for height and width, or one of each."""
