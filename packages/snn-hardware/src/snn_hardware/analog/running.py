"""The analog part of the chip: the circuits of a layer over time."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from snn_core import Backend, Neuron, Problem, RecurrentState, Threshold
from snn_core.choosing import choose
from snn_core.eager import drive
from torch import Tensor
from torch.nn.functional import linear

from snn_hardware.observation import Trace

FEW = 256
"""Sources whose spikes a dense product sums as fast as a backend finds them one by one."""


class Circuits(NamedTuple):
    """The circuits of a layer as a backend runs them, in units of the model.

    Args:
        neuron: the model's, or its circuit.
        params: what the circuits really have.
        weight, recurrent_weight: what the synapses really do.
        threshold: its forward.
        noise: standard deviation of what noise adds to the current in each step; 0: none.
    """

    neuron: Neuron
    params: Any
    weight: Tensor
    recurrent_weight: Tensor | None
    threshold: Threshold
    noise: Tensor | float = 0.0


class Input(NamedTuple):
    """What arrives at a layer, at the steps of the integration, ``(T', B, ...)``.

    Args:
        x: spikes of the sources, or what the weight makes of them.
        weight: of the synapses; None where x has gone through it.
    """

    x: Tensor
    weight: Tensor | None

    @classmethod
    def of(cls, spikes: Tensor, circuits: Circuits, n_steps: int) -> Input:
        """Spikes ``(T, B, N_in)`` of rows, each at the first of its row's steps.

        Few sources go through their weight before: the steps between rows then cost nothing, and
        that is half of the time of a layer with few inputs.
        """
        weight = circuits.weight
        per_row = n_steps // len(spikes)
        if per_row == 1:
            return cls(spikes, weight)
        if spikes.shape[2] <= FEW:
            return cls(_spread(linear(spikes, weight), per_row), None)
        return cls(_spread(spikes, per_row), weight)

    def followed_by_silence(self, n_steps: int) -> Input:
        """The same, and nothing for some steps."""
        silence = self.x.new_zeros(n_steps, *self.x.shape[1:])
        return self._replace(x=torch.cat([self.x, silence]))


def _spread(x: Tensor, per_row: int) -> Tensor:
    fine = x.new_zeros(len(x), per_row, *x.shape[1:])
    fine[:, 0] = x
    return fine.flatten(0, 1)


def run_circuits(
    circuits: Circuits,
    x: Input,
    step: float,
    *,
    backends: tuple[Backend, ...],
    generator: torch.Generator,
    crossings: bool = True,
    state: Any = None,
) -> tuple[Trace, Any]:
    """The circuits under an input: what they did, and their state at the end.

    Args:
        circuits: of a layer.
        x: what arrives.
        step: in seconds of the model.
        backends: to run them on, the fastest first.
        generator: of the noise.
        crossings: whether the trace tells when within a step its spikes were; if circuits do.
        state: to start from; None at rest.
    """
    with torch.no_grad():
        problem = _problem(circuits, x, step, state)
        if not crossings and "late" in problem.record:
            problem = problem._replace(record=("v",))
        if isinstance(circuits.noise, Tensor) or circuits.noise:
            current = drive(problem)
            noise = torch.randn(current.shape, generator=generator, dtype=current.dtype)
            problem = problem._replace(x=current + circuits.noise * noise, weight=None)
        out = choose(backends, problem).run(problem)
    passed = out.traces.late if "late" in problem.record else None
    v = out.traces.seen if "seen" in problem.record else out.traces.v
    return Trace(out.output, v, passed, step), out.state


def _problem(circuits: Circuits, x: Input, step: float, state: Any) -> Problem:
    neuron, weight = circuits.neuron, circuits.weight
    fields = neuron.State._fields
    record = ("seen",) if "seen" in fields else ("v", "late") if "late" in fields else ("v",)
    shape = (x.x.shape[1], len(weight))
    if state is None:
        state = neuron.initial_state(
            circuits.params, shape, dtype=weight.dtype, device=weight.device
        )
        if circuits.recurrent_weight is not None:
            state = RecurrentState(state, weight.new_zeros(shape))
    return Problem(
        neuron,
        x.x,
        circuits.params,
        state,
        step,
        x.weight,
        circuits.recurrent_weight,
        circuits.threshold,
        record,
        None,
    )


def run_one_after_the_other(
    circuits: Circuits,
    x: Input,
    step: float,
    *,
    wait: int,
    backends: tuple[Backend, ...],
    generator: torch.Generator,
) -> Trace:
    """The same where each sample starts as the one before it ended, ``wait`` steps later.

    All samples run at once from a guess of their starts, again and again, until no start changes:
    after k runs the first k samples are right, and as soon as nothing changes all are.
    """
    n_steps, n_batch = x.x.shape[:2]
    longer = x.followed_by_silence(wait)
    seed = generator.initial_seed()
    state = _problem(circuits, longer, step, None).state
    trace, end = _again(circuits, longer, step, state, backends, seed)
    for _ in range(n_batch):
        start = _handed_on(state, end)
        if _same(start, state):
            break
        state = start
        trace, end = _again(circuits, longer, step, state, backends, seed)
    passed = None if trace.passed is None else trace.passed[:n_steps]
    return Trace(trace.z[:n_steps], trace.v[:n_steps], passed, step)


def _again(
    circuits: Circuits, x: Input, step: float, state: Any, backends: Any, seed: int
) -> tuple[Trace, Any]:
    """One run with the noise that every run of these samples has."""
    generator = torch.Generator().manual_seed(seed)
    return run_circuits(circuits, x, step, backends=backends, generator=generator, state=state)


def _handed_on(first: Any, end: Any) -> Any:
    """The end of each sample as the start of the next; the first starts as it did."""
    if isinstance(end, Tensor):
        return torch.cat([first[:1], end[:-1]])
    return type(end)(*map(_handed_on, first, end))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    return all(map(_same, one, other))


def noise_of_current(sigma: Tensor | float, tau_mem: Any, tau_syn: Any, step: float) -> Any:
    """What to add to the current in each step so that the membrane's stationary std is sigma.

    With k = step / tau_syn, m = step / tau_mem and noise of variance q in each step

        i <- (1 - k) i + noise      v <- (1 - m) v + m i

    so Var i = q / (1 - (1-k)^2), Cov = m (1-k) Var i / (1 - (1-m)(1-k)) and
    Var v = (m^2 Var i + 2 m (1-m) Cov) / (1 - (1-m)^2). Returns the square root of q.
    """
    k, m = step / tau_syn, step / tau_mem
    var_i = 1 / (1 - (1 - k) ** 2)
    cov = m * (1 - k) * var_i / (1 - (1 - m) * (1 - k))
    var_v = (m**2 * var_i + 2 * m * (1 - m) * cov) / (1 - (1 - m) ** 2)
    return sigma / var_v**0.5
