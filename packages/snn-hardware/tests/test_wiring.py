"""Which circuit's properties a neuron and a synapse of a layer have, wherever it was placed."""

import math

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects, Target
from snn_hardware.pattern import Pattern
from snn_hardware.placement import Request, partition, place
from snn_neurons import lif, lif_refractory

DT = 1e-6
SEED = 7
PARAMS = lif.Params(tau_mem=10e-6, tau_syn=8e-6)
PER_UNIT = 45.0  # LSB from leak to threshold
SCALE = PER_UNIT / (0.35 * math.e)  # steps for a weight of 1 at 10 us: the published anchor


def drawn(n_in, n_out, n_steps=40, rate=0.1):
    draw = torch.Generator().manual_seed(6)
    x = (torch.rand(n_steps, 3, n_in, generator=draw) < rate).double()
    weight = torch.randn(n_out, n_in, generator=draw).double()
    return x, weight.mul(64).round() / 64


def simulated(x, weight, params=PARAMS, neuron="lif", **call):
    return snn.integrate(
        neuron, x, weight=weight, params=params, dt=DT, backend="auto", record=("v",), **call
    )


def assert_did(found, wanted):
    assert wanted.output.sum() > 50
    assert torch.equal(found.output, wanted.output)
    torch.testing.assert_close(found.observed.trace.v, wanted.traces.v, rtol=0, atol=1e-9)


def with_efficacy(weight, circuits, part):
    """Weights as the circuits do them, one synapse after the other."""
    pattern, real = Pattern(SEED), weight.clone()
    gains = {
        sign: 1 + 0.1 * pattern.circuits(f"{name} efficacy")
        for sign, name in ((True, "excitatory"), (False, "inhibitory"))
    }
    for neuron, source in weight.nonzero().tolist():
        circuit = circuits[neuron][part[source]]
        real[neuron, source] *= gains[bool(weight[neuron, source] > 0)][circuit]
    return real


def test_a_synapse_of_a_merged_neuron_has_the_efficacy_of_its_own_circuit():
    x, weight = drawn(150, 12, rate=0.05)
    weight = weight / 2
    chip = Chip(SEED, effects=Effects.only("efficacy"))
    found = snn.integrate("lif", x, weight=weight, params=PARAMS, dt=DT, backend=chip)
    # neuron i has circuits i and 256 + i; the first has room for 128 of the sources
    circuits = [(i, 256 + i) for i in range(12)]
    part = [0] * 128 + [1] * 22
    assert_did(found, simulated(x, with_efficacy(weight, circuits, part)))


def test_a_recurrent_synapse_has_the_efficacy_of_its_own_circuit():
    x, weight = drawn(100, 40, rate=0.05)
    back = drawn(40, 40)[1] / 4
    # columns 0 to 31 and 128 to 159 drive one bus: 32 of its sources fit a circuit, 8 go on
    firsts = (*range(32), *range(128, 136))
    chip = Chip(SEED, effects=Effects.only("efficacy")).at("layer", circuits=firsts)
    call = {"weight": weight / 2, "recurrent_weight": back}
    found = snn.integrate("lif", x, params=PARAMS, dt=DT, backend=chip, **call)
    asked = Request("layer", n_out=40, n_in=100, recurrent=True, circuits=firsts)
    placed = place(asked, (), torch.ones(512, dtype=torch.bool))
    assert placed.part.bincount().tolist() == [96, 4]
    assert placed.recurrent_part.tolist() == [0] * 32 + [1] * 8
    circuits = [(first, 256 + first) for first in firsts]
    assert placed.circuits.tolist() == list(map(list, circuits))
    real = with_efficacy(weight / 2, circuits, placed.part.tolist())
    real_back = with_efficacy(back, circuits, [0] * 32 + [1] * 8)
    assert_did(found, simulated(x, real, recurrent_weight=real_back))


def by_half(first, second):
    """A value for the circuits of the first hemisphere, one for those of the second."""
    return torch.tensor([first, second], dtype=torch.float64).repeat_interleave(256)


