"""Sequential with its state as an argument and a result; saved and loaded."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from snn_core.testing import TOY
from snn_nodes import layer
from snn_nodes.layer import Sequential
from snn_nodes.layer.states import memories_of
from snn_nodes.neuron import BaseNode, IFNode, LIFNode, NeuronNode
from torch import nn

T, B = 6, 3


@pytest.fixture
def x():
    return 3 * torch.rand(T, B, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Sequential(
        nn.Linear(4, 5),
        LIFNode(),
        layer.Delay(2),
        Sequential(nn.Linear(5, 5), NeuronNode(TOY, dt=1e-3)),
        layer.Recurrent(IFNode(), 5),
    )


def same(a, b):
    """Equal to the bit, tensors in dictionaries."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


def test_the_same_input_and_state_give_the_same_output(net, x):
    out, state = net.threaded(x)
    again, after = net.threaded(x)
    assert torch.equal(out, again)
    assert same(state, after)
    one, first = net.threaded(x, state)
    net(x)  # whatever the layers remember themselves
    two, second = net.threaded(x, state)
    assert torch.equal(one, two)
    assert same(first, second)
    assert not torch.equal(one, out)


def test_it_goes_on_where_it_stopped(net, x):
    whole = net(x)
    state = None
    parts = []
    for part in x.split((1, 3, 2)):
        y, state = net.threaded(part, state)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts), whole)
    assert set(state) == {"1", "2", "3.1", "4", "4.node"}
    assert set(state["4"]) == {"output"}


def test_what_layers_remember_is_neither_read_nor_changed(net, x):
    fresh, _ = net.threaded(x)
    net(x + 1)
    before = copy.deepcopy(net)
    assert torch.equal(net.threaded(x)[0], fresh)
    assert same(memories_of(net), memories_of(before))
    with pytest.raises(ValueError, match="takes"):
        net.threaded(torch.zeros(3))
    with pytest.raises(RuntimeError):
        net.threaded(torch.zeros(2, 2, 3))
    assert same(memories_of(net), memories_of(before))
    assert torch.equal(net(x), before(x))


def test_a_state_is_not_changed_by_its_use(net, x):
    _, state = net.threaded(x)
    kept = copy.deepcopy({p: {n: v.detach() for n, v in m.items()} for p, m in state.items()})
    net.threaded(x, state)
    assert same(state, kept)


class InPlace(BaseNode):
    """Changes its membrane in place, as a user may write it."""

    def neuronal_dynamics(self, x):
        self.v += x

    def neuronal_reset(self, spike):
        pass


def test_a_state_is_not_changed_by_nodes_that_work_in_place():
    net = Sequential(InPlace(9.0), layer.Recurrent(InPlace(0.5), 1))
    torch.nn.init.zeros_(net[1].recurrent.weight)
    x = torch.ones(1, 2, 1)
    _, state = net.threaded(x)
    for _ in range(2):
        _, after = net.threaded(x, state)
        assert after["0"]["v"].tolist() == [[2.0], [2.0]]
        assert state["0"]["v"].tolist() == [[1.0], [1.0]]
    given = {"0": {"v": torch.zeros(2, 1)}, "1": {"output": None}, "1.node": {"v": 0.0}}
    net.threaded(x, given)
    assert not given["0"]["v"].any()


def test_it_is_saved_and_loaded_without_running_code(net, x):
    _, state = net.threaded(x)
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=True)
    assert same(loaded, state)
    assert torch.equal(net.threaded(x, loaded)[0], net.threaded(x, state)[0])


def test_gradients_go_through_the_state(net, x):
    x = x.requires_grad_()
    _, state = net.threaded(x[:3])
    y, _ = net.threaded(x[3:], state)
    (grad,) = torch.autograd.grad(y.sum(), x)
    (wanted,) = torch.autograd.grad(net(x)[3:].sum(), x)
    torch.testing.assert_close(grad, wanted)
    assert grad[:3].any()


def test_lengths_are_threaded_too(net, x):
    y, state = net.threaded(x, None, [2, 6, 4])
    assert torch.equal(y, net(x, [2, 6, 4]))
    assert same(state, memories_of(net))


def test_a_state_of_another_network_is_refused(net, x):
    _, state = net.threaded(x)
    del state["2"]
    state["7"] = {"v": torch.zeros(())}
    with pytest.raises(ValueError, match=r"missing 2.history, unknown 7.v; pass what threaded\(\)"):
        net.threaded(x, state)


def test_dropout_has_its_mask_in_the_state():
    torch.manual_seed(0)
    net = Sequential(layer.Dropout(0.5))
    x = torch.ones(3, 2, 40)
    y, state = net.threaded(x)
    assert torch.equal(net.threaded(x, state)[0], y)
    assert not torch.equal(net.threaded(x)[0], y)
    assert net[0].mask is None
