"""One layer on the chip: its circuits run, its spikes and membranes are measured."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import torch
from snn_core import Backend, Events, Problem
from torch import Tensor

from snn_hardware.analog.circuit import circuit
from snn_hardware.analog.running import (
    Circuits,
    Input,
    noise_of_current,
    run_circuits,
    run_one_after_the_other,
)
from snn_hardware.effects import Effects
from snn_hardware.figures import CADC_LEVELS, EVENT_OUTPUTS, LINKS
from snn_hardware.hardware import Hardware
from snn_hardware.links import capacity, carried, input_channels, output_channels
from snn_hardware.observation import Lost, Observation, Trace, on_rows
from snn_hardware.measuring import Measuring
from snn_hardware.preparing import Setup
from snn_hardware.reporting import note
from snn_hardware.synapses import Factors, Weights, as_it_is, on_steps
from snn_hardware.wiring import real_params


class Done(NamedTuple):
    """What a layer did on the chip: measurements, weights as the model has them, arrived spikes."""

    observation: Observation
    weight: Tensor
    recurrent_weight: Tensor | None
    arrived: Tensor | Events


def run_layer(
    hardware: Hardware, setup: Setup, problem: Problem, *, backends: tuple[Backend, ...]
) -> Done:
    """Run a checked layer on the chip and measure it.

    Args:
        hardware: the chip.
        setup: of this call.
        problem: of this call.
        backends: what integrates the circuits, the fastest first.
    """
    effects, settings = hardware.effects, setup.settings
    weights = _weights(cast(Tensor, problem.weight), setup, effects)
    recurrent = None
    if problem.recurrent_weight is not None:
        recurrent = _weights(problem.recurrent_weight, setup, effects)
    arrived, received, sent, dropped_in = _received(problem, setup, effects)
    seed = int(torch.randint(2**62, (), generator=hardware.trials))
    circuits = _circuits(problem, setup, effects, weights, recurrent)
    trace = _integrated(circuits, received, setup, effects, backends, seed)
    fires = "v_th" in problem.neuron.Params._fields
    lost = Lost(sent=sent, dropped_in=dropped_in)
    spikes = None
    if fires:
        trace, dropped_out = _emitted(trace, setup, effects)
        lost = lost._replace(dropped_out=dropped_out, fired=int(trace.z.sum()))
        if problem.dt is not None:
            spikes, merged, late = on_rows(trace.z, setup.per_row)
            lost = lost._replace(merged=merged, late=late)
    measure = Measuring(trace, setup, effects, problem.dt, seed)
    observation = measure.observation(spikes, lost)
    note(hardware.seen[setup.held.name], setup, weights, lost, received.shape[1])
    return Done(
        observation, weights.model, None if recurrent is None else recurrent.model, arrived
    )


def _weights(weight: Tensor, setup: Setup, effects: Effects) -> Weights:
    if effects.weights:
        settings = setup.settings
        return on_steps(weight, setup.wiring.scale, settings.replicas, settings.mapping)
    return as_it_is(weight, setup.wiring.scale)


def _real(weights: Weights, factors: Factors | None, setup: Setup) -> Tensor:
    """What the synapses of some weights do, in units of the model."""
    model = weights.model.detach()
    if factors is not None:
        model = factors.apply(weights.steps) / setup.wiring.scale
        model = model.to(weights.model.dtype)
    return model if setup.wiring.alive is None else model * setup.wiring.alive


def _received(
    problem: Problem, setup: Setup, effects: Effects
) -> tuple[Tensor | Events, Tensor, int, int]:
    """The input as it arrives, on a grid too; how much was sent, and how much of it dropped.

    Spikes of a grid stay on its rows, events go to the steps of the integration.
    """
    x, weight = problem.x, cast(Tensor, problem.weight)
    events = x if isinstance(x, Events) else getattr(x, "events", None)
    if events is None:
        sent, step = cast(Tensor, x).to(weight.dtype), cast(float, problem.dt)
    else:
        lasting = events.detach()._replace(duration=setup.n_steps * setup.step)
        sent, step = lasting.to_grid(setup.step, dtype=weight.dtype), setup.step
    number, step = int(sent.sum()), step / setup.units.acceleration
    per_link = math.ceil(weight.shape[1] / LINKS.value)
    if not effects.links or (setup.binary and per_link <= capacity(step)):
        return x, sent, number, 0
    got, dropped = carried(sent, input_channels(weight.shape[1]), int(LINKS.value), step)
    return got if dropped and events is None else x, got, number, dropped


def _circuits(
    problem: Problem,
    setup: Setup,
    effects: Effects,
    weights: Weights,
    recurrent: Weights | None,
) -> Circuits:
    """The circuits of the layer with what they really have."""
    wiring, units, weight = setup.wiring, setup.units, weights.model
    params = real_params(problem.neuron, problem.params, wiring, effects, units, weight)
    neuron, bends = problem.neuron, effects.synapse_saturation > 0
    noise: Any = 0.0
    if effects.membrane_noise:
        sigma = effects.membrane_noise / units.per_unit
        noise = noise_of_current(sigma, params.tau_mem, params.tau_syn, setup.step)
    if effects.rails or bends or effects.time_step:
        neuron = circuit(neuron, rails=effects.rails, bends=bends)
        ends = units.to_model(torch.tensor([0.0, CADC_LEVELS.value - 1], dtype=torch.float64))
        low, high = ends.tolist()
        bend = effects.synapse_saturation / units.per_unit
        params = neuron.Params(*params, low=low, high=high, bend=bend)
    return Circuits(
        neuron,
        params,
        _real(weights, wiring.factors, setup),
        None if recurrent is None else _real(recurrent, wiring.recurrent_factors, setup),
        problem.threshold,
        noise,
    )


def _integrated(
    circuits: Circuits,
    received: Tensor,
    setup: Setup,
    effects: Effects,
    backends: tuple[Backend, ...],
    seed: int,
) -> Trace:
    generator = torch.Generator().manual_seed(seed)
    fine = Input.of(received, circuits, setup.n_steps)
    if effects.residual_state:
        wait = round(setup.wait * setup.units.acceleration / setup.step)
        return run_one_after_the_other(
            circuits, fine, setup.step, wait=wait, backends=backends, generator=generator
        )
    return run_circuits(circuits, fine, setup.step, backends=backends, generator=generator)[0]


def _emitted(trace: Trace, setup: Setup, effects: Effects) -> tuple[Trace, int]:
    """The spikes that get out of the chip, and how many do not."""
    step = setup.step / setup.units.acceleration
    if not effects.links or setup.wiring.crowd <= capacity(step):
        return trace, 0
    channels = output_channels(setup.held.circuits)
    z, dropped = carried(trace.z, channels, int(EVENT_OUTPUTS.value), step)
    return trace._replace(z=z), dropped
