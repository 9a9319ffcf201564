"""Sequential: each layer gets what it takes, over all steps; what cannot be is refused."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from snn_nodes import layer
from snn_nodes.functional import reset_net, set_step_mode
from snn_nodes.layer import Sequential
from snn_nodes.layer.states import memories_of
from snn_nodes.naming import label
from snn_nodes.neuron import IFNode, LIFNode
from snn_nodes.stepping import TakesLengths
from torch import nn

T, B = 6, 3


@pytest.fixture
def x():
    generator = torch.Generator().manual_seed(1)
    return 3 * torch.rand(T, B, 1, 8, 8, generator=generator)


def made(kind=Sequential):
    """Torch's modules and ours, nodes, and a node with a loop."""
    torch.manual_seed(0)
    modules = [
        nn.Conv2d(1, 4, 3, padding=1),
        layer.BatchNorm2d(4),
        LIFNode(),
        nn.Sequential(nn.MaxPool2d(2), nn.Dropout(0.0)),
        layer.Flatten(),
        nn.Linear(64, 5),
        layer.Recurrent(IFNode(), 5),
        layer.Delay(1),
        nn.Linear(5, 2),
    ]
    return kind(*modules)


def by_hand(net, x):
    """Step by step, layer by layer."""
    set_step_mode(net, "s")
    steps = []
    for step in x:
        for module in net:
            step = module(step)
        steps.append(step)
    return torch.stack(steps)


def test_it_is_its_layers_step_by_step(x):
    net = made().eval()
    y = net(x)
    assert y.shape == (T, B, 2)
    assert y[2:].std() > 0
    torch.testing.assert_close(y, by_hand(made(nn.Sequential).eval(), x), rtol=1e-5, atol=1e-6)


def test_steps_one_by_one_and_parts_give_the_same(x):
    net = made().eval()
    y = net(x)
    reset_net(net)
    torch.testing.assert_close(torch.cat([net(x[:2]), net(x[2:])]), y, rtol=1e-5, atol=1e-6)
    reset_net(net)
    net.step_mode = "s"
    assert {m.step_mode for m in net.modules() if hasattr(m, "step_mode")} == {"s"}
    torch.testing.assert_close(torch.stack([net(step) for step in x]), y, rtol=1e-5, atol=1e-6)


def test_it_sets_the_step_mode_of_all_that_it_holds():
    node, inner = IFNode(), IFNode()
    net = Sequential(node, Sequential(inner))
    assert node.step_mode == inner.step_mode == net[1].step_mode == "m"
    late = IFNode()
    net.append(late)
    assert late.step_mode == "m"
    set_step_mode(net, "s")
    assert net.step_mode == inner.step_mode == late.step_mode == "s"
    first = IFNode(step_mode="m")
    net.insert(0, first)
    assert first.step_mode == "s"
    other = IFNode(step_mode="m")
    net[1] = other
    assert other.step_mode == "s"
    with pytest.raises(ValueError, match=r"step_mode of Sequential.*'x'"):
        net.step_mode = "x"
    assert net.step_mode == "s"


def test_keys_and_places_are_those_of_torchs_sequential():
    net, torchs = made(), made(nn.Sequential)
    assert list(net.state_dict()) == list(torchs.state_dict())
    net.load_state_dict(torchs.state_dict())
    assert isinstance(net, nn.Sequential)
    assert label(net[2]) == "LIFNode '2'"
    assert label(net[6].node) == "IFNode '6.node'"
    named = Sequential(OrderedDict(conv=nn.Conv2d(1, 1, 1), fire=IFNode()))
    assert list(named.state_dict()) == ["conv.weight", "conv.bias"]
    assert label(named.fire) == "IFNode 'fire'"


def test_slices_sums_and_products_are_of_the_same_kind(x):
    net = made().eval()
    y = net(x)
    reset_net(net)
    head, tail = net[:4], net[4:]
    assert type(head) is type(tail) is Sequential
    assert torch.equal(tail(head(x)), y)
    assert head[2] is net[2]
    reset_net(net)
    joined = head + tail
    assert type(joined) is Sequential
    assert torch.equal(joined(x), y)
    net.step_mode = "s"
    assert net[:2].step_mode == "s"
    twice = Sequential(nn.Flatten(), nn.Identity()) * 2
    assert type(twice) is Sequential
    assert len(twice) == 4
    with pytest.raises(TypeError, match="can only add a Sequential to a Sequential, got Linear"):
        net + nn.Linear(2, 2)


def test_layers_may_be_taken_out():
    net = Sequential(nn.Identity(), IFNode(), nn.Flatten())
    del net[1]
    assert [type(m) for m in net] == [nn.Identity, nn.Flatten]
    node = IFNode()
    net.extend([node])
    assert net.pop(2) is node
    net.insert(0, node)
    assert net[0] is node


def test_modules_of_ones_own_that_hold_nodes_get_the_sequence(x):
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.fire = IFNode()

        def forward(self, x_seq):
            assert x_seq.shape[:2] == (T, B)
            return x_seq + self.fire(x_seq)

    class Shapes(nn.Module):
        def forward(self, x):
            assert x.shape[0] == T * B
            return x

    net = Sequential(Shapes(), Residual())
    assert net[1].fire.step_mode == "m"
    assert torch.equal(net(x), x + IFNode(step_mode="m")(x))


