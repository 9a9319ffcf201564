"""The report of a chip: what lies where, in which units, and what was lost."""

import pytest
import snn_core as snn
import torch
from snn_hardware import Chip, Effects, Target
from snn_hardware.observation import Lost
from snn_neurons import lif

PARAMS = lif.Params(tau_mem=10e-6, tau_syn=10e-6)


def drawn(n_in=20, n_out=30, n_batch=3):
    draw = torch.Generator().manual_seed(0)
    x = (torch.rand(40, n_batch, n_in, generator=draw) < 0.1).float()
    return x, torch.randn(n_out, n_in, generator=draw)


def run(chip, x, weight, params=PARAMS, dt=1e-6):
    return snn.integrate("lif", x, weight=weight, params=params, dt=dt, backend=chip)


def test_an_empty_chip():
    report = Chip(7).report()
    assert str(report) == "chip 7, not calibrated, typical settings; no layer is on it"
    assert report.lost == Lost()
    assert report.layers == ()


def test_a_layer_that_has_not_run():
    chip = Chip(7)
    layer = snn.Layer(5, 4, "lif", params=PARAMS, dt=1e-6, backend=chip)
    text = str(chip.report())
    assert f"layer 1: {layer.n_out} neurons of 1 circuits, 5 inputs of 1 row pairs, 1 run" in text
    assert "units" not in text


def test_calls_add_up():
    x, weight = drawn()
    chip, sent, fired = Chip(7), 0, 0
    for n_batch in (3, 1):
        out = run(chip.at("hidden"), x[:, :n_batch], weight)
        sent += int(x[:, :n_batch].sum())
        fired += int(out.observed.spikes.sum())
    (one,) = chip.report().layers
    assert (one.name, one.seen.calls, one.seen.samples) == ("hidden", 2, 4)
    assert one.seen.chip_time == pytest.approx(4 * 40e-6)
    lost = one.seen.lost
    assert lost[:4] == (sent, 0, fired + lost.merged, 0)
    assert chip.report().lost == one.seen.lost
    assert fired == sum(run(chip.at("hidden"), x[:, :n], weight).output.sum() for n in (3, 1))


def test_the_time_of_the_chip_has_runs_waits_and_an_acceleration():
    x, weight = drawn(n_out=600)
    chip = Chip(7, acceleration=1000.0, partition=True, wait=10e-6)
    run(chip, x, weight, lif.Params(tau_mem=10e-3, tau_syn=10e-3), dt=1e-3)
    (one,) = chip.report().layers
    assert one.seen.chip_time == pytest.approx(3 * 2 * (40e-6 + 10e-6))
    text = str(one)
    assert "600 neurons of 1 circuits" in text
    assert "2 runs" in text
    assert "1000 s of the model are one of the chip" in text
    assert "3 samples in 1 calls, 0.3 ms of the chip" in text


def test_units_and_weights_in_words():
    x, weight = drawn()
    weight *= 0.3
    weight[0] = 9.0
    chip = Chip(7, effects=Effects.only("weights"))
    run(chip, x, weight, PARAMS._replace(v_leak=-0.5, v_reset=-0.5))
    text = str(chip.report())
    assert "units: 80 LSB + (v - -0.5) * 30 LSB; a weight of 1 is 31.5 steps" in text
    assert f"weights: {1 / 30:.1%} saturated, rounding 0.2" in text
    assert "spikes: " in text
    assert "chip 7, not calibrated" in text


def test_a_calibrated_chip():
    chip = Chip(7)
    found = chip.calibrate(Target(threshold=torch.linspace(120, 130, 512), leak=90, reset=85))
    head = str(chip.report())
    failed = int((~found.ok).sum())
    assert failed > 0
    assert "calibrated (threshold per circuit, leak 90, reset 85 LSB)" in head
    assert f"{failed} circuits failed and are not used" in head


def test_the_report_does_not_keep_a_weight_alive():
    x, weight = drawn()
    chip = Chip.ideal()
    run(chip, x, weight)
    report = chip.report()
    del weight
    assert chip.report().layers == ()
    assert len(report.layers) == 1
