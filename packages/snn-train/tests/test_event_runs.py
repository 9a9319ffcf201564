"""``snn train`` by exact EventProp as its user meets it: files, resume, data of the user's."""

import json

import numpy as np
import pytest
import torch
from snn_core.cli.main import main as snn
from snn_train import command, load_checkpoint
from snn_train.data.mnist import FILES, VALIDATION

EXACT = ("--gradient", "eventprop_exact", "--quiet")


def train(task, *options):
    return snn(["train", task, *EXACT, *map(str, options)])


def weights(folder):
    return load_checkpoint(folder / "checkpoint.pt").training["model"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("task", "third"),
    [("yinyang", "output.png"), ("yinyang-delays", "output.png"), ("digits", "membrane.png")],
)
def test_a_run_leaves_its_files_and_goes_on_to_the_bit(task, third, tmp_path, monkeypatch, capsys):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert train(task, "--epochs", 3, "--out", whole) == 0
    expected = capsys.readouterr().out
    assert sorted(path.name for path in whole.iterdir()) == sorted(
        ["checkpoint.pt", "learning_curve.png", "metrics.json", "raster.png", third]
    )
    save = command.save_progress

    def stop(run, training, folder):
        save(run, training, folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "save_progress", stop)
        assert train(task, "--epochs", 3, "--out", cut) == 130
    assert train(task, "--epochs", 3, "--out", cut, "--resume") == 0
    assert capsys.readouterr().out == expected
    assert all(torch.equal(weights(cut)[key], value) for key, value in weights(whole).items())
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (whole, cut)]
    assert metrics[0] == metrics[1]
    assert metrics[0]["versions"]["snn-eventprop"]
    assert metrics[0]["gradient"] == metrics[0]["backend"] == "eventprop_exact"


def test_the_grid_engine_trains_too(tmp_path):
    options = ("--gradient", "eventprop", "--epochs", "2", "--quiet", "--out", str(tmp_path))
    assert snn(["train", "digits", *options]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["backend"] == "eventprop"
    assert metrics["test"]["accuracy"] > 0.8  # guessing gets 10 %
    assert (tmp_path / "membrane.png").exists()


@pytest.mark.usefixtures("small")
def test_the_folder_of_another_gradient_is_another(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert train("yinyang", "--epochs", 1, "--seed", 3) == 0
    folder = tmp_path / "runs" / "yinyang-eventprop_exact-seed3"
    assert (folder / "checkpoint.pt").exists()
    assert snn(["train", "yinyang", "--epochs", "1", "--seed", "3", "--out", str(folder)]) == 2
    assert "gradient is eventprop_exact there, surrogate now" in capsys.readouterr().err


def test_another_backend_than_the_gradient_s_is_refused(tmp_path, capsys):
    assert train("yinyang", "--backend", "eager", "--out", tmp_path / "none") == 2
    assert capsys.readouterr().err == (
        "ValueError: the gradient 'eventprop_exact' comes from backend 'eventprop_exact', not from "
        "'eager'; leave --backend out\n"
    )
    assert not (tmp_path / "none").exists()


def test_its_own_backend_may_be_named(small, tmp_path):
    options = ("--epochs", 1, "--backend", "eventprop_exact", "--out", tmp_path)
    assert train("yinyang", *options) == 0


def write_mnist(folder, train_samples, test_samples):
    """Files as MNIST's: bright rows say which class an image has."""
    for count, images, labels in (
        (train_samples, FILES[0], FILES[1]),
        (test_samples, FILES[2], FILES[3]),
    ):
        classes = np.arange(count) % 10
        pixels = np.zeros((count, 28, 28), np.uint8)
        for row, label in zip(pixels, classes, strict=True):
            row[2 * label : 2 * label + 5] = 250
        sizes = b"".join(size.to_bytes(4, "big") for size in pixels.shape)
        (folder / images).write_bytes(bytes([0, 0, 8, 3]) + sizes + pixels.tobytes())
        head = bytes([0, 0, 8, 1]) + count.to_bytes(4, "big")
        (folder / labels).write_bytes(head + classes.astype(np.uint8).tobytes())


def test_mnist_is_trained_from_the_files_in_a_folder(tmp_path, capsys):
    write_mnist(tmp_path, VALIDATION + 200, 50)
    run = tmp_path / "run"
    assert train("mnist", "--data", tmp_path, "--epochs", 2, "--out", run) == 0
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.8  # guessing gets 10 %
    assert (run / "membrane.png").exists()
    assert capsys.readouterr().out.startswith("test accuracy ")


def test_mnist_without_its_folder_says_how_to_give_it(tmp_path, capsys):
    assert train("mnist", "--out", tmp_path / "none") == 2
    assert "say where they are: --data DIR" in capsys.readouterr().err
    assert train("mnist", "--data", tmp_path, "--out", tmp_path / "none") == 2
    assert f"{tmp_path} has neither {FILES[0]} nor" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