def test_torchs_layers_do_not_mix_batch_and_time():
    """Where T = B = C a layer of torch would take the wrong axes without a complaint."""
    x = torch.randn(3, 3, 3, dtype=torch.float64)
    net = Sequential(nn.BatchNorm1d(3).double(), nn.Flatten())
    y = net(x)
    flat = x.reshape(9, 3)
    wanted = (flat - flat.mean(0)) / (flat.var(0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(y, wanted.view(3, 3, 3))


def test_lengths_reach_all_that_take_them(x):
    lengths = [6, 2, 4]
    net = Sequential(Sequential(*made()[:4]), *made()[4:]).eval()
    y = net(x, lengths)
    for b, n in enumerate(lengths):
        alone = made().eval()
        assert not torch.equal(y[:n, b].std(), torch.zeros(()))
        torch.testing.assert_close(y[:n, b : b + 1], alone(x[:n, b : b + 1]), rtol=1e-5, atol=1e-6)
        # and the state is that of its own last step
        follow = alone(x[:, b : b + 1])
        again = net.threaded(x, memories_of(net))[0][:, b : b + 1]
        torch.testing.assert_close(again, follow, rtol=1e-5, atol=1e-6)


def test_lengths_reach_modules_of_ones_own_only_where_they_are_taken(x):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fire = IFNode()

        def forward(self, x_seq, lengths=None):
            return self.fire(x_seq, lengths)

    class Marked(TakesLengths, Block):
        pass

    with pytest.raises(
        ValueError, match=r"Block '1' has nodes inside and takes no lengths: derive"
    ):
        Sequential(nn.Identity(), Block())(x, [1, 2, 3])
    y = Sequential(Marked())(x, [1, 2, 3])
    assert torch.equal(y, IFNode(step_mode="m")(x, [1, 2, 3]))
    norm = Sequential(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64)))
    with pytest.raises(ValueError, match=r"statistics from steps that do not count; use snn_nodes"):
        norm(x, [1, 2, 3])
    norm.eval()(x, [1, 2, 3])  # learns nothing any more
    with pytest.raises(ValueError, match=r"lengths need all steps at once: set Sequential.*= 'm'"):
        Sequential(IFNode(), step_mode="s")(x[0], [1, 2, 3])


@pytest.mark.parametrize(
    "module",
    [
        nn.LSTM(2, 2),
        nn.GRUCell(2, 2),
        nn.MultiheadAttention(2, 1),
        nn.Sequential(nn.Linear(2, 2), nn.RNN(2, 2)),
        nn.TransformerEncoderLayer(2, 1, 2),
    ],
)
def test_modules_with_a_time_of_their_own_are_refused(module):
    with pytest.raises(TypeError, match="has an axis of time, or a state, of its own"):
        Sequential(module)
    net = Sequential(nn.Identity())
    with pytest.raises(TypeError, match=r"call it outside, or in a module of your own"):
        net.append(module)
    with pytest.raises(TypeError, match=r"axis of time"):
        net[0] = module
    with pytest.raises(TypeError, match=r"axis of time"):
        net.insert(0, module)
    assert len(net) == 1


def test_torchs_sequential_with_nodes_is_refused():
    with pytest.raises(ValueError, match=r"torch.nn.Sequential knows no time.*use snn_nodes.layer"):
        Sequential(nn.Sequential(nn.Linear(2, 2), IFNode()))


def test_a_node_has_one_place():
    node = IFNode()
    with pytest.raises(
        ValueError, match=r"IFNode '0' is in the network already; at a second place"
    ):
        Sequential(node, nn.Linear(2, 2), Sequential(node))
    with pytest.raises(ValueError, match="is in the network already"):
        Sequential(Sequential(node), nn.Linear(2, 2), node)  # the first place is a nested one
    with pytest.raises(ValueError, match="is in the network already"):
        Sequential(IFNode()) * 2
    net = Sequential(node)
    net[0] = node  # the place that it has


def test_an_error_says_in_which_layer():
    net = Sequential(nn.Flatten(), Sequential(nn.Linear(4, 3), LIFNode()))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied") as caught:
        net(torch.zeros(5, 2, 7))
    assert caught.value.__notes__ == [
        "in layer '0' of Sequential: Linear(in_features=4, out_features=3, bias=True), given "
        "(10, 7), all steps of (5, 2, 7) = (T, B, *) merged; is the time axis missing?",
        "in layer '1' of Sequential: Sequential()",
    ]
    with pytest.raises(RuntimeError, match="expected input") as caught:
        Sequential(nn.Conv2d(1, 2, 3), IFNode())(torch.zeros(4, 2, 8, 8))
    assert "given (8, 8, 8), all steps of (4, 2, 8, 8) = (T, B, *)" in caught.value.__notes__[0]
    net.step_mode = "s"  # nothing is merged
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied") as caught:
        net(torch.zeros(2, 7))
    assert "(T, B" not in "".join(caught.value.__notes__)
    with pytest.raises(ValueError, match=r"LIFNode.*takes \(T, B") as caught:
        Sequential(LIFNode())(torch.zeros(0, 2))
    assert "merged" not in "".join(caught.value.__notes__)


def test_other_step_modes_inside_are_refused(x):
    net = Sequential(IFNode())
    net[0].step_mode = "s"
    with pytest.raises(ValueError, match=r"IFNode '0' is in step_mode='s', the Sequential around"):
        net(x)


def test_an_input_without_time_is_refused():
    with pytest.raises(ValueError, match=r"takes \(T, B, \*\), got \(4,\).*set step_mode='s'"):
        Sequential(nn.Identity())(torch.zeros(4))
