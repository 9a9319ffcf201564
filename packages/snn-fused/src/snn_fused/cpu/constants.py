"""Constants: what does not change over the steps, and the gradients of the parameters behind it."""

from __future__ import annotations

import torch
from torch import Tensor

from snn_fused.cpu.rows import Rows, rows_from, single_row
from snn_fused.graph.program import Program
from snn_fused.graph.tracing import Spec
from snn_fused.layer import Inputs


class Numbers:
    """The table of numbers of a program: its literals, then what a call's parameters give."""

    def __init__(self, program: Program) -> None:
        self._literals = torch.tensor(program.literals, dtype=torch.float64, device="cpu")

    def with_more(self, values: list[Tensor]) -> Tensor:
        """The table for a call; the literals alone are the same for all calls."""
        if not values:
            return self._literals
        numbers = [float(value.detach()) for value in values]
        more = torch.tensor(numbers, dtype=torch.float64, device="cpu")
        return torch.cat([self._literals, more])


class Constants:
    """The table of numbers, the lanes, the measurements of one call.

    Args:
        program, spec, numbers: of the kind of call.
        inputs: what goes in.
    """

    def __init__(self, program: Program, spec: Spec, numbers: Numbers, inputs: Inputs) -> None:
        self._program, self._like = program, inputs.state[0]
        self._params = dict(zip(spec.tensors, inputs.params, strict=True)) if inputs.params else {}
        prepared = program.preparation.run(self._params, *self._like.shape)
        n_numbers = len(prepared) - program.n_lanes
        self._numbers = numbers.with_more(prepared[:n_numbers])
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
        found = {"numbers": single_row(self._numbers)}
        for k, lane in enumerate(self._lanes):
            found[f"lane.{k}"] = single_row(lane)
        for name, value in self._seen.items():
            found[name] = rows_from(value, first)
        return found

    def grads(self, sums: list[Tensor], wants: tuple[bool, ...]) -> tuple[Tensor | None, ...]:
        """The gradients of the wanted parameters, from the sums over the steps."""
        completion = self._program.completion
        assert completion is not None, "a program without gradients runs forward only"
        given = self._params | {f"sum.{k}": value for k, value in enumerate(sums)}
        found = iter(completion.run(given, *self._like.shape))
        return tuple(
            _like(next(found), value) if want else None
            for want, value in zip(wants, self._params.values(), strict=True)
        )


def _like(grad: Tensor, param: Tensor) -> Tensor:
    """A gradient that does not depend on the sums, zero, may be a number: in the shape then."""
    return grad.to(param.dtype).expand(param.shape)
