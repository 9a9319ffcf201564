"""Two-dimensional convolutions of spikes by adding the kernel rows that they select."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from snn_nodes.spikes.bits import count
from snn_nodes.spikes.blocks import blocks
from snn_nodes.spikes.window import Window

# Of a block. The lists of what is seen, 8 bytes each, are written and read several times.
_ENTRIES = 1 << 19
_SEEN = 1 << 18


def add_kernel_rows(elem: Tensor, weight: Tensor, bias: Tensor | None, window: Window) -> Tensor:
    """The convolution of ``elem``: each output adds the kernel rows of the spikes it sees.

    Args:
        elem: bool ``(B, C, H, W)``.
        weight: ``(O, C, *size)``.
        bias: ``(O,)``.
        window: no dilation, no groups.

    >>> ones = torch.ones(1, 1, 2, 2)
    >>> add_kernel_rows(ones > 0, ones * 3, None, Window((2, 2), (1, 1), (0, 0)))
    tensor([[[[12.]]]])
    """
    batch, _, height, width = elem.shape
    outputs = len(weight)
    shape = window.output(height, width)
    table = weight.permute(2, 3, 1, 0).reshape(-1, outputs).contiguous()
    out = table.new_empty(batch, outputs, *shape).contiguous(memory_format=_format(elem))
    for part in _samples(elem, window):
        index, first = _seen(elem[part], window)
        sums = functional.embedding_bag(index, table, first, mode="sum")
        if bias is not None:
            sums += bias
        out[part] = sums.view(-1, *shape, outputs).permute(0, 3, 1, 2)
    return out


def kernel_gradient(elem: Tensor, grad: Tensor, window: Window) -> Tensor:
    """The gradient of the kernel ``(O, C, *size)`` from that of the output, ``(B, O, Ho, Wo)``.

    Args:
        elem: bool ``(B, C, H, W)``.
        grad: floating.
        window: with stride 1.
    """
    outputs, channels = grad.shape[1], elem.shape[1]
    taps = window.size[0] * window.size[1]
    exact = torch.promote_types(grad.dtype, torch.float32)
    total = grad.new_zeros(taps * channels, outputs, dtype=exact)
    for part in _samples(elem, window):
        table = _framed(grad[part], window)
        index, first = _touched(elem[part], table.shape[1:3], window)
        total += functional.embedding_bag(index, table.view(-1, outputs), first, mode="sum")
    kernel = total.view(*window.size, channels, outputs).permute(3, 2, 0, 1)
    return kernel.to(grad.dtype).contiguous()


def _samples(elem: Tensor, window: Window) -> Iterator[slice]:
    """Stretches of samples whose spikes, seen through all taps, stay in the cache."""
    seen = count(elem) * window.size[0] * window.size[1]
    parts = max(elem.numel() / _ENTRIES, seen / _SEEN)
    return blocks(len(elem), 1, int(len(elem) / max(1, parts)))


def _format(elem: Tensor) -> torch.memory_format:
    """As torch's convolution chooses it: channels last where the input has them last."""
    last = elem.is_contiguous(memory_format=torch.channels_last) and not elem.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def _seen(elem: Tensor, window: Window) -> tuple[Tensor, Tensor]:
    """The kernel rows, ``(y, x, c)`` in order, of the spikes under each output, and their starts.

    Channels last, the spikes under one row of the kernel lie together: they are a stretch of the
    list of all spikes.
    """
    (rows, columns), (step_y, step_x), (pad_y, pad_x) = window
    padded = functional.pad(elem.permute(0, 2, 3, 1), (0, 0, pad_x, pad_x, pad_y, pad_y))
    batch, height, width, channels = padded.shape
    spikes = padded.reshape(-1).nonzero().squeeze(1)
    pixels = batch * height * width
    before = torch.zeros(pixels + 1, dtype=torch.int64)
    torch.cumsum(torch.bincount(spikes // channels, minlength=pixels), 0, out=before[1:])
    # The first pixel under each row of the kernel, for each output: (B, Ho, Wo, rows).
    y = torch.arange(0, height - rows + 1, step_y)[:, None, None] + torch.arange(rows)
    x = torch.arange(0, width - columns + 1, step_x)[:, None]
    sample = torch.arange(batch)[:, None, None, None] * height
    left = ((sample + y) * width + x).reshape(-1)
    start = before[left]
    length = before[left + columns] - start
    first = length.cumsum(0) - length
    n_seen = int(length.sum())
    owner = torch.repeat_interleave(torch.arange(len(left)), length, output_size=n_seen)
    place = (start - first).index_select(0, owner) + torch.arange(n_seen)
    origin = left * channels - torch.arange(rows).repeat(len(left) // rows) * columns * channels
    index = spikes.index_select(0, place) - origin.index_select(0, owner)
    return index, first[::rows].contiguous()


def _framed(grad: Tensor, window: Window) -> Tensor:
    """Channels last, with a frame of zeros as wide as a kernel reaches beyond: ``(B, Y, X, O)``."""
    y, x = (size - 1 - pad for size, pad in zip(window.size, window.padding, strict=True))
    y, x = max(0, y), max(0, x)
    return functional.pad(grad.permute(0, 2, 3, 1), (0, 0, x, x, y, y)).contiguous()


def _touched(elem: Tensor, frame: torch.Size, window: Window) -> tuple[Tensor, Tensor]:
    """For each tap and channel the framed outputs that its spikes reach, and where each starts."""
    height, width = frame
    channels = elem.shape[1]
    missing = (0, width - elem.shape[3], 0, height - elem.shape[2])
    padded = functional.pad(elem.transpose(0, 1), missing).contiguous().view(channels, -1)
    spikes = padded.view(-1).nonzero().squeeze(1)
    starts = torch.arange(0, padded.numel(), padded.shape[1])
    first = torch.searchsorted(spikes, starts)
    # The output that sees a spike through the first tap; through the others it lies before it.
    (reach_y, reach_x) = (
        max(size - 1, pad) for size, pad in zip(window.size, window.padding, strict=True)
    )
    origin = spikes % padded.shape[1] + (reach_y * width + reach_x)
    tap_y, tap_x = (torch.arange(size) for size in window.size)
    tap = (tap_y[:, None] * width + tap_x).reshape(-1, 1)
    before = torch.arange(len(tap))[:, None] * len(spikes)
    return (origin - tap).reshape(-1), (first + before).reshape(-1)
