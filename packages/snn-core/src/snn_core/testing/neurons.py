"""What every neuron must hold. Each check takes a Neuron and raises AssertionError.

Inputs are drawn with a fixed seed, some so weak that a neuron of unit threshold is silent, some so
strong that it fires, so that a state is met on both sides of its reset.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from snn_core.testing.compiling import whole_graph
from snn_core.thresholds import SIGMOID, SUPER_SPIKE
from snn_core.types import Neuron, Observed

# Not a whole fraction of usual times, so that no ceil() sits on its edge in a difference quotient.
DT = 0.7e-3
Threshold = Callable[[Tensor], Tensor]


def check_pure(neuron: Neuron) -> None:
    """A step leaves its arguments untouched, and the same arguments give the same result."""
    x, params, state = _situation(neuron)
    kept = [value.clone() for value in (x, *state)]
    first = neuron.step(x, state, params, SUPER_SPIKE, DT)
    second = neuron.step(x, state, params, SUPER_SPIKE, DT)
    for before, after in zip(kept, (x, *state), strict=True):
        assert torch.equal(before, after), f"{neuron.name}: a step changed its arguments in place"
    _assert_equal(first, second, f"{neuron.name}: two equal calls gave different results")


def check_shapes_and_dtypes(neuron: Neuron) -> None:
    """Output and state keep the input's shape, dtype and device, for any trailing shape."""
    for shape, dtype in itertools.product(
        [(1, 1), (2, 3), (2, 3, 4)], [torch.float32, torch.float64, torch.bfloat16]
    ):
        x, params, state = _situation(neuron, shape, dtype)
        output, after = neuron.step(x, state, params, SUPER_SPIKE, DT)
        assert isinstance(after, neuron.State), f"{neuron.name}: step returns {type(after)}"
        for name, value in [("output", output), *state._asdict().items(), *after._asdict().items()]:
            assert tuple(value.shape) == shape, f"{neuron.name}: {name} has shape {value.shape}"
            assert value.dtype == dtype, f"{neuron.name}: {name} is {value.dtype} for {dtype} input"
            assert value.device == x.device, f"{neuron.name}: {name} is on {value.device}"
        numbers = neuron.Params(*(torch.tensor(float(p), dtype=torch.float64) for p in params))
        output, after = neuron.step(x, state, numbers, SUPER_SPIKE, DT)
        assert {value.dtype for value in (output, *after)} == {dtype}, (
            f"{neuron.name}: 0-d parameters of float64 change the dtype of {dtype} input"
        )


def check_empty_batch(neuron: Neuron) -> None:
    """A batch of nothing gives nothing, without an error."""
    x, params, state = _situation(neuron, (0, 3))
    output, _ = neuron.step(x, state, params, SUPER_SPIKE, DT)
    assert tuple(output.shape) == (0, 3), f"{neuron.name}: output has shape {output.shape}"


def check_parameters_per_neuron(neuron: Neuron) -> None:
    """A parameter given per neuron, or as a 0-d tensor, gives what the number gives."""
    x, params, state = _situation(neuron, (4, 5), torch.float64)
    expected = neuron.step(x, state, params, SUPER_SPIKE, DT)
    for shape in [(5,), ()]:
        tensors = [torch.full(shape, float(value), dtype=torch.float64) for value in params]
        given = neuron.step(x, state, neuron.Params(*tensors), SUPER_SPIKE, DT)
        _assert_close(given, expected, f"{neuron.name}: parameters of shape {shape} differ")
        began = neuron.initial_state(
            neuron.Params(*tensors), (4, 5), dtype=torch.float64, device=x.device
        )
        assert all(tuple(value.shape) == (4, 5) for value in began), f"{neuron.name}: initial state"


