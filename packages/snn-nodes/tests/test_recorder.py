"""Recorder: right numbers in every mode, bounded memory, and nothing of the network changed."""

from __future__ import annotations

import copy
import weakref

import pytest
import torch
from snn_nodes.functional import reset_net
from snn_nodes.layer import Recurrent, Sequential
from snn_nodes.neuron import LIFNode
from snn_nodes.recording import Recorder
from torch import nn

from .recorded import by_hand, run

T, B, N = 7, 2, 5


@pytest.fixture
def x():
    return 4 * torch.rand(T, B, N, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("mode", ["s", "m", "parallel"])
@pytest.mark.parametrize("spike_out", [False, True])
def test_spikes_membranes_and_rates_are_those_of_the_equations(x, mode, spike_out):
    node = LIFNode(spike_out=spike_out)
    with Recorder(node, membrane=True) as recorder:
        run(node, x, mode)
    spikes, membrane = by_hand(x)
    found = recorder["LIFNode"]
    assert 0 < spikes.sum() < spikes.numel()
    assert found.spikes.dtype == torch.bool
    assert torch.equal(found.spikes, spikes)
    torch.testing.assert_close(found.membrane, membrane)
    torch.testing.assert_close(found.rates, spikes.float().mean((0, 1)))
    assert found.at.tolist() == list(range(T))
    assert (found.steps, found.lost) == (T, 0)


@pytest.mark.parametrize("mode", ["s", "m", "parallel"])
def test_nothing_of_the_node_is_changed(x, mode):
    node, other = LIFNode(), LIFNode()
    with Recorder(node, membrane=True):
        run(node, x, mode)
        assert not node.store_v_seq  # between calls too
    run(other, x, mode)
    assert dict(node.named_memories()).keys() == {"v"}
    assert torch.equal(node.v, other.v)
    assert not node._forward_hooks
    assert not node._forward_pre_hooks


def test_a_store_of_the_users_own_stays_with_its_graph(x):
    node = LIFNode(step_mode="m", store_v_seq=True)
    x.requires_grad_()
    with Recorder(node, membrane=True) as recorder:
        node(x)
    assert node.store_v_seq
    assert node.v_seq.requires_grad
    assert torch.equal(recorder["LIFNode"].membrane, node.v_seq)
    assert not recorder["LIFNode"].membrane.requires_grad


@pytest.mark.parametrize("mode", ["s", "m"])
def test_numbers_and_gradients_are_the_same_with_it(x, mode):
    torch.manual_seed(0)
    net = Sequential(nn.Linear(N, 4), LIFNode(), Recurrent(LIFNode(), 4), step_mode=mode)
    twin = copy.deepcopy(net)

    def trained(net):
        steps = [net(x)] if mode == "m" else [net(step) for step in x]
        sum((step * step.detach().cumsum(-1)).sum() for step in steps).backward()
        return [torch.cat(steps).detach(), *(p.grad for p in net.parameters())]

    with Recorder(net, membrane=True):
        recorded = trained(net)
    for ours, plain in zip(recorded, trained(twin), strict=True):
        assert torch.equal(ours, plain)


def test_the_graph_is_not_kept_alive(x):
    node, weight = LIFNode(step_mode="m"), torch.ones(N, requires_grad=True)
    with Recorder(node, membrane=True) as recorder:
        out = node(x * weight)
        graph = weakref.ref(out.grad_fn)
        del out
        reset_net(node)
        assert graph() is None
        assert recorder["LIFNode"].membrane.grad_fn is None
        recorder["LIFNode"].membrane.zero_()  # a copy: nobody's but ours


def test_a_record_is_a_copy_of_the_state(x):
    node = LIFNode()
    with Recorder(node, membrane=True) as recorder:
        node(x[0])
        before = recorder["LIFNode"].membrane.clone()
        node.v.fill_(7.0)
    assert torch.equal(recorder["LIFNode"].membrane, before)


def test_recurrent_is_one_layer_with_the_membrane_of_its_node(x):
    torch.manual_seed(0)
    found = {}
    for mode in "sm":
        torch.manual_seed(0)
        net = Recurrent(LIFNode(), N, step_mode=mode)
        with Recorder(net, membrane=True) as recorder:
            out = net(x) if mode == "m" else torch.stack([net(step) for step in x])
        assert list(recorder) == ["Recurrent"]
        found[mode] = recorder["Recurrent"]
        assert torch.equal(found[mode].spikes, out > 0)
        assert not net.node.store_v_seq
    torch.testing.assert_close(found["s"].membrane, found["m"].membrane)
    assert torch.equal(found["m"].membrane[-1], net.node.v.detach())


def test_a_node_with_methods_of_its_own_is_recorded_over_time(x):
    class Counting(LIFNode):
        """Changes more than its state, so that it runs step by step."""

        def neuronal_dynamics(self, x):
            self.calls = [*getattr(self, "calls", []), 1]
            super().neuronal_dynamics(x)

    node = Counting(step_mode="m")
    with Recorder(node, membrane=True) as recorder:
        node(x)
    torch.testing.assert_close(recorder["Counting"].membrane, by_hand(x)[1])


def test_layers_are_chosen_by_name(x):
    net = nn.Sequential()
    net.add_module("hidden", LIFNode())
    net.add_module("out", LIFNode())
    with Recorder(net, nodes=["out"]) as recorder:
        net(x[0])
    assert list(recorder) == ["out"]
    with pytest.raises(KeyError, match="no layer 'hidden' is recorded; there are: 'out'"):
        recorder["hidden"]
    with pytest.raises(ValueError, match="no layer of neurons is called 'hiden'; there are: 'hid"):
        Recorder(net, nodes=["hiden"])
    with pytest.raises(TypeError, match=r"pass \['out'\]"):
        Recorder(net, nodes="out")
    with pytest.raises(ValueError, match="Linear has no layer of neurons"):
        Recorder(nn.Linear(2, 2))
