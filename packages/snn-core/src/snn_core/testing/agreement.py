"""Agreement of a backend with eager: outputs, states, traces, and every gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snn_core.choosing import select
from snn_core.eager import EAGER
from snn_core.events import Events
from snn_core.integration import pose
from snn_core.lookup import names, neuron
from snn_core.testing.toys import TOY
from snn_core.thresholds import ATAN, SUPER_SPIKE, Threshold
from snn_core.types import Backend, Neuron, Observed, Problem, RecurrentState


class Case(NamedTuple):
    """A layer to run on two backends.

    Args:
        n_steps, n_batch, n_in, shape: T, B, N_in and ``(*N,)``.
        dtype, dt: of the layer.
        projected, recurrent: which weights it has.
        x: "values" (small integers and fractions, which meet a threshold exactly), "bool", or
            "events".
        params: "neuron" for tensors ``(*N,)``, "scalars" for 0-d tensors, "numbers" for floats.
        observed: whether everything that the neuron observes is measured.
        recorded: whether every state variable is recorded.
        strided: whether the memory of the input is laid out batch first.
    """

    n_steps: int = 7
    n_batch: int = 3
    n_in: int = 5
    shape: tuple[int, ...] = (4,)
    dtype: torch.dtype = torch.float64
    dt: float = 1e-3
    projected: bool = True
    recurrent: bool = False
    x: str = "values"
    params: str = "neuron"
    observed: bool = False
    recorded: bool = True
    strided: bool = False


CASES: Sequence[Case] = (
    Case(),
    Case(dtype=torch.float32),
    Case(dt=0.7e-3),
    Case(projected=False, shape=(2, 3)),
    Case(projected=False, recurrent=True),
    Case(n_steps=9, recurrent=True),
    Case(x="bool"),
    Case(x="events"),
    Case(x="events", recurrent=True),
    Case(params="scalars"),
    Case(params="numbers", dtype=torch.float32),
    Case(observed=True),
    Case(recorded=False),
    Case(n_steps=1, n_batch=1, n_in=1, shape=(1,)),
    Case(n_batch=0),
    Case(strided=True),
    Case(projected=False, strided=True, dtype=torch.float32),
    Case(n_steps=3, n_batch=5, shape=(37,), projected=False, dtype=torch.float32),
    Case(n_steps=4, n_batch=2, n_in=11, shape=(19,), recurrent=True, x="bool"),
)
THRESHOLDS = (SUPER_SPIKE, ATAN.with_alpha(3.0).with_strictness(False))


def check_agreement(
    backend: Backend,
    neuron: Neuron,
    thresholds: Sequence[Threshold] = THRESHOLDS,
    *,
    ulps: float = 0.0,
    sum_ulps: float | None = None,
    cases: Sequence[Case] = CASES,
) -> int:
    """Compare a backend with ``eager`` on every case that it supports; how many those were.

    Args:
        backend: the record under test.
        neuron, thresholds: what the layers are made of.
        ulps: allowed difference, absolute and relative, in units of the dtype's rounding; 0 asks
            for equality to the bit.
        sum_ulps: the same for what is a sum over neurons, samples or steps, where nobody promises
            the order: gradients of weights and parameters, and of an input through a weight. It
            is relative to the largest entry. None for the same as ``ulps``.
        cases: layers to run.

    Raises:
        AssertionError: a difference, or a refusal without a reason.

    >>> check_agreement(EAGER, TOY, cases=CASES[:3])
    6
    """
    compared = 0
    for case in cases:
        if case.observed and not neuron.observes:
            continue
        for threshold in thresholds:
            reason = backend.supports(_problem(neuron, threshold, case)[0])
            if reason is None:
                sums = ulps if sum_ulps is None else sum_ulps
                _compare(backend, neuron, threshold, case, Tolerance(ulps, sums))
                compared += 1
            elif not isinstance(reason, str) or not reason:
                raise AssertionError(f"{backend.name} declines without a reason: {reason!r}")
    return compared


def check_agrees(backend: Backend) -> None:
    """A ranked backend runs something, and agrees with eager on whatever it runs.

    One without a rank computes other numbers on purpose, and one of another device than the CPU
    finds no cases here: these are tested by their own packages.
    """
    neurons = [TOY, *map(neuron, names("neuron"))]
    elsewhere = backend.devices is not None and "cpu" not in backend.devices
    if backend.rank is None or elsewhere:
        return
    compared = sum(check_agreement(backend, one, ulps=1e3) for one in neurons)
    assert compared, f"{backend.name} runs none of {len(neurons)} neurons"


CHECKS: Sequence[Callable[[Backend], None]] = (check_agrees,)


class Tolerance(NamedTuple):
    """Allowed differences in units of the dtype's rounding: of one value, and of a sum."""

    value: float
    total: float

    def of(self, name: str, case: Case, expected: Tensor) -> float:
        """The allowed difference of a result by its name."""
        totals = ("gradient of weight", "gradient of recurrent", "gradient of params.")
        is_total = name.startswith(totals) or (name == "gradient of x" and case.projected)
        if not is_total or expected.numel() == 0:
            return self.value * torch.finfo(case.dtype).eps
        largest = max(1.0, expected.abs().nan_to_num(1.0, 1.0).max().item())
        return self.total * torch.finfo(case.dtype).eps * largest


