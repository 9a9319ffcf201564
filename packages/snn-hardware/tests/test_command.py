"""``snn chip``: what it prints, writes and refuses."""

import importlib.util
import re
from pathlib import Path

import pytest
import torch
from snn_core.cli.main import main as snn
from snn_hardware import Calibration, Effects, Target
from snn_hardware.calibration import calibrate
from snn_hardware.command import main
from snn_hardware.command.listing import rows
from snn_hardware.command.networks import read_network
from snn_hardware.pattern import Pattern


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A folder with a calibration of chip 7, made once."""
    folder = tmp_path_factory.mktemp("chip-7")
    calibrate(Target(), Pattern(7), Effects()).save(folder / "calibration.json")
    return folder / "calibration.json"


@pytest.fixture
def network(tmp_path):
    """A function that saves tensors by name."""

    def save(**tensors):
        torch.save({name.replace("__", "."): one for name, one in tensors.items()}, tmp_path / "n")
        return str(tmp_path / "n")

    return save


def test_it_is_a_command_of_snn(capsys):
    assert snn(["chip"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("calibrate", "trace", "fit", "effects"))


def test_effects_are_all_listed_with_source(capsys):
    assert main(["effects"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert named == ["effect", *Effects._fields]
    assert any("1.2 LSB" in line and "read_noise" in line for line in lines)


def test_the_page_has_the_same_table():
    page = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert not [row for row in rows() if f"| `{row[0]}` | {' | '.join(row[1:])} |" not in page]


def test_calibrate_prints_keeps_and_draws(capsys, tmp_path):
    line = ["calibrate", "--seed", "7", "--leak", "90", "--out", str(tmp_path / "new")]
    assert main(line) == 0
    shown = capsys.readouterr().out
    assert "Calibration of chip 7" in shown
    found = Calibration.load(tmp_path / "new" / "calibration.json")
    assert (found.seed, found.target) == (7, Target(leak=90.0))
    for circuit, reason in found.reasons.items():
        assert f"circuit {circuit}: {reason}" in shown
    for name in ("mismatch.png", "residuals.png"):
        assert (tmp_path / "new" / name).read_bytes().startswith(b"\x89PNG")
        assert f"written: {tmp_path / 'new' / name}" in shown


def test_effects_can_be_set(capsys, tmp_path):
    line = ["calibrate", "--only", "leak", "--only", "dac", "--effect", "leak=3", "--no-pictures"]
    assert main([*line, "--effect", "dac=off", "--out", str(tmp_path)]) == 0
    found = Calibration.load(tmp_path / "calibration.json")
    assert found.effects == Effects.none()._replace(leak=3.0)
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]


def test_trace_of_a_perfect_chip_is_the_ideal_one(capsys, tmp_path):
    line = ["trace", "--only", "cadc", "--effect", "cadc=off", "--no-pictures"]
    assert main([*line, "--effect", "time_step=0.25e-6", "--out", str(tmp_path)]) == 0
    _, ideal, chip = capsys.readouterr().out.splitlines()
    assert ideal.removeprefix("ideal") == chip.removeprefix("chip ")
    assert "spikes (us): none" not in ideal


def test_trace_of_a_calibrated_chip(capsys, calibrated, tmp_path):
    line = ["trace", "--calibration", str(calibrated), "--circuit", "3", "--out", str(tmp_path)]
    assert main([*line, "--spikes", "5e-6", "--weight", "-63"]) == 0
    shown = capsys.readouterr().out
    assert "Chip 7, circuit 3, weight -63" in shown
    assert shown.count("spikes (us): none") == 2
    lowest = float(re.search(r"ideal +membrane ([0-9.]+) to", shown)[1])
    assert abs(lowest - (80 - 63 * 0.35)) < 0.5  # the peak of a PSP; the step adds about 0.25
    assert (tmp_path / "trace.png").read_bytes().startswith(b"\x89PNG")


def test_fit_counts_circuits_and_rounds(capsys, network, tmp_path):
    weight = torch.tensor([[0.1, -0.2, 3.0]])
    path = network(hidden__weight=weight, out__weight=torch.ones(2, 1), out__bias=torch.ones(2))
    assert main(["fit", path, "--weight-scale", "50", "10", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines()]
    assert ["hidden", "1", "3", "1", "1", "50", "33.33%", "0.000"] in rows
    assert ["out", "2", "1", "1", "1", "10", "0.00%", "0.000"] in rows
    assert "circuits: 3 of 512" in shown
    assert "left out, no matrix: out.bias" not in shown
    assert shown.endswith("it fits\n")
    assert (tmp_path / "weights.png").read_bytes().startswith(b"\x89PNG")


def test_the_default_scale_is_that_of_the_target(capsys, network):
    """(125 - 80) LSB over 0.35 e LSB a step."""
    assert main(["fit", network(a__weight=torch.ones(1, 1))]) == 0
    assert " 47.3 " in capsys.readouterr().out
    assert main(["fit", network(a__weight=torch.ones(1, 1)), "--threshold", "170"]) == 0
    assert " 94.6 " in capsys.readouterr().out


def test_replicas_reach_further(capsys, network):
    path = network(a__weight=torch.tensor([[100.0]]))
    assert main(["fit", path, "--weight-scale", "1", "--replicas", "2"]) == 0
    assert " 0.00% " in capsys.readouterr().out


def test_what_does_not_fit_has_code_1_and_says_what_ran_out(capsys, network):
    path = network(a__weight=torch.ones(600, 5))
    assert main(["fit", path]) == 1
    shown = capsys.readouterr().out
    assert "it does not fit: no room (circuits)" in shown
    assert "with --partition: 2 runs" in shown
    assert main(["fit", path, "--partition"]) == 0
    assert "it fits in 2 runs" in capsys.readouterr().out


def test_a_recurrent_layer_that_is_too_large_does_not_fit_in_parts(capsys, network):
    path = network(a__weight=torch.ones(600, 5), a__recurrent_weight=torch.ones(600, 600))
    assert main(["fit", path, "--partition"]) == 1
    assert "no number of runs helps: a" in capsys.readouterr().out


def test_circuits_that_failed_are_not_counted_on(capsys, network, calibrated):
    path = network(a__weight=torch.ones(512, 5))
    assert main(["fit", path]) == 0
    assert main(["fit", path, "--calibration", str(calibrated)]) == 1


def test_recurrent_weights_belong_to_the_layer_before(network):
    first, own, second = torch.ones(3, 2), torch.ones(3, 3), torch.ones(4, 3)
    path = network(a__weight=first, a__recurrent_weight=own, b__weight=second)
    layers = read_network(Path(path)).layers
    assert [one.name for one in layers] == ["a", "b"]
    assert layers[0].recurrent.shape == (3, 3)
    assert layers[1].recurrent is None


def test_checkpoints_of_snn_train_are_read(capsys, tmp_path):
    content = {"format": "x", "run": {}, "training": {"model": {"h.weight": torch.ones(3, 2)}}}
    torch.save(content, tmp_path / "checkpoint.pt")
    assert main(["fit", str(tmp_path / "checkpoint.pt")]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["h", "3", "2"]


def test_weights_that_are_no_matrix_are_named(capsys, network):
    path = network(conv__weight=torch.ones(1, 1, 3, 3), a__weight=torch.ones(3, 2))
    assert main(["fit", path]) == 0
    assert "left out, no matrix: conv.weight (1, 1, 3, 3)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a__bias": torch.ones(3)}, "no matrix whose name ends in 'weight'; it has: a.bias"),
        ({"a__weight": torch.tensor([[torch.nan]])}, "not finite"),
        ({"a__recurrent_weight": torch.ones(3, 3)}, "the layer before it, which is missing"),
        (
            {"a__weight": torch.ones(2, 3), "a__recurrent_weight": torch.ones(3, 3)},
            r"which takes (2, 2)",
        ),
    ],
)
def test_networks_that_cannot_be_are_refused(capsys, network, tensors, message):
    assert main(["fit", network(**tensors)]) == 2
    assert message in capsys.readouterr().err


def test_a_file_that_is_no_network_is_refused(capsys, tmp_path):
    (tmp_path / "a.pt").write_text("no network")
    assert main(["fit", str(tmp_path / "a.pt")]) == 2
    assert "expected a state_dict" in capsys.readouterr().err
    torch.save([1, 2], tmp_path / "b.pt")
    assert main(["fit", str(tmp_path / "b.pt")]) == 2
    assert "got list" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("calibrate --tau-mem 1", "tau_mem = 1 cannot be reached"),
        ("calibrate --effect gain=1", "there is no effect 'gain'"),
        ("calibrate --effect cadc=2", "effect cadc is on or off, got '2'"),
        ("calibrate --effect leak=much", "effect leak is a number or off, got 'much'"),
        ("calibrate --only gain", "there is no effect 'gain'"),
        ("trace --weight 64", "a weight is -63 to 63, got 64"),
        ("trace --spikes 1", "spikes must come within the 6e-05 s"),
        ("trace --duration 0", "the duration must be above 0"),
        ("trace --only leak --circuit 512", "there are circuits 0 to 511, got 512"),
        ("trace --duration 4e-3 --effect cadc_period=6e-6", "MADC samples"),
        ("trace --duration 1e-3", "needs 500 CADC samples"),
    ],
)
def test_lines_that_cannot_be_carried_out_are_refused(capsys, monkeypatch, tmp_path, line, message):
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_options_that_a_calibration_has_are_refused_beside_it(capsys, calibrated, network):
    given = ["--calibration", str(calibrated), "--leak", "90"]
    assert main(["trace", *given, "--seed", "7"]) == 2
    assert "leave out --seed, --leak" in capsys.readouterr().err
    assert main(["fit", network(a__weight=torch.ones(1, 1)), *given]) == 2
    assert "leave out --leak" in capsys.readouterr().err


def test_a_circuit_that_failed_is_not_traced(capsys, calibrated):
    circuit, reason = next(iter(Calibration.load(calibrated).reasons.items()))
    assert main(["trace", "--calibration", str(calibrated), "--circuit", str(circuit)]) == 2
    assert f"circuit {circuit} failed: {reason}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more", [["--replicas", "1", "2", "3"], ["--replicas", "0"], ["--weight-scale", "-1"]]
)
def test_numbers_for_layers_must_be_sensible(capsys, network, more):
    assert main(["fit", network(a__weight=torch.ones(1, 1)), *more]) == 2
    assert "ValueError" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--seed", "-1"], ["--effect", "leak"]])
def test_malformed_options_stop_the_parser(capsys, more):
    with pytest.raises(SystemExit) as stop:
        main(["calibrate", *more])
    assert stop.value.code == 2
    assert "must be" in capsys.readouterr().err


def test_without_matplotlib_it_says_what_to_install_before_any_work(capsys, monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "matplotlib" else find(name)
    )
    monkeypatch.chdir(tmp_path)
    for line in (["calibrate"], ["trace"]):
        assert main(line) == 2
        assert "pip install 'snn-hardware[pictures]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
