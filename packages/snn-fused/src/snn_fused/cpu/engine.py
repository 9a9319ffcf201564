"""The engine of backend ``numba``: runs a layer on the CPU, stretch by stretch of its steps.

The state at the start of each stretch is kept, nothing else: the backward recomputes the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from snn_fused.cpu.arriving import Arriving
from snn_fused.cpu.buffers import empty, zeros
from snn_fused.cpu.constants import Constants, Numbers
from snn_fused.cpu.drive import drive_of
from snn_fused.cpu.feedback import Feedback
from snn_fused.cpu.kernels import Kernels, Stretch
from snn_fused.cpu.rows import Rows, rows_from, single_row
from snn_fused.cpu.spikes import Spikes, of_dense
from snn_fused.graph.program import Program
from snn_fused.graph.tracing import shown_state
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
        self._numbers = Numbers(program)
        self._shown = shown_state(kind.spec)
        fields = kind.spec.neuron.State._fields
        self._before = [f"state.{name}.before" for name in fields]
        self._after = [f"state.{name}.after" for name in fields]
        self._carried = [f"grad.state.{name}" for name in fields]
        self._traces = [f"trace.{name}" for name in kind.spec.record]
        self._sums = [] if program.backward is None else program.backward.results("sum.")

    def forward(self, inputs: Inputs) -> Outputs:
        """Run a layer; the checkpoints are the states between stretches."""
        spikes, like = _spikes(inputs), inputs.state[0]
        stretches = _stretches(inputs)
        drive = drive_of(inputs, spikes, stretches[0].last)
        constants = self._constants(inputs)
        feedback = Feedback(inputs)
        output = empty((inputs.n_steps, *like.shape), like.dtype)
        traces = tuple(empty(tuple(output.shape), like.dtype) for _ in self._traces)
        checkpoints = empty((len(stretches) - 1, len(self._after), *like.shape), like.dtype)
        end = tuple(empty(tuple(like.shape), like.dtype) for _ in self._after)
        before = inputs.state
        for stretch, after in zip(stretches, (*map(tuple, checkpoints), end), strict=True):
            first = stretch.first
            arrays = constants.rows(first)
            _add(arrays, self._before, before)
            _add(arrays, self._after, after)
            for name, trace in zip(self._traces, traces, strict=True):
                arrays[name] = rows_from(trace, first)
            arrays["x"] = rows_from(drive.given(first, stretch.last), 0)
            arrays["output"] = rows_from(output, first)
            feedback.add_to(arrays, output, first)
            self._kernels.forward(stretch, arrays)
            before = after
        return Outputs(output, end, traces, checkpoints, spikes)

    def backward(self, inputs: Inputs, kept: Kept, grads: Grads) -> Found:
        """Run it backwards."""
        wants = self._kind.wants
        assert wants is not None, "a plan without gradients runs forward only"
        stretches = _stretches(inputs)
        drive = drive_of(inputs, kept.spikes or _spikes(inputs), stretches[0].last, wants)
        constants = self._constants(inputs)
        feedback = Feedback(inputs, wants.recurrent_weight)
        like = inputs.state[0]
        arriving = Arriving(grads, self._kind.spec, self._shown, like)
        carried = arriving.carried()
        sums = [zeros(tuple(like.shape), like.dtype) for _ in self._sums]
        starts = [inputs.state, *map(tuple, kept.checkpoints)]
        for stretch, start in zip(reversed(stretches), reversed(starts), strict=True):
            first = stretch.first
            arrays = constants.rows(first)
            arriving.add_to(arrays, first)
            _add(arrays, self._before, start)
            _add(arrays, self._carried, carried)
            _add(arrays, self._sums, sums)
            receiver = drive.receiver(first, stretch.last)
            arrays["x"] = rows_from(drive.given(first, stretch.last), 0)
            arrays["grad.x"] = rows_from(receiver, 0)
            feedback.add_to(arrays, kept.output, first)
            feedback.add_more_to(arrays, kept.output, first)
            self._kernels.backward(stretch, arrays)
            feedback.received(kept.output, first, receiver)
            drive.received(first, stretch.last)
        return Found(
            drive.x_grad(),
            drive.weight_grad(),
            feedback.weight_grad(),
            tuple(carried),
            feedback.before_grad,
            constants.grads(sums, wants.params),
        )

    def n_checkpoints(self, inputs: Inputs) -> int:
        """How many checkpoints ``forward`` returns."""
        return -(-inputs.n_steps // _longest(inputs)) - 1

    def _constants(self, inputs: Inputs) -> Constants:
        return Constants(self._program, self._kind.spec, self._numbers, inputs)


def _add(arrays: dict[str, Rows], names: Iterable[str], tensors: Iterable[Tensor]) -> None:
    for name, tensor in zip(names, tensors, strict=True):
        arrays[name] = single_row(tensor)


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
    longest, n_steps = _longest(inputs), inputs.n_steps
    return [
        Stretch(first, min(first + longest, n_steps), n_batch, n_neurons)
        for first in range(0, n_steps, longest)
    ]


def _longest(inputs: Inputs) -> int:
    """Steps of the longest stretch."""
    n_lanes = max(1, inputs.state[0].numel())
    longest = max(STRETCH_STEPS, min(LONGEST, STRETCH_LANES // n_lanes))
    if inputs.weight is not None:
        longest = min(longest, max(1, BUFFER_BYTES // (n_lanes * inputs.state[0].element_size())))
    return longest
