"""The classifier: its parts in order, and what does not fit."""

import pytest
import torch
from snn_core import Layer, integrate
from snn_train import (
    SpikingClassifier,
    draw_weight_,
    lif_classifier,
    max_over_time,
    seeded,
    sum_over_time,
)


def build(**changes):
    sizes = {"sizes": (4, 6, 2), "dt": 1e-3, "tau_mem": 8e-3, "tau_syn": 4e-3} | changes
    with seeded(1):
        model = lif_classifier(lambda x: x.expand(20, *x.shape), max_over_time, **sizes)
        draw_weight_(model.hidden, 3.0, 3.0)
    return model


def test_a_classifier_is_its_layers_one_after_the_other():
    model, x = build(), torch.rand(3, 4)
    activity = model.activity(x)
    hidden = integrate(
        "lif",
        x.expand(20, 3, 4),
        params=model.hidden.params,
        dt=1e-3,
        weight=model.hidden.weight,
        record=("v",),
    )
    readout = integrate(
        "li", hidden.output, params=model.readout.params, dt=1e-3, weight=model.readout.weight
    )
    assert bool(hidden.output.any())
    assert torch.equal(activity.input, x.expand(20, 3, 4))
    assert torch.equal(activity.hidden, hidden.output)
    assert torch.equal(activity.hidden_v, hidden.traces.v)
    assert torch.equal(activity.output_v, readout.output)
    assert torch.equal(activity.scores, readout.output.amax(0))
    assert torch.equal(model(x), activity.scores)
    for layer in (model.hidden, model.readout):
        assert (layer.params.tau_mem, layer.params.tau_syn) == (8e-3, 4e-3)


def test_every_weight_gets_a_gradient():
    model = build()
    model(torch.ones(3, 4)).sum().backward()
    assert {name for name, _ in model.named_parameters()} == {"hidden.weight", "readout.weight"}
    assert all(bool(parameter.grad.any()) for parameter in model.parameters())


def test_layers_that_do_not_fit_are_refused():
    hidden = Layer(4, 6, "lif", dt=1e-3)
    readout = Layer(5, 2, "li", dt=1e-3)
    expected = "the hidden layer has 6 neurons, the readout takes 5; make them equal"
    with pytest.raises(ValueError, match=expected):
        SpikingClassifier(lambda x: x, hidden, readout, sum_over_time)


def test_drawn_weights_have_the_mean_and_deviation_of_their_sum():
    layer = Layer(100, 4000, "lif", dt=1e-3)
    with seeded(2):
        draw_weight_(layer, 3.0, 2.0)
    sums = layer.weight.sum(1)
    assert sums.mean().item() == pytest.approx(3.0, abs=4 * 2 / 4000**0.5)
    assert sums.std().item() == pytest.approx(2.0, rel=4 / 8000**0.5)
