"""Window: how a kernel moves over an image, and up to which activity adding its rows pays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from snn_nodes.spikes.choice import MARGIN, Limits


class Window(NamedTuple):
    """How a kernel moves over its input: kernel size, stride and padding, each ``(y, x)``.

    >>> Window((3, 3), (2, 1), (1, 1)).output(8, 8)
    (4, 8)
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the output."""
        y, x = (
            (length + 2 * padding - size) // stride + 1
            for length, size, stride, padding in zip((height, width), *self, strict=True)
        )
        return y, x


class Costs(NamedTuple):
    """What each part of a convolution costs, in ns on one processor, float32.

    Args:
        multiply: for each product of a dense one.
        read: for each entry of the input, its conversion from bits included.
        write: for each output of a dense one.
        add: for each output channel of a kernel row that is added.
        event: for each spike under each tap.
        scan: for each entry of the input that is searched for spikes.
        out: for each output.
        window: for each row of the kernel at each output pixel.
        kernel: for each weight: transposing it, or setting up and adding to its gradient.
        call: for a call.
    """

    multiply: float
    read: float
    write: float
    add: float
    event: float
    scan: float
    out: float
    window: float
    kernel: float
    call: float


# Fitted to twelve shapes, kernel 3 x 3, at 0.5 to 20 % activity, torch 2.13 with oneDNN on x86-64
# with AVX-512; the fits are off by 10 % for dense and 13 and 19 % for added rows
# (root mean square).
_FORWARD = Costs(0.0175, 1.9, 0.37, 0.047, 9.0, 5.0, 2.0, 11.0, 1.5, 350e3)
_GRADIENT = Costs(0.0215, 2.2, 0.3, 0.043, 4.5, 3.1, 2.8, 0.0, 3.0, 100e3)


def limits(shape: tuple[int, ...], outputs: int, window: Window, dtype: torch.dtype) -> Limits:
    """Up to which activity adding kernel rows is expected to pay; 0 or less: never.

    Args:
        shape: of the spikes, ``(B, C, H, W)``.
        outputs: channels of the output.
        window: the gradient of the kernel is made of events with stride 1 alone.
        dtype: float32 was measured; in others the convolution is dense.

    >>> window = Window((3, 3), (1, 1), (1, 1))
    >>> deep, shallow = (32, 256, 8, 8), (32, 2, 64, 64)
    >>> [round(limit, 2) for limit in limits(deep, 256, window, torch.float32)]
    [0.13, 0.23]
    >>> limits(shallow, 32, window, torch.float32).forward < 0
    True
    """
    if dtype != torch.float32 or 0 in shape:
        return Limits(0.0, 0.0)
    forward = _break_even(_FORWARD, shape, outputs, window)
    gradient = _break_even(_GRADIENT, shape, outputs, window) if window.stride == (1, 1) else 0.0
    return Limits(forward, gradient)


def _break_even(cost: Costs, shape: tuple[int, ...], outputs: int, window: Window) -> float:
    batch, channels, height, width = shape
    y, x = window.output(height, width)
    pixels, entries = batch * y * x, batch * channels * height * width
    taps = window.size[0] * window.size[1]
    dense = (
        cost.multiply * pixels * channels * taps * outputs
        + cost.read * entries
        + cost.write * pixels * outputs
    )
    idle = (
        cost.call
        + cost.scan * entries
        + (cost.out * outputs + cost.window * window.size[0]) * pixels
        + cost.kernel * channels * taps * outputs
    )
    seen = taps / (window.stride[0] * window.stride[1])
    return (MARGIN * dense - idle) / ((cost.event + cost.add * outputs) * seen * entries)


def window_of(
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    groups: int,
) -> Window | None:
    """The window of a plain two-dimensional convolution; None of any other.

    >>> window_of(torch.zeros(1, 1, 3, 2), [1], [0, 1], [1, 1], False, 1)
    Window(size=(3, 2), stride=(1, 1), padding=(0, 1))
    """
    if weight.ndim != 4 or transposed or groups != 1 or set(dilation) != {1}:
        return None
    return Window((weight.shape[2], weight.shape[3]), _two(stride), _two(padding))


def _two(values: Sequence[int]) -> tuple[int, int]:
    return values[0], values[-1]
