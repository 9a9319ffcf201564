"""Experiments: exact without noise, and with it as good as their closed forms say."""

from __future__ import annotations

import math

import pytest
import torch
from snn_hardware import instruments
from snn_hardware.circuits import TIMES, Values, typical_codes, values, wanted
from snn_hardware.effects import Effects
from snn_hardware.fitting import Exponential, fit
from snn_hardware.instruments import READS, SAMPLES, TRACES, WINDOW, Bench, measure
from snn_hardware.pattern import Pattern
from snn_hardware.target import Target

MISMATCH = ("leak", "reset", "threshold", "tau_mem", "tau_syn")
SEEDS = range(6)
TARGET = Target(threshold=130, leak=85, reset=85)


def errors(name, effects):
    """Of many chips, measured less real; of times relative."""
    found = []
    for seed in SEEDS:
        bench = Bench(TARGET, Pattern(seed), effects)
        codes = typical_codes(TARGET, effects)
        real = getattr(values(codes, *bench, 3), name)
        found.append((getattr(measure(bench, codes, 3), name) - real) / _unit(name, real))
    return torch.cat(found)


def _unit(name, real):
    return real if name in TIMES else 1.0


@pytest.mark.parametrize("name", Values._fields)
def test_without_noise_the_circuits_are_measured_as_they_are(name):
    assert errors(name, Effects.only(*MISMATCH)).abs().max() < 1e-12


def test_of_a_perfect_chip_the_target_is_measured_to_the_bit():
    target = Target(tau_mem=torch.linspace(5e-6, 40e-6, 512), tau_syn=7.7e-6, leak=83.3, reset=61.7)
    bench = Bench(target, Pattern(1), Effects.none())
    measured = measure(bench, typical_codes(target, bench.effects), 0)
    for found, asked in zip(measured, wanted(target), strict=True):
        assert torch.equal(found, asked)


@pytest.mark.parametrize("name", ["leak", "reset", "threshold"])
def test_reads_of_a_potential_average_out(name):
    effects = Effects.only(*MISMATCH, "read_noise", "cadc", "cadc_period")
    found = errors(name, effects)
    ramp = (instruments.RAMP * effects.cadc_period) ** 2 / 12 if name == "threshold" else 0
    variance = (effects.read_noise**2 + 1 / 12 + ramp) / READS
    assert (found.var() / variance).item() == pytest.approx(1, abs=5 * math.sqrt(2 / len(found)))
    assert abs(found.mean().item()) < 5 * math.sqrt(variance / len(found))


@pytest.mark.parametrize("name", TIMES)
def test_fits_are_as_good_as_the_noise_allows(name):
    effects = Effects.only("read_noise")
    found = errors(name, effects)
    # Cramer and Rao's bound of log tau, amplitude 140 LSB, traces of 5 tau
    s = WINDOW * torch.arange(SAMPLES, dtype=torch.float64) / SAMPLES
    decay = torch.exp(-s)
    slopes = torch.stack([torch.ones_like(s), decay, 140 * decay * s])
    bound = torch.linalg.inv(slopes @ slopes.T)[2, 2] * effects.read_noise**2 / TRACES
    # 0.03: the stride of the samples is rounded down
    assert (found.var() / bound).item() == pytest.approx(
        1, abs=0.03 + 5 * math.sqrt(2 / len(found))
    )
    assert abs(found.mean()) < 5 * math.sqrt(bound / len(found)) + bound


def test_dead_circuits_have_no_threshold_and_everything_else():
    effects = Effects()._replace(dead=0.1)
    bench = Bench(TARGET, Pattern(4), effects)
    measured = measure(bench, typical_codes(TARGET, effects), 0)
    assert torch.equal(measured.threshold.isnan(), bench.pattern.dead(0.1))
    assert not any(getattr(measured, n).isnan().any() for n in Values._fields if n != "threshold")


def test_each_chip_and_write_has_noise_of_its_own():
    effects = Effects.only("read_noise")
    codes = typical_codes(TARGET, effects)

    def leak(seed, write):
        return measure(Bench(TARGET, Pattern(seed), effects), codes, write).leak

    assert torch.equal(leak(1, 1), leak(1, 1))
    for other in (leak(2, 1), leak(1, 2)):
        assert torch.corrcoef(torch.stack([leak(1, 1), other]))[0, 1].abs() < 5 / math.sqrt(512)


def test_reads_stay_within_the_converter():
    effects = Effects.only("cadc")._replace(leak=100.0)
    bench = Bench(TARGET, Pattern(1), effects)
    leak = measure(bench, typical_codes(TARGET, effects), 0).leak
    assert (leak.min(), leak.max()) == (0, 255)


def test_a_fit_finds_an_exponential_from_a_start_three_times_off():
    tau = torch.logspace(math.log10(1 / 3), math.log10(3), 64, dtype=torch.float64)
    one = torch.ones_like(tau)
    times = torch.linspace(0, 5, 128, dtype=torch.float64).expand(64, 128)
    real = Exponential(150 * one, -90 * one, tau)
    found = fit(times, real.at(times), Exponential(140 * one, -60 * one, one))
    for a, b in zip(found, real, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=0)
