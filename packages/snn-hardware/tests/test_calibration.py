"""Calibration: what it brings, what it says about it, and that a file gives it back to the bit."""

from __future__ import annotations

import json

import pytest
import torch
from snn_hardware import circuits, instruments
from snn_hardware.calibration import Calibration, calibrate, search
from snn_hardware.calibration.spread import trimmed_std
from snn_hardware.circuits import Values, codes_for, values, wanted
from snn_hardware.effects import Effects
from snn_hardware.figures import AFTER_CALIBRATING
from snn_hardware.pattern import Pattern
from snn_hardware.target import Target

SEEDS = (1, 2, 7)


@pytest.fixture(scope="module")
def found():
    """Calibrations of three chips."""
    return {seed: calibrate(Target(), Pattern(seed), Effects()) for seed in SEEDS}


def same(one, other):
    """All tensors of two calibrations are equal, nan to nan."""
    pairs = [
        *zip(one.codes, other.codes, strict=True),
        *zip(one.before, other.before, strict=True),
        *zip(one.after, other.after, strict=True),
    ]
    return all(torch.equal(a.nan_to_num(-1.0), b.nan_to_num(-1.0)) for a, b in pairs)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", Values._fields)
def test_spreads_shrink_by_more_than_the_published_ratios(found, seed, name):
    spread = found[seed].spread()[name]
    assert spread.ratio < AFTER_CALIBRATING[name].value
    assert spread.before > 0


@pytest.mark.parametrize("name", Values._fields)
def test_what_is_left_is_little_more_than_the_scatter_of_one_write(found, name):
    # really, not as measured: sqrt(0.8^2 + 0.8^2 / 32) of the spread, and half codes
    left = []
    for seed, one in found.items():
        real = getattr(values(one.codes, one.target, Pattern(seed), one.effects, one.write), name)
        asked = getattr(wanted(one.target), name)
        alive = ~Pattern(seed).dead(one.effects.dead)  # the others' thresholds cannot be measured
        left.append(((real - asked) / (asked if name.startswith("tau") else 1))[alive])
    assert 0.75 < torch.cat(left).std() / getattr(Effects(), name) < 0.9
    assert abs(torch.cat(left).mean() / getattr(Effects(), name)) < 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_the_circuits_that_fail_are_those_that_never_fire(found, seed):
    dead = Pattern(seed).dead(Effects().dead)
    assert torch.equal(found[seed].ok, ~dead)
    assert dead.any()
    assert found[seed].reasons == dict.fromkeys(dead.nonzero().flatten().tolist(), "never fires")


def test_the_same_chip_gives_the_same_on_any_number_of_threads(found):
    threads = torch.get_num_threads()
    other = 2 if threads == 1 else 1
    torch.set_num_threads(other)
    try:
        again = calibrate(Target(), Pattern(7), Effects())
        assert torch.get_num_threads() == other
    finally:
        torch.set_num_threads(threads)
    assert same(again, found[7])
    assert not same(found[1], found[2])


def test_another_first_write_is_another_calibration(found):
    later = calibrate(Target(), Pattern(7), Effects(), first_write=100)
    assert later.write == 100 + search.WRITES
    assert not same(later, found[7])
    assert later.spread()["leak"].ratio < AFTER_CALIBRATING["leak"].value


