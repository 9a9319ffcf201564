"""Recorder: bounded memory, and nothing dropped without being counted."""

from __future__ import annotations

import pytest
import torch
from snn_nodes.functional import reset_net
from snn_nodes.neuron import IFNode, LIFNode
from snn_nodes.recording import Recorder
from snn_nodes.recording.rows import Rows
from torch import nn

from .recorded import by_hand, run

T, B, N = 7, 2, 5


@pytest.fixture
def x():
    return 4 * torch.rand(T, B, N, generator=torch.Generator().manual_seed(1))


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
