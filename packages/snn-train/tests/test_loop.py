"""The loop against a hand calculation; reproducible, resumable, and it learns."""

import re

import pytest
import torch
from snn_train import (
    Checkpoint,
    Dataset,
    Epoch,
    Score,
    Training,
    evaluate,
    fit,
    load_checkpoint,
    save_checkpoint,
    updates_per_epoch,
)
from snn_train.loop import EVALUATION_BATCH
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR


class Seen(nn.Linear):
    """A linear model that remembers its inputs."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.batches = []

    def forward(self, inputs):
        if self.training:
            self.batches.append(inputs.detach())
        return super().forward(inputs)


def data(samples, features=4, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(samples, features, generator=generator)
    return Dataset(inputs, torch.randint(classes, (samples,), generator=generator))


def linear_training(learning_rate, model=None):
    model = model or Seen(4, 3)
    optimizer = SGD(model.parameters(), lr=learning_rate)
    scheduler = ConstantLR(optimizer, factor=1.0)
    return Training(model, optimizer, scheduler, torch.Generator().manual_seed(0))


def test_one_update_is_that_of_softmax_regression():
    train = data(50)
    training = linear_training(0.7)
    weight, bias = (p.detach().clone() for p in training.model.parameters())
    error = torch.softmax(train.inputs @ weight.T + bias, 1) - functional.one_hot(train.labels)
    fit(training, train, train, epochs=1, batch_size=50)
    expected = weight - 0.7 * error.T @ train.inputs / 50
    torch.testing.assert_close(training.model.weight.detach(), expected)
    torch.testing.assert_close(training.model.bias.detach(), bias - 0.7 * error.mean(0))


def test_each_epoch_sees_each_sample_once_in_a_new_order():
    train = data(25)
    training = linear_training(0.1)
    fit(training, train, train, epochs=2, batch_size=10)
    assert [len(batch) for batch in training.model.batches] == [10, 10, 5, 10, 10, 5]
    first, second = torch.cat(training.model.batches).split(25)
    assert sorted(first.tolist()) == sorted(second.tolist()) == sorted(train.inputs.tolist())
    assert not torch.equal(first, second)
    assert updates_per_epoch(25, 10) == 3


def test_the_history_weighs_samples_not_batches():
    train, validation = data(25), data(30, seed=1)
    training = linear_training(0.0)
    history = fit(training, train, validation, epochs=1, batch_size=10)
    for score, part in ((history[0].train, train), (history[0].validation, validation)):
        scores = functional.linear(part.inputs, training.model.weight, training.model.bias)
        loss = functional.cross_entropy(scores, part.labels).item()
        accuracy = (scores.argmax(1) == part.labels).double().mean().item()
        assert score == (pytest.approx(loss, rel=1e-5), pytest.approx(accuracy))


def test_evaluation_in_parts_is_evaluation_of_the_whole():
    part = data(2 * EVALUATION_BATCH + 7)
    model = nn.Linear(4, 3)
    scores = model(part.inputs)
    whole = functional.cross_entropy(scores, part.labels).item()
    hits = (scores.argmax(1) == part.labels).double().mean().item()
    assert evaluate(model, part) == (pytest.approx(whole, rel=1e-5), pytest.approx(hits))


def test_evaluation_leaves_mode_gradient_and_random_state():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5)).train()
    state = torch.get_rng_state()
    first, second = evaluate(model, data(20)), evaluate(model, data(20))
    assert first == second
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), state)


class Noisy(nn.Linear):
    """A linear model of noisy inputs, also in evaluation, as behind a Poisson encoder."""

    def forward(self, inputs):
        return super().forward(inputs + torch.randn_like(inputs))


def test_evaluation_draws_from_its_seed():
    model = Noisy(4, 3)
    first, same, other = (evaluate(model, data(20), seed=seed) for seed in (1, 1, 2))
    assert first == same
    assert first.loss != other.loss


def test_a_model_is_trained_in_training_mode(problem):
    losses = []
    for mode in (True, False):
        training = with_dropout(0)
        training.model.train(mode)
        losses.append(fit(training, *problem, epochs=1, batch_size=15)[0].train.loss)
    assert losses[0] == losses[1]


def test_the_scheduler_steps_after_every_update():
    model = nn.Linear(4, 3)
    optimizer = SGD(model.parameters(), lr=0.5)
    training = Training(
        model, optimizer, CosineAnnealingLR(optimizer, T_max=6), torch.Generator().manual_seed(0)
    )
    rates = []
    fit(
        training,
        data(25),
        data(5),
        epochs=2,
        batch_size=10,
        on_epoch=lambda now: rates.append(now.optimizer.param_groups[0]["lr"]),
    )
    assert rates == pytest.approx([0.25, 0.0], abs=1e-12)


def test_a_spiking_network_learns_three_clusters(problem, new_training):
    train, validation = problem
    training = new_training(0)
    before = evaluate(training.model, validation)
    history = fit(training, train, validation, epochs=5, batch_size=15)
    # of 60 samples guessing gets 20; more than 54 of them have a probability below 1e-19
    assert history[-1].validation.accuracy > 0.9
    assert history[-1].validation.loss < 0.5 * before.loss
    assert history[-1].train.loss < history[0].train.loss


def test_the_hidden_weights_learn_too(problem, new_training):
    training = new_training(0)
    before = training.model.hidden.weight.detach().clone()
    fit(training, *problem, epochs=1, batch_size=25)
    assert bool((training.model.hidden.weight != before).any(1).float().mean() > 0.5)


def test_equal_seeds_give_equal_weights_and_the_random_state_is_left(problem, new_training):
    state = torch.get_rng_state()
    weights = []
    for seed in (3, 3, 4):
        training = new_training(seed)
        fit(training, *problem, epochs=2, batch_size=15)
        weights.append(training.model.hidden.weight)
        torch.rand(1)  # other use of torch's random numbers in between changes nothing
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    torch.set_rng_state(state)
    fit(new_training(0), *problem, epochs=1, batch_size=25)
    assert torch.equal(torch.get_rng_state(), state)


def with_dropout(_seed):
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(2, 30), nn.ReLU(), nn.Dropout(0.5), nn.Linear(30, 3))
    optimizer = Adam(model.parameters(), lr=0.01)
    scheduler = CosineAnnealingLR(optimizer, T_max=30)
    return Training(model, optimizer, scheduler, torch.Generator().manual_seed(6))


@pytest.mark.parametrize("kind", ["spiking", "dropout"])
def test_a_resumed_training_is_the_uninterrupted_one_to_the_bit(
    kind, problem, new_training, tmp_path
):
    begin = new_training if kind == "spiking" else with_dropout
    whole = begin(7)
    fit(whole, *problem, epochs=5, batch_size=15)

    first = begin(7)
    fit(first, *problem, epochs=2, batch_size=15)
    save_checkpoint(tmp_path / "a.pt", Checkpoint({}, first.state_dict()))
    second = begin(8)  # another start: everything must come from the file
    second.load_state_dict(load_checkpoint(tmp_path / "a.pt").training)
    torch.manual_seed(99)
    fit(second, *problem, epochs=5, batch_size=15)

    assert second.history == whole.history
    assert len(whole.history) == 5
    for name, value in whole.model.state_dict().items():
        assert torch.equal(second.model.state_dict()[name], value), name
    for ours, theirs in zip(
        second.optimizer.state_dict()["state"].values(),
        whole.optimizer.state_dict()["state"].values(),
        strict=True,
    ):
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert torch.equal(second.generator.get_state(), whole.generator.get_state())


def test_a_state_of_another_network_is_refused(problem, new_training):
    state = linear_training(0.1).state_dict()
    with pytest.raises(ValueError, match=r"(?s)does not fit this model and optimiser.*train anew"):
        new_training(0).load_state_dict(state)
    with pytest.raises(ValueError, match=r"does not fit this model.*'history'"):
        new_training(0).load_state_dict({})


def test_a_loss_that_is_not_finite_stops_at_once():
    training = linear_training(0.1)
    bad = data(20)
    bad.inputs[3] = torch.nan
    expected = "the loss is nan in epoch 1; lower the learning rate"
    with pytest.raises(FloatingPointError, match=expected):
        fit(training, bad, bad, epochs=1, batch_size=20)
    assert bool(training.model.weight.isfinite().all())


@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_epochs_and_batch_size_must_be_positive(name):
    numbers = {"epochs": 1, "batch_size": 1, name: 0}
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
        fit(linear_training(0.1), data(5), data(5), **numbers)


def test_more_epochs_behind_than_asked_for_is_refused():
    training = linear_training(0.1)
    training.history = [Epoch(Score(1.0, 0.5), Score(1.0, 0.5))] * 3
    with pytest.raises(ValueError, match="has 3 epochs behind it, more than epochs=2"):
        fit(training, data(5), data(5), epochs=2, batch_size=5)


@pytest.mark.parametrize(
    "wrong",
    [
        Dataset(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)),
        Dataset(torch.zeros(3, 4), torch.zeros(2, dtype=torch.int64)),
    ],
)
def test_data_without_a_label_per_sample_are_refused(wrong):
    shapes = f"inputs {tuple(wrong.inputs.shape)} and labels {tuple(wrong.labels.shape)}"
    for name, train, validation in (("train", wrong, data(5)), ("validation", data(5), wrong)):
        expected = re.escape(f"{name} must have one label per sample") + ".*" + re.escape(shapes)
        with pytest.raises(ValueError, match=expected):
            fit(linear_training(0.1), train, validation, epochs=1, batch_size=5)
    with pytest.raises(ValueError, match="data must have one label per sample"):
        evaluate(nn.Linear(4, 3), wrong)