TARGETS = [
    Target(),
    Target(tau_mem=31e-6, tau_syn=3.3e-6, threshold=151.7, leak=83.1, reset=61.3, capacitance=17),
    Target(tau_mem=torch.linspace(5e-6, 40e-6, 512), leak=torch.linspace(60, 90, 512)),
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_perfect_chip_has_no_residual_at_all(target):
    one = calibrate(target, Pattern(7), Effects.none())
    assert all(torch.equal(left, torch.zeros_like(left)) for left in one.residual)
    assert one.ok.all()
    assert one.reasons == {}


@pytest.mark.parametrize("target", TARGETS)
def test_codes_alone_leave_at_most_half_a_step(target):
    one = calibrate(target, Pattern(7), Effects.only("dac"))
    made, asked = codes_for(one.after, target), codes_for(wanted(target), target)
    for name in Values._fields:
        assert ((getattr(made, name) - getattr(asked, name)).abs() <= 0.5 + 1e-9).all()


def test_each_circuit_may_have_a_target_of_its_own():
    target = Target(
        tau_mem=torch.linspace(8e-6, 30e-6, 512), threshold=torch.linspace(110, 180, 512)
    )
    one = calibrate(target, Pattern(3), Effects())
    assert torch.equal(one.ok, ~Pattern(3).dead(Effects().dead))
    assert one.codes.divided.any()
    assert not one.codes.divided.all()
    assert all(one.spread()[n].ratio < AFTER_CALIBRATING[n].value for n in Values._fields)
    assert "110-180 LSB" in str(one)


def test_it_works_by_measuring_on_a_chip_of_another_law(monkeypatch):
    # 20 % steeper and 9 LSB off: only a search that looks at the chip finds the target
    def other(codes, target, pattern, effects, write):
        made = circuits.values(codes, target, pattern, effects, write)
        return made._replace(leak=80 + 1.2 * (made.leak - 80) + 9)

    monkeypatch.setattr(instruments, "values", other)
    one = calibrate(Target(), Pattern(5), Effects.only("leak"))
    left = other(one.codes, *instruments.Bench(one.target, Pattern(5), one.effects), one.write)
    assert abs((left.leak - 80).mean()) < 0.5
    assert (left.leak - 80).std() < 1.2 * 0.9 * Effects().leak


def test_codes_at_their_end_are_said():
    one = calibrate(Target(tau_syn=1.5e-6), Pattern(7), Effects())
    ended = {c: why for c, why in one.reasons.items() if "tau_syn has its code at the end" in why}
    assert ended
    assert not one.ok[list(ended)].any()
    assert (one.codes.tau_syn[list(ended)] == 1020).all()
    assert any("from its target" in why for why in ended.values())


def test_leaks_that_scatter_beyond_thresholds_are_said():
    one = calibrate(Target(leak=80, threshold=81), Pattern(7), Effects.only("leak"))
    fires = one.after.leak >= one.after.threshold
    assert fires.any()
    assert all("fires at rest" in one.reasons[c] for c in fires.nonzero().flatten().tolist())


def test_targets_that_are_missed_are_said():
    one = calibrate(Target(), Pattern(7), Effects.only("leak")._replace(leak=20.0))
    missed = (one.residual.leak.abs() > 8).nonzero().flatten().tolist()
    said = [circuit for circuit, why in one.reasons.items() if "LSB from its target" in why]
    assert missed
    assert said == missed
    assert not one.ok[missed].any()


def test_a_changed_target_is_noticed_by_value(found):
    assert found[7].differs(Target()) == ()
    assert found[7].differs(Target(leak=81, tau_mem=12e-6)) == ("tau_mem", "leak")


def test_the_table_shows_each_quantity_and_what_failed(found):
    lines = str(found[7]).splitlines()
    assert lines[0] == (
        "Calibration of chip 7, write 33: 508 of 512 circuits have what was asked for"
    )
    threshold = next(line for line in lines if line.startswith("threshold"))
    assert threshold.split()[1:3] == ["125", "LSB"]
    assert threshold.split()[-2:] == ["0.35", "4"]
    bars = [line.split("|")[1] for line in lines if "|" in line]
    assert len(bars) == 10
    assert all(len(bar) == 25 for bar in bars)
    for before, after in zip(bars[::2], bars[1::2], strict=True):
        assert after.count(" ") > before.count(" ")


def test_a_trimmed_std_leaves_out_a_twentieth_at_each_end():
    values = torch.cat([torch.arange(100.0), torch.tensor([torch.nan])])
    assert trimmed_std(values) == pytest.approx(torch.arange(5.0, 95.0).std(correction=0).item())
    assert torch.tensor(trimmed_std(torch.tensor([torch.nan]))).isnan()


@pytest.mark.parametrize(
    ("target", "effects", "writes", "error", "message"),
    [
        (Target(leak=20), Effects(), 0, ValueError, "leak = 20 cannot be reached"),
        (Target(tau_mem=1e-6), Effects(), 0, ValueError, "tau_mem = 1e-06 needs code"),
        (Target(), Effects(leak=-1.0), 0, ValueError, "effect leak must be finite"),
        (Target(leak="80"), Effects(), 0, TypeError, "leak must be a number"),
        (Target(), Effects(), -1, ValueError, "counted from 0, got first_write = -1"),
    ],
)
def test_bad_input_is_refused_before_anything_is_measured(
    monkeypatch, target, effects, writes, error, message
):
    monkeypatch.setattr(search, "measure", None)
    with pytest.raises(error, match=message):
        calibrate(target, Pattern(7), effects, first_write=writes)


def test_a_file_gives_it_back_to_the_bit(found, tmp_path):
    found[7].save(tmp_path / "chip7.json")
    loaded = Calibration.load(str(tmp_path / "chip7.json"))
    assert same(loaded, found[7])
    assert (loaded.seed, loaded.write, loaded.effects) == (7, found[7].write, Effects())
    assert loaded.differs(found[7].target) == ()
    assert [type(v) for v in loaded.effects] == [type(v) for v in Effects()]
    assert loaded.codes.divided.dtype == torch.bool
    assert torch.equal(loaded.ok, found[7].ok)
    circuits_now = values(loaded.codes, loaded.target, Pattern(7), loaded.effects, loaded.write)
    circuits_then = values(found[7].codes, Target(), Pattern(7), Effects(), found[7].write)
    assert all(torch.equal(a, b) for a, b in zip(circuits_now, circuits_then, strict=True))


def test_targets_of_each_circuit_are_kept_too(tmp_path):
    target = Target(leak=torch.linspace(60, 90, 512))
    calibrate(target, Pattern(7), Effects.none()).save(tmp_path / "a.json")
    assert Calibration.load(tmp_path / "a.json").differs(target) == ()


def _changed(text, **parts):
    return json.dumps({**json.loads(text), **parts})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "no JSON"),
        (lambda text: "[1, 2]", "does not begin with"),
        (lambda text: _changed(text, format="another 1"), "does not begin with"),
        (lambda text: _changed(text, seed=8), "numbers were changed"),
        (lambda text: _changed(text, more=8), r"has \['more'\] besides"),
    ],
)
def test_damaged_and_foreign_files_are_refused(found, tmp_path, damage, message):
    path = tmp_path / "chip.json"
    found[7].save(path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=rf"chip\.json holds no calibration: .*{message}"):
        Calibration.load(path)


