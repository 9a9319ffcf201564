"""Convolutions in time-first form; Conv2d adds kernel rows where few spikes are set."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from snn_nodes.layer.sizes import Pair
from snn_nodes.layer.spiking_input import SpikingInput
from snn_nodes.layer.time_first import TimeFirst, check_rank
from snn_nodes.naming import label
from snn_nodes.spikes.choice import Limits
from snn_nodes.spikes.window import limits, window_of
from snn_nodes.stepping import merged

_Padding = Literal["zeros", "reflect", "replicate", "circular"]


class Conv1d(TimeFirst, nn.Conv1d):
    """Convolution over length: ``(B, C, L)`` or ``(T, B, C, L)``.

    The arguments of ``torch.nn.Conv1d`` (``device`` and ``dtype`` by name), and ``step_mode``. Of a
    SpikeTensor the bits are kept for the gradient; the products are dense.

    Raises:
        ValueError: an input with another number of axes or of channels; it names the layer.

    >>> layer = Conv1d(2, 4, 3, padding=1, step_mode="m")
    >>> layer(torch.zeros(5, 1, 2, 8)).shape
    torch.Size([5, 1, 4, 8])
    """

    STEP = ("B, C, L",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: str | int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: _Padding = "zeros",
        step_mode: str = "s",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        nn.Conv1d.__init__(
            self,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        self.step_mode = step_mode

    def forward(self, x: Tensor) -> Tensor:
        """The convolution, ``(B, C_out, L_out)`` or ``(T, B, C_out, L_out)``."""
        check_rank(self, x, self.STEP)
        _check_channels(self, x, x.shape[-2])
        return super().forward(x)


class Conv2d(SpikingInput, nn.Conv2d):
    """Convolution over height and width: ``(B, C, H, W)`` or ``(T, B, C, H, W)``.

    A ``SpikeTensor`` is convolved in the way that is expected to be faster at its shape and
    activity, forward and gradient of the kernel each: sums of kernel rows, one for each spike and
    tap, or the dense convolution. Sums are an option without dilation and groups, in float32, and
    for the gradient with stride 1. For the gradient the bits are kept, a byte each. The printed
    layer says which way was taken.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            padding_mode: as for ``torch.nn.Conv2d``.
        step_mode: ``'s'`` or ``'m'``; the numbers are the same.
        spike_in: dense inputs hold spikes too. Where additions are expected to pay, such an input
            is looked through, and taken for spikes if all values are 0 or 1; with any other value
            in it the convolution is the dense one. The result is the same in any case.
        device, dtype: of the kernel.

    Raises:
        ValueError: an input with another number of axes or of channels; it names the layer.

    >>> layer = Conv2d(256, 256, 3, padding=1, spike_in=True)
    >>> y = layer((torch.arange(4 * 256 * 8 * 8).view(4, 256, 8, 8) % 50 == 0).float())
    >>> print(layer.extra_repr().partition("spike_in=True, ")[2])
    last path: additions (2.0 % active), weight gradient: additions
    """

    STEP = ("B, C, H, W",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: str | Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: _Padding = "zeros",
        step_mode: str = "s",
        *,
        spike_in: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        nn.Conv2d.__init__(
            self,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )
        self.step_mode = step_mode
        self.spike_in = spike_in

    def forward(self, x: Tensor) -> Tensor:
        """The convolution, ``(B, C_out, H_out, W_out)`` or with T before; dense."""
        check_rank(self, x, self.STEP)
        _check_channels(self, x, x.shape[-3])
        return merged(self._convolved, x) if self.step_mode == "m" else self._convolved(x)

    def _convolved(self, x: Tensor) -> Tensor:
        out: Tensor = self._conv_forward(self._spikes(x), self.weight, self.bias)
        return out

    def _limits(self, shape: tuple[int, ...], dtype: torch.dtype) -> Limits:
        padding = self.padding
        if isinstance(padding, str) or self.padding_mode != "zeros":
            return Limits(0.0, 0.0)
        window = window_of(self.weight, self.stride, padding, self.dilation, False, self.groups)
        if window is None:
            return Limits(0.0, 0.0)
        return limits(shape, self.out_channels, window, dtype)

    def _shown_shape(self) -> None:
        """None: height and width are not known before an input comes."""


def _check_channels(layer: Conv1d | Conv2d, x: Tensor, channels: int) -> None:
    if channels != layer.in_channels:
        raise ValueError(
            f"{label(layer)} takes {layer.in_channels} channels, got {channels} in an input of "
            f"shape {tuple(x.shape)}"
        )
