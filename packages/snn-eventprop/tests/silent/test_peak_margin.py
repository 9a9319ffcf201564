"""peak_margin: value, exact gradient for everything, masks, and no NaN."""

import math

import pytest
import torch
from snn_core import Events
from snn_eventprop.free import free_membrane
from snn_eventprop.silent import is_silent, peak_margin
from snn_neurons.lif import Params, State
from torch.autograd import gradcheck

NONE = Events(torch.zeros(2, 0), torch.zeros(2, 0).long(), (3,), 4.0)


def inputs(times):
    index = torch.tensor([[0, 1, 0], [1, 0, -1]])
    return Events(times, index, (2,), 4.0)


def arguments():
    random = torch.Generator().manual_seed(2)
    finite = torch.tensor([0.5, 1.0, 2.0, 0.7, 1.1], dtype=torch.float64)
    values = (
        finite,
        0.5 * torch.randn(3, 2, generator=random, dtype=torch.float64),
        torch.tensor([1.0, 1.2, 0.9], dtype=torch.float64),
        torch.tensor(2.0, dtype=torch.float64),
        torch.tensor(0.5, dtype=torch.float64),
        torch.tensor([0.0, 0.2, -0.1], dtype=torch.float64),
        0.1 * torch.randn(2, 3, generator=random, dtype=torch.float64),
        0.1 * torch.randn(2, 3, generator=random, dtype=torch.float64),
    )
    return tuple(value.requires_grad_() for value in values)


def membrane(finite, weight, v_th, tau_mem, tau_syn, leak, v, i):
    times = torch.cat([finite, finite.new_tensor([math.inf])]).reshape(2, 3)
    params = Params(tau_mem, tau_syn, v_th, v_leak=leak)
    return free_membrane(inputs(times), weight, params, state=State(v, i))


def test_everything_has_its_exact_gradient():
    def penalty(*given):
        return peak_margin(membrane(*given), NONE, given[2])

    assert gradcheck(penalty, arguments(), eps=1e-6, atol=1e-8, rtol=1e-6)


def test_the_value_is_that_of_the_silent_neurons():
    given = arguments()
    free = membrane(*given)
    missing = (given[2] - free.maximum()) ** 2
    assert bool((free.maximum() < given[2]).all())
    spikes = Events.of(torch.tensor([[0.5], [math.inf]]), torch.tensor([[1], [-1]]), (3,), 4.0)
    kept = torch.tensor([[True, False, True], [True, True, True]])
    found = peak_margin(free, spikes, given[2])
    torch.testing.assert_close(found, missing[kept].sum() / 2, rtol=1e-14, atol=0)
    always = is_silent(spikes).all(0)
    found = peak_margin(free, always, given[2])
    torch.testing.assert_close(found, missing[:, [0, 2]].sum() / 2, rtol=1e-14, atol=0)


def test_neurons_that_spike_receive_nothing():
    given = arguments()
    spikes = Events.of(torch.tensor([[0.5], [0.6]]), torch.tensor([[1], [1]]), (3,), 4.0)
    peak_margin(membrane(*given), spikes, given[2]).backward()
    assert not given[1].grad[1].any()
    assert bool(given[1].grad[[0, 2]].any(1).all())
    assert given[2].grad[1] == 0


def test_the_weights_rise_under_descent_until_the_neuron_fires():
    given = arguments()
    weight, threshold = given[1], 1.0
    values = [*given]
    with torch.no_grad():
        weight.abs_()
    for _ in range(400):
        free = membrane(*values)
        loss = peak_margin(free, NONE, threshold)
        (gradient,) = torch.autograd.grad(loss, weight)
        with torch.no_grad():
            weight -= 0.5 * gradient
    assert bool((free.maximum() > threshold - 1e-3).all())


def test_no_events_leave_the_gradient_of_the_rest():
    weight = torch.zeros(3, 2, requires_grad=True)
    leak = torch.tensor(0.25, requires_grad=True)
    silence = Events(torch.zeros(2, 0), torch.zeros(2, 0).long(), (2,), 4.0)
    free = free_membrane(silence, weight, Params(v_leak=leak))
    penalty = peak_margin(free, NONE, 1.0)
    penalty.backward()
    assert penalty.item() == pytest.approx(3 * 0.75**2)
    assert leak.grad.item() == pytest.approx(-3 * 2 * 0.75)
    assert not weight.grad.any()


def test_spikes_of_another_layer_are_refused():
    free = membrane(*arguments())
    other = Events(torch.zeros(2, 0), torch.zeros(2, 0).long(), (4,), 4.0)
    with pytest.raises(ValueError, match=r"2 samples of 3 neurons, the spikes are for \(2, 4\)"):
        peak_margin(free, other, 1.0)
    with pytest.raises(TypeError, match="expected Events"):
        peak_margin(free, torch.zeros(2, 3), 1.0)


def test_an_empty_batch_is_refused():
    nothing = Events(torch.zeros(0, 0), torch.zeros(0, 0).long(), (2,), 4.0)
    free = free_membrane(nothing, torch.zeros(3, 2), Params())
    with pytest.raises(ValueError, match="at least one sample, got none"):
        peak_margin(free, nothing._replace(shape=(3,)), 1.0)
