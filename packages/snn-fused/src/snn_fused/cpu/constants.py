"""Constants: what does not change over the steps, and the gradients of the parameters behind it."""

from __future__ import annotations

import torch
from torch import Tensor

from snn_fused.cpu.rows import Rows, rows_from, single_row
from snn_fused.graph.program import Program
from snn_fused.graph.tracing import Spec
from snn_fused.layer import Inputs


class Constants:
    """The table of numbers, the lanes, the measurements of one call.

    Args:
        program, spec: of the call.
        inputs: what goes in.
    """

    def __init__(self, program: Program, spec: Spec, inputs: Inputs) -> None:
        self._program, self._like = program, inputs.state[0]
        n_batch, n_neurons = self._like.shape
        self._params = dict(zip(spec.tensors, inputs.params, strict=True))
        prepared = program.preparation.run(self._params, n_batch, n_neurons)
        n_numbers = len(prepared) - program.n_lanes
        numbers = [float(value) for value in prepared[:n_numbers]]
        self._numbers = torch.tensor([*program.literals, *numbers], dtype=torch.float64)
        self._lanes = [
            value.to(self._like.dtype).expand(self._like.shape).contiguous()
            for value in prepared[n_numbers:]
        ]
        self._seen = {
            f"seen.{name}": value.contiguous()
            for name, value in zip(spec.seen, inputs.seen, strict=True)
        }

    def rows(self, first: int) -> dict[str, Rows]:
        """All of it by the names of slots, measurements from step ``first`` on."""
        found = {name: rows_from(value, first) for name, value in self._seen.items()}
        found |= {f"lane.{k}": single_row(lane) for k, lane in enumerate(self._lanes)}
        return found | {"numbers": single_row(self._numbers)}

    def grads(self, sums: list[Tensor], wants: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        """The gradients of the wanted parameters, from the sums over the steps."""
        completion = self._program.completion
        assert completion is not None, "a program without gradients runs forward only"
        n_batch, n_neurons = self._like.shape
        given = self._params | {f"sum.{k}": value for k, value in enumerate(sums)}
        found = iter(completion.run(given, n_batch, n_neurons))
        return tuple(
            _like(next(found), value) if want else None
            for want, value in zip(wants, self._params.values(), strict=True)
        )


def _like(grad: Tensor, param: Tensor) -> Tensor:
    """A gradient that does not depend on the sums, zero, may be a number: in the shape then."""
    return grad.to(param.dtype).expand(param.shape)
