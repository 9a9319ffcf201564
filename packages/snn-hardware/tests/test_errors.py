"""Every refusal says what was given and what to do, and comes before anything is placed or runs."""

import pickle

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects
from snn_hardware.gradients import gradient_of
from snn_hardware.settings import LayerSettings
from snn_neurons import adex, li, lif

PARAMS = lif.Params(tau_mem=10e-6, tau_syn=10e-6)
EVENTS = snn.Events(torch.tensor([[1e-6]]), torch.tensor([[0]]), (5,), 20e-6)


def call(chip, neuron="lif", **changed):
    given = {
        "x": (torch.arange(100) % 7 == 0).float().reshape(20, 1, 5),
        "weight": torch.ones(4, 5),
        "params": PARAMS,
        "dt": 1e-6,
        **changed,
    }
    return snn.integrate(neuron, backend=chip, **given)


def refused(message, chip=None, error=snn.Unsupported, **changed):
    chip = Chip(3) if chip is None else chip
    trials = chip._hardware.trials.get_state()
    with pytest.raises(error, match=message):
        call(chip, **changed)
    assert chip.report().layers == ()
    assert torch.equal(chip._hardware.trials.get_state(), trials)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed of a chip is a whole number from 0 on, got -1"),
        ({"seed": 1.0}, "whole number from 0 on, got 1.0"),
        ({"seed": True}, "whole number from 0 on, got True"),
        ({"acceleration": 0.0}, "acceleration must be finite and above 0, got 0; pass 1.0"),
        ({"acceleration": float("nan")}, "acceleration must be finite and above 0, got nan"),
        ({"wait": -1e-6}, "wait must be finite and 0 seconds or more, got -1e-06"),
        ({"effects": Effects.none()._replace(dead=1.0)}, "fraction of dead circuits, got 1.0"),
        ({"effects": Effects.none()._replace(leak=float("inf"))}, "leak must be finite and not"),
    ],
)
def test_a_chip_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        Chip(**options)


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        ("none", "effects must be an Effects, got str"),
        (Effects.none()._replace(weights=1), "effect weights is on or off, got 1; pass True or"),
        (Effects.none()._replace(leak=True), "effect leak is a number, got True; 0.0 switches"),
        (Effects.none()._replace(leak="2"), "effect leak is a number, got '2'"),
    ],
)
def test_effects_that_are_none(effects, message):
    with pytest.raises(TypeError, match=message):
        Chip(effects=effects)


def test_effects_by_name():
    with pytest.raises(ValueError, match="no effect 'noise'; there are: weights, leak"):
        Effects.only("noise")
    with pytest.raises(ValueError, match=r"membrane_noise is off by default.*_replace\(membrane_"):
        Effects.only("membrane_noise")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"name": 3}, TypeError, "name of a layer must be a string, got int"),
        ({"name": ""}, ValueError, "name of a layer must not be empty"),
        ({"replicas": 0}, ValueError, "replicas must be a whole number of at least 1, got 0"),
        ({"replicas": 2.0}, ValueError, "replicas must be a whole number of at least 1, got 2.0"),
        ({"merged": 0}, ValueError, "merged must be a whole number of at least 1, got 0"),
        ({"signed": 1}, TypeError, "signed must be True or False, got 1"),
        ({"circuits": 5}, TypeError, r"circuits must be a tuple.*got 5; pass tuple\(range"),
        ({"per_unit": 0.0}, ValueError, "per_unit must be finite and above 0 LSB, got 0.0"),
        ({"per_unit": float("inf")}, ValueError, "per_unit must be finite"),
        ({"per_unit": "3"}, TypeError, "per_unit must be a number of LSB, got '3'"),
        ({"mapping": "cut"}, ValueError, "no mapping of weights 'cut'; there are clip, masked"),
        ({"inject": "z"}, ValueError, "inject names what the model takes.*got 'z'"),
        ({"inject": 5}, ValueError, "a tuple of 'z' .spikes. and 'v' .membranes., got 5"),
        ({"inject": ("w",)}, ValueError, r"got \('w',\)"),
        ({"madc": (1, 2)}, ValueError, r"the MADC reads one neuron, got 2: \(1, 2\); pass the"),
        ({"madc": -1}, ValueError, "madc must be the number of a neuron, got -1"),
        ({"madc": 1.0}, ValueError, "madc must be the number of a neuron, got 1.0"),
    ],
)
def test_settings_that_cannot_be(settings, error, message):
    with pytest.raises(error, match=message):
        LayerSettings(**settings).check()
    with pytest.raises(error, match=message):
        Chip(3).at(**{"name": "layer", **settings})


def test_a_setting_that_there_is_not():
    with pytest.raises(TypeError, match="no setting 'gain'; there are: replicas"):
        Chip(3).at("layer", gain=3)


@pytest.mark.parametrize(
    "x", [torch.full((20, 1, 5), one) for one in (0.5, -1.0, float("nan"), float("inf"), -1)]
)
def test_what_is_no_spike(x):
    refused("x holds something else than whole numbers >= 0; encode it, or scale the weight", x=x)


