"""diagnose: networks that are ill on purpose, each with its advice."""

from __future__ import annotations

import pytest
import torch
from snn_nodes.layer import Recurrent, Sequential
from snn_nodes.neuron import IFNode, LIFNode
from snn_nodes.recording import diagnose
from snn_nodes.surrogate import Heaviside, Rect, StraightThrough, SuperSpike
from torch import nn

from .diagnosed import layer, network

T, B, N = 16, 4, 6


@pytest.fixture
def x():
    return torch.rand(T, B, N, generator=torch.Generator().manual_seed(1))


def test_a_healthy_network_gets_no_advice(x):
    found = diagnose(network(LIFNode(), LIFNode()), x)
    assert found.advice == ()
    assert str(found).endswith("nothing is wrong")
    for row in found.layers:
        assert 0.05 < row.rate < 0.9
        assert row.dead == row.saturated == 0
        assert row.in_width > 0.3


def test_dead(x):
    net = network(LIFNode(), LIFNode(v_threshold=100.0))
    found = diagnose(net, x)
    (line,) = [line for line in found.advice if "never fire" in line]
    assert line.startswith("LIFNode '3': 6 of 6 neurons never fire; raise the weights")
    assert layer(found, "3").dead == 1.0
    assert layer(found, "3").rate == 0.0
    assert layer(found, "1").dead == 0.0


def test_some_are_dead(x):
    net = network(LIFNode())
    with torch.no_grad():
        net[0].weight[:2] = 0
        net[0].bias[:2] = 0
    found = diagnose(net, x)
    assert layer(found, "1").dead == pytest.approx(2 / 6)
    assert any("LIFNode '1': 2 of 6 neurons never fire" in line for line in found.advice)


def test_saturated(x):
    net = network(LIFNode(), LIFNode())
    with torch.no_grad():
        net[0].bias[:3] = 10.0
    found = diagnose(net, x)
    assert layer(found, "1").saturated == 0.5
    (line,) = [line for line in found.advice if "LIFNode '1'" in line]
    assert "3 of 6 neurons fire in more than 90% of the steps; lower" in line


def test_saturated_is_more_than_nine_in_ten():
    node, x = IFNode(step_mode="m"), torch.zeros(10, 1, 2)
    x[:9, 0] = 1.0  # nine in ten
    x[9, 0, 1] = 1.0  # ten in ten
    assert diagnose(node, x).layers[0].saturated == 0.5


def test_vanishing_over_depth(x):
    narrow = {"surrogate_function": SuperSpike(alpha=1000.0)}
    net = network(LIFNode(**narrow), LIFNode(**narrow), LIFNode(**narrow), LIFNode())
    found = diagnose(net, x)
    norms = [row.gradient_norm for row in found.layers]
    assert norms[0] < norms[1] < norms[2] < norms[3]
    assert norms[0] * 1000 < norms[3]
    (line,) = [line for line in found.advice if "LIFNode '1': the gradient vanishes on" in line]
    assert f"{norms[0]:.1e} at its output, {norms[3]:.1e} at that of '7'" in line


def test_exploding_over_depth(x):
    through = {"surrogate_function": StraightThrough()}
    found = diagnose(network(*(LIFNode(**through) for _ in range(3)), gain=300.0), x)
    norms = [row.gradient_norm for row in found.layers]
    (line,) = [line for line in found.advice if "'1': the gradient explodes on" in line]
    assert line.startswith("LIFNode '1': the gradient explodes on the way down")
    assert f"{norms[0]:.1e} at its output, {norms[2]:.1e} at that of '5'" in line


def test_vanishing_over_time(x):
    net = network(LIFNode(), LIFNode())
    last = lambda out: out[-1].sum()  # noqa: E731
    found = diagnose(net, x.repeat(3, 1, 1), last)
    (line,) = [line for line in found.advice if "'1'" in line]
    assert line.startswith("LIFNode '1': the gradient vanishes over time: ")
    assert "of the 48 steps" in line
    early, late = layer(found, "1").early, layer(found, "1").late
    assert early * 1000 < late
    assert f"{early:.1e} in the first quarter" in line


def test_exploding_over_time():
    loop = Recurrent(IFNode(v_reset=None, surrogate_function=StraightThrough()), 2)
    with torch.no_grad():
        loop.recurrent.weight.copy_(torch.tensor([[0.0, 3.0], [-3.0, 0.0]]))
    last = lambda out: out[-1].sum()  # noqa: E731
    found = diagnose(Sequential(IFNode(), loop), torch.full((24, 1, 2), 0.5), last)
    assert any(line.startswith("IFNode '0': the gradient explodes over") for line in found.advice)
    assert layer(found, "0").early > 1000 * layer(found, "0").late > 0


def test_membranes_out_of_the_surrogates_reach(x):
    net = network(LIFNode(surrogate_function=Rect(alpha=200.0)))  # 1/400 either side
    found = diagnose(net, x)
    row = layer(found, "1")
    assert row.width == pytest.approx((-0.0025, 0.0025))
    assert row.in_width < 0.02
    (line,) = found.advice[:1]
    assert line.startswith(f"LIFNode '1': {row.in_width:.2%} of its membranes are within -0.0025")


def test_a_surrogate_without_slope(x):
    found = diagnose(network(LIFNode(surrogate_function=Heaviside())), x)
    assert "LIFNode '1': its surrogate has no slope" in found.advice[0]
    assert "the gradient is 0 everywhere of 2 of 2 parameters: 0.weight, 0.bias" in found.advice


def test_parameters_that_the_loss_does_not_reach(x):
    net = network(LIFNode())
    net.unused = nn.Linear(2, 2)
    net.unused.forward = lambda x: x  # there, and not in the graph
    found = diagnose(net, x)
    assert found.advice == (
        "the loss does not depend on 2 of 4 parameters: unused.weight, unused.bias",
    )
    assert dict(found.parameters)["unused.weight"] is None


def test_gradients_that_are_not_finite(x):
    net = network(LIFNode(), LIFNode())
    found = diagnose(net, x, lambda out: (out.sum() - out.sum().detach()).sqrt())
    assert any("LIFNode '1': the gradient at its output is " in line for line in found.advice)
    assert any(line.startswith("the gradient is not finite of 4 of 4") for line in found.advice)
    found = diagnose(net, x, lambda out: out.sum() / 0)
    assert "the loss is inf" in found.advice


def test_a_layer_that_no_gradient_reaches(x):
    class Cut(nn.Module):
        def forward(self, x):
            return x.detach()

    found = diagnose(Sequential(nn.Linear(N, N), LIFNode(), Cut(), nn.Linear(N, 2), LIFNode()), x)
    assert any("LIFNode '1': no gradient arrives" in line for line in found.advice)


def test_a_layer_that_is_not_run(x):
    net = network(LIFNode())
    net[1].spare = IFNode()
    found = diagnose(net, x)
    assert found.advice == ("IFNode '1.spare': was not run",)
    assert "1.spare" in str(found)
    spare = next(layer for layer in found.layers if layer.name == "1.spare")
    assert (spare.gradient_norm, spare.early, spare.late) == (0.0, 0.0, 0.0)
