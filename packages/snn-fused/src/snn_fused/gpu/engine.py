"""The engine of backend ``triton``: runs a layer on a CUDA device; on the CPU, interpreted.

A layer without recurrence is one kernel each way, its projection a matrix product before it. A
recurrent one is a product and a kernel for each step. The states that the backward needs are in
the checkpoints of the kernels; the projection of the input is made again.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import linear

from snn_fused.cpu.spikes import to_dense
from snn_fused.gpu import stepwise
from snn_fused.gpu.launch import Kernel, forward_kernel, run_backward, run_forward
from snn_fused.graph.body import Body
from snn_fused.graph.program import Program
from snn_fused.graph.tracing import LATE_OUTPUT, shown_state
from snn_fused.layer import Found, Grads, Inputs, Kept, Outputs
from snn_fused.plan import Kind


class TritonEngine:
    """Runs one kind of call.

    Args:
        kind, program: what is run.
    """

    def __init__(self, kind: Kind, program: Program) -> None:
        self._kind, self._program = kind, program
        self._fields = kind.spec.neuron.State._fields

    def forward(self, inputs: Inputs) -> Outputs:
        """Run a layer; the checkpoints are states before the stretches of its kernel."""
        like, program = inputs.state[0], self._program
        given = self._given(inputs)
        for field, value in zip(self._fields, inputs.state, strict=True):
            given[f"state.{field}"] = value.flatten().contiguous()
        weight, before = inputs.recurrent_weight, inputs.before
        if weight is None or before is None:
            done = run_forward(program.forward, given, backward=program.backward)
        else:
            done = stepwise.forward(program.forward, program.backward, given, weight, before)
        results = _shaped(done.results, like)
        return Outputs(
            results["output"],
            tuple(results[f"state.{field}"] for field in self._fields),
            tuple(results[f"trace.{field}"] for field in self._kind.spec.record),
            done.checkpoints.view(len(done.checkpoints), len(self._fields), *like.shape),
            inputs.spikes,
        )

    def backward(self, inputs: Inputs, kept: Kept, grads: Grads) -> Found:
        """Run it backwards."""
        like, bodies = inputs.state[0], (self._program.forward, self._backward_body)
        given = self._given(inputs) | self._arriving(grads, like, inputs.n_steps)
        checkpoints = kept.checkpoints.flatten(2)
        weight, before = inputs.recurrent_weight, inputs.before
        if weight is None or before is None:
            flat = run_backward(*bodies, given, checkpoints)
        else:
            output = kept.output
            assert output is not None, "a recurrent layer keeps its output"
            flat = stepwise.backward(
                *bodies, given, checkpoints, weight, output, before, self._late
            )
        found = _shaped(flat, like)
        to_x, to_weight = self._input_grads(inputs, found.get("grad.x"))
        return Found(
            x=to_x,
            weight=to_weight,
            recurrent_weight=self._recurrent_grad(inputs, kept.output, found.get("grad.x")),
            state=tuple(found[f"grad.state.{field}"] for field in self._fields),
            before=found.get("grad.before"),
            params=self._param_grads(inputs, found),
        )

    def n_checkpoints(self, inputs: Inputs) -> int:
        """How many checkpoints ``forward`` returns."""
        kernel = self._forward_kernel
        if not kernel.kept:
            return 0
        if inputs.recurrent_weight is not None:
            return inputs.n_steps
        return sum(divmod(inputs.n_steps, kernel.stretch))

    @property
    def _forward_kernel(self) -> Kernel:
        program = self._program
        return forward_kernel(program.forward, program.backward, self._kind.spec.dtype)

    @property
    def _backward_body(self) -> Body:
        assert self._program.backward is not None, "a plan without gradients runs forward only"
        return self._program.backward

    def _given(self, inputs: Inputs) -> dict[str, Tensor]:
        """Input, numbers, lanes, measurements, by name and flat."""
        like, program = inputs.state[0], self._program
        prepared = program.preparation.run(self._params(inputs), *like.shape)
        n_numbers = len(prepared) - program.n_lanes
        numbers = [value.to(torch.float64) for value in prepared[:n_numbers]]
        literals = _literals(program.literals, like.device)
        lanes = [value.to(like.dtype).expand(like.shape) for value in prepared[n_numbers:]]
        seen = dict(zip(self._kind.spec.seen, inputs.seen, strict=True))
        return {
            "numbers": torch.cat([literals, torch.stack(numbers)]) if numbers else literals,
            "x": _rows(_projected(inputs)),
            **{f"lane.{k}": lane.flatten() for k, lane in enumerate(lanes)},
            **{f"seen.{field}": _rows(value) for field, value in seen.items()},
        }

    def _params(self, inputs: Inputs) -> dict[str, Tensor]:
        return dict(zip(self._kind.spec.tensors, inputs.params, strict=True))

    @functools.cached_property
    def _late(self) -> dict[str, str]:
        """The gradients that come one row late, and to which state they are."""
        spec = self._kind.spec
        late = {f"grad.trace.{field}": f"grad.state.{field}" for field in spec.record}
        shown = shown_state(spec)
        return late if shown is None else {LATE_OUTPUT: f"grad.state.{shown}", **late}

    def _arriving(self, grads: Grads, like: Tensor, n_steps: int) -> dict[str, Tensor]:
        """The gradients that come in; the last row of a late one is added to the last state's."""
        spec, zeros = self._kind.spec, like.new_zeros(like.numel())
        traces = dict(zip(spec.record, grads.traces, strict=True))
        streams = {f"grad.trace.{field}": grad for field, grad in traces.items()}
        streams |= {LATE_OUTPUT: grads.output, "grad.output": None}
        if LATE_OUTPUT not in self._late:
            streams |= {LATE_OUTPUT: None, "grad.output": grads.output}
        arriving = {
            name: zeros.expand(n_steps, -1) if grad is None else _rows(grad)
            for name, grad in streams.items()
        }
        for field, grad in zip(self._fields, grads.state, strict=True):
            arriving[f"grad.state.{field}"] = zeros if grad is None else grad.flatten()
        for name, state in self._late.items():
            arriving[state] = arriving[state] + arriving[name][-1]
        return arriving

    def _input_grads(
        self, inputs: Inputs, grad: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """The gradients to input and weight, from the one to what the neurons received."""
        wants, weight = self._kind.wants, inputs.weight
        assert wants is not None, "a plan without gradients runs forward only"
        if grad is None or weight is None:
            return grad if wants.x else None, None
        to_weight = None
        if wants.weight:
            x = _dense(inputs).to(weight.dtype)
            to_weight = grad.flatten(0, 1).t() @ x.flatten(0, 1)
        return grad @ weight if wants.x else None, to_weight

    def _recurrent_grad(
        self, inputs: Inputs, output: Tensor | None, grad: Tensor | None
    ) -> Tensor | None:
        """The gradient to the recurrent weight, if it is wanted."""
        wants = self._kind.wants
        if grad is None or inputs.before is None or wants is None or not wants.recurrent_weight:
            return None
        assert output is not None, "a recurrent layer keeps its output"
        sent = torch.cat([inputs.before.unsqueeze(0), output[:-1]])
        return grad.flatten(0, 1).t() @ sent.flatten(0, 1)

    def _param_grads(self, inputs: Inputs, found: dict[str, Tensor]) -> tuple[Tensor | None, ...]:
        """The gradients to the tensor parameters that are wanted."""
        completion, wants = self._program.completion, self._kind.wants
        assert completion is not None, "a plan without gradients runs forward only"
        assert wants is not None, "a plan without gradients runs forward only"
        params = self._params(inputs)
        grads = iter(completion.run(params | found, *inputs.state[0].shape))
        return tuple(
            next(grads).to(param.dtype).expand(param.shape) if want else None
            for want, param in zip(wants.params, params.values(), strict=True)
        )


@functools.lru_cache(maxsize=512)
def _literals(values: tuple[float, ...], device: torch.device) -> Tensor:
    """The numbers that stand in a step, on the device: copied there once."""
    return torch.tensor(values, dtype=torch.float64, device=device)


def _shaped(flat: Mapping[str, Tensor], like: Tensor) -> dict[str, Tensor]:
    """Values with ``(B, N)`` in the place of the lanes."""
    return {name: value.view(*value.shape[:-1], *like.shape) for name, value in flat.items()}


def _rows(stream: Tensor) -> Tensor:
    """A stream ``(T, B, N)`` as rows of lanes."""
    return stream.reshape(len(stream), -1) if stream.numel() else stream.flatten(1)


def _projected(inputs: Inputs) -> Tensor:
    """What the neurons receive from outside, ``(T, B, N)``."""
    x = _dense(inputs)
    return x if inputs.weight is None else linear(x.to(inputs.weight.dtype), inputs.weight)


def _dense(inputs: Inputs) -> Tensor:
    """The input, ``(T, B, N_in)``."""
    if inputs.x is not None:
        return inputs.x
    assert inputs.spikes is not None, "a layer has an input or spikes"
    return to_dense(inputs.spikes).to(inputs.state[0].device)
