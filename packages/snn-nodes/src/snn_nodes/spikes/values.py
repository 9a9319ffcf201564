"""Whether a dense tensor holds only zeros and ones, and which of them are ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from snn_nodes.spikes.blocks import blocks

_SAMPLE = 1 << 12
_PART = 1 << 20


def binary_bits(x: Tensor) -> Tensor | None:
    """Where x is 1, as a new bool tensor; None if some value is neither 0 nor 1.

    >>> binary_bits(torch.tensor([0.0, 1.0]))
    tensor([False,  True])
    >>> binary_bits(torch.tensor([0.0, float("nan")])) is None
    True
    """
    if x.dtype == torch.bool:
        return x.clone()
    if x.device.type != "cpu" or x.numel() <= _PART or not x.is_contiguous():
        bits = x != 0
        return bits if torch.equal(bits.view(torch.uint8).to(x.dtype), x) else None
    flat = x.view(-1)
    bits = torch.empty(flat.shape, dtype=torch.bool)
    # In stretches that stay in the cache, x is read from memory once.
    for part in blocks(len(flat), 1, _PART):
        torch.ne(flat[part], 0, out=bits[part])
        if not torch.equal(bits[part].view(torch.uint8).to(x.dtype), flat[part]):
            return None
    return bits.view(x.shape)


def sampled_activity(x: Tensor) -> float:
    """The fraction of a sample of the values that are not 0; 0 if there are none.

    >>> sampled_activity(torch.tensor([0.0, 2.0]))
    0.5
    """
    x = x.detach()
    in_memory = x.permute(sorted(range(x.ndim), key=x.stride, reverse=True)).reshape(-1)
    step = max(1, len(in_memory) // _SAMPLE)
    while math.gcd(step, len(in_memory)) > 1:  # else it could stay in some columns
        step += 1
    sample = in_memory[::step]
    return int(sample.count_nonzero()) / max(1, len(sample))


def checked_bits(x: Tensor) -> Tensor:
    """Where x is 1, as a new bool tensor.

    Raises:
        ValueError: some values are neither 0 nor 1: how many, the first of them and where it is.
    """
    bits = binary_bits(x.detach())
    if bits is not None:
        return bits
    others = ((x != 0) & (x != 1)).nonzero()
    place = tuple(others[0].tolist())
    raise ValueError(
        f"SpikeTensor.from_dense takes only 0 and 1: {len(others)} of {x.numel()} values are "
        f"others, the first is {x[place].item():g} at {place}; say which of them are spikes, "
        "such as x > 0.5"
    )
