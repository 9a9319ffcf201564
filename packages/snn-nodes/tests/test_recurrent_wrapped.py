"""Recurrent and what it wraps: its own state, nodes that work in place, hooks, own forwards."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from snn_nodes.functional import reset_net
from snn_nodes.layer import Recurrent, SparseSynapse
from snn_nodes.neuron import BaseNode, IFNode, LIFNode
from torch import nn
from torch.nn.utils import prune

T, B, N = 6, 3, 4
modes = pytest.mark.parametrize("mode", ["s", "m"])


@pytest.fixture
def x():
    generator = torch.Generator().manual_seed(1)
    return 2 * torch.rand(T, B, N, dtype=torch.float64, generator=generator)


def linear(bias=False):
    torch.manual_seed(0)
    made = nn.Linear(N, N, bias).double()
    with torch.no_grad():
        made.weight.mul_(3)
    return made


def over_time(recurrent, x):
    if recurrent.step_mode == "m":
        return recurrent(x)
    return torch.stack([recurrent(step) for step in x])


def by_hand(x, weight, node, scale=1.0):
    """``z[t] = node(scale * (x[t] + W z[t-1]))``."""
    z, outputs = torch.zeros_like(x[0]), []
    for step in x:
        z = node(scale * (step + z @ weight.T))
        outputs.append(z)
    return torch.stack(outputs)


@modes
@pytest.mark.parametrize("module", [linear, lambda: nn.Sequential(linear())])
@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("lengths", [None, [T, 1, 0]])
def test_what_is_done_to_an_output_is_not_done_to_the_state(x, mode, module, grad, lengths):
    if mode == "s" and lengths:
        pytest.skip("lengths need all steps")
    recurrent = Recurrent(IFNode(), module(), mode)
    twin = copy.deepcopy(recurrent)
    with torch.set_grad_enabled(grad):
        for _ in range(2):
            given = (x, lengths) if mode == "m" else (x[0],)
            y, wanted = recurrent(*given), twin(*given)
            assert torch.equal(y, wanted)
            kept = recurrent.output
            assert kept.untyped_storage().nbytes() == B * N * x.element_size()
            y.mul_(0)
            assert torch.equal(recurrent.output, twin.output)
            assert torch.equal(recurrent.node.v, twin.node.v)
    assert bool(recurrent.output.any())


class InPlace(BaseNode):
    """Sums its input in place and never fires."""

    def neuronal_dynamics(self, x):
        self.v += x

    def neuronal_fire(self, x=None):
        return torch.zeros_like(self.v)

    def neuronal_reset(self, spike):
        pass


def test_a_node_may_change_its_membrane_in_place():
    recurrent = Recurrent(InPlace(store_v_seq=True), 1, "m")
    x = torch.ones(4, 2, 1)
    recurrent(x, [2, 4])
    assert recurrent.node.v.flatten().tolist() == [2.0, 4.0]
    assert recurrent.node.v_seq[:, 0, 0].tolist() == [1.0, 2.0, 2.0, 2.0]
    reset_net(recurrent)
    recurrent(x)
    assert recurrent.node.v_seq[:, 0, 0].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert recurrent.node.v_seq[:, 1, 0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_module_on_the_way_back_may_work_in_place():
    recurrent = Recurrent(IFNode(), nn.Threshold(2.0, -1.0, inplace=True), "m")
    z = recurrent(torch.full((3, 2, 1), 2.0), [2, 1])  # back comes -1 whatever it was
    assert z[:, 0, 0].tolist() == [1.0, 1.0, 0.0]
    assert recurrent.output.flatten().tolist() == [1.0, 1.0]


class Doubling(LIFNode):
    """A node whose call is more than its steps."""

    def forward(self, x, lengths=None):
        return super().forward(x * 2, lengths)


@modes
@pytest.mark.parametrize("of_node", ["s", "m"])
@pytest.mark.parametrize("spike_out", [False, True])
def test_a_node_with_a_forward_of_its_own_is_called(x, mode, of_node, spike_out):
    node = Doubling(3.0, step_mode=of_node, spike_out=spike_out)
    recurrent = Recurrent(node, linear(), mode)
    z = over_time(recurrent, x)
    wanted = by_hand(x, recurrent.recurrent.weight, LIFNode(3.0), scale=2.0)
    assert torch.equal(z.to_dense() if spike_out and mode == "m" else torch.as_tensor(z), wanted)
    assert 0 < wanted.mean() < 1
    assert not torch.equal(wanted, by_hand(x, recurrent.recurrent.weight, LIFNode(3.0)))


def test_such_a_node_has_lengths_and_membranes(x):
    recurrent = Recurrent(Doubling(3.0, store_v_seq=True), linear(), "m")
    z = recurrent(x, [T, 2, 0])
    alone = Recurrent(Doubling(3.0, store_v_seq=True), linear(), "m")
    assert torch.equal(z[:2, 1:2], alone(x[:2, 1:2]))
    assert torch.equal(recurrent.node.v[1:2], alone.node.v)
    assert torch.equal(recurrent.node.v_seq[:2, 1:2], alone.node.v_seq)
    assert not z[2:, 1].any()
    assert not z[:, 2].any()


@modes
def test_hooks_of_the_node_are_called(x, mode):
    recurrent = Recurrent(IFNode(), linear(), mode)
    plain = over_time(recurrent, x)
    reset_net(recurrent)
    seen = []
    handle = recurrent.node.register_forward_hook(lambda module, args, z: seen.append(z))
    assert torch.equal(over_time(recurrent, x), plain)
    assert torch.equal(torch.stack(seen).view_as(plain), plain)
    handle.remove()
    reset_net(recurrent)
    recurrent.node.register_forward_pre_hook(lambda module, args: (2 * args[0],))
    doubled = by_hand(x, recurrent.recurrent.weight, IFNode(), scale=2.0)
    assert torch.equal(over_time(recurrent, x), doubled)


@modes
@pytest.mark.parametrize("bias", [False, True])
def test_hooks_of_the_synapses_are_called(x, mode, bias):
    recurrent = Recurrent(IFNode(), linear(bias), mode)
    recurrent.recurrent.register_forward_hook(lambda module, args, fed: -fed)
    z = over_time(recurrent, x)
    weight, shift = -recurrent.recurrent.weight, -(recurrent.recurrent.bias if bias else 0.0)
    torch.testing.assert_close(z, by_hand(x + shift, weight, IFNode()))
    assert 0 < z.mean() < 1


@modes
def test_pruned_synapses_stay_pruned(x, mode):
    """The hook of prune makes the weight anew at each call: of what is learnt and the mask."""
    recurrent = Recurrent(IFNode(), linear(), mode)
    prune.random_unstructured(recurrent.recurrent, "weight", 0.5)
    with torch.no_grad():
        recurrent.recurrent.weight_orig.mul_(-2)  # a step of an optimiser
    z = over_time(recurrent, x)
    weight = recurrent.recurrent.weight_orig * recurrent.recurrent.weight_mask
    assert torch.equal(z, by_hand(x, weight, IFNode()))
    z.square().sum().backward()
    z = over_time(recurrent, x.detach()) if reset_net(recurrent) is None else None
    z.square().sum().backward()  # the weight is of this call's graph, not of the last one's


@modes
def test_weight_norm_of_either_kind(x, mode):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        old = nn.utils.weight_norm(linear())
    new = nn.utils.parametrizations.weight_norm(linear())
    with torch.no_grad():
        old.weight_g.mul_(2)
        new.parametrizations.weight.original0.mul_(2)
    for synapses in (old, new):
        z = over_time(Recurrent(IFNode(), synapses, mode), x)
        assert torch.equal(z, by_hand(x, new.weight, IFNode()))


@modes
def test_synapses_of_a_class_of_ones_own_are_called(x, mode):
    class Negative(SparseSynapse):
        def forward(self, x):
            return -super().forward(x)

    synapses = Negative(N, N, torch.ones(N, N).bool(), bias=False).double()
    z = over_time(Recurrent(IFNode(), synapses, mode), x)
    assert torch.equal(z, by_hand(x, -synapses.weight, IFNode()))
    assert not torch.equal(z, by_hand(x, synapses.weight, IFNode()))


@modes
def test_under_autocast_the_state_stays_in_the_dtype_of_the_weight(x, mode):
    recurrent = Recurrent(IFNode(backend="eager"), linear().float(), mode)
    with torch.autocast("cpu", torch.bfloat16):
        given = torch.eye(N) @ x[..., None].float()  # a product: bfloat16
        z = over_time(recurrent, given[..., 0])
    assert given.dtype == torch.bfloat16
    assert z.dtype == recurrent.output.dtype == recurrent.node.v.dtype == torch.float32
