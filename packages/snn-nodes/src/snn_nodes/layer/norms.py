"""Batch norm and group norm in time-first form."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from snn_nodes.layer.time_first import TimeFirst, check_rank
from snn_nodes.naming import label
from snn_nodes.neuron.lengths import check_lengths, refuse_lengths
from snn_nodes.stepping import TakesLengths


class _WithLengths(TakesLengths, TimeFirst):
    """What the batch norms do with sequences of different lengths."""

    def forward(self, x: Tensor, lengths: Tensor | Sequence[int] | None = None) -> Tensor:
        """The normalised x, in x's shape.

        Args:
            x: one step in mode ``'s'``, all steps in mode ``'m'``.
            lengths: ``(B,)``, how many steps of each sample count: only these enter the
                statistics. The output is 0 beyond.

        Raises:
            ValueError: x has another number of axes, or lengths do not fit.
        """
        if lengths is None:
            return super().forward(x)
        if self.step_mode == "s":
            refuse_lengths(self)
        check_rank(self, x, self.STEP)
        counted = check_lengths(lengths, x, label(self))
        inside = torch.arange(x.shape[0], device=x.device)[:, None] < counted
        rows = super().forward(x[inside].unsqueeze(0)).squeeze(0)
        y = rows.new_zeros(x.shape)
        y[inside] = rows
        return y


class BatchNorm1d(_WithLengths, nn.BatchNorm1d):
    """Batch norm of ``(B, C)`` or ``(B, C, L)``, in mode ``'m'`` with T before.

    In mode ``'m'`` mean and variance are taken over all steps and samples together, and the running
    statistics learn once a sequence; in mode ``'s'`` each step is normalised by its own batch.
    After ``eval()`` there is no difference.

    Args:
        num_features, eps, momentum, affine, track_running_stats: as for ``torch.nn.BatchNorm1d``.
        step_mode: ``'s'`` or ``'m'``.

    Raises:
        ValueError: an input with another number of axes, lengths that do not fit, or in training
            only one value a channel.
        RuntimeError: torch's, an input with another number of channels.

    Source: Ioffe and Szegedy, Batch normalization, ICML 2015; over time and batch together: Zheng
    et al., Going deeper with directly-trained larger spiking neural networks, AAAI 2021.

    >>> import torch
    >>> x = torch.tensor([[[0.0]], [[2.0]]])  # two steps of one sample
    >>> BatchNorm1d(1, eps=1e-9, step_mode="m")(x).flatten().tolist()
    [-1.0, 1.0]
    """

    STEP = ("B, C", "B, C, L")

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: str = "s",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        nn.BatchNorm1d.__init__(
            self, num_features, eps, momentum, affine, track_running_stats, device, dtype
        )
        self.step_mode = step_mode


class BatchNorm2d(_WithLengths, nn.BatchNorm2d):
    """Batch norm of ``(B, C, H, W)`` or ``(T, B, C, H, W)``; over time as ``BatchNorm1d``.

    The arguments of ``torch.nn.BatchNorm2d``, then ``step_mode``.

    Raises:
        ValueError, RuntimeError: as for ``BatchNorm1d``.

    >>> import torch
    >>> BatchNorm2d(3, step_mode="m")(torch.zeros(5, 2, 3, 4, 4)).shape
    torch.Size([5, 2, 3, 4, 4])
    """

    STEP = ("B, C, H, W",)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: str = "s",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        nn.BatchNorm2d.__init__(
            self, num_features, eps, momentum, affine, track_running_stats, device, dtype
        )
        self.step_mode = step_mode


class GroupNorm(TimeFirst, nn.GroupNorm):
    """Group norm of ``(B, C, *)`` or ``(T, B, C, *)``: each step of each sample by itself.

    The arguments of ``torch.nn.GroupNorm``, then ``step_mode``.

    Raises:
        ValueError: channels that the groups do not divide, or an input with too few axes.
        RuntimeError: torch's, an input with another number of channels.

    >>> import torch
    >>> x = torch.tensor([[[0.0, 2.0]], [[4.0, 0.0]]])
    >>> GroupNorm(1, 2, eps=1e-9, step_mode="m")(x).tolist()
    [[[-1.0, 1.0]], [[1.0, -1.0]]]
    """

    STEP = ("B, C, *",)

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        step_mode: str = "s",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        nn.GroupNorm.__init__(self, num_groups, num_channels, eps, affine, device, dtype)
        self.step_mode = step_mode
