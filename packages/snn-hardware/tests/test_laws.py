"""Laws of the DACs, of the refractory counters and of the gain."""

from __future__ import annotations

import math

import pytest
import torch
from snn_hardware import laws
from snn_hardware.target import Target


def double(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


CODES = torch.arange(10.0, 1021.0, dtype=torch.float64)


@pytest.mark.parametrize(
    ("law", "code", "microseconds"),
    [
        (laws.LEAK, 100, 242 * 100**-0.72),
        (laws.LEAK_DIVIDED, 100, 851 * 100**-0.59),
        (laws.SYNAPSE, 100, 998 * 100**-0.953),
    ],
)
def test_currents_follow_the_published_fits(law, code, microseconds):
    assert law(double(code)).item() == pytest.approx(microseconds * 1e-6, rel=1e-14)
    torch.testing.assert_close(law.inverse(law(CODES)), CODES, rtol=1e-12, atol=0)


def test_voltages_are_a_line_through_the_two_published_points():
    assert laws.potential(double(70, 310, 550)).tolist() == [20, 120, 220]
    torch.testing.assert_close(laws.potential_code(laws.potential(CODES)), CODES)


def test_tau_mem_scales_with_the_capacitance_as_the_published_line():
    # 4.64 + 0.734 C at a fixed leak, over its value at C = 63
    for capacitance in (0, 20, 63):
        published = (4.64 + 0.734 * capacitance) / (4.64 + 0.734 * 63)
        assert laws.capacitance_factor(capacitance) == pytest.approx(published, rel=5e-3)
    factor = laws.capacitance_factor(20)
    at_20 = laws.tau_mem(CODES, 20, torch.tensor(False))
    torch.testing.assert_close(at_20, factor * laws.LEAK(CODES))


@pytest.mark.parametrize("capacitance", [0, 20, 63])
def test_the_code_of_a_tau_mem_makes_it(capacitance):
    tau = double(0.5e-6, 5e-6, 19e-6, 21e-6, 60e-6)
    divided = laws.is_divided(tau, capacitance)
    code = laws.tau_mem_code(tau, capacitance, divided)
    made = laws.tau_mem(code, capacitance, divided)
    torch.testing.assert_close(made, tau, rtol=1e-12, atol=0)


def test_the_leak_is_divided_above_20_us_of_full_capacitance():
    assert laws.is_divided(double(20e-6, 20.1e-6), 63).tolist() == [False, True]
    small = 20e-6 * laws.capacitance_factor(10)
    assert laws.is_divided(double(0.99 * small, 1.01 * small), 10).tolist() == [False, True]


def test_the_gain_meets_both_published_psp_peaks():
    def peak(target):  # of t / tau exp(-t / tau), the same for both time constants
        return laws.gain(target)[0].item() / math.e

    assert peak(Target()) == pytest.approx(0.35, rel=1e-12)
    assert peak(Target(tau_mem=6e-6, tau_syn=6e-6, dac_bias=1000)) == pytest.approx(0.37, rel=0.1)


@pytest.mark.parametrize(
    ("change", "factor"),
    [
        ({"dac_bias": 300}, 0.5),
        ({"synin_gm": 750}, 1.5),
        ({"tau_mem": 20e-6}, 2.0),
        ({"tau_syn": 20e-6}, 1.0),
        ({"capacitance": 20}, 69.3 / 26.3),
    ],
)
def test_the_gain_goes_with_biases_and_the_resistance_of_the_membrane(change, factor):
    changed, usual = laws.gain(Target(**change)), laws.gain(Target())
    torch.testing.assert_close(changed / usual, torch.full_like(usual, factor), rtol=1e-6, atol=0)


def test_refractory_times_are_counts_of_a_clock_and_within_3_percent():
    for asked in torch.logspace(-6.6, -4.5, 40, dtype=torch.float64):
        counted = laws.refractory_time(asked.expand(512))
        assert (counted == counted[0]).all()
        assert abs(counted[0] / asked - 1) < 0.03
        cycles = counted[0] * 250e6
        assert cycles.item() == pytest.approx(round(cycles.item()), abs=1e-6)


def test_the_usual_clock_is_taken_where_it_may_be():
    # scale 4 is 128 ns: 30 to 255 cycles are 3.84 to 32.64 us
    counted = laws.refractory_time(double(10e-6))
    assert counted.item() == pytest.approx(78 * 128e-9, rel=1e-12)


def test_short_refractory_times_take_the_finest_clock():
    assert laws.refractory_time(double(100e-9)).item() == pytest.approx(96e-9, rel=1e-12)
    assert laws.refractory_time(double(40e-9)).item() == pytest.approx(40e-9, rel=1e-12)
    assert laws.refractory_time(double(1e-9)).item() == pytest.approx(8e-9, rel=1e-12)


def test_two_clocks_serve_all_circuits():
    asked = torch.cat([double(1e-6).expand(256), double(30e-6).expand(256)])
    torch.testing.assert_close(laws.refractory_time(asked), asked, rtol=0.03, atol=0)
    periods = 1e-6 * torch.linspace(1, 32, 512, dtype=torch.float64)
    counted = laws.refractory_time(periods)
    assert (
        (counted / periods - 1).abs() < 0.07
    ).all()  # the fast clock has 128 ns for 1 us as well


@pytest.mark.parametrize("asked", [0.0, -1e-6, 0.07, math.nan])
def test_refractory_times_that_cannot_be_counted(asked):
    with pytest.raises(ValueError, match=r"refractory_time = .* cannot be counted"):
        laws.refractory_time(double(1e-6, asked))
