"""Arriving: the gradients of a layer's outputs, in the form that the backward kernel reads."""

from __future__ import annotations

from torch import Tensor

from snn_fused.cpu.rows import Rows, rows_from
from snn_fused.graph.tracing import LATE_OUTPUT, Spec, shown_state
from snn_fused.layer import Grads


class Arriving:
    """Streams of gradients.

    One that is absent is a row of zeros for all steps; one that is the same at every step, as
    that of a sum, is a row too.

    Args:
        grads: what arrived.
        spec: says what is recorded.
        like: a state variable ``(B, N)``.
    """

    def __init__(self, grads: Grads, spec: Spec, like: Tensor) -> None:
        self._zeros = like.new_zeros(like.shape)
        self._output = self._stream(grads.output)
        self._traces = dict(zip(spec.record, map(self._stream, grads.traces), strict=True))
        self._shown = shown_state(spec)
        self._state = dict(zip(spec.neuron.State._fields, grads.state, strict=True))

    def _stream(self, grad: Tensor | None) -> Tensor:
        if grad is None:
            return self._zeros.unsqueeze(0).expand(2, *self._zeros.shape)
        if grad.stride(0) == 0:
            return grad[:1].contiguous().expand(2, *self._zeros.shape)
        return grad.contiguous()

    def rows(self, first: int) -> dict[str, Rows]:
        """The gradients from step ``first`` on; the kernel takes a trace's one row late itself."""
        found = {f"grad.trace.{name}": rows_from(g, first) for name, g in self._traces.items()}
        if self._shown is None:
            return found | {"grad.output": rows_from(self._output, first)}
        nothing = Rows(self._zeros.data_ptr(), 0)
        return found | {"grad.output": nothing, LATE_OUTPUT: rows_from(self._output, first)}

    def carried(self) -> list[Tensor]:
        """The gradients to the state after the last step, with its trace's; to write on."""
        found = []
        for name, grad in self._state.items():
            whole = self._zeros.clone() if grad is None else self._zeros + grad
            if name in self._traces:
                whole = whole + self._traces[name][-1]
            if name == self._shown:
                whole = whole + self._output[-1]
            found.append(whole)
        return found
