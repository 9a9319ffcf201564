"""What circuits make of codes: the law to the bit, and mismatch with the stated statistics."""

from __future__ import annotations

import math

import pytest
import torch
from snn_hardware.circuits import (
    POTENTIALS,
    TIMES,
    Values,
    codes_for,
    nominal,
    typical_codes,
    values,
    wanted,
)
from snn_hardware.effects import Effects
from snn_hardware.figures import AFTER_CALIBRATING, REPEATABILITY
from snn_hardware.pattern import Pattern
from snn_hardware.target import Target

SPREADS = {"leak": 2.0, "reset": 2.0, "threshold": 2.0, "tau_mem": 0.05, "tau_syn": 0.05}
SEEDS = range(20)
COUNT = 512 * len(SEEDS)
TARGETS = [
    Target(),
    Target(tau_mem=31e-6, tau_syn=3.3e-6, threshold=151.7, leak=83.1, reset=61.3, capacitance=17),
    Target(tau_mem=torch.linspace(5e-6, 40e-6, 512), leak=torch.linspace(60, 90, 512)),
]


def shifts(name, write):
    """What is added to the law by the circuits of many chips: LSB, or the log of a factor."""
    target, effects = Target(), Effects.only(name)
    codes = typical_codes(target, effects)
    made = [getattr(values(codes, target, Pattern(s), effects, write), name) for s in SEEDS]
    found, law = torch.cat(made), getattr(wanted(target), name)[0]
    return found - law if name in POTENTIALS else (found / law).log()


@pytest.mark.parametrize("target", TARGETS)
def test_without_dac_and_mismatch_circuits_have_the_target_to_the_bit(target):
    codes = typical_codes(target, Effects.none())
    for found, asked in zip(
        values(codes, target, Pattern(3), Effects.none(), 5), wanted(target), strict=True
    ):
        assert torch.equal(found, asked)


@pytest.mark.parametrize("target", TARGETS)
def test_an_effect_of_0_leaves_the_law_to_the_bit(target):
    for name in SPREADS:
        effects = Effects()._replace(**{name: 0.0})
        codes = typical_codes(target, effects)
        made = values(codes, target, Pattern(3), effects, 5)
        assert torch.equal(getattr(made, name), getattr(nominal(codes, target), name))
        for other in set(SPREADS) - {name}:
            assert not torch.equal(getattr(made, other), getattr(nominal(codes, target), other))


@pytest.mark.parametrize("target", TARGETS)
def test_the_dac_alone_is_off_by_at_most_half_a_step(target):
    codes = typical_codes(target, Effects.only("dac"))
    exact = codes_for(wanted(target), target)
    made = codes_for(nominal(codes, target), target)
    for name in Values._fields:
        written = getattr(codes, name)
        assert torch.equal(written, written.round())
        assert ((written - getattr(exact, name)).abs() <= 0.5).all()
        torch.testing.assert_close(getattr(made, name), written, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("name", SPREADS)
def test_spreads_of_uncalibrated_circuits(name):
    found = shifts(name, 0)
    std = SPREADS[name] / AFTER_CALIBRATING[name].value
    # of COUNT normal numbers the variance has a relative std of sqrt(2 / COUNT)
    assert (found.var() / std**2).item() == pytest.approx(1, abs=5 * math.sqrt(2 / COUNT))
    assert abs(found.mean().item()) < 5 * std / math.sqrt(COUNT)
    within = (found.abs() < std).double().mean().item()
    assert within == pytest.approx(math.erf(math.sqrt(0.5)), abs=5 * 0.47 / math.sqrt(COUNT))


@pytest.mark.parametrize("name", SPREADS)
def test_each_write_adds_a_little_of_its_own(name):
    first, second = shifts(name, 0), shifts(name, 1)
    of_write = REPEATABILITY.value * SPREADS[name]
    scatter = ((first - second).var() / (2 * of_write**2)).item()
    assert scatter == pytest.approx(1, abs=5 * math.sqrt(2 / COUNT))
    assert torch.equal(first, shifts(name, 0))


def test_quantities_and_chips_are_independent():
    found = torch.stack([shifts(name, 0) for name in SPREADS])
    off_diagonal = torch.corrcoef(found) - torch.eye(len(SPREADS))
    assert off_diagonal.abs().max() < 5 / math.sqrt(COUNT)
    chips = torch.corrcoef(found[0].reshape(len(SEEDS), 512)) - torch.eye(len(SEEDS))
    assert chips.abs().max() < 5 / math.sqrt(512)


def test_times_stay_positive_whatever_the_spread():
    effects = Effects.none()._replace(tau_mem=0.5, tau_syn=0.5)
    made = values(typical_codes(Target(), effects), Target(), Pattern(1), effects, 0)
    assert all(bool((getattr(made, name) > 0).all()) for name in TIMES)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Target(tau_mem=0.6e-6), r"tau_mem = 6e-07 .* from 1.65e-06 to 0.000219 s"),
        (Target(tau_syn=1e-6), r"tau_syn = 1e-06 .* choose one from 1.35e-06 to 0.000111 s"),
        (Target(tau_mem=60e-6, capacitance=0), r"at capacitance 0 choose one from 1.5e-07"),
    ],
)
def test_what_the_laws_cannot_reach_names_what_they_can(target, message):
    with pytest.raises(ValueError, match=message):
        typical_codes(target, Effects())


def test_a_smaller_capacitance_reaches_shorter_times():
    assert typical_codes(Target(tau_mem=0.6e-6, capacitance=10), Effects()).tau_mem[0] < 1020