def test_files_of_other_bytes_and_no_file(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00PK")
    with pytest.raises(ValueError, match="no JSON"):
        Calibration.load(tmp_path / "bytes")
    with pytest.raises(FileNotFoundError):
        Calibration.load(tmp_path / "none")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"seed": "7"}, "seed should be a whole number"),
        ({"target": {}}, "target should have the parts tau_mem"),
        ({"target": Target(leak="80")._asdict()}, "leak must be a number"),
        ({"effects": Effects(leak="2")._asdict()}, "effect leak is a number"),
        ({"codes": [1]}, "codes should have the parts leak"),
        ({"before": {name: [1.0] for name in Values._fields}}, "before.leak should be 512 numbers"),
        (
            {"after": {name: ["a"] * 512 for name in Values._fields}},
            "after.leak should be 512 numbers",
        ),
    ],
)
def test_files_with_a_right_digest_and_wrong_parts_are_refused(found, tmp_path, parts, message):
    from snn_hardware.calibration.storage import FIELDS, _digest

    found[7].save(tmp_path / "chip.json")
    body = {**json.loads((tmp_path / "chip.json").read_text()), **parts}
    body["sha256"] = _digest({name: body[name] for name in FIELDS})
    (tmp_path / "chip.json").write_text(json.dumps(body))
    with pytest.raises(ValueError, match=message):
        Calibration.load(tmp_path / "chip.json")
