"""Recorder: right numbers in every mode, bounded memory, and nothing of the network changed."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from snn_core.testing import TOY
from snn_core.types import Neuron
from snn_nodes.functional import reset_net, set_step_mode
from snn_nodes.layer import Recurrent, Sequential
from snn_nodes.neuron import IFNode, LIFNode, NeuronNode
from snn_nodes.recording import Recorder
from snn_nodes.recording.rows import Rows
from torch import nn

T, B, N = 7, 2, 5


def by_hand(x, decay=0.5):
    """LIF with tau = 2, decayed input: v <- v + (x - v)/2, fires at 1, reset to 0; ``(T, B, N)``."""
    v = torch.zeros_like(x[0])
    spikes, membranes = [], []
    for step in x:
        v = v + (step - v) * decay
        z = v >= 1
        v = torch.where(z, 0.0, v)
        spikes.append(z)
        membranes.append(v)
    return torch.stack(spikes), torch.stack(membranes)


@pytest.fixture
def x():
    return 4 * torch.rand(T, B, N, generator=torch.Generator().manual_seed(1))


def run(node, x, mode):
    if mode == "s":
        return torch.stack([node(step) for step in x])
    node.step_mode = "s" if mode == "parallel" else "m"
    node.parallel_optim, node.T = mode == "parallel", len(x)
    return node(x.flatten(0, 1)).unflatten(0, x.shape[:2]) if mode == "parallel" else node(x)


@pytest.mark.parametrize("mode", ["s", "m", "parallel"])
@pytest.mark.parametrize("spike_out", [False, True])
def test_spikes_membranes_and_rates_are_those_of_the_equations(x, mode, spike_out):
    node = LIFNode(spike_out=spike_out)
    with Recorder(node, membrane=True) as recorder:
        run(node, x, mode)
    spikes, membrane = by_hand(x)
    found = recorder["LIFNode"]
    assert 0 < spikes.sum() < spikes.numel()
    assert found.spikes.dtype == torch.bool
    assert torch.equal(found.spikes, spikes)
    torch.testing.assert_close(found.membrane, membrane)
    torch.testing.assert_close(found.rates, spikes.float().mean((0, 1)))
    assert found.at.tolist() == list(range(T))
    assert (found.steps, found.lost) == (T, 0)


@pytest.mark.parametrize("mode", ["s", "m", "parallel"])
def test_nothing_of_the_node_is_changed(x, mode):
    node, other = LIFNode(), LIFNode()
    with Recorder(node, membrane=True):
        run(node, x, mode)
        assert not node.store_v_seq  # between calls too
    run(other, x, mode)
    assert dict(node.named_memories()).keys() == {"v"}
    assert torch.equal(node.v, other.v)
    assert not node._forward_hooks
    assert not node._forward_pre_hooks


def test_a_store_of_the_users_own_stays_with_its_graph(x):
    node = LIFNode(step_mode="m", store_v_seq=True)
    x.requires_grad_()
    with Recorder(node, membrane=True) as recorder:
        node(x)
    assert node.store_v_seq
    assert node.v_seq.requires_grad
    assert torch.equal(recorder["LIFNode"].membrane, node.v_seq)
    assert not recorder["LIFNode"].membrane.requires_grad


@pytest.mark.parametrize("mode", ["s", "m"])
def test_numbers_and_gradients_are_the_same_with_it(x, mode):
    torch.manual_seed(0)
    net = Sequential(nn.Linear(N, 4), LIFNode(), Recurrent(LIFNode(), 4), step_mode=mode)
    twin = copy.deepcopy(net)

    def trained(net):
        steps = [net(x)] if mode == "m" else [net(step) for step in x]
        sum((step * step.detach().cumsum(-1)).sum() for step in steps).backward()
        return [torch.cat(steps).detach(), *(p.grad for p in net.parameters())]

    with Recorder(net, membrane=True):
        recorded = trained(net)
    for ours, plain in zip(recorded, trained(twin), strict=True):
        assert torch.equal(ours, plain)


def test_the_graph_is_not_kept_alive(x):
    import weakref

    node, weight = LIFNode(step_mode="m"), torch.ones(N, requires_grad=True)
    with Recorder(node, membrane=True) as recorder:
        out = node(x * weight)
        graph = weakref.ref(out.grad_fn)
        del out
        reset_net(node)
        assert graph() is None
        assert recorder["LIFNode"].membrane.grad_fn is None
        recorder["LIFNode"].membrane.zero_()  # a copy: nobody's but ours


def test_a_record_is_a_copy_of_the_state(x):
    node = LIFNode()
    with Recorder(node, membrane=True) as recorder:
        node(x[0])
        before = recorder["LIFNode"].membrane.clone()
        node.v.fill_(7.0)
    assert torch.equal(recorder["LIFNode"].membrane, before)


def test_recurrent_is_one_layer_with_the_membrane_of_its_node(x):
    torch.manual_seed(0)
    found = {}
    for mode in "sm":
        torch.manual_seed(0)
        net = Recurrent(LIFNode(), N, step_mode=mode)
        with Recorder(net, membrane=True) as recorder:
            out = net(x) if mode == "m" else torch.stack([net(step) for step in x])
        assert list(recorder) == ["Recurrent"]
        found[mode] = recorder["Recurrent"]
        assert torch.equal(found[mode].spikes, out > 0)
        assert not net.node.store_v_seq
    torch.testing.assert_close(found["s"].membrane, found["m"].membrane)
    assert torch.equal(found["m"].membrane[-1], net.node.v.detach())


def test_a_node_with_methods_of_its_own_is_recorded_over_time(x):
    class Counting(LIFNode):
        """Changes more than its state, so that it runs step by step."""

        def neuronal_dynamics(self, x):
            self.calls = [*getattr(self, "calls", []), 1]
            super().neuronal_dynamics(x)

    node = Counting(step_mode="m")
    with Recorder(node, membrane=True) as recorder:
        node(x)
    torch.testing.assert_close(recorder["Counting"].membrane, by_hand(x)[1])


def test_layers_are_chosen_by_name(x):
    net = nn.Sequential()
    net.add_module("hidden", LIFNode())
    net.add_module("out", LIFNode())
    with Recorder(net, nodes=["out"]) as recorder:
        net(x[0])
    assert list(recorder) == ["out"]
    with pytest.raises(KeyError, match="no layer 'hidden' is recorded; there are: 'out'"):
        recorder["hidden"]
    with pytest.raises(ValueError, match="no layer of neurons is called 'hiden'; there are: 'hid"):
        Recorder(net, nodes=["hiden"])
    with pytest.raises(TypeError, match=r"pass \['out'\]"):
        Recorder(net, nodes="out")
    with pytest.raises(ValueError, match="Linear has no layer of neurons"):
        Recorder(nn.Linear(2, 2))


# Bounded memory.


@pytest.mark.parametrize("mode", ["s", "m"])
def test_the_last_steps_are_kept_and_the_others_counted(x, mode):
    node = LIFNode()
    with Recorder(node, membrane=True, max_steps=3) as recorder:
        run(node, x, mode)
    spikes, membrane = by_hand(x)
    found = recorder["LIFNode"]
    assert torch.equal(found.spikes, spikes[-3:])
    torch.testing.assert_close(found.membrane, membrane[-3:])
    torch.testing.assert_close(found.rates, spikes.float().mean((0, 1)))  # of all steps
    assert found.at.tolist() == [4, 5, 6]
    assert (found.steps, found.lost) == (7, 4)
    assert "7 steps" in repr(recorder)
    assert "4 of them not kept" in repr(recorder)


def test_thinning_keeps_all_of_the_run_covered(x):
    node = LIFNode()
    with Recorder(node, max_steps=3, when_full="thin") as recorder:
        run(node, x, "s")
    found = recorder["LIFNode"]
    assert found.at.tolist() == [0, 4]
    assert torch.equal(found.spikes, by_hand(x)[0][[0, 4]])
    assert found.lost == 5


def test_a_full_record_raises_before_it_takes_more(x):
    net = nn.Sequential(LIFNode())
    with Recorder(net, max_steps=3, when_full="raise") as recorder:
        run(net, x[:3], "s")
        with pytest.raises(RuntimeError, match=r"LIFNode '0' has run 3 steps.* max_steps=3; call"):
            net(x[3])
        assert recorder["0"].steps == 3
        recorder.clear()
        net(x[4])
        assert recorder["0"].steps == 1


def test_every_leaves_steps_out_that_are_not_lost(x):
    node = LIFNode()
    with Recorder(node, every=3) as recorder:
        run(node, x[:5], "s")
        run(node, x[5:], "m")
    found = recorder["LIFNode"]
    assert found.at.tolist() == [0, 3, 6]
    assert torch.equal(found.spikes, by_hand(x)[0][::3])
    assert found.lost == 0


@pytest.mark.parametrize("when_full", ["last", "thin"])
@pytest.mark.parametrize("calls", [[1] * 41, [41], [5, 1, 20, 1, 14]])
@pytest.mark.parametrize("every", [1, 3])
def test_rows_against_a_list(when_full, calls, every):
    limit, rows, first = 6, Rows(6, every, when_full), 0
    for length in calls:
        rows.append(torch.arange(first, first + length))
        first += length
        wanted = list(range(0, first, every))
        if when_full == "last":
            wanted = wanted[-limit:]
        while len(wanted) > limit:
            wanted = wanted[::2]
        assert rows.kept().tolist() == rows.at().tolist() == wanted
        assert rows.lost == -(-first // every) - len(wanted)


@pytest.mark.parametrize("when_full", ["last", "thin"])
@pytest.mark.parametrize("length", [1, 100])
def test_memory_stays_bounded(when_full, length):
    net, x = LIFNode(step_mode="m"), torch.rand(length, 1, 64)
    with Recorder(net, membrane=True, max_steps=10, when_full=when_full) as recorder:
        for _ in range(200 // length):
            net(x)
        assert recorder.nbytes <= 10 * (64 // 8 + 64 * 4) + 64 * 8
        held = recorder._taps["LIFNode"]._membrane._chunks  # no view that holds more than it shows
        assert sum(c.untyped_storage().nbytes() for c in held) <= 10 * 64 * 4


def test_a_spike_takes_a_bit():
    net = IFNode(step_mode="m")
    with Recorder(net, rates=False, max_steps=None) as recorder:
        net(torch.rand(100, 1, 80))
    assert recorder.nbytes == 100 * 80 // 8


def test_rates_alone_go_over_batches_of_any_size():
    net = IFNode(step_mode="m")
    with Recorder(net, spikes=False) as recorder:
        net(torch.ones(3, 4, 2))
        reset_net(net)
        net(torch.zeros(5, 1, 2))
        size = recorder.nbytes
        reset_net(net)
        net(torch.zeros(500, 1, 2))
        assert recorder.nbytes == size
    torch.testing.assert_close(recorder["IFNode"].rates, torch.full((2,), 12 / (12 + 5 + 500)))
    assert recorder["IFNode"].spikes is None


def test_another_batch_is_refused_by_name():
    net = nn.Sequential(IFNode())
    with Recorder(net) as recorder:
        net(torch.ones(4, 2))
        reset_net(net)
        with pytest.raises(ValueError, match=r"IFNode '0'.*\(4, 2\), and now has \(3, 2\).*clear"):
            net(torch.ones(3, 2))
        recorder.clear()
        reset_net(net)
        net(torch.ones(3, 2))
    assert recorder["0"].spikes.shape == (1, 3, 2)


def test_rates_go_by_the_steps_that_count():
    net = IFNode(step_mode="m")
    with Recorder(net) as recorder:
        net(torch.ones(6, 2, 1), torch.tensor([6, 2]))
        reset_net(net)
        net(torch.ones(6, 2, 1), lengths=[1, 0])
    assert recorder["IFNode"].rates.item() == 1.0


# What is no spike, odd uses.


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
    import collections

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
