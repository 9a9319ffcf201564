"""What the pieces of snn-train refuse, and what they leave as it was when they do."""

import numpy as np
import pytest
import torch
from snn_train import (
    Checkpoint,
    Dataset,
    Training,
    evaluate,
    fit,
    load_checkpoint,
    poisson,
    rate,
    save_checkpoint,
    seeded,
)
from snn_train.runs import Run, begin, claim_folder, save_progress
from snn_train.tasks.table import find_task
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

DATA = Dataset(torch.eye(3).repeat(4, 1), torch.arange(3).repeat(4))


def training(t_max=100):
    with seeded(0):
        model = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = CosineAnnealingLR(optimizer, T_max=t_max)
    return Training(model, optimizer, schedule, torch.Generator().manual_seed(0))


def test_a_cosine_that_would_rise_again_is_refused():
    with pytest.raises(
        ValueError, match=r"falls to its end at update 5 .* ends at update 6; .*=6$"
    ):
        fit(training(t_max=5), DATA, DATA, epochs=2, batch_size=4)
    fit(training(t_max=6), DATA, DATA, epochs=2, batch_size=4)


@pytest.mark.parametrize("labels", [DATA.labels[:, None], DATA.labels.float()])
def test_labels_that_would_broadcast_or_mean_something_else_are_refused(labels):
    with pytest.raises(ValueError, match=r"labels of data must be integers \(S,\), one per sample"):
        evaluate(
            nn.Identity(), DATA._replace(labels=labels), loss=lambda scores, labels: scores.sum()
        )


def test_half_an_epoch_is_refused():
    with pytest.raises(ValueError, match=r"epochs must be a whole number of at least 1, got 1.5"):
        fit(training(), DATA, DATA, epochs=1.5, batch_size=4)


def test_a_refused_state_leaves_the_model_as_it_was():
    one = training()
    before = one.model.weight.clone()
    state = {**one.state_dict(), "model": nn.Linear(3, 3).state_dict(), "history": [[1.0]]}
    with pytest.raises(ValueError, match=r"does not fit this model"):
        one.load_state_dict(state)
    assert torch.equal(one.model.weight, before)
    with pytest.raises(ValueError, match=r"does not fit this model"):
        one.load_state_dict({**one.state_dict(), "optimizer": None})


def test_evaluation_that_fails_leaves_the_mode_as_it_was():
    model = nn.Linear(5, 3).train()
    with pytest.raises(RuntimeError):
        evaluate(model, DATA)
    assert model.training


@pytest.mark.parametrize("encode", [rate, lambda *rest: poisson(*rest, None)])
def test_rates_are_numbers_and_steps_are_whole(encode):
    with pytest.raises(TypeError, match=r"rates must be floating point, in Hz, got torch.bool"):
        encode(torch.tensor([[True]]), 5, 1e-3)
    with pytest.raises(TypeError, match=r"steps must be a whole number, got float"):
        encode(torch.tensor([[10.0]]), 8.5, 1e-3)


def test_half_precision_counts_long_trains():
    rates = torch.tensor([[30.0, 700.0, 900.0]], dtype=torch.float16)
    spikes = rate(rates, steps=10_000, dt=1e-3)
    assert spikes.dtype == torch.float16
    assert spikes.double().sum(0).tolist() == [[300.0, 7000.0, 9000.0]]


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_a_device_may_be_named(device):
    with seeded(3, device):
        first = torch.rand(2)
    with seeded(3):
        assert torch.equal(first, torch.rand(2))


def test_a_checkpoint_path_may_be_a_string(tmp_path):
    path = str(tmp_path / "a.pt")
    save_checkpoint(path, Checkpoint({"seed": 1}, {"epoch": 2}))
    assert load_checkpoint(path) == Checkpoint({"seed": 1}, {"epoch": 2})


def test_a_checkpoint_that_lacks_a_part_is_refused(tmp_path):
    torch.save({"format": "snn-train checkpoint 1", "run": 3}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a.pt lacks what was run or where it stands"):
        load_checkpoint(tmp_path / "a.pt")


def test_an_unfinished_training_is_not_begun_anew(tmp_path):
    run = Run(find_task("digits"), seed=0)
    save_progress(run, begin(run, samples=1079), tmp_path)
    with pytest.raises(ValueError, match=r"not finished, 0 of \d+ epochs: go on with --resume"):
        claim_folder(run, tmp_path)


def test_a_finished_training_is_begun_anew_without_its_old_files(tmp_path):
    task = find_task("digits")
    run = Run(task._replace(schedule=task.schedule._replace(epochs=1)), seed=0)
    one = begin(run, samples=1079)
    fit(one, *tiny_splits(), epochs=1, batch_size=128)
    save_progress(run, one, tmp_path)
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    claim_folder(run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def tiny_splits():
    draw = np.random.RandomState(0)
    inputs = torch.from_numpy(draw.rand(20, 64)).float()
    return (Dataset(inputs, torch.arange(20) % 10),) * 2