def test_weights_that_are_no_numbers():
    for wrong in (float("nan"), float("inf")):
        weight = torch.full((4, 5), wrong)
        refused("weight holds 20 entries that are NaN or infinite", error=ValueError, weight=weight)


@pytest.mark.parametrize("sign", ["weight", "recurrent_weight"])
def test_two_signs_in_an_unsigned_layer(sign):
    mixed = torch.ones(4, 5 if sign == "weight" else 4)
    mixed[2, 1] = -1
    message = rf"has one sign, and the {sign}s of source 1 have both; clamp them \({sign}.data"
    refused(message, Chip(3).at("layer", signed=False), **{sign: mixed})
    call(Chip(3).at("layer", signed=False), weight=-torch.ones(4, 5))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"neuron": "iaf", "params": None}, "current-based.*'iaf' has no 'tau_mem'; take 'lif'"),
        ({"neuron": "adex", "params": adex.Params()}, "neuron 'adex' has no|neuron 'adex' has '"),
        ({"weight": None}, r"get their input through synapses: pass weight=torch.eye\(n\)"),
        ({"observed": snn.Observed(z=torch.zeros(20, 1, 4))}, "measures by itself; replay a measu"),
        ({"params": lif.Params()}, r"tau_mem = 0.01 s.* pass Chip\(acceleration=1000.0\)"),
        ({"params": PARAMS._replace(v_th=0.0)}, "v_th must lie above v_leak, got 0 and 0"),
        ({"params": PARAMS._replace(v_th=torch.ones(4).cumsum(0))}, "v_th differs between neuron"),
        ({"weight": torch.ones(600, 5)}, r"no room \(circuits\): layer 'layer 1' needs 600"),
        ({"weight": torch.ones(4, 5, requires_grad=True) * 2}, "this weight is computed"),
        ({"delay": 1e-6}, "it has no synaptic delays"),
    ],
)
def test_what_the_chip_cannot_run(changed, message):
    refused(message, **changed)


def test_nobody_sets_a_membrane():
    message = "nobody can set the membranes of a chip.*pass state=None and run the whole"
    end = call("eager").state
    refused(message, state=end)
    back = torch.zeros(4, 4)
    end = call("eager", recurrent_weight=back).state
    refused(message, state=end, recurrent_weight=back)
    fired = snn.RecurrentState(call("eager", x=torch.zeros(1, 1, 5)).state, torch.ones(1, 4))
    refused(message, state=fired, recurrent_weight=back)


def test_a_recurrent_layer_cannot_be_partitioned():
    weight, back = torch.ones(600, 5), torch.zeros(600, 600)
    message = "recurrent and cannot be split into runs.*make it smaller"
    refused(message, Chip(3, partition=True), weight=weight, recurrent_weight=back)


def test_readouts_that_cannot_be():
    long = torch.zeros(3000, 1, 5)
    refused("needs 150 CADC samples", Chip(3).at("a", inject=("v", "z")), x=long[:300])
    refused("needs 150 CADC samples", neuron="li", params=li.Params(10e-6, 10e-6), x=long[:300])
    refused("3 ms needs 88236 MADC samples", Chip(3).at("a", madc=0), x=long)
    refused("MADC is to read neuron 4, and the layer has 0 to 3", Chip(3).at("a", madc=4))
    with pytest.raises(snn.Unsupported, match="per_unit = 3 was given, but a neuron that fires"):
        call(Chip(3).at("a", per_unit=3.0))


def test_calls_without_a_grid():
    ideal = Chip.ideal().with_gradient("eventprop_exact")
    refused("integrated on the grid of the call .*and this call has none: pass dt", ideal,
            x=EVENTS, dt=None)  # fmt: skip
    chip = Chip(3).with_gradient("eventprop_exact")
    readout = {"neuron": "li", "params": li.Params(10e-6, 10e-6)}
    refused("membranes are read on a grid, and this call has none", chip, x=EVENTS, dt=None,
            **readout)  # fmt: skip
    refused("runs on a grid", Chip(3), x=EVENTS, dt=None)
    refused("it takes Events", chip, dt=None, error=snn.Unsupported)


def test_gradients_that_do_not_go_by_times():
    with pytest.raises(ValueError, match="gradient of backend 'eager' does not go by spike times"):
        gradient_of("eager")
    with pytest.raises(snn.UnknownName, match="no_such"):
        Chip(3).with_gradient("no_such")
    assert gradient_of("surrogate").name == "surrogate"
    assert gradient_of("eventprop").by_times


def test_settings_and_targets_that_are_none():
    with pytest.raises(TypeError, match=r"no setting 'replica'; there are: replicas, merged"):
        Chip().at("a", replica=2)
    with pytest.raises(TypeError, match=r"must be a Target, got Params; .*chip.target_for"):
        Chip().calibrate(lif.Params())
    with pytest.raises(ValueError, match=r"CADC needs 1\.7 us"):
        Chip(effects=Effects()._replace(cadc_period=1e-6))
    with pytest.raises(ValueError, match="reset = 90 was given, and the parameters say 80"):
        Chip(acceleration=1000.0).target_for(lif.Params(), reset=90.0)
    with pytest.raises(TypeError, match="a chip is hardware and cannot be pickled"):
        pickle.dumps(Chip())