def check_initial_state(neuron: Neuron) -> None:
    """The initial state is made on the device and in the dtype asked for, in memory of its own."""
    for dtype in (torch.float64, torch.float16):
        start = neuron.initial_state(
            neuron.Params(), (2, 3), dtype=dtype, device=torch.device("meta")
        )
        for name, value in start._asdict().items():
            where = f"{neuron.name}: initial {name} is {value.dtype} on {value.device}"
            assert (value.dtype, value.device.type) == (dtype, "meta"), where
    twice = [
        neuron.initial_state(neuron.Params(), (2, 3), dtype=torch.float32, device="cpu")
        for _ in range(2)
    ]
    places = [value.data_ptr() for state in twice for value in state]
    assert len(set(places)) == len(places), f"{neuron.name}: two initial states share memory"


def check_vmap(neuron: Neuron) -> None:
    """A batch, torch.func.vmap over its samples, and a loop over them give the same."""
    x, params, state = _situation(neuron)

    def one(x: Tensor, state: Any) -> Any:
        return neuron.step(x, state, params, SUPER_SPIKE, DT)

    mapped = torch.func.vmap(one)(x, state)
    rows = [one(x[b], neuron.State(*(value[b] for value in state))) for b in range(len(x))]
    output = torch.stack([row[0] for row in rows])
    after = neuron.State(
        *(torch.stack(values) for values in zip(*(r[1] for r in rows), strict=True))
    )
    _assert_equal(mapped, (output, after), f"{neuron.name}: vmap differs from a loop")
    _assert_equal(one(x, state), (output, after), f"{neuron.name}: samples of a batch mix")


def check_gradients(neuron: Neuron) -> None:
    """Gradients of input, initial state and every parameter equal central differences.

    A smooth primitive stands for the spike; parameters are varied relative to their size.
    """
    x, params, state = _situation(neuron, (1, 2), torch.float64, n_steps=6)
    sizes = [float(value) or 1.0 for value in params]
    base = [float(value) for value in params]

    def run(x: Tensor, *rest: Tensor) -> Any:
        changes, began = rest[: len(base)], rest[len(base) :]
        varied = neuron.Params(*(b + s * d for b, s, d in zip(base, sizes, changes, strict=True)))
        outputs, after = _unroll(neuron, x, neuron.State(*began), varied, SIGMOID.smooth)
        return torch.stack(outputs), *after

    changes = [torch.zeros(2, dtype=torch.float64, requires_grad=True) for _ in base]
    # Counters and resets leave a state on the edge of a condition; a difference needs room there.
    leaves = [(value + 0.21).requires_grad_() for value in (x, *state)]
    torch.autograd.gradcheck(run, (leaves[0], *changes, *leaves[1:]), atol=1e-6, rtol=1e-5)
    outputs, *after = run(leaves[0], *changes, *leaves[1:])
    total = outputs.sum() + sum(value.sum() for value in after)
    (grad,) = torch.autograd.grad(total, leaves[0])
    assert bool(grad.abs().sum() > 0), f"{neuron.name}: the output does not depend on the input"


def check_compiles(neuron: Neuron) -> None:
    """torch.compile takes the step whole, no new values make it recompile, and it equals eager."""

    def step(x: Tensor, state: Any, params: Any) -> Any:
        return neuron.step(x, state, params, SUPER_SPIKE, DT)

    x, params, state = _situation(neuron)
    _, later = step(x, state, params)
    with whole_graph(step) as compiled:
        first = compiled(x, state, params)
        with torch.compiler.set_stance("fail_on_recompile"):
            second = compiled(x + 0.1, later, params)
    _assert_close(first, step(x, state, params), f"{neuron.name}: compiled")
    _assert_close(second, step(x + 0.1, later, params), f"{neuron.name}: compiled, second call")


def check_state_round_trip(neuron: Neuron) -> None:
    """Params and state hold numbers and tensors, saved and read with weights_only=True."""
    x, params, state = _situation(neuron)
    _, state = neuron.step(x, state, params, SUPER_SPIKE, DT)
    file = io.BytesIO()
    torch.save({"params": params._asdict(), "state": state._asdict()}, file)
    file.seek(0)
    read = torch.load(file, weights_only=True)
    after = neuron.State(**read["state"])
    _assert_equal(
        neuron.step(x, after, neuron.Params(**read["params"]), SUPER_SPIKE, DT),
        neuron.step(x, state, params, SUPER_SPIKE, DT),
        f"{neuron.name}: goes on differently after it was saved",
    )


