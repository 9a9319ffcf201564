"""Yin-Yang with an emulated chip in the loop: it learns, it is reproducible, it is on its chip."""

import copy

import pytest
import torch
from snn_train.command import main
from snn_train.loop import evaluate, fit, updates_per_epoch
from snn_train.random_numbers import seeded
from snn_train.runs import Run, begin, load_data
from snn_train.tasks.table import find_task

CHIPS = ("chip", "chip_eventprop")
SAMPLES, BATCH = 1000, 20


def run_of(gradient, seed=0, **settings):
    task = find_task("yinyang", gradient)
    return Run(task._replace(settings=task.settings._replace(**settings)), seed, task.backend)


def first(data, n):
    return type(data)(data.inputs[torch.arange(n)], data.labels[:n])


def trained(run, epochs):
    task, data = run.task, load_data(run)
    train, validation = first(data.train, SAMPLES), first(data.validation, 300)
    training = begin(run, SAMPLES)
    fit(
        training,
        train,
        validation,
        epochs=epochs,
        batch_size=BATCH,
        loss=task.loss(task.settings),
        decide=task.decide,
    )
    return training, validation


@pytest.mark.parametrize(("gradient", "epochs"), [("chip", 2), ("chip_eventprop", 4)])
def test_it_learns_in_the_loop_and_twice_the_same(gradient, epochs):
    training, _ = trained(run_of(gradient), epochs)
    assert training.history[-1].train.loss < 0.8 * training.history[0].train.loss
    assert training.history[-1].validation.accuracy > 0.7  # of three classes
    again, _ = trained(run_of(gradient), epochs)
    assert torch.equal(again.model.hidden.weight, training.model.hidden.weight)
    assert updates_per_epoch(SAMPLES, BATCH) == 50
    # fixed pattern and trial noise are those of the chip, not of the network
    copied = copy.deepcopy(training.model)
    assert copied.hidden.backends[0].run.__self__ is training.model.hidden.backends[0].run.__self__


@pytest.mark.parametrize("gradient", CHIPS)
def test_another_chip_gives_other_outputs(gradient):
    runs = [run_of(gradient, chip=number) for number in (0, 1)]
    data = first(load_data(runs[0]).validation, 20)
    with torch.no_grad():
        scores = [begin(run, 20).model(data.inputs) for run in runs]
    assert not torch.equal(*scores)


def test_a_network_knows_its_layers_on_the_chip():
    run = run_of("chip")
    with seeded(0, "cpu"):
        model = run.task.network(run.task.settings, "bss2")
    chip = model.hidden.backends[0].run.__self__
    evaluate(model, first(load_data(run).test, 50))
    names = [layer.name for layer in chip.report().layers]
    assert names == ["hidden", "readout"]
    assert chip.report().layers[0].seen.samples == 50


def test_from_the_command_line(tmp_path, capsys):
    options = ("--gradient", "chip", "--epochs", "1", "--out", str(tmp_path), "--quiet")
    assert main(["yinyang", *options]) == 0
    assert (tmp_path / "metrics.json").exists()
    assert (tmp_path / "learning_curve.png").exists()
