"""Wiring: the circuits and synapses of one layer, with what they really have."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from snn_core import Neuron, Value
from torch import Tensor

from snn_hardware.circuits import Values
from snn_hardware.effects import Effects
from snn_hardware.hardware import Hardware
from snn_hardware.held import Held
from snn_hardware.laws import gain, refractory_time
from snn_hardware.links import output_channels
from snn_hardware.pattern import Pattern
from snn_hardware.synapses import Factors
from snn_hardware.target import Target
from snn_hardware.units import Units

_POTENTIALS = {"v_leak": "leak", "v_reset": "reset", "v_th": "threshold"}
_TIMES = ("tau_mem", "tau_syn")


class Wiring(NamedTuple):
    """One layer on the chip, as long as nothing is calibrated or placed anew.

    Args:
        scale: steps of a weight for one unit of the model.
        shift: what potentials of the circuits differ by from the target, in units of the model;
            of a name that is missing nothing differs.
        stretch: by what factor time constants differ; the same.
        factors: what the synapses do for a step of their weight; None: what they should.
        recurrent_factors: the same of the recurrent ones.
        alive: of each neuron ``(N_out, 1)``; None: all are.
        offset: of the neurons' CADC channels in LSB, ``(N_out,)``; None: none.
        crowd: the most neurons that share an event output.
        refractory: what the counters of the circuits count, in seconds of the chip.
    """

    scale: float
    shift: dict[str, Tensor]
    stretch: dict[str, Tensor]
    factors: Factors | None
    recurrent_factors: Factors | None
    alive: Tensor | None
    offset: Tensor | None
    crowd: int
    refractory: float


def wire(hardware: Hardware, held: Held, target: Target, units: Units) -> Wiring:
    """What the circuits and synapses of a layer have that was placed."""
    values, effects, first = hardware.values(target), hardware.effects, held.circuits
    merged = held.runs[0].circuits.shape[1]
    stretch = _stretch(values, target, first, 1 + effects.merging * (merged - 1))
    dead = hardware.pattern.dead(effects.dead)[first]
    recurrent = held.runs[0].request.recurrent
    return Wiring(
        units.per_unit / float(gain(target)[first[0]].item()),
        _shift(values, target, first, units.per_unit),
        stretch,
        _factors(hardware.pattern, effects, held),
        _recurrent_factors(hardware.pattern, effects, held) if recurrent else None,
        (~dead)[:, None] if bool(dead.any()) else None,
        effects.read_offset * hardware.pattern.circuits("read offset")[first]
        if effects.read_offset
        else None,
        max(int(output_channels(one.circuits[:, 0]).bincount().max()) for one in held.runs),
        float(refractory_time(target.per_circuit("refractory_time"))[first[0]]),
    )


def _shift(values: Values, target: Target, first: Tensor, per_unit: float) -> dict[str, Tensor]:
    found = {}
    for name, field in _POTENTIALS.items():
        away = getattr(values, field) - target.per_circuit(field)
        if bool(away.any()):
            found[name] = away[first] / per_unit
    return found


def _stretch(values: Values, target: Target, first: Tensor, more: float) -> dict[str, Tensor]:
    found = {}
    for name in _TIMES:
        ratio = getattr(values, name) / target.per_circuit(name)
        ratio = ratio * more if name == "tau_mem" else ratio
        if bool((ratio != 1).any()):
            found[name] = ratio[first]
    return found


def _factors(pattern: Pattern, effects: Effects, held: Held) -> Factors | None:
    if not (effects.efficacy or effects.synapse):
        return None
    parts = []
    for one in held.runs:
        circuit = one.circuits[:, one.part]
        parts.append(_of(pattern, effects, circuit, one.rows))
    return Factors(*(torch.cat(both, 1) for both in zip(*parts, strict=True)))


def _recurrent_factors(pattern: Pattern, effects: Effects, held: Held) -> Factors | None:
    if not (effects.efficacy or effects.synapse):
        return None
    (one,) = held.runs
    circuit = one.circuits[:, one.recurrent_part]
    return Factors(*_of(pattern, effects, circuit, one.recurrent_rows))


def _of(pattern: Pattern, effects: Effects, circuit: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """For synapses in circuits ``(N_out, N_in)`` and rows ``(N_in, R, 2)``: both signs' factors."""
    own = pattern.synapses()
    found = []
    for place, name in enumerate(("excitatory", "inhibitory")):
        of_circuit = 1 + effects.efficacy * pattern.circuits(f"{name} efficacy")[circuit]
        of_synapse = 1 + effects.synapse * own[circuit[None], rows[:, :, place].t()[:, None]]
        found.append((of_circuit * of_synapse).clamp(min=0))
    return found[0], found[1]


def real_params(
    neuron: Neuron, params: Any, wiring: Wiring, effects: Effects, units: Units, dtype: torch.dtype
) -> Any:
    """The parameters of the model as the circuits have them, in units of the model."""
    found: dict[str, Value] = {}
    for name, value in params._asdict().items():
        if name in wiring.shift:
            found[name] = _plain(value) + wiring.shift[name].to(dtype)
        elif name in wiring.stretch:
            found[name] = _plain(value) * wiring.stretch[name].to(dtype)
        elif name == "refractory_time" and effects.refractory_clock and float(value) > 0:
            found[name] = wiring.refractory * units.acceleration
        else:
            found[name] = _plain(value)
    if wiring.alive is not None and "v_th" in found:
        # no noise, and no threshold however low, makes a dead circuit fire
        fires = torch.as_tensor(found["v_th"], dtype=dtype)
        found["v_th"] = torch.where(wiring.alive[:, 0], fires, torch.inf)
    return neuron.Params(**found)


def _plain(value: Value) -> Value:
    # a copy: the circuits may be looked at again when the parameter has been trained on
    return value.detach().clone() if isinstance(value, Tensor) else value
