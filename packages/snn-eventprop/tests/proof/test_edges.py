"""Edges: nothing at all, equal times, neurons that fire together, the ends of the recording."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from .comparing import assert_close
from .nets import (
    Net,
    end_of,
    gradients,
    loss_of_state,
    loss_of_times,
    random_net,
    real,
    with_inputs,
)
from .simulator import simulate


def of_both(out):
    return loss_of_times(out.output) + loss_of_state(end_of(out))


def assert_finite(net, loss=of_both):
    found = gradients(net, loss)
    for name, value in found.items():
        assert bool(value.isfinite().all()), name
    return found


kinds = pytest.mark.parametrize(
    "net",
    [
        pytest.param(random_net(90), id="delays"),
        pytest.param(random_net(90, delays=False), id="at_once"),
        pytest.param(random_net(90, recurrent=False, delays=False), id="plain"),
        pytest.param(random_net(90, refractory=2e-3), id="refractory"),
    ],
)


@kinds
def test_no_events_and_no_spikes(net):
    net = with_inputs(net, torch.empty(2, 0), torch.empty(2, 0)).replace(v=None, i=None, ref=None)
    out = net.run()
    assert out.output.times.shape == out.output.index.shape == (2, 0)
    assert out.output.shape == (4,)
    assert out.output.duration == net.duration
    torch.testing.assert_close(end_of(out).v, net.v_leak.expand(2, 4), rtol=0, atol=1e-15)
    found = assert_finite(net)
    assert not found["weight"].any()


@kinds
def test_nothing_but_padding(net):
    nothing = torch.full((2, 3), math.inf), torch.full((2, 3), -1)
    padded = with_inputs(net, *nothing)
    bare = with_inputs(net, torch.empty(2, 0), torch.empty(2, 0))
    assert torch.equal(padded.run().output.times, bare.run().output.times)
    found, expected = assert_finite(padded), assert_finite(bare)
    assert not found.pop("times").any()
    expected.pop("times")
    assert_close(found, expected, rtol=0)


@kinds
def test_padding_changes_nothing_and_gets_no_gradient(net):
    pad = torch.nn.functional.pad
    padded = net.replace(
        times=pad(net.times, (0, 4), value=math.inf), index=pad(net.index, (0, 4), value=-1)
    )
    found, expected = gradients(padded, of_both), gradients(net, of_both)
    assert not found["times"][:, -4:].any()
    found["times"] = found["times"][:, :-4]
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@kinds
def test_inputs_without_a_spike(net):
    net = net.replace(weight=1e-3 * net.weight, v=0 * net.v, i=0 * net.i)
    out = net.run()
    assert out.output.times.shape[1] == 0
    found = assert_finite(net)
    assert found["weight"].any()
    assert loss_of_times(out.output).item() == 0.0
    of_nothing = gradients(net, lambda out: loss_of_times(out.output))
    assert not any(value.any() for value in of_nothing.values())


@kinds
def test_one_sample_is_silent_and_the_other_is_not(net):
    times = net.times.clone()
    times[1] = math.inf
    index = net.index.clone()
    index[1] = -1
    quiet = net.replace(times=times, index=index, v=0 * net.v, i=0 * net.i)
    events = quiet.run().output
    assert real(events)[0].any()
    assert not real(events)[1].any()
    assert bool((events.index[1] == -1).all())
    found = assert_finite(quiet)
    only = gradients(quiet.sample(0), of_both)
    of_quiet = gradients(quiet.sample(1), of_both)
    for name in ("weight", "v_th", "tau_mem"):
        torch.testing.assert_close(found[name], only[name] + of_quiet[name], rtol=1e-12, atol=1e-12)


@kinds
def test_an_empty_batch(net):
    empty = {k: getattr(net, k)[:0] for k in ("times", "index", "v", "i")}
    ref = None if net.ref is None else net.ref[:0]
    net = net.replace(**empty, ref=ref)
    out = net.run()
    assert out.output.times.shape[0] == 0
    assert end_of(out).v.shape == (0, 4)
    found = assert_finite(net)
    assert not found["weight"].any()
    assert found["weight"].shape == net.weight.shape


@kinds
def test_equal_arrival_times_act_together(net):
    # four at one moment, two of them of the same channel, in any order
    times = [[5e-3] * 4 + [20e-3] * 2] * 2
    orders = ([0, 1, 1, 3, 4, 4], [1, 3, 0, 1, 4, 4], [3, 1, 1, 0, 4, 4])
    net = net.replace(weight=3 * net.weight.abs(), delay=None)
    runs = [with_inputs(net, times, [order] * 2) for order in orders]
    first = runs[0].run().output
    assert real(first).sum() > 2
    expected = gradients(runs[0], of_both)
    for other in runs[1:]:
        events = other.run().output
        assert torch.equal(events.index, first.index)
        torch.testing.assert_close(events.times, first.times, rtol=1e-14, atol=0)
        found = gradients(other, of_both)
        found["times"], expected["times"] = found["times"][:, 4:], expected["times"][:, -2:]
        assert_close(found, expected, rtol=1e-11)


def test_excitation_and_inhibition_at_one_moment_are_added_before_anything_fires():
    # the excitation alone would fire; together they nearly cancel
    weight = torch.tensor([[20.0, -19.9]]).double()
    for order in ([0, 1], [1, 0]):
        net = Net(
            index=torch.tensor([order]), times=torch.tensor([[1e-3, 1e-3]]).double(),
            weight=weight, duration=0.1,
        )  # fmt: skip
        assert net.run().output.times.shape == (1, 0)
        assert_finite(net)


def twins(recurrent_weight, **more):
    """Two identical neurons with the same input, which fire at the same instant."""
    return Net(
        index=torch.tensor([[0, 0]]), times=torch.tensor([[1e-3, 12e-3]]).double(),
        weight=torch.tensor([[6.0], [6.0]]).double(), duration=0.05,
        tau_mem=torch.tensor([10e-3] * 2).double(), v_th=torch.tensor([1.0] * 2).double(),
        v_reset=torch.tensor([-0.2] * 2).double(), v_leak=torch.tensor([0.0] * 2).double(),
        recurrent_weight=torch.tensor(recurrent_weight).double(), **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    "weights", [[[0.0, 0.7], [0.7, 0.0]], [[0.0, -9.0], [-9.0, 0.0]], [[-3.0, 2.0], [2.0, -3.0]]]
)
def test_two_identical_neurons_fire_at_the_same_instant(weights):
    net = twins(weights)
    events = net.run().output
    run = simulate(net)
    assert len(run.times) >= 2
    np.testing.assert_allclose(events.times[0].numpy(), run.times, rtol=1e-12)
    assert sorted(events.index[0, :2].tolist()) == [0, 1]
    assert events.times[0, 0] == events.times[0, 1]
    found = assert_finite(net)
    # Each is the other's mirror. Later spikes may come a rounding apart, and then one causes the
    # other or does not: there the gradient has two sides.
    first = gradients(net, lambda out: out.output.times[0, :2].sum())
    torch.testing.assert_close(first["weight"][0], first["weight"][1], rtol=1e-14, atol=0)
    assert found["recurrent_weight"].shape == (2, 2)


@pytest.mark.parametrize("self_weight", [-4.0, 0.5, 2.0])
def test_a_neuron_that_feeds_itself_at_once(self_weight):
    net = twins([[self_weight, 0.0], [0.0, 0.0]])
    run = simulate(net)
    times = net.run().output.times[0].numpy()
    np.testing.assert_allclose(times, run.times, rtol=1e-12)


def test_an_input_at_the_beginning_and_one_just_before_the_end():
    net = random_net(91, b=1, delays=False)
    last = math.nextafter(net.duration, 0)
    net = with_inputs(net, [0.0, 0.0, 0.01, last], [0, 1, 2, 3])
    run = simulate(net)
    out = net.run()
    np.testing.assert_allclose(out.output.times[0].numpy(), run.times, rtol=0, atol=1e-13)
    np.testing.assert_allclose(end_of(out).i[0].numpy(), run.i, rtol=0, atol=1e-12)
    assert_finite(net)


def test_what_arrives_at_the_end_or_later_is_of_no_consequence():
    net = random_net(92, b=1, recurrent=False, delays=False, duration=0.1)
    with_it = with_inputs(net, [0.01, 0.02, 0.05], [0, 1, 2]).replace(
        delay=torch.tensor([1e-3, 1e-3, 0.1 - 0.05, 0.0, 0.0]).double()
    )
    assert 0.05 + (0.1 - 0.05) == 0.1
    without = with_inputs(net, [0.01, 0.02], [0, 1]).replace(delay=with_it.delay)
    given, expected = with_it.run(), without.run()
    assert torch.equal(given.output.times, expected.output.times)
    assert torch.equal(end_of(given).i, end_of(expected).i)
    found = assert_finite(with_it)
    assert found["times"][0, 2] == 0
    assert found["delay"][2] == 0
    later = with_it.replace(delay=with_it.delay + 0.05)
    assert_finite(later)


def test_delays_change_the_order_of_arrival():
    net = with_inputs(random_net(93, b=1, recurrent=False), [2e-3, 3e-3, 4e-3], [0, 1, 2])
    swapped = torch.tensor([6e-3, 3e-3, 0.0, 0.0, 0.0]).double().expand(4, 5).clone()
    net = net.replace(delay=swapped, weight=3 * net.weight.abs())
    run = simulate(net)
    np.testing.assert_allclose(net.run().output.times[0].numpy(), run.times, rtol=1e-12)
    assert_finite(net)


def test_a_gradient_of_the_padded_times_is_not_nan():
    # a loss that does not mask: inf where there is no spike, but no NaN in what it sends back
    net = random_net(95)
    found = gradients(net, lambda out: torch.exp(-out.output.times / 20e-3).sum())
    assert all(bool(value.isfinite().all()) for value in found.values())
    masked = gradients(
        net, lambda out: torch.exp(-out.output.times[real(out.output)] / 20e-3).sum()
    )
    assert_close(found, masked, rtol=1e-12)
