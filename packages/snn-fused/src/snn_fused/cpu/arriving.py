"""Arriving: the gradients of a layer's outputs, in the form that the backward kernel reads."""

from __future__ import annotations

from torch import Tensor

from snn_fused.cpu.buffers import zeros
from snn_fused.cpu.rows import Rows, rows_from, single_row
from snn_fused.graph.tracing import LATE_OUTPUT, Spec
from snn_fused.layer import Grads


class Arriving:
    """Streams of gradients.

    One that is absent is a row of zeros for all steps; one that is the same at every step, as
    that of a sum, is a row too.

    Args:
        grads: what arrived.
        spec: says what is recorded.
        shown: the state variable that is the output, if one is.
        like: a state variable ``(B, N)``.
    """

    def __init__(self, grads: Grads, spec: Spec, shown: str | None, like: Tensor) -> None:
        self._zeros = zeros(tuple(like.shape), like.dtype)
        self._output, self._shown = self._stream(grads.output), shown
        self._traces = dict(zip(spec.record, map(self._stream, grads.traces), strict=True))
        self._state = zip(spec.neuron.State._fields, grads.state, strict=True)

    def _stream(self, grad: Tensor | None) -> Tensor:
        if grad is None:
            return self._zeros.expand((2, *self._zeros.shape))
        if grad.stride(0) == 0:
            return grad[:1].contiguous().expand((2, *self._zeros.shape))
        return grad.contiguous()

    def add_to(self, arrays: dict[str, Rows], first: int) -> None:
        """Name the gradients from step ``first`` on; the kernel takes a trace's one row late."""
        for name, grad in self._traces.items():
            arrays[f"grad.trace.{name}"] = rows_from(grad, first)
        output = rows_from(self._output, first)
        if self._shown is None:
            arrays["grad.output"] = output
        else:
            arrays["grad.output"], arrays[LATE_OUTPUT] = single_row(self._zeros), output

    def carried(self) -> list[Tensor]:
        """The gradients to the state after the last step, with its trace's; to write on."""
        found = []
        for name, grad in self._state:
            whole = zeros(tuple(self._zeros.shape), self._zeros.dtype)
            if grad is not None:
                whole.copy_(grad)
            if name in self._traces:
                whole += self._traces[name][-1]
            if name == self._shown:
                whole += self._output[-1]
            found.append(whole)
        return found
