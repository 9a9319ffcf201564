"""The tasks by exact EventProp: encoded and drawn as published, and they learn."""

import math

import pytest
import torch
from snn_core import Events
from snn_train import Training, evaluate, find_task, fit, seeded
from snn_train.runs import Run, begin, load_data
from snn_train.tasks import digits_exact, yinyang_exact

EXACT = "eventprop_exact"


def built(name, seed=0, **settings):
    task = find_task(name, EXACT)
    with seeded(seed):
        return task.network(task.settings._replace(**settings), task.backend)


def of_mean(values, mean, std):
    """Whether these are draws from this normal distribution, to four standard errors."""
    n = values.numel()
    assert values.mean().item() == pytest.approx(mean, abs=4 * std / n**0.5)
    assert values.std().item() == pytest.approx(std, rel=4 / (2 * n) ** 0.5)


@pytest.mark.parametrize("name", ["digits", "yinyang", "yinyang-delays"])
def test_a_task_is_complete(name):
    task = find_task(name, EXACT)
    data = task.prepare(task.load().validation, task.settings)
    models = [built(name, seed) for seed in (1, 1, 2)]
    assert torch.equal(models[0].hidden.weight, models[1].hidden.weight)
    assert not torch.equal(models[0].hidden.weight, models[2].hidden.weight)
    activity = models[0].activity(data.inputs[:20])
    assert isinstance(activity.hidden, Events)
    assert activity.scores.dtype == torch.float64
    value = task.loss(task.settings)(models[0](data.inputs[:20]), data.labels[:20])
    value.backward()
    for parameter in models[0].parameters():
        assert parameter.dtype == torch.float64
        assert bool(parameter.grad.isfinite().all())
        assert bool(parameter.grad.any())
    loss = task.loss(task.settings)
    assert evaluate(models[0], data, loss, decide=task.decide).accuracy < 0.7


def test_yin_yang_is_five_spikes_on_the_way_to_30_ms():
    task = find_task("yinyang", EXACT)
    data = task.load().test
    events = task.prepare(data, task.settings).inputs.events
    assert events.times.dtype == torch.float64
    for row in (0, 7):
        times = dict(zip(events.index[row].tolist(), events.times[row].tolist(), strict=True))
        expected = {n: 30e-3 * x for n, x in enumerate(data.inputs[row].tolist())} | {4: 0.0}
        assert times == pytest.approx(expected, rel=1e-14)


def test_the_published_network_is_built():
    model = built("yinyang")
    assert (model.hidden.n_in, model.hidden.n_out, model.readout.n_out) == (5, 200, 3)
    of_mean(model.hidden.weight.detach(), 1.5, 0.78)
    of_mean(model.readout.weight.detach(), 0.93, 0.1)
    for layer in (model.hidden, model.readout):
        assert layer.neuron.name == "lif"
        assert layer.params == (20e-3, 5e-3, 1.0, 0.0, 0.0)


def test_the_published_schedule_and_loss_are_set():
    task = find_task("yinyang", EXACT)
    assert task.schedule == (100, 32, 5e-3, 0.95)
    run = begin(Run(task, 0, task.backend), samples=5000)
    group = run.optimizer.param_groups[0]
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.999), 1e-8, 0)
    first, label = torch.tensor([[10e-3, 10.5e-3]], dtype=torch.float64), torch.tensor([1])
    expected = math.log1p(math.e) + 3e-3 * math.expm1(10.5 / 6.4)
    value = yinyang_exact.loss(task.settings)(first, label)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_no_spike_is_lost_at_the_end_of_the_recording():
    # twice the time changes nothing: every membrane has come to rest long before
    longer = {"duration": 2 * yinyang_exact.Settings().duration}
    task = find_task("yinyang", EXACT)
    for settings in (task.settings, task.settings._replace(**longer)):
        data = task.prepare(task.load().validation, settings)
        activity = built("yinyang").activity(data.inputs[:100])
        found = (activity.hidden.times.isfinite().sum(), activity.scores)
        if settings is task.settings:
            expected = found
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


def test_yin_yang_learns_as_published():
    # published, after ten epochs: 96.5 +- 0.7 %
    task = find_task("yinyang", EXACT)
    run = Run(task, 0, task.backend)
    data = load_data(run)
    training: Training = begin(run, len(data.train.labels))
    history = fit(
        training,
        data.train,
        data.validation,
        epochs=10,
        batch_size=task.schedule.batch_size,
        loss=task.loss(task.settings),
        decide=task.decide,
    )
    assert history[-1].validation.accuracy > 0.95
    assert history[-1].validation.loss < 0.5 * history[0].validation.loss


def test_delays_are_learnt_and_stay_positive():
    model = built("yinyang-delays")
    names = {name for name, _ in model.named_parameters()}
    assert {"hidden.learned.log_delay", "readout.learned.log_delay"} <= names
    assert model.hidden.delay.shape == (30, 5)
    assert bool((model.readout.delay > 0).all())


def test_a_bright_pixel_is_early_on_one_channel_and_a_dark_one_on_the_other():
    image = torch.zeros(1, 64)
    image[0, :3] = torch.tensor([1.0, 0.5, 0.25])
    settings = digits_exact.Settings(t_max=20e-3)
    data = digits_exact.prepare(type(find_task("digits").load().test)(image, None), settings)
    events = data.inputs.events
    times = dict(zip(events.index[0].tolist(), events.times[0].tolist(), strict=True))
    assert [times.get(n) for n in (0, 1, 2, 3)] == pytest.approx([0.0, 10e-3, 15e-3, None])
    assert [times.get(64 + n) for n in (0, 1, 2, 3)] == pytest.approx([None, 10e-3, 5e-3, 0.0])
