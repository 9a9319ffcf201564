"""Units: one affine map between model and chip, the target that belongs to it, and refusals."""

import pytest
import torch
from snn_hardware import Target, Units, target_for
from snn_hardware.units import number_of, units_for
from snn_neurons import li, lif, lif_refractory

PARAMS = lif.Params(tau_mem=10e-6, tau_syn=8e-6, v_th=-50.0, v_reset=-71.0, v_leak=-65.0)


def units(params=PARAMS, target=None, acceleration=1.0, per_unit=None):
    target = target_for(params, acceleration=acceleration) if target is None else target
    return units_for(params, target, acceleration=acceleration, per_unit=per_unit)


def test_the_map_takes_leak_threshold_and_reset_to_the_targets():
    target, found = target_for(PARAMS, threshold=150.0, leak=90.0), None
    found = units(target=target)
    potentials = torch.tensor([PARAMS.v_leak, PARAMS.v_th, PARAMS.v_reset], dtype=torch.float64)
    lsb = found.to_lsb(potentials)
    assert lsb.tolist() == pytest.approx([90.0, 150.0, 66.0])
    assert target.reset == pytest.approx(66.0)
    torch.testing.assert_close(found.to_model(lsb), potentials)


@pytest.mark.parametrize("acceleration", [1.0, 1000.0])
def test_both_ways_for_any_numbers(acceleration):
    draw = torch.Generator().manual_seed(0)
    for v_leak, span, tau in torch.rand(20, 3, generator=draw, dtype=torch.float64).tolist():
        params = lif_refractory.Params(
            tau_mem=(1 + tau) * 5e-6 * acceleration,
            tau_syn=(2 - tau) * 5e-6 * acceleration,
            v_leak=v_leak - 0.5,
            v_th=v_leak - 0.5 + span + 0.1,
            v_reset=v_leak - 0.5,
            refractory_time=2e-6 * acceleration,
        )
        target = target_for(params, acceleration=acceleration)
        found = units(params, target, acceleration)
        assert target.tau_mem * acceleration == pytest.approx(params.tau_mem)
        assert target.refractory_time == pytest.approx(2e-6)
        assert found.to_lsb(torch.tensor(params.v_th)).item() == pytest.approx(125, abs=1e-3)
        membrane = torch.randn(50, generator=draw, dtype=torch.float64)
        torch.testing.assert_close(found.to_model(found.to_lsb(membrane)), membrane)


def test_a_neuron_that_does_not_fire_has_the_span_of_the_target_or_its_own():
    params = li.Params(tau_mem=10e-6, tau_syn=10e-6)
    assert units(params).per_unit == 45.0
    assert units(params, per_unit=20.0).per_unit == 20.0


def test_rounding_of_single_precision_is_no_other_value():
    single = PARAMS._replace(tau_mem=torch.tensor(10e-6), v_reset=torch.tensor(-71.0 + 1e-5))
    assert units(single, target_for(PARAMS)) == Units(-65.0, 80.0, 3.0, 1.0)


def test_settings_of_the_target_can_be_given():
    target = target_for(PARAMS, capacitance=40, dac_bias=1000)
    assert (target.capacitance, target.dac_bias) == (40, 1000)


def test_no_refractory_time_is_the_default_of_the_target():
    params = lif_refractory.Params(10e-6, 10e-6, refractory_time=0.0)
    assert target_for(params).refractory_time == Target().refractory_time
    assert units(params).per_unit == 45.0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"tau_mem": 10e-3},
            r"tau_mem = 0.01 s cannot be reached.*pass Chip\(acceleration=1000.0\)",
        ),
        (
            {"tau_syn": 8e-3},
            r"tau_syn = 0.008 s cannot.*3e-07 to 3e-05 s; it runs 1000 times faster",
        ),
        ({"tau_mem": 1.0}, "tau_mem = 1 cannot be reached: the chip has 5e-07 to 6e-05 s"),
        ({"v_th": -65.0}, "v_th must lie above v_leak, got -65 and -65"),
        ({"v_reset": -80.0}, "reset = 35 cannot be reached: the chip has 50 to 160 CADC LSB"),
        ({"v_reset": -49.0}, "the threshold must lie above the reset, got 125 and 128"),
        ({"tau_mem": torch.tensor([1e-5, 2e-5])}, "tau_mem differs between neurons"),
        ({"v_th": torch.empty(0)}, "v_th differs between neurons.*give it one value"),
    ],
)
def test_what_the_chip_cannot_be(changed, message):
    with pytest.raises(ValueError, match=message):
        target_for(PARAMS._replace(**changed))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"tau_mem": 10.001e-6},
            "chip is calibrated to 1e-05 s; calibrate it anew: chip.calibrate",
        ),
        ({"tau_syn": 9e-6}, "the model has tau_syn = 9e-06 s, the chip is calibrated to 8e-06 s"),
        ({"v_reset": -70.0}, "v_reset = -70, which is 65 LSB, the chip is calibrated to 62 LSB"),
    ],
)
def test_a_model_that_is_not_what_was_calibrated(changed, message):
    with pytest.raises(ValueError, match=message):
        units(PARAMS._replace(**changed), target_for(PARAMS))


def test_a_neuron_that_fires_has_no_scale_of_its_own():
    with pytest.raises(
        ValueError, match=r"per_unit = 4 was given, but a neuron that fires.* 45 LSB"
    ):
        units(per_unit=4.0)


def test_one_number():
    assert number_of("a", torch.full((5,), 2.5)) == 2.5
    assert number_of("a", torch.tensor(2.5, requires_grad=True)) == 2.5
    assert number_of("a", 3) == 3.0