def two_layers(effects, target, neuron, params, weight, x):
    """The same layer on circuits 0... and on 300..., each with its own parameters."""
    chip = Chip(SEED, effects=effects)
    chip.calibrate(target)
    n_out, outs = len(weight), []
    for name, start, own in zip(("low", "high"), (0, 300), params, strict=True):
        there = chip.at(name, circuits=tuple(range(start, start + n_out)))
        outs.append(snn.integrate(neuron, x, weight=weight, params=own, dt=DT, backend=there))
    return outs, {one.name: one for one in chip.report().layers}


@pytest.mark.parametrize("taus", [(10e-6, 5e-6), (5e-6, 10e-6)])
def test_a_step_of_a_weight_is_as_large_as_the_circuits_of_its_layer_make_it(taus):
    x, weight = drawn(20, 30)
    params = [lif.Params(tau_mem=tau, tau_syn=8e-6) for tau in taus]
    target = Target(tau_mem=by_half(*taus), tau_syn=8e-6)
    outs, layers = two_layers(Effects.only("weights"), target, "lif", params, weight, x)
    for out, own, tau, name in zip(outs, params, taus, ("low", "high"), strict=True):
        # half the time constant is half the resistance: twice as many steps for the same weight
        scale = SCALE * 10e-6 / tau
        assert layers[name].seen.scale == pytest.approx(scale, rel=1e-12)
        asked = weight * scale
        whole = (asked.abs() + 0.5).floor().clamp(max=63) * asked.sign()
        assert (asked.abs() > 63).any()
        assert_did(out, simulated(x, whole / scale, own))


@pytest.mark.parametrize("times", [(1.01e-6, 5.03e-6), (5.03e-6, 1.01e-6)])
def test_a_refractory_time_is_counted_by_the_circuits_of_its_layer(times):
    x, weight = drawn(20, 30, n_steps=80)
    weight = weight.abs() * 2
    params = [lif_refractory.Params(10e-6, 8e-6, refractory_time=one) for one in times]
    target = Target(tau_mem=10e-6, tau_syn=8e-6, refractory_time=by_half(*times))
    effects = Effects.only("refractory_clock")
    outs, _ = two_layers(effects, target, "lif_refractory", params, weight, x)
    # nearest: 32 cycles of 32 ns and 39 of 128 ns; circuits up to the mean have the fast clock
    counted = {1.01e-6: 1.024e-6, 5.03e-6: 4.992e-6}
    for out, asked in zip(outs, times, strict=True):
        real = lif_refractory.Params(10e-6, 8e-6, refractory_time=counted[asked])
        assert_did(out, simulated(x, weight, real, "lif_refractory"))
    assert not torch.equal(outs[0].output, outs[1].output)


def test_the_offset_of_a_channel_goes_with_its_circuit():
    x, weight = drawn(20, 30)
    firsts = (*range(100, 115), *range(400, 385, -1))
    chip = Chip(SEED, effects=Effects.only("read_offset")).at("layer", circuits=firsts)
    found = snn.integrate("lif", x, weight=weight, params=PARAMS, dt=DT, backend=chip)
    away = (found.observed.membrane_cadc - simulated(x, weight).traces.v) * PER_UNIT
    offset = 1.5 * Pattern(SEED).circuits("read offset")[list(firsts)]
    torch.testing.assert_close(away, offset.expand_as(away), rtol=0, atol=1e-9)


def test_the_parts_of_a_partitioned_layer_have_the_same_channels_one_after_the_other():
    x, weight = drawn(20, 600, n_steps=10)
    chip = Chip(SEED, effects=Effects.only("read_offset"), partition=True)
    found = snn.integrate("lif", x, weight=weight, params=PARAMS, dt=DT, backend=chip)
    away = (found.observed.membrane_cadc - simulated(x, weight).traces.v) * PER_UNIT
    runs = partition(Request("", n_out=600, n_in=20), torch.ones(512, dtype=torch.bool)).places
    pattern = 1.5 * Pattern(SEED).circuits("read offset")
    offset = torch.cat([pattern[: len(one.circuits)] for one in runs])
    assert len(runs) == 2
    torch.testing.assert_close(away, offset.expand_as(away), rtol=0, atol=1e-9)
