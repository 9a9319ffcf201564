"""SparseSynapse: only synapses that exist count, forward, backward and for an optimiser."""

from __future__ import annotations

import math

import pytest
import torch
from snn_nodes.layer import SparseSynapse

MASK = torch.tensor([[True, False, True], [False, False, True]])


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return SparseSynapse(3, 2, MASK, step_mode="m", dtype=torch.float64)


@pytest.fixture
def x():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(4, 5, 3, dtype=torch.float64, generator=generator)


def test_it_is_the_sum_over_synapses_that_exist(layer, x):
    wanted = layer.bias.detach().expand(4, 5, 2).clone()
    for n_out, n_in in MASK.nonzero().tolist():
        wanted[..., n_out] += layer.weight[n_out, n_in].detach() * x[..., n_in]
    torch.testing.assert_close(layer(x).detach(), wanted, rtol=1e-12, atol=1e-12)


def test_what_does_not_exist_does_not_count_whatever_it_is(layer, x):
    y = layer(x)
    with torch.no_grad():
        layer.weight[~MASK] = torch.tensor([math.inf, math.nan, -7.0], dtype=torch.float64)
    before = layer.weight.clone()
    assert torch.equal(layer(x), y)
    layer(x).square().sum().backward()
    assert torch.equal(layer.weight, before) or bool(before.isnan().any())
    assert torch.equal(layer.weight[~MASK].isnan(), before[~MASK].isnan())  # left as it is
    assert layer.weight.grad[~MASK].tolist() == [0.0, 0.0, 0.0]
    assert bool((layer.weight.grad[MASK] != 0).all())


def test_gradients_are_those_of_finite_differences(layer, x):
    def run(x, weight, bias):
        state = {"weight": weight, "bias": bias}
        return torch.func.functional_call(layer, state, (x,))

    inputs = (x.requires_grad_(), layer.weight, layer.bias)
    assert torch.autograd.gradcheck(run, inputs)


@pytest.mark.parametrize(
    "optimiser",
    [
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
        lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
    ],
)
def test_an_optimiser_cannot_make_them_count(layer, x, optimiser):
    with torch.no_grad():
        layer.weight[~MASK] = 3.0
    steps = optimiser(layer.parameters())
    for _ in range(5):
        steps.zero_grad()
        (layer(x) - 1).square().mean().backward()
        steps.step()
    dense = torch.nn.functional.linear(x, layer.weight * MASK, layer.bias)
    torch.testing.assert_close(layer(x), dense)
    fresh = SparseSynapse(3, 2, MASK)
    assert bool((fresh.weight[~MASK] == 0).all())  # and there decay has nothing to start from


def test_a_row_is_drawn_for_the_synapses_that_it_has():
    torch.manual_seed(0)
    mask = torch.zeros(2, 1000, dtype=torch.bool)
    mask[0, :100] = True
    mask[1] = True
    weight = SparseSynapse(1000, 2, mask).weight.detach()
    for row, n in ((0, 100), (1, 1000)):
        values, bound = weight[row, mask[row]], 1 / math.sqrt(n)
        assert 0.9 * bound < values.abs().max() <= bound * (1 + 1e-6)
        assert abs(values.std() / (bound / math.sqrt(3)) - 1) < 0.15


def test_neurons_without_synapses_have_their_bias():
    layer = SparseSynapse(3, 2, torch.zeros(2, 3, dtype=torch.bool))
    assert torch.equal(layer(torch.ones(1, 3)), layer.bias[None])


def test_connections_are_in_the_checkpoint_and_others_are_refused(layer, x):
    state = layer.state_dict()
    assert list(state) == ["weight", "bias", "connections"]
    same = SparseSynapse(3, 2, MASK.clone(), step_mode="m", dtype=torch.float64)
    same.load_state_dict(state)
    assert torch.equal(same(x), layer(x))
    other = SparseSynapse(3, 2, ~MASK, dtype=torch.float64)
    before = other.weight.clone()
    with pytest.raises(
        RuntimeError, match=r"connections of the checkpoint are other ones \(6 of 6"
    ):
        other.load_state_dict(state)
    assert torch.equal(other.weight, before)
    net = torch.nn.Sequential(other)
    with pytest.raises(RuntimeError, match=r"connections=state_dict\['0.connections'\]"):
        net.load_state_dict({f"0.{key}": value for key, value in state.items()}, strict=False)


def test_a_checkpoint_of_a_dense_layer_lacks_connections(layer):
    with pytest.raises(RuntimeError, match=r"Missing key.*connections"):
        layer.load_state_dict(torch.nn.Linear(3, 2).state_dict())
    dense = torch.nn.Linear(3, 2).double()
    layer.load_state_dict(dense.state_dict(), strict=False)
    assert torch.equal(layer.masked_weight(), dense.weight * MASK)


def test_density_is_the_share_of_synapses():
    generator = torch.Generator().manual_seed(5)
    layer = SparseSynapse.from_density(40, 25, 0.1, False, "m", generator=generator)
    assert int(layer.connections.sum()) == 100
    assert layer.bias is None
    assert layer.step_mode == "m"
    again = SparseSynapse.from_density(40, 25, 0.1, generator=torch.Generator().manual_seed(5))
    other = SparseSynapse.from_density(40, 25, 0.1, generator=torch.Generator().manual_seed(6))
    assert torch.equal(layer.connections, again.connections)
    assert not torch.equal(layer.connections, other.connections)
    assert int(SparseSynapse.from_density(4, 5, 1.0).connections.sum()) == 20


@pytest.mark.parametrize("density", [0.0, -0.1, 1.1, float("nan")])
def test_a_density_out_of_range_is_refused(density):
    with pytest.raises(ValueError, match="must be a share of the synapses, 0 < density <= 1, got"):
        SparseSynapse.from_density(3, 2, density)


def test_bad_connections_and_inputs_are_named(layer):
    with pytest.raises(TypeError, match=r"boolean tensor.*float32; pass connections != 0"):
        SparseSynapse(3, 2, MASK.float())
    with pytest.raises(TypeError, match=r"boolean tensor.*list"):
        SparseSynapse(3, 2, MASK.tolist())
    with pytest.raises(ValueError, match=r"\(N_out, N_in\) = \(3, 2\), got \(2, 3\)"):
        SparseSynapse(2, 3, MASK)
    with pytest.raises(ValueError, match=r"SparseSynapse\(.*takes 3 inputs .*got \(4, 5, 2\)"):
        layer(torch.zeros(4, 5, 2))
    with pytest.raises(
        ValueError, match=r"takes \(T, B, \*, N_in\) in step_mode='m', got \(4, 3\)"
    ):
        layer(torch.zeros(4, 3))
