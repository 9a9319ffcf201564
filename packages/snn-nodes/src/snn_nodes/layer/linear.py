"""Linear in time-first form, which adds weight rows where its input is spikes and few are set."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from snn_nodes.layer.spiking_input import SpikingInput
from snn_nodes.layer.time_first import check_rank
from snn_nodes.naming import label
from snn_nodes.spikes.choice import Limits, Product, break_even

_SHOWN_ROWS = 1000


class Linear(SpikingInput, nn.Linear):
    """``x @ weight.T + bias``: ``(B, *, N_in)`` or ``(T, B, *, N_in)``.

    A ``SpikeTensor`` is multiplied in the way that is expected to be faster at its shape and
    activity, forward and gradient of the weight each (``snn_nodes.spikes.spike_linear``); for the
    gradient its bits are kept, a byte each. The printed layer says which ways those are.

    Args:
        in_features, out_features, bias: as for ``torch.nn.Linear``.
        step_mode: ``'s'`` or ``'m'``; the numbers are the same.
        spike_in: dense inputs hold spikes too. Where additions are expected to pay, such an input
            is looked through, and taken for spikes if all values are 0 or 1; with any other value
            in it the product is the dense one. The result is the same in any case.
        device, dtype: of the weight.

    Raises:
        ValueError: an input with too few axes or another number of features; it names the layer.

    >>> import torch
    >>> layer = Linear(784, 512, spike_in=True)
    >>> layer
    Linear(in_features=784, out_features=512, bias=True, step_mode='s', spike_in=True,
           for (1000, 784): additions up to 16 % active,
           weight gradient: additions up to 15 % active)
    >>> y = layer((torch.arange(1000 * 784).view(1000, 784) % 33 == 0).float())
    >>> layer
    Linear(in_features=784, out_features=512, bias=True, step_mode='s', spike_in=True,
           last path: additions (3.0 % active), weight gradient: additions)
    """

    STEP = ("B, *, N_in",)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        step_mode: str = "s",
        *,
        spike_in: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        nn.Linear.__init__(self, in_features, out_features, bias, device, dtype)
        self.step_mode = step_mode
        self.spike_in = spike_in

    def forward(self, x: Tensor) -> Tensor:
        """The weighted sums, ``(*, N_out)`` for ``(*, N_in)``; dense."""
        check_rank(self, x, self.STEP)
        if x.shape[-1] != self.in_features:
            raise ValueError(
                f"{label(self)} takes {self.in_features} features, got {x.shape[-1]} in an input "
                f"of shape {tuple(x.shape)}"
            )
        return functional.linear(self._spikes(x), self.weight, self.bias)

    def _limits(self, shape: tuple[int, ...], dtype: torch.dtype) -> Limits:
        n_in, n_out = self.in_features, self.out_features
        rows = math.prod(shape[:-1])
        return Limits(
            break_even(Product(rows, n_in, n_out, along_rows=True, dtype=dtype)),
            break_even(Product(n_in, rows, n_out, along_rows=False, dtype=dtype)),
        )

    def _shown_shape(self) -> tuple[int, ...]:
        return _SHOWN_ROWS, self.in_features
