"""The tasks: found by name, encoded as they say, and equal for equal seeds."""

import pytest
import torch
from snn_core import UnknownName
from snn_train import evaluate, find_task, seeded
from snn_train.tasks import digits, yinyang
from snn_train.tasks.table import TASKS


@pytest.mark.parametrize("name", ["digits", "yinyang"])
def test_a_task_is_complete(name):
    task = find_task(name)
    assert (task.name, task.gradient) == (name, "surrogate")
    models = []
    for seed in (1, 1, 2):
        with seeded(seed):
            models.append(task.network(task.settings, "eager"))
    assert torch.equal(models[0].hidden.weight, models[1].hidden.weight)
    assert not torch.equal(models[0].hidden.weight, models[2].hidden.weight)
    data = task.load()
    activity = models[0].activity(data.validation.inputs[:50])
    classes = int(data.train.labels.max()) + 1
    assert activity.scores.shape == (50, classes)
    # the surrogate gradient reaches nearly every hidden neuron from the start
    activity.scores.logsumexp(1).sum().backward()
    assert models[0].hidden.weight.grad.any(1).float().mean() > 0.9
    assert evaluate(models[0], data.validation).accuracy < 0.7


def test_a_bright_pixel_is_early_on_one_channel_and_a_dark_one_on_the_other():
    image = torch.zeros(1, 64)
    image[0, :3] = torch.tensor([1.0, 0.6, 0.2])
    spikes = digits.encode(image, digits.Settings())
    assert spikes.shape == (30, 1, 128)
    rows = {neuron: row for row, _, neuron in spikes.nonzero().tolist()}
    assert spikes.sum() == len(rows)
    assert [rows.get(neuron) for neuron in (0, 1, 2, 3)] == [0, 6, 12, None]
    assert [rows.get(64 + neuron) for neuron in (0, 1, 2, 3)] == [None, 9, 3, 0]


def test_yin_yang_has_a_spike_per_coordinate_and_a_bias():
    spikes = yinyang.encode(torch.tensor([[0.0, 0.25, 1.0, 0.75]]), yinyang.Settings())
    assert spikes.shape == (38, 1, 5)
    rows = {neuron: row for row, _, neuron in spikes.nonzero().tolist()}
    assert rows == {0: 2, 1: 8, 2: 26, 3: 20, 4: 2}


@pytest.mark.parametrize("seed", range(10))
def test_no_class_of_yin_yang_starts_where_the_maximum_gives_no_gradient(seed):
    # a readout that never rises stays so: the accuracy then stops at two classes of three
    with seeded(seed):
        model = yinyang.network(yinyang.Settings(), "eager")
    inputs = find_task("yinyang").load().validation.inputs[:200]
    assert bool((model(inputs) > 0).double().mean(0).min() > 0.75)


def test_yin_yang_is_the_published_data_in_single_precision():
    test = find_task("yinyang").load().test
    assert test.inputs.dtype == torch.float32
    assert test.inputs[0, 0].item() == pytest.approx(0.23409664559563403, rel=1e-7)


@pytest.mark.parametrize("listed", TASKS, ids=lambda listed: listed.name)
def test_every_recipe_is_what_the_list_says(listed):
    for gradient in listed.gradients:
        task = find_task(listed.name, gradient)
        assert (task.name, task.gradient) == (listed.name, gradient)
        assert (task.backend == "auto") == (gradient == "surrogate")
    assert find_task(listed.name) is find_task(listed.name, listed.gradients[0])


@pytest.mark.parametrize(
    ("name", "hint"), [("digit", "; did you mean 'digits'?"), ("Yin-Yang", "yinyang"), ("x", "")]
)
def test_an_unknown_task_is_named_with_the_nearest(name, hint):
    with pytest.raises(UnknownName) as caught:
        find_task(name)
    message = str(caught.value)
    assert message.startswith(f"unknown task {name!r}")
    assert hint in message
    assert message.endswith("\n  there are: digits, mnist, yinyang, yinyang-delays")
    assert ("did you mean" in message) == (name != "x")
