"""Nodes and layers beside SpikingJelly's: the same spikes, gradients and keys of a checkpoint."""

from __future__ import annotations

import pytest
import torch
from snn_nodes import functional, layer, neuron, surrogate
from spikingjelly.activation_based import functional as their_functional
from spikingjelly.activation_based import layer as their_layer
from spikingjelly.activation_based import neuron as their_neuron
from spikingjelly.activation_based import surrogate as their_surrogate
from torch import nn

OURS = (neuron, layer, surrogate)
THEIRS = (their_neuron, their_layer, their_surrogate)

NODES = {
    "if": lambda n, s: n.IFNode(surrogate_function=s.Sigmoid()),
    "if soft": lambda n, s: n.IFNode(v_reset=None, surrogate_function=s.Sigmoid()),
    "lif": lambda n, s: n.LIFNode(tau=3.0, surrogate_function=s.ATan()),
    "lif reset": lambda n, s: n.LIFNode(
        tau=2.0, decay_input=False, v_threshold=0.7, v_reset=-0.2, surrogate_function=s.Sigmoid()
    ),
    "lif soft": lambda n, s: n.LIFNode(
        tau=1.5, v_reset=None, detach_reset=True, surrogate_function=s.SoftSign()
    ),
    "plif": lambda n, s: n.ParametricLIFNode(init_tau=2.5, surrogate_function=s.ATan()),
}
SURROGATES = {
    "Sigmoid": "Sigmoid",
    "ATan": "ATan",
    "SoftSign": "SoftSign",
    "Erf": "Erf",
    "PiecewiseQuadratic": "PiecewiseQuadratic",
    "PiecewiseExp": "PiecewiseExp",
    "Rect": "Rect",
    "SuperSpikeScaled": "SuperSpike",  # another formula than ours of that name
}


def picture_network(library):
    n, lay, s = library
    return nn.Sequential(
        lay.Conv2d(1, 4, 3, padding=1, bias=False),
        lay.BatchNorm2d(4),
        n.IFNode(surrogate_function=s.ATan()),
        lay.MaxPool2d(2),
        lay.Conv2d(4, 6, 3, stride=2),
        n.ParametricLIFNode(init_tau=2.0, surrogate_function=s.ATan(), v_threshold=0.3),
        lay.AvgPool2d(2),
        lay.Flatten(),
        lay.Linear(6, 5),
        n.LIFNode(tau=2.0, v_threshold=0.1, surrogate_function=s.Sigmoid()),
    )


def ran(node, x, walk):
    """Output and gradients of a node, in mode 'm'."""
    walk.set_step_mode(node, "m")
    walk.reset_net(node)
    x = x.clone().requires_grad_()
    out = node(x)
    weights = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view_as(out)
    (out * weights).sum().backward()
    return out, x.grad, [p.grad for p in node.parameters()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NODES)
def test_a_node_has_their_spikes_and_gradients(name, dtype):
    torch.manual_seed(0)
    x = (1.5 * torch.rand(30, 4, 7)).to(dtype)
    ours = ran(NODES[name](neuron, surrogate).to(dtype), x, functional)
    theirs = ran(NODES[name](their_neuron, their_surrogate).to(dtype), x, their_functional)
    assert 0.02 < ours[0].mean() < 0.9
    assert torch.equal(ours[0], theirs[0])
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours[2], theirs[2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("mine", "its"), SURROGATES.items())
def test_a_surrogate_has_their_slope(mine, its):
    x = torch.linspace(-3, 3, 401, dtype=torch.float64).requires_grad_()
    grads = []
    for made in (getattr(surrogate, mine)(), getattr(their_surrogate, its)()):
        spikes = made(x)
        grads.append((spikes, *torch.autograd.grad(spikes.sum(), x)))
    assert torch.equal(grads[0][0], grads[1][0])
    torch.testing.assert_close(grads[0][1], grads[1][1], rtol=1e-12, atol=1e-12)


def test_their_checkpoint_is_ours():
    """Keys, values and results: a network of the same layers takes their weights as they are."""
    torch.manual_seed(0)
    theirs = picture_network(THEIRS)
    their_functional.set_step_mode(theirs, "m")
    x = 4 * torch.rand(6, 3, 1, 12, 12)
    theirs(x)  # batch statistics that differ from the start
    ours = picture_network(OURS)
    functional.set_step_mode(ours, "m")
    ours.load_state_dict(theirs.state_dict(), strict=True)
    for net, walk in ((theirs, their_functional), (ours, functional)):
        net.eval()
        walk.reset_net(net)
    with torch.no_grad():
        expected, found = theirs(x), ours(x)
    assert 0.01 < expected.mean() < 0.9
    assert torch.equal(found, expected)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    assert list(ours.state_dict()) == list(theirs.state_dict())