def check_measurements(neuron: Neuron) -> None:
    """What the neuron says it observes replaces what it computes, to the bit."""
    for name in neuron.observes:
        assert name in Observed._fields, f"{neuron.name}: {name!r} is no measurement"
        x, params, state = _situation(neuron)
        draw = torch.Generator().manual_seed(2)
        measured = torch.rand(x.shape, generator=draw)
        measured = measured.round() if name == "z" else measured
        observed = Observed(**{name: measured})
        output, after = neuron.step(x, state, params, SUPER_SPIKE, DT, observed)
        given = output if name == "z" else getattr(after, name)
        assert torch.equal(given, measured), f"{neuron.name}: a measured {name!r} does not replace"


def check_converges(neuron: Neuron) -> None:
    """Below threshold the state at a fixed time converges at first order in dt, or better.

    After one small input the steps are halved three times: each change is at most 0.6 of the one
    before, where first order gives 0.5.
    """
    ends = []
    for halvings in range(4):
        n_steps = 40 * 2**halvings
        x = torch.zeros(n_steps, 1, 1, dtype=torch.float64)
        x[0] = 0.1
        params = neuron.Params()
        state = neuron.initial_state(params, (1, 1), dtype=x.dtype, device=x.device)
        _, after = _unroll(neuron, x, state, params, torch.zeros_like, dt=0.25e-3 / 2**halvings)
        ends.append(torch.cat(list(after)))
    changes = [(fine - coarse).norm() for coarse, fine in itertools.pairwise(ends)]
    scale = ends[-1].norm() + 1e-9
    for before, after_ in itertools.pairwise(changes):
        assert bool(after_ <= 0.6 * before + 1e-12 * scale), (
            f"{neuron.name}: halving dt changes the state by {float(after_):.2e} after "
            f"{float(before):.2e}; no convergence of first order"
        )


CHECKS: Sequence[Callable[[Neuron], None]] = (
    check_pure,
    check_shapes_and_dtypes,
    check_empty_batch,
    check_initial_state,
    check_parameters_per_neuron,
    check_vmap,
    check_gradients,
    check_compiles,
    check_state_round_trip,
    check_measurements,
    check_converges,
)


def _situation(
    neuron: Neuron,
    shape: tuple[int, ...] = (4, 5),
    dtype: torch.dtype = torch.float32,
    n_steps: int | None = None,
) -> tuple[Tensor, Any, Any]:
    """Input, default parameters, and a state that a few steps of input have led to."""
    draw = torch.Generator().manual_seed(1)
    params = neuron.Params()
    state = neuron.initial_state(params, shape, dtype=dtype, device=torch.device("cpu"))
    warm = _drive(draw, (4, *shape))
    _, state = _unroll(neuron, warm.to(dtype), state, params, SUPER_SPIKE)
    steps = () if n_steps is None else (n_steps,)
    return _drive(draw, (*steps, *shape)).to(dtype), params, state


def _drive(draw: torch.Generator, shape: tuple[int, ...]) -> Tensor:
    """From 0 to 4, half of it below 0.25."""
    return 4 * torch.rand(shape, generator=draw, dtype=torch.float64) ** 4


def _unroll(
    neuron: Neuron, x: Tensor, state: Any, params: Any, threshold: Threshold, dt: float = DT
) -> tuple[list[Tensor], Any]:
    outputs = []
    for row in x.unbind(0):
        output, state = neuron.step(row, state, params, threshold, dt)
        outputs.append(output)
    return outputs, state


def _flat(result: Any) -> list[Tensor]:
    output, state = result
    return [output, *state]


def _assert_equal(given: Any, expected: Any, message: str) -> None:
    pairs = zip(_flat(given), _flat(expected), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs), message


def _assert_close(given: Any, expected: Any, message: str) -> None:
    for a, b in zip(_flat(given), _flat(expected), strict=True):
        torch.testing.assert_close(a, b, msg=lambda text: f"{message}: {text}")
