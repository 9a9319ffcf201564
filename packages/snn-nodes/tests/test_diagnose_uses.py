"""diagnose: the network is left as it was; widths of surrogates, text, errors."""

from __future__ import annotations

import pytest
import snn_core as snn
import torch
from snn_nodes.layer import Recurrent, Sequential
from snn_nodes.neuron import BaseNode, IFNode, LIFNode
from snn_nodes.recording import Recorder, diagnose, surrogate_width
from torch import nn

from .diagnosed import network

T, B, N = 16, 4, 6


@pytest.fixture
def x():
    return torch.rand(T, B, N, generator=torch.Generator().manual_seed(1))


def test_nothing_is_changed(x):
    torch.manual_seed(0)
    net = Sequential(
        nn.Linear(N, 3), nn.BatchNorm1d(3), nn.Dropout(), LIFNode(), Recurrent(LIFNode(), 3)
    )
    net(x[:, :2]).sum().backward()
    grads = [p.grad.clone() for p in net.parameters()]
    v, output, drawn = net[3].v, net[4].output, torch.get_rng_state()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    surrogate = net[3].surrogate_function.threshold
    with torch.no_grad():
        diagnose(net, x)
    assert net[3].v is v
    assert net[4].output is output
    assert torch.equal(torch.get_rng_state(), drawn)
    for name, value in net.state_dict().items():
        assert torch.equal(value, state[name])
    for p, grad in zip(net.parameters(), grads, strict=True):
        assert torch.equal(p.grad, grad)
    assert net[3].surrogate_function.threshold is surrogate
    assert net[3].backend == "auto"
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())


class Own(BaseNode):
    """A class that is not ours: before its first run it is tried whether its step is pure."""

    def neuronal_dynamics(self, x):
        self.v = self.v + x


def test_a_step_that_is_only_tried_is_not_counted():
    """Two steps, one near its threshold and one far from it: half of them within the width."""
    near_then_far = torch.tensor([0.9, -50.0]).view(2, 1, 1)
    (found,) = diagnose(Own(step_mode="m"), near_then_far).layers
    assert found.in_width == 0.5


def test_within_inference_mode_and_with_what_it_left(x):
    net = network(LIFNode(), Recurrent(LIFNode(), N))
    expected = str(diagnose(net, x))
    with torch.inference_mode():
        made = x.clone()
        assert str(diagnose(net, x)) == expected
        assert str(diagnose(net, made)) == expected
        net(x)
    v = net[1].v
    assert v.is_inference()
    assert str(diagnose(net, made)) == expected
    assert net[1].v is v


@pytest.mark.parametrize("make", [lambda: network(LIFNode()), lambda: IFNode(torch.ones(N))])
def test_weights_made_in_inference_mode(x, make):
    with torch.inference_mode():
        net = make()
    with pytest.raises(ValueError, match=r"(0.weight|v_threshold) was made in torch.inference_mod"):
        diagnose(net, x)


def test_nothing_is_changed_by_one_that_fails(x):
    net = network(LIFNode())
    net(x)
    v = net[1].v
    with pytest.raises(ZeroDivisionError):
        diagnose(net, x, lambda out: 1 / 0)
    assert net[1].v is v
    assert net[1].backend == "auto"
    assert type(net[1].surrogate_function.threshold) is snn.Threshold
    assert not net[1]._forward_hooks


def test_it_says_the_same_twice_and_beside_a_recorder(x):
    net = network(LIFNode(), LIFNode())
    with Recorder(net) as recorder:
        first = str(diagnose(net, x))
    assert first == str(diagnose(net, x))
    assert recorder["1"].rates.mean().item() == pytest.approx(diagnose(net, x).layers[0].rate)


@pytest.mark.parametrize("name", snn.names("threshold"))
def test_the_width_of_every_threshold(name):
    threshold = snn.threshold(name)
    low, high = surrogate_width(threshold)
    if name == "heaviside":
        assert low == high == 0
        return
    assert low == pytest.approx(-high)
    if name == "straight_through":
        assert high == float("inf")
        return
    slope = lambda x: threshold.derivative(torch.tensor(x, dtype=torch.float64), threshold.alpha)  # noqa: E731
    assert slope(high * (1 - 1e-9)) >= slope(0.0) / 10 >= slope(high * (1 + 1e-9))


def test_widths_in_closed_form():
    for alpha in (0.5, 4.0, 50.0):
        _, high = surrogate_width(snn.threshold("super_spike", alpha=alpha))
        assert high == pytest.approx((10**0.5 - 1) / alpha)
        _, high = surrogate_width(snn.threshold("atan", alpha=alpha))
        assert high == pytest.approx(3 / (torch.pi / 2 * alpha))
        _, high = surrogate_width(snn.threshold("triangle", alpha=alpha), share=0.25)
        assert high == pytest.approx(0.75)
    with pytest.raises(ValueError, match="0 < share <= 1, got 0"):
        surrogate_width(snn.threshold("atan"), share=0)


def test_the_text_stands_in_columns(x):
    lines = str(diagnose(network(LIFNode(), IFNode(v_threshold=50.0)), x)).splitlines()
    assert lines[0].split() == [
        *("layer", "kind", "steps", "neurons", "spikes/step", "dead", "saturated"),
        *("in", "width", "gradient", "early", "late"),
    ]
    assert len(lines[0]) == len(lines[1]) == len(lines[2])
    assert lines[3].startswith("loss ")
    assert all(line.startswith("- ") for line in lines[4:])


def test_wrong_arguments(x):
    with pytest.raises(ValueError, match="Linear has no layer of neurons"):
        diagnose(nn.Linear(2, 2), x)
    net = network(LIFNode())
    with pytest.raises(ValueError, match=rf"one number as a tensor, got \({T}, {B}, {N}\)"):
        diagnose(net, x, lambda out: out)

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.node = LIFNode(step_mode="m")

        def forward(self, x):
            return self.node(x), 1

    with pytest.raises(TypeError, match="returns tuple, not a tensor: pass loss="):
        diagnose(Two(), x)
    assert diagnose(Two(), x, lambda out: out[0].sum()).layers[0].name == "node"
