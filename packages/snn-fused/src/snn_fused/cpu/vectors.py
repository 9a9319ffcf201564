"""The type of a group of lanes in LLVM IR, and how its numbers are written."""

from __future__ import annotations

import struct
from typing import NamedTuple

import torch

GROUP_BYTES = 64
"""What one group of lanes takes: the widest register of x86; LLVM splits it where there is less."""


class Vector(NamedTuple):
    """The types of a group of lanes.

    Args:
        scalar: LLVM's name of the type of one lane.
        size: bytes of one lane.
        integer: the integer type of that size.
        suffix: how names of intrinsics end.
        libm: how names of functions of the mathematical library end.
    """

    scalar: str
    size: int
    integer: str
    suffix: str
    libm: str

    @property
    def lanes(self) -> int:
        """Lanes in a group."""
        return GROUP_BYTES // self.size

    @property
    def numbers(self) -> str:
        """The type of a number in each lane."""
        return f"<{self.lanes} x {self.scalar}>"

    @property
    def flags(self) -> str:
        """The type of a flag in each lane."""
        return f"<{self.lanes} x i1>"

    @property
    def integers(self) -> str:
        """The type of an integer in each lane, as wide as a number."""
        return f"<{self.lanes} x {self.integer}>"

    def literal(self, value: float) -> str:
        """A number as LLVM writes it, rounded to the type: the bits of a double.

        >>> vector(torch.float32).literal(0.1)
        '0x3FB99999A0000000'
        """
        if self.scalar == "float":
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"

    def splat(self, value: float) -> str:
        """The same number in each lane.

        >>> vector(torch.float64).splat(1.0)
        'splat (double 0x3FF0000000000000)'
        """
        return f"splat ({self.scalar} {self.literal(value)})"


FLOAT = Vector("float", 4, "i32", "v16f32", "f")
DOUBLE = Vector("double", 8, "i64", "v8f64", "")


def vector(dtype: torch.dtype) -> Vector:
    """The groups of a dtype: float32 or float64.

    Raises:
        TypeError: any other dtype.

    >>> vector(torch.float32).lanes, vector(torch.float64).lanes
    (16, 8)
    """
    if dtype == torch.float32:
        return FLOAT
    if dtype == torch.float64:
        return DOUBLE
    raise TypeError(f"kernels are made for float32 and float64, got {dtype}; convert the tensors")