def _compare(
    backend: Backend, neuron: Neuron, threshold: Threshold, case: Case, tolerance: Tolerance
) -> None:
    given, expected = (_everything(one, neuron, threshold, case) for one in (backend, EAGER))
    for name, value in expected.items():
        where = f"{backend.name}, {neuron.name}, {threshold.name}, {case}: {name}"
        if value is None or given[name] is None:
            assert given[name] is value, f"{where}: {given[name]} instead of {value}"
        else:
            _assert_close(given[name], value, tolerance.of(name, case, value), where)


def _assert_close(given: Tensor, expected: Tensor, tolerance: float, where: str) -> None:
    torch.testing.assert_close(
        given,
        expected,
        rtol=tolerance,
        atol=tolerance,
        equal_nan=True,
        msg=lambda text: f"{where}: {text}",
    )


class _Draw:
    """Numbers for a case, the same for the same case, and the leaves made of them."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.leaves: dict[str, Tensor] = {}
        self.generator = torch.Generator().manual_seed(case.n_steps)

    def quarters(self, *shape: int) -> Tensor:
        """0, 1/4, ... 2: exact in any precision, so that a threshold of 1 is met exactly."""
        numbers = torch.randint(0, 9, shape, generator=self.generator)
        return numbers.to(self.case.dtype) / 4

    def leaf(self, name: str, value: Tensor) -> Tensor:
        self.leaves[name] = value.detach().clone().requires_grad_()
        return self.leaves[name]


def _problem(neuron: Neuron, threshold: Threshold, case: Case) -> tuple[Problem, dict[str, Tensor]]:
    """The problem of a case, and its leaves by name."""
    draw = _Draw(case)
    x = _input(draw, neuron)
    n_out = case.shape[0]
    weight = draw.leaf("weight", draw.quarters(n_out, case.n_in)) if case.projected else None
    square = draw.leaf("recurrent", draw.quarters(n_out, n_out)) if case.recurrent else None
    problem = pose(
        neuron,
        x,
        params=_params(draw, neuron),
        state=_state(draw, neuron),
        dt=case.dt,
        weight=weight,
        recurrent_weight=square,
        threshold=threshold,
        record=neuron.State._fields if case.recorded else (),
        observed=_observed(draw, neuron) if case.observed else None,
    )
    return problem, draw.leaves


def _input(draw: _Draw, neuron: Neuron) -> Tensor | Events:
    case = draw.case
    inner = (case.n_in,) if case.projected else case.shape
    values = draw.quarters(case.n_steps, case.n_batch, *inner)
    if case.strided:
        values = values.transpose(0, 1).contiguous().transpose(0, 1)
    if case.x == "values":
        return draw.leaf("x", values)
    spikes = values > 1
    return spikes if case.x == "bool" else Events.from_grid(spikes, case.dt)


def _params(draw: _Draw, neuron: Neuron) -> Any:
    case, defaults = draw.case, neuron.Params()
    if case.params == "numbers":
        return defaults
    shape = case.shape if case.params == "neuron" else ()
    return neuron.Params(
        **{
            field: draw.leaf(f"params.{field}", torch.full(shape, float(value), dtype=case.dtype))
            for field, value in defaults._asdict().items()
        }
    )


def _state(draw: _Draw, neuron: Neuron) -> Any:
    case = draw.case
    shape = (case.n_batch, *case.shape)
    start = neuron.initial_state(
        neuron.Params(), shape, dtype=case.dtype, device=torch.device("cpu")
    )
    state = neuron.State(
        **{name: draw.leaf(f"state.{name}", value) for name, value in start._asdict().items()}
    )
    if not case.recurrent:
        return state
    return RecurrentState(state, draw.leaf("state.output", draw.quarters(*shape)))


def _observed(draw: _Draw, neuron: Neuron) -> Observed:
    case = draw.case
    shape = (case.n_steps, case.n_batch, *case.shape)
    measured = {name: draw.quarters(*shape) for name in neuron.observes}
    if "z" in measured:
        measured["z"] = (measured["z"] > 1).to(case.dtype)
    return Observed(**measured)


def _everything(
    backend: Backend, neuron: Neuron, threshold: Threshold, case: Case
) -> dict[str, Any]:
    """Outputs and gradients of one run, by name."""
    problem, leaves = _problem(neuron, threshold, case)
    chosen, _ = select((backend,), problem)
    out = chosen.run(problem)
    results = {"output": out.output}
    end = out.state
    if case.recurrent:
        results["state.output"], end = out.state.output, out.state.neuron
    results |= {f"state.{field}": value for field, value in end._asdict().items()}
    results |= {f"traces.{field}": value for field, value in out.traces._asdict().items()}
    weighted = [
        (value * (1 + torch.arange(value.numel()).reshape(value.shape)).to(value.dtype)).sum()
        for value in results.values()
        if value is not None
    ]
    total = torch.stack(weighted).sum()
    grads: Sequence[Tensor | None] = [None] * len(leaves)
    if total.requires_grad:
        grads = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    for (name, leaf), grad in zip(leaves.items(), grads, strict=True):
        results[f"gradient of {name}"] = torch.zeros_like(leaf) if grad is None else grad
    return {name: None if value is None else value.detach() for name, value in results.items()}
