"""Pattern: what is fixed in one chip. It depends on seed and coordinate, and on nothing else."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import torch
from torch import Tensor

from snn_hardware.figures import CIRCUITS, ROWS


class Pattern(NamedTuple):
    """The fixed pattern of the chip with this seed.

    Circuit c lies in hemisphere c // 256, column c % 256.

    >>> one = Pattern(7)
    >>> torch.equal(one.circuits("leak"), Pattern(7).circuits("leak"))
    True
    >>> torch.equal(one.circuits("leak"), Pattern(8).circuits("leak"))
    False
    """

    seed: int

    def circuits(self, quantity: str) -> Tensor:
        """A standard normal number for each circuit, ``(512,)`` in double precision.

        >>> Pattern(7).circuits("leak").shape
        torch.Size([512])
        """
        return self._normal(quantity, int(CIRCUITS.value))

    def written(self, quantity: str, write: int) -> Tensor:
        """The same, drawn anew by each write of the parameters.

        >>> torch.equal(Pattern(7).written("leak", 0), Pattern(7).written("leak", 1))
        False
        """
        return self._normal(f"{quantity}, write {write}", int(CIRCUITS.value))

    def synapses(self) -> Tensor:
        """A standard normal number for each synapse, ``(512, 256)``: circuit, row.

        >>> Pattern(7).synapses().shape
        torch.Size([512, 256])
        """
        return self._normal("synapse", int(CIRCUITS.value), int(ROWS.value))

    def dead(self, fraction: float) -> Tensor:
        """Which circuits never fire, ``(512,)``; a larger fraction adds some to a smaller one's.

        >>> Pattern(7).dead(0.0).any()
        tensor(False)
        """
        generator = self._generator("dead")
        draws = torch.rand(int(CIRCUITS.value), generator=generator, dtype=torch.float64)
        return draws < fraction

    def _normal(self, quantity: str, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator(quantity), dtype=torch.float64)

    def _generator(self, quantity: str) -> torch.Generator:
        """Independent numbers for each quantity: a digest of seed and name seeds them."""
        digest = hashlib.sha256(f"{self.seed}/{quantity}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
