"""Recurrent: against the equations written out, in both modes, with any kind of synapses."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from snn_core.testing import TOY
from snn_nodes import layer
from snn_nodes.functional import detach_net, reset_net
from snn_nodes.layer import Recurrent, SparseSynapse
from snn_nodes.neuron import BaseNode, IFNode, LIFNode, NeuronNode, StateWarning, stateful
from snn_nodes.surrogate import Sigmoid
from torch import nn

T, B, N = 6, 3, 4
MASK = torch.tensor([[0, 1, 1, 0], [1, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 0]]).bool()


class Counting(BaseNode):
    """Changes more than its state, so that only its own steps can run it."""

    calls = 0

    def neuronal_dynamics(self, x):
        self.calls = self.calls + 1
        self.v = self.v + x


NODES = {
    "if": lambda: IFNode(),
    "lif soft": lambda: LIFNode(3.0, v_reset=None, surrogate_function=Sigmoid(2.0)),
    "own steps": lambda: Counting(),
    "registered": lambda: NeuronNode(TOY, dt=1e-3),
}
SYNAPSES = {
    "number": lambda: N,
    "bias": lambda: nn.Linear(N, N),
    "sparse": lambda: SparseSynapse(N, N, MASK),
    "own module": lambda: nn.Sequential(nn.Linear(N, N), nn.Tanh()),
    "time first": lambda: layer.Sequential(nn.Linear(N, N), nn.Tanh()),
}
nodes = pytest.mark.parametrize("node", NODES)
synapses = pytest.mark.parametrize("synapse", SYNAPSES)


def made(node, synapse, mode="m"):
    torch.manual_seed(0)
    made = Recurrent(NODES[node](), SYNAPSES[synapse](), mode).double()
    with torch.no_grad():
        for parameter in made.recurrent.parameters():
            parameter.mul_(3)
    return made


@pytest.fixture
def x():
    generator = torch.Generator().manual_seed(1)
    return 2 * torch.rand(T, B, N, dtype=torch.float64, generator=generator)


def weights_of(synapse):
    """W and the bias, and what comes after them."""
    linear = synapse if isinstance(synapse, nn.Linear) else synapse[0]
    after = torch.tanh if linear is not synapse else lambda fed: fed
    weight = linear.weight * MASK if isinstance(linear, SparseSynapse) else linear.weight
    return weight, 0.0 if linear.bias is None else linear.bias, after


@nodes
@synapses
def test_it_is_the_node_alone_with_what_it_should_receive(x, node, synapse):
    recurrent = made(node, synapse)
    z = recurrent(x)
    weight, bias, after = weights_of(recurrent.recurrent)
    alone = NODES[node]().double()
    before = torch.zeros(B, N, dtype=torch.float64)
    for t in range(T):
        fed = torch.stack([after(weight @ before[b] + bias) for b in range(B)])
        before = alone(x[t] + fed)
        assert torch.equal(z[t], before)
    assert 0 < z.mean() < 1
    reset_net(alone)
    assert not torch.equal(z, torch.stack([alone(step) for step in x]))  # it does feed back


@nodes
@synapses
def test_both_step_modes_and_parts_give_the_same_bits(x, node, synapse):
    whole, parts, steps = made(node, synapse), made(node, synapse), made(node, synapse, "s")
    z = whole(x)
    assert torch.equal(torch.cat([parts(x[:2]), parts(x[2:3]), parts(x[3:])]), z)
    assert torch.equal(torch.stack([steps(step) for step in x]), z)
    for other in (parts, steps):
        assert torch.equal(other.output, whole.output)
        torch.testing.assert_close(other.node.v, whole.node.v, rtol=0, atol=1e-14)


@nodes
@synapses
def test_gradients_are_the_same_however_it_is_run(x, node, synapse):
    grads = []
    for mode in "sm":
        recurrent = made(node, synapse, mode)
        leaf = x.clone().requires_grad_()
        z = recurrent(leaf) if mode == "m" else torch.stack([recurrent(step) for step in leaf])
        wanted = [leaf, *recurrent.recurrent.parameters()]
        weight = torch.linspace(-1, 2, z.numel(), dtype=z.dtype).view_as(z)
        grads.append(torch.autograd.grad((z * weight).sum(), wanted))
    for a, b in zip(*grads, strict=True):
        assert bool(a.any())
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mode", ["s", "m"])
def test_gradients_of_the_smooth_neuron_are_those_of_finite_differences(x, mode):
    smooth = LIFNode(2.0, v_reset=None, surrogate_function=Sigmoid(2.0, spiking=False))
    recurrent = Recurrent(smooth, N, mode).double()
    x = x[:3, :1].requires_grad_()

    def run(x, weight):
        reset_net(recurrent)
        state = {"recurrent.weight": weight}
        if mode == "m":
            return torch.func.functional_call(recurrent, state, (x,))
        return torch.stack(
            [torch.func.functional_call(recurrent, state, (step,)) for step in x.unbind()]
        )

    assert torch.autograd.gradcheck(run, (x, recurrent.recurrent.weight))


@nodes
@pytest.mark.parametrize("synapse", ["bias", "own module"])
def test_each_sample_ends_at_its_own_length(x, node, synapse):
    lengths = [6, 0, 3]
    recurrent = made(node, synapse)
    recurrent(x)
    z = recurrent(x + 0.1, lengths)
    again = recurrent(x + 0.2)
    for b, n in enumerate(lengths):
        alone = made(node, synapse)
        alone(x[:, b : b + 1])
        if n:
            assert torch.equal(z[:n, b : b + 1], alone((x + 0.1)[:n, b : b + 1]))
        assert not z[n:, b].any()
        assert torch.equal(again[:, b : b + 1], alone((x + 0.2)[:, b : b + 1]))


def test_it_runs_through_integrate_where_synapses_are_a_matrix(x, monkeypatch):
    posed = []
    pose = stateful.posed
    monkeypatch.setattr(stateful, "posed", lambda *a: posed.append(a[-1]) or pose(*a))
    for synapse in ("number", "bias", "sparse"):
        made("if", synapse)(x)
    assert [tuple(weight.shape) for weight in posed] == [(N, N)] * 3
    made("if", "own module")(x)
    made("own steps", "number")(x)
    assert len(posed) == 3


def test_a_convolution_may_feed_back():
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(5, 2, 3, 4, 4, generator=generator)
    conv = nn.Conv2d(3, 3, 3, padding=1)
    z = Recurrent(IFNode(), conv, "m")(x)
    alone = IFNode()
    before = torch.zeros_like(x[0])
    for t in range(5):
        before = alone(x[t] + conv(before))
        assert torch.equal(z[t], before)
    with pytest.raises(ValueError, match=r"makes \(2, 3, 2, 2\) of an output \(2, 3, 4, 4\)"):
        Recurrent(IFNode(), nn.Conv2d(3, 3, 3), "m")(x)


def test_a_delay_may_stand_in_the_loop(x):
    """Two steps of delay: what a neuron receives is W z[t - 3]."""
    linear = nn.Linear(N, N).double()
    recurrent = Recurrent(IFNode(), layer.Sequential(linear, layer.Delay(2)), "m")
    z = recurrent(x)
    alone, padded = IFNode(), torch.zeros(T + 3, B, N, dtype=torch.float64)
    for t in range(T):
        # the bias is delayed too
        fed = linear(padded[t]) if t > 1 else torch.zeros(B, N, dtype=torch.float64)
        padded[t + 3] = alone(x[t] + fed)
    assert torch.equal(z, padded[3:])
    with pytest.raises(ValueError, match="recurrent module has memories"):
        recurrent(x, [1, 2, 3])
    recurrent.reset()
    assert torch.equal(recurrent(x), z)


@pytest.mark.parametrize("synapse", ["number", "own module"])
def test_membranes_over_time(x, synapse):
    recurrent = Recurrent(IFNode(store_v_seq=True), SYNAPSES[synapse](), "m").double()
    twin = copy.deepcopy(recurrent)
    twin.step_mode = "s"
    recurrent(x)
    rows = []
    for step in x:
        twin(step)
        rows.append(twin.node.v)
    torch.testing.assert_close(recurrent.node.v_seq, torch.stack(rows), rtol=0, atol=1e-14)


@pytest.mark.parametrize("synapse", ["number", "own module"])
def test_reset_detach_and_copies(x, synapse):
    recurrent = made("if", synapse)
    z = recurrent(x)
    twin = copy.deepcopy(recurrent)
    assert torch.equal(twin(x), recurrent(x))
    recurrent.reset()
    assert recurrent.output is None
    assert recurrent.node.v == 0.0
    assert torch.equal(recurrent(x), z)
    assert recurrent.output.requires_grad
    detach_net(recurrent)
    assert not recurrent.output.requires_grad
    assert not recurrent.node.v.requires_grad
    assert set(recurrent.state_dict()) == {
        f"recurrent.{key}" for key in recurrent.recurrent.state_dict()
    }


@pytest.mark.parametrize("synapse", ["number", "own module"])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_forgotten_reset_is_named(x, synapse, mode):
    recurrent = made("if", synapse, mode)
    run = recurrent if mode == "m" else lambda x: torch.stack([recurrent(step) for step in x])
    run(x).sum().backward()
    with pytest.raises(RuntimeError, match=r"carries the state of an earlier call.*reset_net"):
        run(x).sum().backward()
    detach_net(recurrent)
    reset_net(recurrent)
    run(x).sum().backward()


@pytest.mark.parametrize("synapse", ["number", "own module"])
def test_another_batch_starts_anew_or_is_refused(x, synapse):
    recurrent = made("if", synapse)
    recurrent(x)
    with pytest.warns(StateWarning, match=r"its output is \(3, 4\).*needs \(1, 4\)"):
        z = recurrent(x[:, :1])
    assert torch.equal(z, made("if", synapse)(x[:, :1]))
    recurrent.reset()
    recurrent.node.on_new_shape = "raise"
    recurrent(x)
    with pytest.raises(ValueError, match=r"state belongs to one batch; call reset_net\(net\)"):
        recurrent(x[:, :1])


def test_what_it_cannot_be_is_refused(x):
    with pytest.raises(TypeError, match=r"wraps a node, such as LIFNode\(\), got Linear"):
        Recurrent(nn.Linear(2, 2), 2)
    with pytest.raises(ValueError, match=r"IFNode\(.*must not have parallel_optim"):
        Recurrent(IFNode(parallel_optim=True), 2)
    with pytest.raises(TypeError, match=r"features or a module, got Tensor.*nn.Linear\(N, N"):
        Recurrent(IFNode(), torch.eye(2))
    with pytest.raises(ValueError, match="at least 1 feature, got 0"):
        Recurrent(IFNode(), 0)
    with pytest.raises(ValueError, match=r"to themselves, \(N, N\), got \(3, 2\)"):
        Recurrent(IFNode(), nn.Linear(2, 3))
    with pytest.raises(ValueError, match="holds layers with a step mode, and has none itself"):
        Recurrent(IFNode(), nn.Sequential(nn.Linear(2, 2), layer.Delay(1)))


@pytest.mark.parametrize("mode", ["s", "m"])
def test_wrong_inputs_are_named(x, mode):
    recurrent = made("if", "number", mode)
    wide = torch.zeros(*x.shape[mode == "s" : 2], 5, dtype=x.dtype)
    with pytest.raises(
        ValueError, match=r"Recurrent\(.*takes steps \(B, 4\).*got a step of \(3, 5\)"
    ):
        recurrent(wide)
    with pytest.raises(TypeError, match=r"takes a floating-point input, got torch\.int64"):
        recurrent(x.long() if mode == "m" else x[0].long())
    if mode == "m":
        with pytest.raises(ValueError, match=r"takes \(T, B, \*N\) with T >= 1, got \(0, 3, 4\)"):
            recurrent(x[:0])
    else:
        with pytest.raises(ValueError, match=r"set Recurrent\(.*step_mode = 'm'"):
            recurrent(x[0], [1, 1, 1])


def test_nothing_warns_in_an_ordinary_run(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for synapse in SYNAPSES:
            recurrent = made("registered", synapse)
            recurrent(x)
            reset_net(recurrent)
            recurrent(x[:, :1])
