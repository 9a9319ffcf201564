"""Preparing: a call is checked, its layer placed and wired, before anything runs."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import torch
from snn_core import Events, Problem, RecurrentState
from torch import Tensor

from snn_hardware.effects import Effects
from snn_hardware.figures import CLOCK
from snn_hardware.hardware import Hardware
from snn_hardware.held import Held
from snn_hardware.madc import check_madc_memory
from snn_hardware.placement import Request
from snn_hardware.readout import check_memory
from snn_hardware.settings import LayerSettings
from snn_hardware.units import Units, target_for, units_for
from snn_hardware.wiring import Wiring, wire

_PARAMETERS = {"tau_mem", "tau_syn", "v_leak", "v_th", "v_reset", "refractory_time"}
"""What the circuits have a parameter for; tau_mem, tau_syn and v_leak they always have."""


class Setup(NamedTuple):
    """A checked call: what runs where, and in which units.

    Args:
        settings: of the layer.
        held: its circuits.
        wiring: what they have.
        units: of model and chip.
        per_row: steps of the integration in one of the grid.
        step: of the integration, in seconds of the model.
        n_steps: of the integration.
        duration: of the call, in seconds of the model.
        wait: between two samples, in seconds of the chip.
        injected: what the model takes of the measurements.
        binary: whether no step has two spikes of a source, as far as one knows.
        fires: whether the neurons do.
        clock: period of the times of spikes, in seconds of the model; 0: none.
        on_grid: whether the call has a dt.
    """

    settings: LayerSettings
    held: Held
    wiring: Wiring
    units: Units
    per_row: int
    step: float
    n_steps: int
    duration: float
    wait: float
    injected: tuple[str, ...]
    binary: bool
    fires: bool
    clock: float
    on_grid: bool


def prepare(
    hardware: Hardware,
    settings: LayerSettings,
    problem: Problem,
    *,
    acceleration: float,
    wait: float,
) -> Setup:
    """Everything that a call needs, its layer being placed.

    Raises:
        ValueError: what cannot run on the chip, with what it takes.
        NoRoom: the layer does not fit.
    """
    _check_neuron(problem)
    weight = _check_projection(problem)
    binary = hardware.knows(problem.x) or _check_input(problem.x)
    _check_state(problem)
    found = hardware.calibration
    target = (
        target_for(problem.params, acceleration=acceleration) if found is None else found.target
    )
    times = timing(problem, hardware.effects, acceleration)
    fires = "v_th" in problem.neuron.Params._fields
    injected = settings.inject if fires else ("v",)
    _check_readout(hardware.effects, settings, problem, times, acceleration, injected)
    request = _request(settings, problem, weight)
    if not any(isinstance(value, Tensor) for value in target):  # refused before it is placed
        units_for(problem.params, target, acceleration=acceleration, per_unit=settings.per_unit)
    held = hardware.hold(request, weight)
    clock = CLOCK.value * acceleration if hardware.effects.event_clock else 0.0
    units = units_for(
        problem.params,
        target.at(held.circuits),
        acceleration=acceleration,
        per_unit=settings.per_unit,
    )
    if settings.madc is not None:
        hardware.lend_madc(held.name, settings.madc)
    make = functools.partial(wire, hardware, held, target, units)
    wiring = hardware.kept(held, "wiring", (target, units), make)
    return Setup(
        settings,
        held,
        wiring,
        units,
        *times,
        wait,
        injected,
        binary,
        fires,
        clock,
        problem.dt is not None,
    )


def _request(settings: LayerSettings, problem: Problem, weight: Tensor) -> Request:
    """What the layer asks of the chip."""
    if not settings.signed:
        _check_signs("weight", weight)
        _check_signs("recurrent_weight", problem.recurrent_weight)
    n_out, n_in = weight.shape
    return Request(
        name=settings.name or "",
        n_out=n_out,
        n_in=n_in,
        recurrent=problem.recurrent_weight is not None,
        replicas=settings.replicas,
        signed=settings.signed,
        circuits=settings.circuits,
        merged=settings.merged,
    )


class Timing(NamedTuple):
    """How a call is integrated; the fields of ``Setup`` of these names."""

    per_row: int
    step: float
    n_steps: int
    duration: float


def timing(problem: Problem, effects: Effects, acceleration: float) -> Timing:
    """The steps of the integration: an equal part of dt, or the chip's own where there is no dt.

    Raises:
        ValueError: there is no step at all.
    """
    own = effects.time_step * acceleration
    x = problem.x
    if problem.dt is None:
        if not own:
            raise ValueError(
                "this chip is integrated on the grid of the call (effect time_step is off), and "
                "this call has none: pass dt"
            )
        duration = x.duration  # type: ignore[union-attr]  # integrate takes only Events without dt
        return Timing(1, own, math.ceil(duration / own * (1 - 1e-9)), duration)
    per_row = max(1, math.ceil(problem.dt / own * (1 - 1e-9))) if own else 1
    n_rows = x.steps(problem.dt) if isinstance(x, Events) else len(x)
    return Timing(per_row, problem.dt / per_row, n_rows * per_row, n_rows * problem.dt)


def _check_neuron(problem: Problem) -> None:
    fields = set(problem.neuron.Params._fields)
    missing = {"tau_mem", "tau_syn", "v_leak"} - fields
    unknown = fields - _PARAMETERS
    if missing or unknown or "i" not in problem.neuron.State._fields:
        what = (
            f"no {sorted(missing)[0]!r}" if missing else f"{sorted(unknown or {'no current'})[0]!r}"
        )
        raise ValueError(
            f"the circuits are current-based with an exponential synapse, and neuron "
            f"{problem.neuron.name!r} has {what}; take 'lif', 'lif_refractory' or 'li'"
        )


def _check_projection(problem: Problem) -> Tensor:
    if problem.weight is None:
        raise ValueError("circuits get their input through synapses: pass weight=torch.eye(n)")
    if problem.observed is not None:
        raise ValueError(
            "the chip measures by itself; replay a measurement on another backend: "
            "backend='auto', observed=out.observed.injected"
        )
    if problem.weight.device.type != "cpu":
        raise ValueError(
            f"the chip is emulated on the CPU, the weight is on {problem.weight.device}"
        )
    return problem.weight


def _check_input(x: Tensor | Events) -> bool:
    """Whether the input is a grid of 0 and 1; raises if it is none of spikes."""
    if isinstance(x, Events) or x.dtype == torch.bool:
        return isinstance(x, Tensor)
    if x.is_floating_point() and _is_binary(x):
        return not isinstance(getattr(x, "events", None), Events)
    if not bool(((x >= 0) & (x == x.floor()) & (x < torch.inf)).all()):
        raise ValueError(
            "the chip takes spikes, and x holds something else than whole numbers >= 0; encode it, "
            "or scale the weight instead of the spikes"
        )
    return False


def _is_binary(x: Tensor) -> bool:
    """Whether x holds nothing but 0 and 1, looked at without a copy of it.

    Between 0 and 1 the sum is the number of those that are not 0 only if each of them is 1.
    """
    x = x.detach()
    low, high = x.aminmax() if x.numel() else (x.new_zeros(()), x.new_zeros(()))
    return bool(low >= 0) and bool(high <= 1) and x.sum().item() == x.count_nonzero().item()


def _check_signs(name: str, weight: Tensor | None) -> None:
    """A row of synapses has one sign, and an unsigned source one row."""
    if weight is None:
        return
    both = (weight > 0).any(0) & (weight < 0).any(0)
    if bool(both.any()):
        raise ValueError(
            f"a layer with signed=False has one row for each source, which has one sign, and the "
            f"{name}s of source {int(both.nonzero()[0])} have both; clamp them "
            f"({name}.data.clamp_(min=0)), or leave signed=False out"
        )


def _check_state(problem: Problem) -> None:
    """On the chip nobody can set a membrane: it starts at rest."""
    state, weight = problem.state, problem.weight
    if isinstance(state, RecurrentState):
        if bool(state.output.any()):
            raise ValueError(_NOT_AT_REST)
        state = state.neuron
    assert weight is not None
    rest = problem.neuron.initial_state(
        problem.params, tuple(state[0].shape), dtype=weight.dtype, device=weight.device
    )
    if not all(map(torch.equal, state, rest)):
        raise ValueError(_NOT_AT_REST)


_NOT_AT_REST = (
    "nobody can set the membranes of a chip: it starts at rest; pass state=None and run the whole "
    "recording at once"
)


def _check_readout(
    effects: Effects,
    settings: LayerSettings,
    problem: Problem,
    times: Timing,
    acceleration: float,
    injected: tuple[str, ...],
) -> None:
    if "v" in injected:
        if problem.dt is None:
            raise ValueError(
                "membranes are read on a grid, and this call has none: pass dt, or read out with "
                "neurons that fire"
            )
        check_memory(times.duration / acceleration, effects)
    if settings.madc is None:
        return
    assert problem.weight is not None
    if settings.madc >= len(problem.weight):
        raise ValueError(
            f"the MADC is to read neuron {settings.madc}, and the layer has 0 to "
            f"{len(problem.weight) - 1}"
        )
    check_madc_memory(times.duration / acceleration, effects)
