"""diagnose: its figures against autograd, in every way of running a network."""

from __future__ import annotations

import copy

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY
from snn_core.types import Backend
from snn_nodes.functional import reset_net
from snn_nodes.layer import Recurrent, Sequential
from snn_nodes.neuron import IFNode, LIFNode, NeuronNode
from snn_nodes.recording import diagnose
from snn_nodes.surrogate import ATan, Rect
from torch import nn

from .diagnosed import layer, network

T, B, N = 16, 4, 6


@pytest.fixture
def x():
    return torch.rand(T, B, N, generator=torch.Generator().manual_seed(1))


def own_norms(net, x, loss):
    """Of each node's output, the gradient at each step; the network run by hand."""
    outputs = []
    for module in net:
        x = (
            module(x)
            if isinstance(module, LIFNode)
            else module(x.flatten(0, 1)).unflatten(0, (T, B))
        )
        if isinstance(module, LIFNode):
            x.retain_grad()
            outputs.append(x)
    loss(x).backward()
    return [torch.stack([step.norm() for step in out.grad]) for out in outputs]


@pytest.mark.parametrize("spike_out", [False, True])
def test_gradient_norms_are_those_of_autograd(x, spike_out):
    net = network(LIFNode(), LIFNode(surrogate_function=ATan()), LIFNode(v_reset=None)).double()
    twin = copy.deepcopy(net)
    target = torch.rand(T, B, N, dtype=torch.float64)
    loss = lambda out: ((out - target) ** 2).mean()  # noqa: E731
    for node in net[1::2]:
        node.spike_out = spike_out
    found = diagnose(net, x.double(), loss)
    expected = own_norms(twin, x.double(), loss)
    for row, norms in zip(found.layers, expected, strict=True):
        torch.testing.assert_close(row.gradient, norms, rtol=1e-12, atol=0.0)
        assert row.gradient_norm == pytest.approx(norms.norm().item())
        assert row.early == pytest.approx(norms[:4].max().item())
        assert row.late == pytest.approx(norms[-4:].max().item())
    reset_net(twin)
    own = {name: p.grad.norm().item() for name, p in twin.named_parameters()}
    assert dict(found.parameters) == pytest.approx(own)
    assert found.loss == pytest.approx(loss(twin(x.double())).item())


def test_the_default_loss_is_the_sum(x):
    net = network(LIFNode())
    found = diagnose(net, x)
    torch.testing.assert_close(
        found.layers[0].gradient, torch.full((T,), float(B * N) ** 0.5).double()
    )
    assert found.loss == net(x).sum()


def test_membranes_are_seen_before_their_reset():
    node = IFNode(surrogate_function=Rect(alpha=1.0), step_mode="m")  # 1/2 either side
    x = torch.tensor([0.6, 0.6, 2.0, 0.1]).view(4, 1, 1)  # v: 0.6, 1.2 (fires), 2 (fires), 0.1
    found = diagnose(node, x).layers[0]
    assert found.width == pytest.approx((-0.5, 0.5))
    assert found.in_width == 0.5


def test_shared_surrogates_do_not_mix(x):
    shared = Rect(alpha=1.0)
    mixed = network(*(LIFNode(surrogate_function=shared) for _ in range(2)))
    apart = network(*(LIFNode(surrogate_function=Rect(alpha=1.0)) for _ in range(2)))
    shares = [[row.in_width for row in diagnose(net, x).layers] for net in (mixed, apart)]
    assert shares[0] == shares[1]
    assert shares[0][0] != shares[0][1]
    assert mixed[1].surrogate_function.threshold == Rect(alpha=1.0).threshold


def test_a_surrogate_that_is_used_elsewhere_too_is_seen_in_its_node_only(x):
    shared = Rect(alpha=1.0)
    net = network(LIFNode(surrogate_function=shared))
    found = diagnose(net, x, lambda out: shared(out - 5.0).sum())  # far out of its width
    assert found.layers[0].in_width == diagnose(net, x).layers[0].in_width > 0


def test_a_surrogate_of_ones_own_is_seen(x):
    class Mine(nn.Module):
        def forward(self, x):
            return snn.threshold("rect", alpha=1.0).with_strictness(False)(x)

    own = diagnose(network(LIFNode(surrogate_function=Mine())), x).layers[0]
    theirs = diagnose(network(LIFNode(surrogate_function=Rect(alpha=1.0))), x).layers[0]
    assert own.width == pytest.approx((-0.5, 0.5))
    assert own.in_width == theirs.in_width
    plain = diagnose(network(LIFNode(surrogate_function=lambda x: Mine()(x))), x).layers[0]
    assert (plain.width, plain.in_width) == (None, None)
    assert plain.rate == own.rate


def test_a_neuron_of_the_registry(x):
    node = NeuronNode(TOY, dt=1e-3, threshold="rect")
    found = diagnose(network(node), x).layers[0]
    assert found.width == pytest.approx((-0.5, 0.5))
    assert 0 < found.in_width < 1
    assert node.threshold == snn.threshold("rect")
    assert node.backend == "auto"


def test_all_ways_of_running_agree(x):
    net = network(LIFNode(), LIFNode())
    at_once = diagnose(net, x)
    net.step_mode = "s"
    steps = diagnose(net, x, run=lambda net, x: torch.stack([net(step) for step in x]))
    flat = nn.Sequential(*net)
    for node in flat[1::2]:
        node.parallel_optim, node.T = True, T
    merged = diagnose(flat, x.flatten(0, 1))
    for other in (steps, merged):
        for row, wanted in zip(other.layers, at_once.layers, strict=True):
            assert row[:7] == wanted[:7]
            assert row.in_width == pytest.approx(wanted.in_width)
            torch.testing.assert_close(row.gradient, wanted.gradient)


def test_recurrent_is_one_layer(x):
    torch.manual_seed(0)
    found = diagnose(Sequential(nn.Linear(N, N), Recurrent(LIFNode(), N), nn.Linear(N, 1)), x)
    assert [row.name for row in found.layers] == ["1"]
    assert found.layers[0].kind == "Recurrent"
    assert found.layers[0].in_width > 0


def test_an_integrator_has_gradients_and_no_rates(x):
    integrator = TOY._replace(
        name="integrator",
        step=lambda x, state, params, threshold, dt: (state.v + x, TOY.State(state.v + x)),
    )
    found = diagnose(network(LIFNode(), NeuronNode(integrator, dt=1e-3)), x)
    row = layer(found, "3")
    assert (row.rate, row.dead, row.saturated, row.in_width) == (None, None, None, None)
    assert row.gradient_norm > 0
    assert found.advice == ()


def test_a_backend_asked_for_by_name_runs(x):
    ran = []
    eager = snn.backend("eager")
    mine = Backend("mine", None, lambda problem: None, lambda p: ran.append(1) or eager.run(p))
    found = diagnose(network(LIFNode(backend=mine)), x)
    assert ran
    assert (found.layers[0].width, found.layers[0].in_width) == (None, None)
