"""Feedback: what a recurrent layer's kernels need besides, and the gradient of its weight."""

from __future__ import annotations

from torch import Tensor

from snn_fused.cpu.buffers import zeros
from snn_fused.cpu.drive import WeightGrad
from snn_fused.cpu.rows import Rows, rows_from, single_row
from snn_fused.cpu.spikes import of_dense
from snn_fused.cpu.transposing import transposed
from snn_fused.layer import Inputs


class Feedback:
    """The recurrent weight of one call; without one, everything here is empty.

    Args:
        inputs: of the call.
        wants_weight: whether the weight's gradient is needed.
    """

    def __init__(self, inputs: Inputs, wants_weight: bool = False) -> None:
        weight, before = inputs.recurrent_weight, inputs.before
        self._grad = WeightGrad(weight) if wants_weight and weight is not None else None
        self._before = None if before is None else before.contiguous()
        self._weight = None if weight is None else weight.contiguous()
        self._transposed = None if weight is None else transposed(weight.detach())
        self.before_grad = None if before is None else zeros(tuple(before.shape), before.dtype)

    def add_to(self, arrays: dict[str, Rows], output: Tensor | None, first: int) -> None:
        """Name what both kernels read: the weight, and the output before step ``first``."""
        if output is None or self._transposed is None or self._before is None:
            return
        arrays["feedback.transposed"] = single_row(self._transposed)
        arrays["output.before"] = single_row(output[first - 1] if first else self._before)

    def add_more_to(self, arrays: dict[str, Rows], output: Tensor | None, first: int) -> None:
        """Name what the backward kernel has besides: the steps' output, the gradient to it."""
        if output is None or self._weight is None or self.before_grad is None:
            return
        arrays["feedback"] = single_row(self._weight)
        arrays["output"] = rows_from(output, first)
        arrays["grad.feedback"] = single_row(self.before_grad)

    def received(self, output: Tensor | None, first: int, grad: Tensor) -> None:
        """Add a stretch to the weight's gradient; grad ``(L, B, N)`` to what its neurons got."""
        if output is None or self._grad is None or self._before is None:
            return
        if first == 0:
            self._grad.add_dense(self._before, grad[0])
            first, grad = 1, grad[1:]
        sent = output[first - 1 : first - 1 + len(grad)]
        if not len(sent):
            return
        spikes = of_dense(sent, sent.dtype)
        if spikes is None:
            self._grad.add_dense(sent.flatten(0, 1), grad.flatten(0, 1))
        else:
            self._grad.add_spikes(spikes, 0, len(sent), grad)

    def weight_grad(self) -> Tensor | None:
        """The gradient of the recurrent weight, if it is wanted."""
        return None if self._grad is None else self._grad.result()
