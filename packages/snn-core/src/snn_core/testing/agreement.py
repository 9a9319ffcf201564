"""Agreement of a backend with eager: outputs, states, traces, and every gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snn_core.choosing import select
from snn_core.eager import EAGER
from snn_core.integration import pose
from snn_core.thresholds import SUPER_SPIKE, Threshold
from snn_core.types import Backend, Neuron, Output, RecurrentState


class Case(NamedTuple):
    """A layer to run on two backends: shape, dtype, projections."""

    n_steps: int
    n_batch: int
    n_in: int
    n_out: int
    projected: bool = True
    recurrent: bool = False
    dtype: torch.dtype = torch.float64


CASES: Sequence[Case] = (
    Case(7, 3, 5, 4),
    Case(7, 3, 5, 4, dtype=torch.float32),
    Case(6, 2, 3, 3, projected=False),
    Case(9, 2, 5, 3, recurrent=True),
    Case(1, 1, 1, 1),
    Case(4, 0, 3, 2),
)


def check_agreement(
    backend: Backend,
    neuron: Neuron,
    threshold: Threshold = SUPER_SPIKE,
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
    cases: Sequence[Case] = CASES,
) -> int:
    """Compare a backend with ``eager`` on every case that it supports; how many those were.

    Args:
        backend: the record under test.
        neuron, threshold: what the layer is made of.
        rtol, atol: allowed differences; 0 asks for equality to the bit.
        cases: layers to run.

    Raises:
        AssertionError: a difference, or a refusal without a reason.
    """
    compared = 0
    for case in cases:
        problem, _ = _problem(neuron, threshold, case)
        reason = backend.supports(problem)
        if reason is not None:
            assert isinstance(reason, str), f"{backend.name} declines without a reason: {reason!r}"
            assert reason, f"{backend.name} declines without a reason"
            continue
        given, expected = (_everything(one, neuron, threshold, case) for one in (backend, EAGER))
        for name, value in expected.items():
            where = f"{backend.name}, {neuron.name}, {case}: {name}"
            assert_close(given[name], value, rtol=rtol, atol=atol, where=where)
        compared += 1
    return compared


def assert_close(given: Tensor, expected: Tensor, *, rtol: float, atol: float, where: str) -> None:
    """torch.testing.assert_close, with a word on where it was."""
    torch.testing.assert_close(
        given, expected, rtol=rtol, atol=atol, msg=lambda text: f"{where}: {text}"
    )


def check_runs_toy(backend: Backend) -> None:
    """The backend agrees with eager on the toy neuron, or says why it does not run it."""
    from snn_core.testing.toys import TOY

    check_agreement(backend, TOY, rtol=1e-12, atol=1e-12, cases=[CASES[0], *CASES[2:]])


CHECKS: Sequence[Callable[[Backend], None]] = (check_runs_toy,)


def _problem(neuron: Neuron, threshold: Threshold, case: Case) -> tuple[Any, dict[str, Tensor]]:
    """The problem of a case, and its leaves by name. The same case draws the same numbers."""
    draw = torch.Generator().manual_seed(case.n_steps + 10 * case.n_out)

    def uniform(*shape: int) -> Tensor:
        numbers = torch.rand(shape, generator=draw, dtype=torch.float64)
        return (2 * numbers).to(case.dtype).requires_grad_()

    params = neuron.Params()
    leaves = {
        f"params.{field}": torch.full(
            (case.n_out,), float(value), dtype=case.dtype
        ).requires_grad_()
        for field, value in params._asdict().items()
    }
    params = neuron.Params(*leaves.values())
    leaves["x"] = uniform(case.n_steps, case.n_batch, case.n_in)
    weight = recurrent_weight = None
    if case.projected:
        weight = leaves["weight"] = uniform(case.n_out, case.n_in)
    if case.recurrent:
        recurrent_weight = leaves["recurrent_weight"] = uniform(case.n_out, case.n_out)
    shape = (case.n_batch, case.n_out)
    start = neuron.initial_state(
        neuron.Params(), shape, dtype=case.dtype, device=leaves["x"].device
    )
    state = neuron.State(*(value.clone().requires_grad_() for value in start))
    leaves |= {f"state.{field}": value for field, value in state._asdict().items()}
    problem = pose(
        neuron,
        leaves["x"],
        params=params,
        state=RecurrentState(state, torch.zeros_like(state[0])) if case.recurrent else state,
        dt=1e-3,
        weight=weight,
        recurrent_weight=recurrent_weight,
        threshold=threshold,
        record=neuron.State._fields,
        observed=None,
    )
    return problem, leaves


def _everything(
    backend: Backend, neuron: Neuron, threshold: Threshold, case: Case
) -> dict[str, Tensor]:
    """Outputs and gradients of one run, by name."""
    problem, leaves = _problem(neuron, threshold, case)
    chosen, _ = select((backend,), problem)
    out: Output = chosen.run(problem)
    end = out.state.neuron if case.recurrent else out.state
    results = {"output": out.output}
    results |= {f"state.{field}": value for field, value in end._asdict().items()}
    results |= {f"traces.{field}": value for field, value in out.traces._asdict().items()}
    total = sum(
        (value * (1 + torch.arange(value.numel()).reshape(value.shape)).to(value.dtype)).sum()
        for value in results.values()
    )
    grads = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    for (name, leaf), grad in zip(leaves.items(), grads, strict=True):
        results[f"gradient of {name}"] = torch.zeros_like(leaf) if grad is None else grad
    return {name: value.detach() for name, value in results.items()}
