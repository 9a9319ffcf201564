"""SpikingInput: a layer whose input may be spikes, and which way its products last took."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from snn_nodes.layer.time_first import TimeFirst
from snn_nodes.spikes.choice import Limits
from snn_nodes.spikes.tally import Tally
from snn_nodes.spikes.tensor import SpikeTensor
from snn_nodes.spikes.values import binary_bits, sampled_activity


class _LastInput(NamedTuple):
    """The last input: its shape without time, the dtype of the product, the count of its spikes
    (None: it was taken as dense), and a remark."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    tally: Tally | None
    remark: str = ""


class SpikingInput(TimeFirst):
    """What ``Linear`` and ``Conv2d`` do with spikes; it stands before torch's layer."""

    spike_in: bool = False
    weight: Tensor
    _last: _LastInput | None = None

    def _limits(self, shape: tuple[int, ...], dtype: torch.dtype) -> Limits:
        """Up to which activity additions pay, for an input of this shape without time."""
        raise NotImplementedError

    def _shown_shape(self) -> tuple[int, ...] | None:
        """The shape for which the printed layer says what is expected, if one can be named."""
        raise NotImplementedError

    def _spikes(self, x: Tensor) -> Tensor:
        """x, as a SpikeTensor where it holds spikes and additions are expected to pay."""
        if torch.compiler.is_compiling():
            return x
        if isinstance(x, SpikeTensor):
            self._last = _LastInput(tuple(x.shape), self._product_dtype(), x._tally)
            x = x.to(self.weight.dtype)
        elif self.spike_in:
            x = self._looked_through(x)
        return x

    def _looked_through(self, x: Tensor) -> Tensor:
        last = self._last = _LastInput(tuple(x.shape), self._product_dtype(), None)
        # Nothing to see on another device, or inside torch.func.
        if x.device.type != "cpu" or torch._C._functorch.maybe_current_level() is not None:
            return x
        if x.dtype == torch.bool:
            return self._known(x.clone(), x)
        if x.dtype != self.weight.dtype:  # the dense product says so, or autocast converts it
            return x
        limits = self._limits(last.shape, last.dtype)
        learns = torch.is_grad_enabled() and self.weight.requires_grad
        # Looking through it costs time too: half of the activity leaves enough to gain.
        limit = max(limits.forward, limits.gradient if learns else 0.0) / 2
        if limit <= 0:
            return x
        activity = sampled_activity(x)
        if activity > limit:
            self._last = last._replace(remark=f" (about {100 * activity:.0f} % active)")
            return x
        bits = binary_bits(x.detach())
        if bits is None:
            self._last = last._replace(remark=" (values other than 0 and 1)")
            return x
        return self._known(bits, x)

    def _known(self, bits: Tensor, x: Tensor) -> SpikeTensor:
        spikes = SpikeTensor.from_bits(bits, x, self.weight.dtype)
        self._last = _LastInput(tuple(x.shape), self._product_dtype(), spikes._tally)
        return spikes

    def _product_dtype(self) -> torch.dtype:
        kind = self.weight.device.type
        if torch.is_autocast_enabled(kind):
            return torch.get_autocast_dtype(kind)
        return self.weight.dtype

    def extra_repr(self) -> str:
        """What torch shows, the step mode, and which way the products take."""
        shown = super().extra_repr()
        if self.spike_in:
            shown += ", spike_in=True"
        if self._last is not None:
            return f"{shown}, {self._way_of(self._last)}"
        return shown + self._expected_way() if self.spike_in else shown

    def _way_of(self, last: _LastInput) -> str:
        if last.tally is None:
            return f"last path: dense{last.remark}"
        count = last.tally.known
        if count is None:
            estimate = last.tally.estimate
            about = "" if estimate is None else f" (about {100 * estimate:.0f} % active)"
            return f"last path: dense{about}"
        activity = count / max(1, math.prod(last.shape))
        forward, gradient = (
            "additions" if activity <= limit else "dense"
            for limit in self._limits(last.shape, last.dtype)
        )
        percent = f"{100 * activity:.1f} % active"
        return f"last path: {forward} ({percent}), weight gradient: {gradient}"

    def _expected_way(self) -> str:
        shape = self._shown_shape()
        if shape is None:
            return ""
        forward, gradient = (
            f"additions up to {100 * limit:.0f} % active" if limit > 0 else "dense"
            for limit in self._limits(shape, self._product_dtype())
        )
        return f", for {shape}: {forward}, weight gradient: {gradient}"
