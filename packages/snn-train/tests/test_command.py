"""``snn train`` as its user meets it."""

import json
import re
import subprocess
import sys

import pytest
import torch
from snn_core.cli.main import main as snn
from snn_train import command, find_task, load_checkpoint

FILES = ["checkpoint.pt", "learning_curve.png", "membrane.png", "metrics.json", "raster.png"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run of four epochs, and what it printed."""
    folder = tmp_path_factory.mktemp("finished")
    line = [sys.executable, "-m", "snn_core", "train", "digits"]
    done = subprocess.run(
        [*line, "--epochs", "4", "--seed", "5", "--out", str(folder / "run")],
        capture_output=True,
        text=True,
        check=True,
    )
    return folder / "run", done


def test_the_last_line_is_the_test_accuracy(finished):
    folder, done = finished
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"test accuracy \d{1,2}\.\d %", last)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert last == f"test accuracy {100 * metrics['test']['accuracy']:.1f} %"
    assert metrics["test"]["accuracy"] > 0.85  # guessing gets 10 %


def test_the_accuracy_is_that_of_the_saved_weights_on_the_test_data(finished):
    folder, _ = finished
    metrics = json.loads((folder / "metrics.json").read_text())
    task = find_task("digits")
    model = task.network(task.settings, metrics["backend"])
    model.load_state_dict(weights(folder))
    test = task.load().test
    with torch.no_grad():
        scores = model.eval()(test.inputs)
    accuracy = (scores.argmax(1) == test.labels).double().mean().item()
    assert metrics["test"]["accuracy"] == accuracy
    loss = torch.nn.functional.cross_entropy(scores, test.labels).item()
    assert metrics["test"]["loss"] == pytest.approx(loss, rel=1e-4)


def test_every_file_is_written_and_listed(finished):
    folder, done = finished
    assert sorted(file.name for file in folder.iterdir()) == FILES
    for name in FILES:
        assert str(folder / name) in done.stdout


def test_there_is_a_progress_bar_without_a_terminal(finished):
    _, done = finished
    assert re.search(r"digits, seed 5: 100%.*4/4.*loss \d\.\d{3}, validation \d", done.stderr)


def test_the_metrics_say_what_was_run(finished):
    metrics = json.loads((finished[0] / "metrics.json").read_text())
    assert (metrics["task"], metrics["seed"], metrics["gradient"]) == ("digits", 5, "surrogate")
    assert metrics["schedule"]["epochs"] == 4
    assert metrics["settings"]["n_hidden"] == 512
    assert [row["epoch"] for row in metrics["history"]] == [1, 2, 3, 4]
    losses = [row["validation"]["loss"] for row in metrics["history"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1.0  # guessing has ln 10 = 2.3
    assert metrics["versions"]["torch"] == torch.__version__


def run(*options):
    return snn(["train", *map(str, options)])


def weights(folder):
    return load_checkpoint(folder / "checkpoint.pt").training["model"]


@pytest.mark.usefixtures("small")
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch, capsys):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    options = ("digits", "--epochs", 3, "--quiet", "--out")
    assert run(*options, whole) == 0
    expected = capsys.readouterr().out

    save = command.save_progress

    def stop(run, training, folder):
        save(run, training, folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "save_progress", stop)
        assert run(*options, cut) == 130
    printed = capsys.readouterr()
    assert "interrupted after 1 epoch; the same command with --resume goes on" in printed.err
    assert len(load_checkpoint(cut / "checkpoint.pt").training["history"]) == 1
    assert run(*options, cut, "--resume") == 0
    assert capsys.readouterr().out == expected
    assert all(torch.equal(weights(cut)[key], value) for key, value in weights(whole).items())
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (whole, cut)]
    assert metrics[0] == metrics[1]


@pytest.mark.usefixtures("small")
def test_quiet_prints_one_line_and_the_same_command_may_run_again(tmp_path, capsys):
    lines = []
    for _ in range(2):
        assert run("digits", "--epochs", 1, "--quiet", "--out", tmp_path) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        lines.append(printed.out)
    assert re.fullmatch(r"test accuracy \d{1,3}\.\d %\n", lines[0])
    assert lines[0] == lines[1]


@pytest.mark.usefixtures("small")
def test_the_folder_is_named_after_task_and_seed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("digits", "--epochs", 1, "--quiet", "--seed", 3) == 0
    assert (tmp_path / "runs" / "digits-seed3" / "checkpoint.pt").exists()


@pytest.mark.parametrize("more", [[], ["--resume"]])
def test_the_checkpoint_of_another_run_is_left_alone(finished, capsys, more):
    folder, _ = finished
    before = (folder / "checkpoint.pt").read_bytes()
    assert run("digits", "--seed", 6, "--epochs", 5, "--out", folder, *more) == 2
    message = capsys.readouterr().err
    assert "schedule.epochs is 4 there, 5 now; seed is 5 there, 6 now" in message
    assert "choose another --out" in message
    assert (folder / "checkpoint.pt").read_bytes() == before


def test_a_damaged_checkpoint_is_refused(tmp_path, capsys):
    (tmp_path / "checkpoint.pt").write_bytes(b"damaged")
    for more in ([], ["--resume"]):
        assert run("digits", "--out", tmp_path, *more) == 2
        assert "checkpoint.pt cannot be read as a checkpoint" in capsys.readouterr().err


def test_nothing_to_resume_is_said(tmp_path, capsys):
    assert run("digits", "--out", tmp_path / "none", "--resume") == 2
    assert "there is no checkpoint" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run("digits", "--out", tmp_path / "file") == 2
    assert "FileExistsError" in capsys.readouterr().err


def test_without_a_task_the_tasks_are_listed(capsys):
    assert run() == 0
    printed = capsys.readouterr().out
    assert "  digits          handwritten digits, 8 x 8 pixels" in printed
    assert "  yinyang         points of the Yin-Yang symbol" in printed
    assert "--gradient surrogate or eventprop_exact or eventprop\n" in printed
    assert "--gradient surrogate or eventprop_exact or chip or chip_eventprop\n" in printed


def test_an_unknown_task_is_an_error_with_the_nearest(capsys):
    assert run("digitz") == 2
    assert "UnknownName: unknown task 'digitz'; did you mean 'digits'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "hint"), [("surogate", "; did you mean 'surrogate'?"), ("bptt", "")]
)
def test_an_unknown_gradient_says_which_there_are(name, hint, tmp_path, capsys):
    assert run("digits", "--gradient", name, "--out", tmp_path / "none") == 2
    message = capsys.readouterr().err
    assert f"UnknownName: task 'digits' has no gradient {name!r}{hint}\n" in message
    assert "there are: surrogate, eventprop_exact, eventprop" in message
    assert not (tmp_path / "none").exists()


def test_a_task_without_a_gradient_says_which_it_has(tmp_path, capsys):
    assert run("mnist", "--gradient", "surrogate", "--out", tmp_path / "none") == 2
    message = capsys.readouterr().err
    assert "task 'mnist' has no gradient 'surrogate'" in message
    assert message.rstrip().endswith("there are: eventprop_exact")


@pytest.mark.parametrize("task", ["digits", "yinyang", "yinyang-delays", "mnist"])
def test_a_gradient_that_is_not_installed_says_what_to_install(task, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "snn_eventprop", None)
    assert run(task, "--gradient", "eventprop_exact", "--out", tmp_path / "none") == 2
    assert (
        "MissingNeed: gradient 'eventprop_exact' needs snn_eventprop: "
        "pip install 'snn-train[eventprop]'" in capsys.readouterr().err
    )
    assert not (tmp_path / "none").exists()


def test_a_folder_of_data_for_a_task_that_reads_none_is_refused(tmp_path, capsys):
    assert run("digits", "--data", tmp_path, "--out", tmp_path / "none") == 2
    assert capsys.readouterr().err == (
        f"ValueError: task 'digits' has its data with it and reads no folder: {tmp_path}\n"
    )


def test_an_unknown_backend_is_the_registry_s_error(tmp_path, capsys):
    assert run("digits", "--backend", "eagre", "--out", tmp_path / "none") == 2
    assert "unknown backend 'eagre'; did you mean 'eager'?" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--epochs", "0", "must be a whole number of at least 1, got '0'"),
        ("--epochs", "many", "must be a whole number of at least 1, got 'many'"),
        ("--seed", "-1", "must be a whole number from 0 to 2**63 - 1, got '-1'"),
        ("--seed", str(2**63), "must be a whole number from 0 to 2**63 - 1"),
        ("--device", "gpu", "invalid choice: 'gpu'"),
    ],
)
def test_values_that_cannot_be_are_refused(option, value, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        run("digits", f"{option}={value}")
    assert message in capsys.readouterr().err


def test_a_device_that_is_not_here_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run("digits", "--device", "cuda", "--out", tmp_path / "none") == 2
    assert capsys.readouterr().err.startswith("ValueError: device 'cuda' is not available to torch")
    assert not (tmp_path / "none").exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.usefixtures("small")
def test_a_gpu_trains_too_and_its_run_goes_on_there(tmp_path, capsys):
    options = ("digits", "--epochs", 4, "--quiet", "--out", tmp_path)
    assert run(*options, "--device", "cuda") == 0
    assert json.loads((tmp_path / "metrics.json").read_text())["device"] == "cuda"
    assert run(*options, "--device", "cuda", "--resume") == 0
    assert run(*options, "--resume") == 2
    assert "device is cuda there, cpu now" in capsys.readouterr().err
