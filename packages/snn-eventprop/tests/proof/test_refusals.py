"""Bad input: a clear error before any work."""

from __future__ import annotations

import math

import pytest
import snn_core as snn
import snn_eventprop
import torch
from snn_core import Events, Observed
from snn_core.errors import Unsupported

from .nets import random_net


def changed(net, name, value, at=(0, 0)):
    tensor = getattr(net, name).clone()
    tensor[at] = value
    return net.replace(**{name: tensor})


@pytest.mark.parametrize(
    ("time", "at", "match"),
    [
        (-1e-3, (0, 0), "outside"),
        (0.12, (0, -1), "outside"),
        (math.nan, (0, -1), "outside"),
        (0.11, (0, 0), "ascend"),
        (-math.inf, (0, 0), "outside"),
    ],
)
def test_times_out_of_order_or_range(time, at, match):
    with pytest.raises(ValueError, match=match):
        changed(random_net(100), "times", time, at).run()


@pytest.mark.parametrize("index", [-1, 5, 1000])
def test_an_input_that_is_not_there(index):
    with pytest.raises(ValueError, match="does not fit"):
        changed(random_net(100), "index", index).run()


@pytest.mark.parametrize("name", ["weight", "recurrent_weight", "delay", "recurrent_delay"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_and_delays_that_are_no_numbers(name, value):
    with pytest.raises(ValueError, match=name):
        changed(random_net(100), name, value).run()


@pytest.mark.parametrize("name", ["delay", "recurrent_delay"])
def test_a_negative_delay(name):
    with pytest.raises(ValueError, match=name):
        changed(random_net(100), name, -1e-3).run()


@pytest.mark.parametrize("name", ["tau_mem", "tau_syn"])
@pytest.mark.parametrize("value", [0.0, -1e-3, math.nan])
def test_a_time_constant_that_is_not_positive(name, value):
    with pytest.raises(ValueError, match=name):
        changed(random_net(100), name, value, 0).run()


@pytest.mark.parametrize("name", ["v_th", "v_reset", "v_leak", "v", "i"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_voltages_that_are_no_numbers(name, value):
    net = random_net(100)
    at = (0, 0) if name in ("v", "i") else 0
    with pytest.raises(ValueError, match=name):
        changed(net, name, value, at).run()


def test_a_negative_refractory_time():
    with pytest.raises(ValueError, match="refractory_time"):
        changed(random_net(100, refractory=1e-3), "refractory_time", -1e-3, 0).run()


@pytest.mark.parametrize("v_reset", [1.2, None])
def test_a_reset_that_is_not_below_threshold(v_reset):
    net = random_net(100)
    value = net.v_th[0].item() if v_reset is None else v_reset
    with pytest.raises(ValueError, match="v_reset"):
        changed(net, "v_reset", value, 0).run()


def test_a_start_above_threshold():
    """Either it is refused, or it fires at once; it is not silent."""
    net = changed(random_net(100, b=1), "v", 1.5)
    try:
        events = net.run().output
    except ValueError as error:
        assert "v" in str(error)  # noqa: PT017
    else:
        assert events.times[0, 0] == 0.0


def test_a_grid_where_events_belong():
    weight = torch.ones(2, 3).double()
    with pytest.raises((ValueError, Unsupported), match=r"Events|dt"):
        snn.integrate("lif", torch.ones(5, 1, 3), weight=weight.float(), backend="eventprop_exact")


def test_a_step_where_there_is_none():
    net = random_net(100)
    with pytest.raises((ValueError, Unsupported), match="dt"):
        net.run(dt=1e-3)


def test_a_neuron_that_has_no_closed_form():
    net = random_net(100)
    with pytest.raises(Unsupported, match="adex"):
        snn.integrate("adex", net.events, weight=net.weight, backend="eventprop_exact")


@pytest.mark.parametrize("max_spikes", [0, -1, 2.5, True])
def test_a_limit_that_is_no_number_of_spikes(max_spikes):
    with pytest.raises((ValueError, TypeError), match="max_spikes"):
        snn_eventprop.exact(max_spikes=max_spikes)


@pytest.mark.parametrize("vdot_min", [-1.0, math.nan, math.inf])
def test_a_slope_that_is_no_bound(vdot_min):
    with pytest.raises(ValueError, match="vdot_min"):
        snn_eventprop.exact(vdot_min=vdot_min)


@pytest.mark.parametrize(
    ("times", "index", "match"),
    [
        ([[-1e-3]], [[0]], "outside"),
        ([[0.2]], [[0]], "outside"),
        ([[0.02, 0.01]], [[0, 0]], "ascend"),
        ([[0.02]], [[4]], "does not fit"),
        ([[0.02], [0.03]], [[0], [0]], "batch|samples|shape"),
    ],
)
def test_recordings_that_do_not_fit(times, index, match):
    recorded = Events(torch.tensor(times).double(), torch.tensor(index), (4,), 0.12)
    with pytest.raises(ValueError, match=match):
        random_net(100, b=1).run(observed=Observed(z=recorded))


def test_a_recording_of_another_layer():
    recorded = Events(torch.tensor([[0.01]]).double(), torch.tensor([[0]]), (3,), 0.12)
    with pytest.raises(ValueError, match="3"):
        random_net(100, b=1).run(observed=Observed(z=recorded))


def test_a_recording_of_another_duration():
    recorded = Events(torch.tensor([[0.01]]).double(), torch.tensor([[0]]), (4,), 0.5)
    with pytest.raises(ValueError, match="duration"):
        random_net(100, b=1).run(observed=Observed(z=recorded))


def test_a_recording_on_a_grid():
    with pytest.raises((ValueError, Unsupported), match="Events"):
        random_net(100, b=1).run(observed=Observed(z=torch.zeros(10, 1, 4).double()))
