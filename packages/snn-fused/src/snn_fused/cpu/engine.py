"""The engine of backend ``numba``: runs a layer on the CPU, stretch by stretch of its steps.

The state at the start of each stretch is kept, nothing else: the backward recomputes the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from snn_fused.cpu.arriving import Arriving
from snn_fused.cpu.constants import Constants
from snn_fused.cpu.drive import drive_of
from snn_fused.cpu.feedback import Feedback
from snn_fused.cpu.kernels import Kernels, Stretch
from snn_fused.cpu.rows import Rows, rows_of, single_row
from snn_fused.cpu.spikes import Spikes, of_dense
from snn_fused.graph.program import Program
from snn_fused.layer import Found, Grads, Inputs, Kept, Outputs
from snn_fused.plan import Kind

STRETCH_STEPS = 128
"""Steps of a stretch: checkpoints then add a hundredth of the output for each state variable."""

STRETCH_LANES = 1 << 18
"""A small layer has longer stretches, up to so many steps times lanes: fewer launches."""

LONGEST = 1024
"""Steps of any stretch at most, since a block of lanes keeps some values of each of them."""

BUFFER_BYTES = 4 << 20
"""What a stretch of projected input should take at most, so that it stays in the cache."""


class CpuEngine:
    """Runs one kind of call.

    Args:
        kind, program: what is run.
    """

    def __init__(self, kind: Kind, program: Program) -> None:
        self._kind, self._program = kind, program
        self._kernels = Kernels(program, kind.spec.dtype, kind.recurrent)
        spec = kind.spec
        self._states = [f"state.{name}" for name in spec.neuron.State._fields]
        self._traces = [f"trace.{name}" for name in spec.record]

    def forward(self, inputs: Inputs) -> Outputs:
        """Run a layer; the checkpoints are the states between stretches."""
        spikes, like = _spikes(inputs), inputs.state[0]
        stretches = _stretches(inputs)
        drive = drive_of(inputs, spikes, stretches[0].last)
        constants = Constants(self._program, self._kind.spec, inputs)
        feedback = Feedback(inputs)
        output = like.new_empty(inputs.n_steps, *like.shape)
        traces = tuple(torch.empty_like(output) for _ in self._traces)
        visited = like.new_empty(len(stretches), len(self._states), *like.shape)
        before: Sequence[Tensor] = [value.contiguous() for value in inputs.state]
        for stretch, after in zip(stretches, visited, strict=True):
            first, last = stretch.first, stretch.last
            self._kernels.forward(
                stretch,
                constants.rows(first)
                | _named(self._states, before, single_row, ".before")
                | _named(self._states, after, single_row, ".after")
                | _named(self._traces, [trace[first:last] for trace in traces], rows_of)
                | {"x": rows_of(drive.given(first, last)), "output": rows_of(output[first:last])}
                | feedback.rows(output, first),
            )
            before = after.unbind(0)
        end = tuple(value.clone() for value in before)
        return Outputs(output, end, traces, visited[:-1], spikes)

    def backward(self, inputs: Inputs, kept: Kept, grads: Grads) -> Found:
        """Run it backwards."""
        wants = self._kind.wants
        assert wants is not None, "a plan without gradients runs forward only"
        stretches = _stretches(inputs)
        drive = drive_of(inputs, kept.spikes or _spikes(inputs), stretches[0].last, wants)
        constants = Constants(self._program, self._kind.spec, inputs)
        feedback = Feedback(inputs, wants.recurrent_weight)
        like = inputs.state[0]
        arriving = Arriving(grads, self._kind.spec, like)
        carried, sums = arriving.carried(), self._sums(like)
        starts = [inputs.state, *(start.unbind(0) for start in kept.checkpoints)]
        for stretch, start in zip(reversed(stretches), reversed(starts), strict=True):
            first, last = stretch.first, stretch.last
            given, receiver = drive.given(first, last), drive.receiver(first, last)
            before = [value.contiguous() for value in start]
            self._kernels.backward(
                stretch,
                constants.rows(first)
                | arriving.rows(first)
                | _named(self._states, before, single_row, ".before")
                | _named([f"grad.{name}" for name in self._states], carried, single_row)
                | _named([f"sum.{k}" for k in range(len(sums))], sums, single_row)
                | {"x": rows_of(given), "grad.x": rows_of(receiver)}
                | feedback.rows(kept.output, first)
                | feedback.rows_back(kept.output, first),
            )
            feedback.received(kept.output, first, receiver)
            drive.received(first, last)
        params = constants.grads(sums, wants.params)
        return Found(
            drive.x_grad(),
            drive.weight_grad(),
            feedback.weight_grad(),
            tuple(carried),
            feedback.before_grad,
            params,
        )

    def n_checkpoints(self, inputs: Inputs) -> int:
        """How many checkpoints ``forward`` returns."""
        return len(_stretches(inputs)) - 1

    def _sums(self, like: Tensor) -> list[Tensor]:
        backward = self._program.backward
        assert backward is not None
        return [like.new_zeros(like.shape) for _ in backward.results("sum.")]


def _named(
    names: Iterable[str],
    tensors: Iterable[Tensor],
    rows: Callable[[Tensor], Rows],
    suffix: str = "",
) -> dict[str, Rows]:
    return {name + suffix: rows(value) for name, value in zip(names, tensors, strict=True)}


def _spikes(inputs: Inputs) -> Spikes | None:
    """The input as spikes: as it came, or if it is sparse and there is a weight to go through."""
    if inputs.spikes is not None:
        return inputs.spikes
    if inputs.weight is None or inputs.x is None:
        return None
    return of_dense(inputs.x, inputs.weight.dtype)


def _stretches(inputs: Inputs) -> list[Stretch]:
    """The steps, cut into stretches, the same in the forward as in the backward."""
    n_batch, n_neurons = inputs.state[0].shape
    n_lanes = max(1, n_batch * n_neurons)
    longest = max(STRETCH_STEPS, min(LONGEST, STRETCH_LANES // n_lanes))
    if inputs.weight is not None:
        longest = min(longest, max(1, BUFFER_BYTES // (n_lanes * inputs.state[0].element_size())))
    n_steps = inputs.n_steps
    return [
        Stretch(first, min(first + longest, n_steps), n_batch, n_neurons)
        for first in range(0, n_steps, longest)
    ]
