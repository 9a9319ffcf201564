"""State: another batch, moves, copies, checkpoints, and a reset that was forgotten."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import warnings
import weakref

import pytest
import torch
from snn_nodes.functional import (
    detach_net,
    fresh,
    reset_net,
    set_backend,
    set_on_new_shape,
    set_step_mode,
    set_T,
)
from snn_nodes.naming import label
from snn_nodes.neuron import CubaLIFNode, IFNode, LIFNode, NeuronNode, StateWarning
from torch import nn


def network(mode="m", kind=LIFNode, **settings):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 5),
        kind(step_mode=mode, **settings),
        nn.Sequential(nn.Linear(5, 3), kind(step_mode=mode, **settings)),
    )


X = torch.rand(6, 2, 4, generator=torch.Generator().manual_seed(1)) * 3


# Another batch


def test_restart_warns_once_and_starts_anew_each_time():
    node, other = LIFNode(step_mode="m"), LIFNode(step_mode="m")
    node(X)
    with pytest.warns(StateWarning, match="LIFNode") as caught:
        node(X[:, :1])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x in (X, X[:, :1], X):  # the warning has been given
            other.reset()
            assert torch.equal(node(x), other(x))


@pytest.mark.parametrize("change", ["shape", "trailing", "dtype"])
@pytest.mark.parametrize("kind", [LIFNode, lambda **k: CubaLIFNode(dt=1e-3, **k)])
def test_what_does_not_belong_is_refused_by_policy(kind, change):
    x = {"shape": X[:, :1], "trailing": X[..., :1], "dtype": X.double()}[change]
    node = kind(step_mode="m", on_new_shape="raise")
    node(X)
    before = {name: value.clone() for name, value in node.named_memories()}
    expected = re.escape(f"the input needs {tuple(x.shape[1:])} of {x.dtype}")
    with pytest.raises(ValueError, match=expected):
        node(x)
    assert all(torch.equal(value, before[name]) for name, value in node.named_memories())
    node.on_new_shape = "restart"
    with pytest.warns(StateWarning, match=expected):
        out = node(x)
    assert torch.equal(out, kind(step_mode="m")(x))


# Moves, copies, checkpoints


def test_a_state_moves_with_its_node():
    node = LIFNode(step_mode="m", v_reset=torch.tensor(0.1), store_v_seq=True)
    node.set_reset_value("v", torch.full((2, 4), 0.2))
    node(X)
    kept = node.v.detach().clone()
    node.to(torch.float64)
    assert node.v.dtype == node.v_seq.dtype == node.v_reset.dtype == torch.float64
    assert torch.equal(node.v, kept.double())
    node(X.double())
    node.reset()
    assert node.v.dtype == torch.float64


NODES = {
    "lif": lambda: LIFNode(step_mode="m", store_v_seq=True, backend="eager"),
    "by name": lambda: CubaLIFNode(dt=1e-3, step_mode="m", store_v_seq=True),
    "learns": lambda: NeuronNode("adex", dt=1e-3, learn=("tau_syn", "b"), step_mode="m"),
}


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
def test_a_copy_goes_on_from_the_same_state(name, copied):
    node = NODES[name]()
    node(X.clone().requires_grad_())
    twin = copied(node)
    for (one, value), (other, same) in zip(
        node.named_memories(), twin.named_memories(), strict=True
    ):
        assert one == other
        assert torch.equal(value, same)
        assert not same.requires_grad
    assert torch.equal(twin(X), node(X))
    twin.reset()
    assert torch.is_tensor(next(iter(node.memories())))  # the other keeps its own
    assert repr(twin) == repr(node)
    twin.backend = "eager"
    assert twin(X).shape == X.shape


def test_states_are_not_in_checkpoints_and_these_load_anywhere():
    net, new = network(), network()
    with torch.no_grad():
        new[0].weight.zero_()
    net(X)
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "2.0.weight", "2.0.bias"]
    assert not list(net.buffers())
    new(X[:, :1])
    new.load_state_dict(state)
    reset_net(new)
    reset_net(net)
    assert torch.equal(new(X), net(X))


# A forgotten reset


def train(net, mode):
    x = X.clone().requires_grad_()
    out = net(x) if mode == "m" else torch.stack([net(row) for row in x])
    out.sum().backward()


@pytest.mark.parametrize("kind", [LIFNode, lambda **k: CubaLIFNode(dt=5e-3, **k)])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_forgotten_reset_is_an_error_that_names_node_and_remedy(mode, kind):
    net = network(mode, kind)
    set_step_mode(net, mode)  # walks the network, so that messages have its places
    train(net, mode)
    expected = (
        r"(CubaLIF|LIF)Node '(1|2\.1)' carries the state of an earlier call, whose graph is gone "
        r"since its backward\(\)\. .*call reset_net\(net\).*fresh\(net\).*call detach_net\(net\)"
    )
    with pytest.raises(RuntimeError, match=expected):
        train(net, mode)


def test_without_a_place_the_node_is_named_by_its_settings():
    node = IFNode(step_mode="m", v_threshold=0.7)
    node(X.clone().requires_grad_()).sum().backward()
    with pytest.raises(RuntimeError, match=r"^IFNode\(v_threshold=0.7, .*\) carries the state"):
        node(X.clone().requires_grad_()).sum().backward()


@pytest.mark.parametrize("remedy", [reset_net, detach_net])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_its_remedies_help(mode, remedy):
    net = network(mode)
    train(net, mode)
    first = net[1].v.detach().clone()
    remedy(net)
    assert net[1].v == 0.0 if remedy is reset_net else torch.equal(net[1].v, first)
    train(net, mode)


def test_states_of_calls_without_a_graph_need_no_remedy():
    net = network()
    with torch.no_grad():
        net(X)
    train(net, "m")
    reset_net(net)
    x = X.clone().requires_grad_()
    net(x).sum().backward(retain_graph=True)
    once = x.grad.clone()
    net(x).sum().backward()  # the graph is there: through both sequences
    assert once.any()
    assert not torch.equal(x.grad, once)


def test_gradients_go_through_calls_that_belong_together():
    node, whole = (IFNode(1.0, None, step_mode="m") for _ in range(2))
    xs = [X.clone().requires_grad_() for _ in range(2)]
    (node(xs[0][:3]).sum() + node(xs[0][3:]).sum()).backward()
    whole(xs[1]).sum().backward()
    assert torch.allclose(xs[0].grad, xs[1].grad, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("mode", ["s", "m"])
def test_old_graphs_are_let_go(mode):
    net, gone = network(mode), []
    for _ in range(3):
        x = X.clone().requires_grad_()
        held = x * 1.0
        gone.append(weakref.ref(held))
        out = net(held) if mode == "m" else torch.stack([net(row) for row in held])
        out.sum().backward()
        detach_net(net)
        del x, held, out
        gc.collect()
        assert [one() for one in gone] == [None] * len(gone)


# All nodes of a network


def test_the_walkers_reach_every_node_each_time_anew():
    net = network("s")
    net.append(nn.ModuleDict({"late": nn.ModuleList([IFNode()])}))
    late = net[3]["late"][0]
    nodes = [net[1], net[2][1], late]
    set_step_mode(net, "m")
    set_T(net, 7)
    set_backend(net, "eager")
    set_on_new_shape(net, "raise")
    for node in nodes:
        found = (node.step_mode, node.T, node.backend, node.on_new_shape)
        assert found == ("m", 7, "eager", "raise")
    assert [label(node) for node in nodes] == ["LIFNode '1'", "LIFNode '2.1'", "IFNode '3.late.0'"]
    late(X)
    reset_net(net)
    assert [node.v for node in nodes] == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=r"step_mode of LIFNode '1' must be 's' .* or 'm'.*'x'"):
        set_step_mode(net, "x")


def test_fresh_starts_and_ends_without_a_state():
    net = network()
    net(X)
    with fresh(net) as same:
        assert same is net
        assert [net[1].v, net[2][1].v] == [0.0, 0.0]
        net(X)
        assert torch.is_tensor(net[1].v)
    assert [net[1].v, net[2][1].v] == [0.0, 0.0]


def test_fresh_resets_after_an_error_too():
    net = network()

    def fail():
        with fresh(net):
            net(X)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [net[1].v, net[2][1].v] == [0.0, 0.0]
