"""Drive: what the neurons receive from outside, stretch by stretch, and the way back.

Without a weight it is the input itself. Through a weight it is computed into a buffer that each
stretch uses again: from rows of the weight where the input is sparse, by a product of matrices
where it is not. The gradient goes the same way back.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from snn_fused.cpu.buffers import empty, zeros
from snn_fused.cpu.projection import gather, scatter
from snn_fused.cpu.spikes import Spikes
from snn_fused.cpu.transposing import transposed
from snn_fused.layer import Inputs, Wants


class Drive(Protocol):
    """The input of a layer of B samples and N neurons."""

    def given(self, first: int, last: int) -> Tensor:
        """What the neurons receive in these steps, ``(last - first, B, N)``."""

    def receiver(self, first: int, last: int) -> Tensor:
        """Where the gradient to that is to be written, at each step after its input was read."""

    def received(self, first: int, last: int) -> None:
        """It has been written: pass it on."""

    def x_grad(self) -> Tensor | None:
        """The gradient to the input, if it is wanted."""

    def weight_grad(self) -> Tensor | None:
        """The gradient to the weight, if it is wanted."""


def drive_of(
    inputs: Inputs, spikes: Spikes | None, longest: int, wants: Wants | None = None
) -> Drive:
    """The drive of a call.

    Args:
        inputs: of the call.
        spikes: the input, if it is sparse and goes through a weight.
        longest: steps of the longest stretch.
        wants: the gradients that are needed; None in a forward run.
    """
    x, weight = inputs.x, inputs.weight
    if weight is None:
        assert x is not None, "events without a weight were put on a grid before"
        return Direct(x, backward=wants is not None)
    if spikes is not None:
        source: Source = Sparse(spikes, weight)
        shape: tuple[int, ...] = spikes.shape
    else:
        assert x is not None, "without spikes there is a dense input"
        source, shape = Dense(x, weight), tuple(x.shape)
    total = WeightGrad(weight) if wants is not None and wants.weight else None
    grad = empty(tuple(shape), weight.dtype) if wants is not None and wants.x else None
    buffer = empty((longest, inputs.state[0].shape[0], len(weight)), weight.dtype)
    return Projected(source, weight, buffer, total, grad)


class Direct:
    """The input ``(T, B, N)`` itself."""

    def __init__(self, x: Tensor, *, backward: bool) -> None:
        self._x = x.contiguous()
        self._grad = empty(tuple(self._x.shape), x.dtype) if backward else self._x

    def given(self, first: int, last: int) -> Tensor:
        """Rows of the input."""
        return self._x[first:last]

    def receiver(self, first: int, last: int) -> Tensor:
        """Rows of the gradient."""
        return self._grad[first:last]

    def received(self, first: int, last: int) -> None:
        """It is where it belongs."""

    def x_grad(self) -> Tensor:
        """The gradient."""
        return self._grad

    def weight_grad(self) -> None:
        """There is no weight."""


class Projected:
    """An input through a weight ``(N, N_in)``.

    Args:
        source: the input.
        weight: of the layer.
        buffer: ``(L, B, N)`` for the longest stretch; the gradient goes there too, since the
            kernel reads a step's input before it writes the gradient to it.
        total: the weight's gradient; None if it is not wanted.
        grad: where the input's gradient goes, ``(T, B, N_in)``; None if it is not wanted.
    """

    def __init__(
        self,
        source: Source,
        weight: Tensor,
        buffer: Tensor,
        total: WeightGrad | None,
        grad: Tensor | None,
    ) -> None:
        self._source, self._weight, self._buffer = source, weight, buffer
        self._total, self._grad = total, grad

    def given(self, first: int, last: int) -> Tensor:
        """The product, in the buffer."""
        buffer = self._buffer[: last - first]
        self._source.project(first, last, buffer)
        return buffer

    def receiver(self, first: int, last: int) -> Tensor:
        """The buffer."""
        return self._buffer[: last - first]

    def received(self, first: int, last: int) -> None:
        """To the weight and to the input."""
        grad = self._buffer[: last - first]
        if self._total is not None:
            self._source.pull(first, last, grad, self._total)
        if self._grad is not None:
            rows = self._grad[first:last].flatten(0, 1)
            torch.mm(grad.flatten(0, 1), self._weight, out=rows)

    def x_grad(self) -> Tensor | None:
        """The gradient to the input."""
        return self._grad

    def weight_grad(self) -> Tensor | None:
        """The gradient to the weight."""
        return None if self._total is None else self._total.result()


class Source(Protocol):
    """An input that goes through a weight."""

    def project(self, first: int, last: int, out: Tensor) -> None:
        """Write the product of some steps to out ``(last - first, B, N)``."""

    def pull(self, first: int, last: int, grad: Tensor, total: WeightGrad) -> None:
        """Add these steps' part to the weight's gradient; grad ``(last - first, B, N)``."""


class Sparse:
    """Spikes: rows of the weight are added, and rows of its gradient added to."""

    def __init__(self, spikes: Spikes, weight: Tensor) -> None:
        self._spikes, self._transposed = spikes, transposed(weight.detach())

    def project(self, first: int, last: int, out: Tensor) -> None:
        """As ``Source`` says."""
        gather(self._spikes, first, last, self._transposed, out)

    def pull(self, first: int, last: int, grad: Tensor, total: WeightGrad) -> None:
        """As ``Source`` says."""
        total.add_spikes(self._spikes, first, last, grad)


class Dense:
    """A tensor ``(T, B, N_in)``: matrices are multiplied."""

    def __init__(self, x: Tensor, weight: Tensor) -> None:
        self._x, self._transposed = x, weight.t()

    def project(self, first: int, last: int, out: Tensor) -> None:
        """As ``Source`` says."""
        torch.mm(self._rows(first, last), self._transposed, out=out.flatten(0, 1))

    def pull(self, first: int, last: int, grad: Tensor, total: WeightGrad) -> None:
        """As ``Source`` says."""
        total.add_dense(self._rows(first, last), grad.flatten(0, 1))

    def _rows(self, first: int, last: int) -> Tensor:
        return self._x[first:last].flatten(0, 1).to(self._transposed.dtype)


class WeightGrad:
    """The gradient to a weight ``(N, N_in)``, added up over the stretches; kept transposed."""

    def __init__(self, weight: Tensor) -> None:
        self._transposed = zeros((weight.shape[1], weight.shape[0]), weight.dtype)

    def add_spikes(self, spikes: Spikes, first: int, last: int, grad: Tensor) -> None:
        """From steps of sparse input; grad ``(last - first, B, N)``."""
        scatter(spikes, first, last, grad, self._transposed)

    def add_dense(self, x: Tensor, grad: Tensor) -> None:
        """From input ``(rows, N_in)`` and the gradient of as many rows ``(rows, N)``."""
        self._transposed.addmm_(x.t(), grad)

    def result(self) -> Tensor:
        """The gradient, in the weight's shape."""
        return transposed(self._transposed)
