"""The free membrane: the arguments of a layer in, what it refuses, recurrent spikes as inputs."""

import pytest
import torch
from snn_core import Events, RecurrentState
from snn_eventprop.free import free_membrane
from snn_neurons import lif_refractory
from snn_neurons.lif import Params, State

AT = torch.linspace(0.0, 0.1, 23, dtype=torch.float64)


@pytest.fixture
def inputs():
    times = torch.tensor([[0.01, 0.02, 0.05], [0.03, 0.04, torch.inf]], dtype=torch.float64)
    return Events(times.requires_grad_(), torch.tensor([[0, 1, 0], [1, 0, -1]]), (2,), 0.1)


@pytest.fixture
def spikes():
    times = torch.tensor([[0.015], [0.045]], dtype=torch.float64)
    return Events(times.requires_grad_(), torch.tensor([[2], [0]]), (3,), 0.1)


@pytest.fixture
def weight():
    random = torch.Generator().manual_seed(0)
    return torch.randn(3, 2, generator=random, dtype=torch.float64).requires_grad_()


def test_it_starts_at_rest(inputs, weight):
    params = Params(20e-3, 5e-3, v_leak=torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64))
    start = free_membrane(inputs, weight, params).at(AT[:1])[..., 0]
    assert torch.equal(start, params.v_leak.expand(2, 3))


def test_threshold_and_reset_do_not_matter(inputs, weight):
    one = free_membrane(inputs, weight, Params(20e-3, 5e-3, 1.0, 0.0))
    other = free_membrane(inputs, weight, Params(20e-3, 5e-3, -3.0, -5.0))
    assert torch.equal(one.at(AT), other.at(AT))


def test_recurrent_spikes_act_as_inputs(inputs, spikes, weight):
    recurrent = torch.tensor([[0.0, 0.0, 0.7], [0.2, 0, -0.4], [0, 0, 0]], dtype=torch.float64)
    params, zero = Params(20e-3, 5e-3), torch.zeros(2, 3, dtype=torch.float64)
    for delays in ({}, {"delay": 2e-3}, {"recurrent_delay": torch.tensor([[1e-3], [2e-3], [0.0]])}):
        both = free_membrane(
            inputs, weight, params, spikes=spikes, recurrent_weight=recurrent, **delays
        )
        first = free_membrane(inputs, weight, params, delay=delays.get("delay"))
        second = free_membrane(
            spikes, recurrent, params, delay=delays.get("recurrent_delay"), state=State(zero, zero)
        )
        # the equation is linear and the rest is at 0
        torch.testing.assert_close(
            both.at(AT), first.at(AT) + second.at(AT), rtol=1e-11, atol=1e-14
        )
        (found,) = torch.autograd.grad(both.at(AT).sum(), spikes.times)
        (wanted,) = torch.autograd.grad(second.at(AT).sum(), spikes.times)
        assert bool(wanted.any())
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


def test_states_of_other_layers_are_taken(inputs, weight):
    v, i = torch.rand(2, 2, 3, dtype=torch.float64)
    params, ref = lif_refractory.Params(20e-3, 5e-3), torch.zeros(2, 3)
    refractory = RecurrentState(lif_refractory.State(v, i, ref), ref)
    found = free_membrane(inputs, weight, params, state=refractory)
    wanted = free_membrane(inputs, weight, Params(20e-3, 5e-3), state=State(v, i))
    assert torch.equal(found.at(AT), wanted.at(AT))


def test_a_start_in_the_refractory_time_is_refused(inputs, weight):
    zero = torch.zeros(2, 3)
    state = lif_refractory.State(zero, zero, zero + 1e-3)
    with pytest.raises(ValueError, match="starts refractory is held at its reset"):
        free_membrane(inputs, weight, lif_refractory.Params(), state=state)


def test_spikes_and_recurrent_weight_belong_together(inputs, spikes, weight):
    for half in ({"spikes": spikes}, {"recurrent_weight": torch.zeros(3, 3).double()}):
        with pytest.raises(ValueError, match="belong together"):
            free_membrane(inputs, weight, Params(), **half)


def test_wrong_events_are_refused(inputs, weight):
    with pytest.raises(ValueError, match="does not fit a layer"):
        free_membrane(inputs._replace(index=inputs.index + 2), weight, Params())
    with pytest.raises(TypeError, match="expected Events"):
        free_membrane(torch.zeros(5, 2, 2), weight, Params())
