"""Links: which events arrive, against an event by event model; times on the clock."""

import random

import pytest
import torch
from snn_hardware.links import capacity, carried, clocked, input_channels, output_channels


def one_by_one(z, channel, n_channels, rate):
    """Event by event: those that find no room are dropped, and what waits leaves ``rate`` a bin."""
    kept = torch.zeros_like(z)
    for b in range(z.shape[1]):
        for c in range(n_channels):
            waiting = 0
            for t in range(z.shape[0]):
                for n in (channel == c).nonzero().flatten().tolist():
                    for _ in range(int(z[t, b, n])):
                        if waiting < rate + 8:
                            waiting += 1
                            kept[t, b, n] += 1
                waiting = max(0, waiting - rate)
    return kept


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_the_lowest_neurons_are_carried(seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randint(0, 6, (4, 3, 17), generator=generator).to(dtype)
    channel = torch.randint(0, 3, (17,), generator=generator)
    kept, dropped = carried(z, channel, n_channels=4, step=40e-9)  # 5 clocks and 8 of the FIFO
    wanted = one_by_one(z, channel, 4, 5)
    assert dropped > 0
    assert dropped == int(z.sum() - wanted.sum())
    assert kept.dtype == dtype
    assert torch.equal(kept, wanted)


def test_batch_items_and_bins_are_independent():
    z = torch.zeros(3, 2, 30)
    z[1, 0] = 1
    kept, dropped = carried(z, torch.zeros(30).long(), 1, step=16e-9)
    assert dropped == 20
    assert torch.equal(carried(z[:, :1], torch.zeros(30).long(), 1, step=16e-9)[0], kept[:, :1])
    assert kept[1, 0, :10].eq(1).all()
    assert kept.sum() == 10


@pytest.mark.parametrize(("step", "events"), [(1e-6, 133), (0.25e-6, 39), (8e-9, 9), (2e-6, 258)])
def test_a_channel_carries_one_event_a_clock_and_a_fifo(step, events):
    assert capacity(step) == events
    z = torch.full((1, 1, 1), events + 1.0)
    kept, dropped = carried(z, torch.tensor([0]), 1, step)
    assert (kept.item(), dropped) == (events, 1)
    assert carried(z - 1, torch.tensor([0]), 1, step)[1] == 0


def test_the_very_same_tensor_where_all_is_carried():
    z = torch.ones(5, 2, 512)
    channel = torch.arange(512) % 8
    assert carried(z, channel, 8, step=1e-6)[0] is z
    # Also where the largest count alone cannot rule out a loss.
    burst = torch.zeros(5, 2, 512)
    burst[2, 1, 3] = 130
    assert carried(burst, channel, 8, step=1e-6)[0] is burst
    empty = torch.ones(0, 2, 4)
    assert carried(empty, torch.zeros(4).long(), 1, step=1e-6) == (empty, 0)


def test_spikes_as_bools():
    z = torch.ones(2, 1, 12, dtype=torch.bool)
    kept, dropped = carried(z, torch.zeros(12).long(), 1, step=16e-9)
    assert kept.dtype == torch.bool
    assert (kept[:, 0].sum(-1).tolist(), dropped) == ([10, 2], 12)
    assert carried(z[..., :10], torch.zeros(10).long(), 1, step=16e-9)[0].shape == (2, 1, 10)


def test_gradients_pass_as_if_nothing_was_dropped():
    z = torch.full((1, 1, 3), 9.0, requires_grad=True)
    kept, dropped = carried(z, torch.zeros(3).long(), 1, step=16e-9)
    assert (kept.tolist(), dropped) == ([[[9.0, 1.0, 0.0]]], 17)
    kept.sum().backward()
    assert z.grad.tolist() == [[[1.0, 1.0, 1.0]]]


def test_channels():
    assert input_channels(9).tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    every = output_channels(torch.arange(512))
    assert every.bincount().tolist() == [64] * 8  # 32 columns of both hemispheres
    assert torch.equal(every[:256], every[256:])
    assert output_channels(torch.tensor([[31, 33], [479, 480]])).tolist() == [[0, 1], [6, 7]]


def test_times_on_the_clock():
    draw = random.Random(1)
    ticks = torch.tensor([draw.randrange(10**6) for _ in range(200)], dtype=torch.float64)
    off = torch.tensor([draw.uniform(-0.49, 0.49) for _ in range(200)], dtype=torch.float64)
    assert torch.equal(clocked((ticks + off) * 8e-9), ticks * 8e-9)
    halves = clocked(torch.tensor([0.5, 1.5, 2.5]), period=1.0)
    assert halves.tolist() == [1.0, 2.0, 3.0]  # up, not to even
    never = clocked(torch.tensor([float("inf"), 9e-9], dtype=torch.float32))
    assert never.dtype == torch.float64
    assert never.tolist() == [float("inf"), 8e-9]


def test_errors():
    z, channel = torch.ones(2, 1, 3), torch.zeros(3).long()
    with pytest.raises(ValueError, match=r"z must be \(T, B, N\), got \(2, 3\)"):
        carried(z[:, 0], channel, 1, 1e-6)
    with pytest.raises(ValueError, match=r"each of the 3 neurons, got \(2,\)"):
        carried(z, channel[:2], 1, 1e-6)
    with pytest.raises(ValueError, match="channels must lie in 0 to 1, got 0 to 2"):
        carried(z, torch.tensor([0, 1, 2]), 2, 1e-6)
    with pytest.raises(ValueError, match=r"step must be positive seconds of chip time, got -1\.0"):
        carried(z, channel, 1, -1.0)
    with pytest.raises(ValueError, match="must be counts of events"):
        carried(10.5 * z, channel, 1, 8e-9)
    with pytest.raises(ValueError, match="period must be positive seconds, got 0"):
        clocked(torch.ones(1), period=0.0)
    with pytest.raises(ValueError, match="n_in must not be negative, got -1"):
        input_channels(-1)
