"""Recorder: outputs that are no spikes, recorders beside each other, copies, errors."""

from __future__ import annotations

import collections
import copy
import io
import pickle

import pytest
import torch
from snn_core.testing import TOY
from snn_core.types import Neuron
from snn_nodes.functional import set_step_mode
from snn_nodes.layer import Sequential
from snn_nodes.neuron import IFNode, LIFNode, NeuronNode
from snn_nodes.recording import Recorder
from torch import nn

from .recorded import by_hand, run

T, B, N = 7, 2, 5


@pytest.fixture
def x():
    return 4 * torch.rand(T, B, N, generator=torch.Generator().manual_seed(1))


def test_an_output_that_is_no_spike_has_no_spikes_and_no_rates(x):
    # a leaky integrator: its output is its membrane
    integrator = TOY._replace(
        name="integrator",
        step=lambda x, state, params, threshold, dt: (state.v + x, TOY.State(state.v + x)),
    )
    node = NeuronNode(integrator, dt=1e-3, step_mode="m")
    with Recorder(node, membrane=True) as recorder:
        node(x)
    found = recorder["NeuronNode"]
    assert found.spikes is None
    assert found.rates is None
    torch.testing.assert_close(found.membrane, x.cumsum(0))


def test_a_neuron_without_v_has_no_membrane():
    State = collections.namedtuple("State", ["u"])
    start = lambda params, shape, *, dtype, device: State(torch.zeros(shape, dtype=dtype))  # noqa: E731
    neuron = Neuron("odd", TOY.Params, State, start, lambda x, s, p, th, dt: (x, s))
    node = NeuronNode(neuron, dt=1e-3)
    with pytest.raises(ValueError, match="has no membrane 'v' to record; it has: u"):
        Recorder(node, membrane=True)
    with Recorder(node) as recorder:
        node(torch.ones(1, 2))
    assert recorder["NeuronNode"].spikes.all()


def test_nothing_recorded_yet():
    recorder = Recorder(IFNode(), membrane=True)
    found = recorder["IFNode"]
    recorder.remove()
    assert found[:3] == (None, None, None)
    assert (len(found.at), found.steps, found.lost) == (0, 0, 0)


@pytest.mark.parametrize("order", ["nested", "crossed"])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_recorders_of_the_same_net_do_not_disturb_each_other(x, mode, order):
    node = LIFNode()
    spikes, membrane = by_hand(x)
    first = Recorder(node, membrane=True)
    second = Recorder(node, membrane=True)
    run(node, x[:3], mode)
    (second if order == "nested" else first).remove()
    run(node, x[3:], mode)
    (first if order == "nested" else second).remove()
    whole, part = (first, second) if order == "nested" else (second, first)
    torch.testing.assert_close(whole["LIFNode"].membrane, membrane)
    assert torch.equal(part["LIFNode"].spikes, spikes[:3])
    torch.testing.assert_close(part["LIFNode"].membrane, membrane[:3])
    assert not node.store_v_seq


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "save"])
def test_a_copy_is_not_recorded_and_not_changed(x, how):
    node = LIFNode(step_mode="m")
    with Recorder(node, membrane=True) as recorder:
        node(x)
        if how == "deepcopy":
            twin = copy.deepcopy(node)
        elif how == "pickle":
            twin = pickle.loads(pickle.dumps(node))
        else:
            file = io.BytesIO()
            torch.save(node, file)
            twin = torch.load(io.BytesIO(file.getvalue()), weights_only=False)
        assert torch.equal(twin(x), node(x))
    assert recorder["LIFNode"].steps == 2 * T
    assert not twin.store_v_seq
    assert not node.state_dict()


def test_a_copy_does_not_take_the_record_along():
    node = LIFNode(step_mode="m")
    with Recorder(node, membrane=True):
        small = len(pickle.dumps(node))
        node(torch.rand(500, 1, 64))
        assert len(pickle.dumps(node)) < small + 2000  # its state, not 128 kB of membranes


def test_an_error_in_the_call_leaves_the_node_as_it_was(x):
    node = LIFNode(step_mode="m")
    with Recorder(node, membrane=True) as recorder:
        with pytest.raises(ValueError, match="takes"):
            node(torch.zeros(3))
        assert not node.store_v_seq
        node(x)
    torch.testing.assert_close(recorder["LIFNode"].membrane, by_hand(x)[1])


def test_it_sees_what_the_node_gives_not_what_other_hooks_make_of_it(x):
    node = LIFNode(step_mode="m")
    node.register_forward_hook(lambda node, args, output: output * 3)
    with Recorder(node) as recorder:
        assert node(x).max() == 3
    assert torch.equal(recorder["LIFNode"].spikes, by_hand(x)[0])


def test_images_and_double_precision():
    net = Sequential(nn.Conv2d(1, 2, 3), IFNode()).double()
    with Recorder(net, membrane=True) as recorder:
        net(torch.rand(4, 2, 1, 5, 5, dtype=torch.float64))
    assert recorder["1"].spikes.shape == (4, 2, 2, 3, 3)
    assert recorder["1"].rates.shape == (2, 3, 3)
    assert recorder["1"].membrane.dtype == torch.float64


def test_step_modes_may_change_while_recording(x):
    net = nn.Sequential(LIFNode())
    with Recorder(net, membrane=True) as recorder:
        net(x[0])
        set_step_mode(net, "m")
        net(x[1:])
    torch.testing.assert_close(recorder["0"].membrane, by_hand(x)[1])


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"max_steps": 0}, ValueError, "max_steps of Recorder must be at least 1, got 0"),
        ({"max_steps": 1.5}, TypeError, "max_steps of Recorder must be an integer, got 1.5"),
        ({"every": None}, TypeError, "every of Recorder must be an integer, got None"),
        ({"when_full": "drop"}, ValueError, "must be 'last', 'thin' or 'raise', got 'drop'"),
    ],
)
def test_wrong_settings(wrong, error, message):
    with pytest.raises(error, match=message):
        Recorder(IFNode(), **wrong)
