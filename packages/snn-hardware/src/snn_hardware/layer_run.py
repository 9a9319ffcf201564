"""One layer on the chip: its circuits run, its spikes and membranes are measured."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple, cast

import torch
from snn_core import Backend, Events, Neuron, Observed, Problem
from torch import Tensor

from snn_hardware.analog.circuit import circuit
from snn_hardware.analog.layer import Analog
from snn_hardware.analog.running import Circuits, noise_of_current
from snn_hardware.arriving import on_steps_of, without
from snn_hardware.effects import Effects
from snn_hardware.figures import CADC_LEVELS, LINKS
from snn_hardware.hardware import Hardware
from snn_hardware.links import capacity, carried, input_channels
from snn_hardware.measuring import Measuring, Replay
from snn_hardware.observation import EventsOnly, Lost, Observation, joined, on_rows, stamped
from snn_hardware.preparing import Setup
from snn_hardware.reporting import note
from snn_hardware.synapses import Factors, Weights, as_it_is, on_steps
from snn_hardware.wiring import Wiring, real_params

AT_ONCE = 4_000_000
"""Numbers of a trace of circuits on events, beyond which the samples are divided."""


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
    weights = _weights(cast(Tensor, problem.weight), setup, hardware.effects)
    recurrent = None
    if problem.recurrent_weight is not None:
        recurrent = _weights(problem.recurrent_weight, setup, hardware.effects)
    analog = Analog(
        _circuits(problem, setup, hardware, weights, recurrent),
        setup,
        hardware.effects,
        backends,
        int(torch.randint(2**62, (), generator=hardware.trials)),
    )
    run = _on_events if problem.dt is None else _on_grid
    observation, arrived, n_batch = run(problem, analog)
    note(hardware.seen[setup.held.name], setup, (weights, recurrent), observation.lost, n_batch)
    model = None if recurrent is None else recurrent.model
    return Done(observation, weights.model, model, arrived)


def _on_grid(problem: Problem, analog: Analog) -> tuple[Observation, Tensor | Events, int]:
    """A layer on the rows of a grid: its spikes in the nearest row, its membranes to be read."""
    setup, dtype = analog.setup, cast(Tensor, problem.weight).dtype
    arrived, received, lost = _received(problem, analog)
    trace, dropped = analog.run(received, analog.noise(), crossings=False)
    spikes = None
    if setup.fires:
        rows, merged, _ = on_rows(trace.z, len(trace.z) * setup.per_row // setup.n_steps)
        spikes = rows.to(dtype)
        fired = int(rows.sum()) + merged + dropped
        lost = lost._replace(dropped_out=dropped, fired=fired, merged=merged)
    replay = Replay(analog, received, received._version)
    measure = Measuring(trace, replay, cast(float, problem.dt), dtype)
    return measure.observation(spikes, lost), arrived, received.shape[1]


def _on_events(problem: Problem, analog: Analog) -> tuple[Observation, Tensor | Events, int]:
    """A layer on events: some samples at a time, since only their spikes are kept."""
    x, setup = cast(Events, problem.x), analog.setup
    n_batch, n_out = len(x.times), len(analog.circuits.weight)
    at_once = n_batch
    if not analog.effects.residual_state:
        at_once = max(1, AT_ONCE // (setup.n_steps * n_out))
    parts, arrived, total, generator = [], [], Lost(), analog.noise()
    for start in range(0, max(n_batch, 1), max(at_once, 1)):
        some = slice(start, start + at_once)
        sample = problem._replace(x=x._replace(times=x.times[some], index=x.index[some]))
        came, received, lost = _received(sample, analog)
        arrived.append(cast(Events, came))
        trace, dropped = analog.run(received, generator, crossings=True)
        events = stamped(trace, clock=setup.clock, duration=setup.duration)
        fired = int(trace.z.sum()) + dropped
        late = fired - dropped - int(events.times.isfinite().sum())
        total = total.plus(lost._replace(dropped_out=dropped, fired=fired, late=late))
        parts.append(events)
    events = joined(parts)
    observation = Observation(None, Observed(z=events), total, EventsOnly(events))
    return observation, joined(arrived) if total.dropped_in else x, n_batch


def _weights(weight: Tensor, setup: Setup, effects: Effects) -> Weights:
    if effects.weights:
        settings = setup.settings
        return on_steps(weight, setup.wiring.scale, settings.replicas, settings.mapping)
    return as_it_is(weight, setup.wiring.scale)


def _real(weights: Weights, factors: Factors | None, setup: Setup) -> Tensor:
    """What the synapses of some weights do, in units of the model."""
    # a copy: the circuits may be looked at again when the weight has been trained on
    model = weights.model.detach().clone()
    if factors is not None:
        model = factors.apply(weights.steps) / setup.wiring.scale
        model = model.to(weights.model.dtype)
    return model if setup.wiring.alive is None else model * setup.wiring.alive


def _received(problem: Problem, analog: Analog) -> tuple[Tensor | Events, Tensor, Lost]:
    """The input as it arrives, on a grid too, and how much of it there was.

    Spikes of a grid stay on its rows, events go to the steps of the integration.
    """
    x, setup, n_in = problem.x, analog.setup, cast(Tensor, problem.weight).shape[1]
    dtype = analog.circuits.weight.dtype
    events = x if isinstance(x, Events) else getattr(x, "events", None)
    if events is None:
        sent, step = cast(Tensor, x).detach().to(dtype), cast(float, problem.dt)
    else:
        sent, step = on_steps_of(events, setup, dtype), setup.step
    number, step = int(sent.sum()), step / setup.units.acceleration
    per_link = math.ceil(n_in / LINKS.value)
    if not analog.effects.links or (setup.binary and per_link <= capacity(step)):
        return x, sent, Lost(sent=number)
    got, dropped = carried(sent, input_channels(n_in), int(LINKS.value), step)
    arrived = x
    if dropped:
        arrived = (
            got.to(cast(Tensor, x).dtype)
            if events is None
            else without(events, sent - got, setup.step)
        )
    return arrived, got, Lost(sent=number, dropped_in=dropped)


def _circuits(
    problem: Problem,
    setup: Setup,
    hardware: Hardware,
    weights: Weights,
    recurrent: Weights | None,
) -> Circuits:
    """The circuits of the layer with what they really have.

    Where they have steps of their own, single precision is enough: nothing is to be equal to the
    bit, and they are read with 8 bits.
    """
    wiring, effects = setup.wiring, hardware.effects
    dtype = torch.float32 if effects.time_step else weights.model.dtype
    make = functools.partial(_neurons, problem, setup, effects, dtype)
    if any(isinstance(value, Tensor) for value in problem.params):
        neuron, params, noise, _ = make()
    else:
        key = (id(wiring), problem.neuron, problem.params, setup.step, dtype)
        neuron, params, noise, _ = hardware.kept(setup.held, "neurons", key, make)
    return Circuits(
        neuron,
        params,
        _real(weights, wiring.factors, setup).to(dtype),
        None if recurrent is None else _real(recurrent, wiring.recurrent_factors, setup).to(dtype),
        problem.threshold,
        noise,
    )


def _neurons(
    problem: Problem, setup: Setup, effects: Effects, dtype: torch.dtype
) -> tuple[Neuron, Any, Any, Wiring]:
    """The neuron as a circuit, what the circuits of the layer have, the noise of a step.

    And the wiring, by whose identity they are kept.
    """
    wiring, units, neuron = setup.wiring, setup.units, problem.neuron
    params = real_params(neuron, problem.params, wiring, effects, units, dtype)
    noise: Any = 0.0
    if effects.membrane_noise:
        sigma = effects.membrane_noise / units.per_unit
        noise = noise_of_current(sigma, params.tau_mem, params.tau_syn, setup.step)
    bends = effects.synapse_saturation > 0
    if not (effects.rails or bends or effects.time_step):
        return neuron, params, noise, wiring
    neuron = circuit(neuron, rails=effects.rails, bends=bends)
    ends = units.to_model(torch.tensor([0.0, CADC_LEVELS.value - 1], dtype=torch.float64))
    low, high = ends.tolist()
    bend = effects.synapse_saturation / units.per_unit
    return neuron, neuron.Params(*params, low=low, high=high, bend=bend), noise, wiring
