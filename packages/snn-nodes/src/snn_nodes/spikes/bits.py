"""Bits: spikes of one byte as floats, counted, and packed eight to a byte."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def as_floats(elem: Tensor, dtype: torch.dtype) -> Tensor:
    """Zeros and ones in ``dtype``.

    >>> as_floats(torch.tensor([True, False]), torch.float32)
    tensor([1., 0.])
    """
    # torch converts bytes several values at a time, bool one by one: a tenth of the time.
    return elem.view(torch.uint8).to(dtype)


def count(elem: Tensor) -> int:
    """How many are set.

    >>> count(torch.ones(100, 100, dtype=torch.bool))
    10000
    """
    whole = elem.numel() // (8 * 255) * (8 * 255)
    if not whole or not elem.is_contiguous() or elem.storage_offset() % 8:
        return int(elem.count_nonzero())
    # Eight bytes are added at a time; none of them runs over in a sum of 255.
    flat = elem.view(-1)
    words = flat[:whole].view(torch.int64).view(255, -1)
    return int(words.sum(0).view(torch.uint8).sum()) + int(flat[whole:].count_nonzero())


def pack(elem: Tensor) -> Tensor:
    """bool of any shape to uint8 ``(ceil(n / 8),)``, the first spike in the lowest bit.

    >>> pack(torch.tensor([True, False, True, False, False, False, False, False, True]))
    tensor([5, 1], dtype=torch.uint8)
    """
    flat = elem.reshape(-1).to(torch.uint8)
    rows = torch.nn.functional.pad(flat, (0, -len(flat) % 8)).view(-1, 8)
    out = torch.zeros(len(rows), dtype=torch.uint8, device=elem.device)
    for place in range(8):
        out |= rows[:, place] << place
    return out


def unpack(bits: Tensor, shape: tuple[int, ...]) -> Tensor:
    """What ``pack`` made to bool of this shape.

    >>> unpack(torch.tensor([5], dtype=torch.uint8), (1, 3))
    tensor([[ True, False,  True]])
    """
    rows = torch.empty(len(bits), 8, dtype=torch.bool, device=bits.device)
    for place in range(8):
        rows[:, place] = (bits >> place) & 1
    return rows.view(-1)[: math.prod(shape)].view(shape)
