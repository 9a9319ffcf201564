"""Sequential around modules of one's own, inside torch's, and with what is no tensor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from snn_nodes import layer
from snn_nodes.functional import reset_net, set_step_mode
from snn_nodes.layer import Recurrent, Sequential
from snn_nodes.neuron import IFNode
from snn_nodes.stepping import Stepping, TakesLengths
from torch import nn

T, B, N = 5, 3, 4


@pytest.fixture
def x():
    return 2 * torch.rand(T, B, N, generator=torch.Generator().manual_seed(1))


class Block(nn.Module):
    """A node in a module that has no step mode."""

    def __init__(self):
        super().__init__()
        self.n = IFNode()

    def forward(self, x_seq):
        return self.n(x_seq)


class Marked(TakesLengths, Block):
    def forward(self, x_seq, lengths=None):
        return self.n(x_seq, lengths)


@pytest.mark.parametrize("wrap", [lambda b: b, lambda b: nn.ModuleDict({"a": b}), Sequential])
def test_a_node_inside_in_another_step_mode_is_noticed(x, wrap):
    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            self.held = wrap(Block())

        def forward(self, x_seq):
            block = self.held["a"] if isinstance(self.held, nn.ModuleDict) else self.held
            return block(x_seq)

    net = Sequential(nn.Linear(N, N), Holder())
    y = net(x)
    block = next(m for m in net.modules() if isinstance(m, Block))
    block.n = IFNode()  # in step mode 's': the time would be its batch
    with pytest.raises(
        ValueError, match=r"IFNode\(.*is in step_mode='s', the Sequential around it in 'm'; set"
    ):
        net(x)
    set_step_mode(net, "m")
    assert torch.equal(net(x), y)


def test_also_with_lengths(x):
    net = Sequential(Marked())
    net[0].n = IFNode()
    with pytest.raises(ValueError, match="is in step_mode='s'"):
        net(x, [1, 2, 3])


def test_a_layer_with_a_step_mode_calls_what_is_inside_as_it_is(x):
    class Looping(Stepping):
        def __init__(self):
            super().__init__()
            self.n = IFNode()

        def forward(self, x_seq):
            return torch.stack([self.n(step) for step in x_seq])

    net = Sequential(Looping(), Recurrent(IFNode(), N))
    net[0].n.step_mode = net[1].node.step_mode = "s"
    y = net(x)
    assert torch.equal(y, net[1:].threaded(IFNode(step_mode="m")(x))[0])


def test_inside_torchs_sequential_and_modules(x):
    inner = Sequential(nn.Linear(N, N), IFNode())
    wanted = inner(x)
    reset_net(inner)
    net = nn.Sequential(inner, nn.Identity())
    assert torch.equal(net(x), wanted)
    reset_net(net)
    set_step_mode(net, "s")
    assert torch.equal(torch.stack([net(step) for step in x]), wanted)
    assert list(net.state_dict()) == ["0.0.weight", "0.0.bias"]


LAYERS = {
    "Sequential": lambda: Sequential(nn.Identity()),
    "Delay": lambda: layer.Delay(1),
    "Recurrent": lambda: Recurrent(IFNode(), 2),
    "Dropout": lambda: layer.Dropout(),
    "Dropout2d": lambda: layer.Dropout2d(),
    "Flatten": lambda: layer.Flatten(),
    "BatchNorm1d": lambda: layer.BatchNorm1d(2),
    "GroupNorm": lambda: layer.GroupNorm(1, 2),
    "AvgPool2d": lambda: layer.AvgPool2d(2),
    "SumPool2d": lambda: layer.SumPool2d(2),
    "Linear": lambda: layer.Linear(2, 2),
    "Conv2d": lambda: layer.Conv2d(1, 1, 1),
    "SparseSynapse": lambda: layer.SparseSynapse(1, 1, torch.ones(1, 1).bool()),
    "SeqToANNContainer": lambda: layer.SeqToANNContainer(nn.Identity()),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("mode", ["s", "m"])
@pytest.mark.parametrize("x", [[[1.0, 2.0]], np.ones((2, 2, 2)), None])
def test_what_is_no_tensor_is_refused(name, mode, x):
    made = LAYERS[name]()
    made.step_mode = mode
    kind = type(x).__name__
    with pytest.raises(TypeError, match=rf"^{name}\(.*takes a tensor, got {kind}; pass torch.as_t"):
        made(x)


def test_a_layer_that_makes_no_tensor_is_found():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.n = IFNode()

        def forward(self, x_seq):
            return x_seq, self.n(x_seq)

    with pytest.raises(TypeError, match=r"^Linear '1' takes a tensor, got tuple") as caught:
        Sequential(Pair(), nn.Linear(2, 2))(torch.ones(1, 1, 2))
    assert caught.value.__notes__ == [
        "in layer '1' of Sequential: Linear(in_features=2, out_features=2, bias=True)"
    ]
