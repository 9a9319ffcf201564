"""Pooling in time-first form: the pools of torch, and the sum over windows."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from snn_nodes.layer.sizes import Pair
from snn_nodes.layer.time_first import TimeFirst


class MaxPool1d(TimeFirst, nn.MaxPool1d):
    """The largest value of each window: ``(B, C, L)`` or ``(T, B, C, L)``.

    Args:
        kernel_size, stride, padding, dilation, return_indices, ceil_mode: as for
            ``torch.nn.MaxPool1d``; indices are not returned.
        step_mode: ``'s'`` or ``'m'``.

    Raises:
        ValueError: ``return_indices``, or an input with another number of axes.

    >>> import torch
    >>> MaxPool1d(2, step_mode="m")(torch.tensor([[[[0.0, 1.0, 2.0, 0.0]]]]))
    tensor([[[[1., 2.]]]])
    """

    STEP = ("B, C, L",)

    def __init__(
        self,
        kernel_size: int,
        stride: int | None = None,
        padding: int = 0,
        dilation: int = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
        step_mode: str = "s",
    ) -> None:
        _refuse_indices("MaxPool1d", return_indices)
        nn.MaxPool1d.__init__(self, kernel_size, stride, padding, dilation, False, ceil_mode)
        self.step_mode = step_mode


class MaxPool2d(TimeFirst, nn.MaxPool2d):
    """The largest value of each window: ``(B, C, H, W)`` or ``(T, B, C, H, W)``.

    The arguments of ``torch.nn.MaxPool2d`` (indices are not returned), then ``step_mode``.

    Raises:
        ValueError: ``return_indices``, or an input with another number of axes.

    >>> import torch
    >>> MaxPool2d(2, step_mode="m")(torch.zeros(5, 1, 3, 4, 4)).shape
    torch.Size([5, 1, 3, 2, 2])
    """

    STEP = ("B, C, H, W",)

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        dilation: Pair = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
        step_mode: str = "s",
    ) -> None:
        _refuse_indices("MaxPool2d", return_indices)
        nn.MaxPool2d.__init__(self, kernel_size, stride, padding, dilation, False, ceil_mode)
        self.step_mode = step_mode


class AvgPool1d(TimeFirst, nn.AvgPool1d):
    """The mean of each window: ``(B, C, L)`` or ``(T, B, C, L)``.

    The arguments of ``torch.nn.AvgPool1d``, then ``step_mode``.

    Raises:
        ValueError: an input with another number of axes; it names the layer.

    >>> import torch
    >>> AvgPool1d(2)(torch.tensor([[[0.0, 1.0, 2.0, 0.0]]]))
    tensor([[[0.5000, 1.0000]]])
    """

    STEP = ("B, C, L",)

    def __init__(
        self,
        kernel_size: int,
        stride: int | None = None,
        padding: int = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        step_mode: str = "s",
    ) -> None:
        stride = kernel_size if stride is None else stride
        nn.AvgPool1d.__init__(self, kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.step_mode = step_mode


class AvgPool2d(TimeFirst, nn.AvgPool2d):
    """The mean of each window: ``(B, C, H, W)`` or ``(T, B, C, H, W)``.

    The arguments of ``torch.nn.AvgPool2d``, then ``step_mode``.

    Raises:
        ValueError: an input with another number of axes; it names the layer.

    >>> import torch
    >>> AvgPool2d(2, step_mode="m")(torch.eye(2).expand(3, 1, 1, 2, 2)).flatten()
    tensor([0.5000, 0.5000, 0.5000])
    """

    STEP = ("B, C, H, W",)

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        step_mode: str = "s",
    ) -> None:
        nn.AvgPool2d.__init__(
            self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        )
        self.step_mode = step_mode


class AdaptiveAvgPool2d(TimeFirst, nn.AdaptiveAvgPool2d):
    """Means over as many windows as the output has places: ``(B, C, H, W)`` or with T before.

    The argument of ``torch.nn.AdaptiveAvgPool2d``, then ``step_mode``.

    Raises:
        ValueError: an input with another number of axes; it names the layer.

    >>> import torch
    >>> AdaptiveAvgPool2d((1, 2), step_mode="m")(torch.zeros(5, 1, 3, 4, 4)).shape
    torch.Size([5, 1, 3, 1, 2])
    """

    STEP = ("B, C, H, W",)

    def __init__(
        self, output_size: int | tuple[int | None, int | None] | None, step_mode: str = "s"
    ) -> None:
        nn.AdaptiveAvgPool2d.__init__(self, output_size)
        self.step_mode = step_mode


class _SumPool2d(nn.Module):
    """The sum over each window of one step; torch has only its mean."""

    def __init__(self, kernel_size: Pair, stride: Pair | None, padding: Pair) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        return functional.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, divisor_override=1
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class SumPool2d(TimeFirst, _SumPool2d):
    """The sum over each window: ``(B, C, H, W)`` or ``(T, B, C, H, W)``; NIR's SumPool2d.

    Args:
        kernel_size, stride, padding: as for ``torch.nn.AvgPool2d``; zeros are padded.
        step_mode: ``'s'`` or ``'m'``.

    Raises:
        ValueError: an input with another number of axes; it names the layer.

    >>> import torch
    >>> SumPool2d(2)(torch.ones(1, 1, 2, 4))
    tensor([[[[4., 4.]]]])
    """

    STEP = ("B, C, H, W",)

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        step_mode: str = "s",
    ) -> None:
        _SumPool2d.__init__(self, kernel_size, stride, padding)
        self.step_mode = step_mode


def _refuse_indices(layer: str, return_indices: bool) -> None:
    if return_indices:
        raise ValueError(
            f"{layer} over time returns no indices; for them call torch.nn.{layer} on the steps"
        )
