"""Events and the grid: round trips, conservation of spikes, bins, and every refusal."""

import math

import pytest
import torch
from snn_core import Events


def counts(seed, *shape, most=3):
    return torch.randint(0, most, shape, generator=torch.Generator().manual_seed(seed)).float()


@pytest.mark.parametrize("shape", [(1, 1, 1), (50, 3, 7), (20, 2, 3, 4), (5, 0, 2)])
@pytest.mark.parametrize("dt", [1e-3, 0.1, 1e-6, 1 / 3])
def test_grid_to_events_and_back_is_the_identity(shape, dt):
    z = counts(0, *shape)
    events = Events.from_grid(z, dt)
    assert torch.equal(events.to_grid(dt), z)
    assert events.check() is events
    assert int(events.times.isfinite().sum()) == int(z.sum())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_single_precision_times_of_a_long_grid_find_their_bins(dtype):
    z = torch.zeros(100_000, 1, 1)
    z[::7] = 1
    assert torch.equal(Events.from_grid(z, 1e-3, dtype=dtype).to_grid(1e-3), z)


def test_an_event_lands_in_the_bin_that_holds_its_time():
    times = torch.tensor([[0.0, 0.9e-3, 1.0e-3, 1.9999e-3, 2.9999e-3, math.inf]])
    index = torch.tensor([[0, 1, 0, 1, 0, -1]])
    grid = Events(times.double(), index, (2,), 3e-3).to_grid(1e-3)
    assert grid[:, 0].tolist() == [[1, 1], [1, 1], [1, 0]]


def test_two_events_in_one_bin_count_two():
    events = Events.of(torch.tensor([[0.2e-3, 0.1e-3]]), torch.tensor([[0, 0]]), (1,), 1e-3)
    assert events.to_grid(1e-3).item() == 2


def test_refining_the_grid_keeps_the_number_of_spikes():
    draw = torch.Generator().manual_seed(3)
    times = 0.1 * torch.rand(4, 30, generator=draw, dtype=torch.float64)
    events = Events.of(times, torch.randint(0, 5, (4, 30), generator=draw), (5,), 0.1)
    sums = [events.to_grid(dt).sum(0) for dt in (1e-1, 1e-2, 1e-3, 1e-4)]
    assert all(torch.equal(one, sums[0]) for one in sums)


def test_of_sorts_and_keeps_the_gradient_of_each_time():
    times = torch.tensor([[3.0, math.inf, 1.0]], requires_grad=True)
    events = Events.of(times, torch.tensor([[5, 2, 7]]), (8,), 4.0)
    assert events.times.tolist() == [[1.0, 3.0, math.inf]]
    assert events.index.tolist() == [[7, 5, -1]]
    events.times[0, 1].backward()
    assert times.grad.tolist() == [[1.0, 0.0, 0.0]]


def test_the_grid_has_the_dtype_asked_for():
    assert Events.from_grid(counts(0, 3, 1, 2), 1e-3).to_grid(1e-3, dtype=torch.float64).dtype == (
        torch.float64
    )


def make(times, index=None, shape=(2,), duration=1.0):
    times = torch.tensor([times])
    index = torch.zeros(times.shape, dtype=torch.long) if index is None else torch.tensor([index])
    return Events(times, index, shape, duration)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (make([0.5, 1.0]), r"an event at 1.0 s is outside \[0, 1.0\) s; drop it or give a longer"),
        (make([-0.25]), r"an event at -0.25 s is outside"),
        (make([math.nan]), r"an event at nan s is outside"),
        (make([-math.inf]), r"an event at -inf s is outside"),
        (make([0.5, 0.25]), r"times must ascend in each sample; build them with Events.of"),
        (make([0.5], [2]), r"an event of neuron 2 does not fit a layer of shape \(2,\) with 2"),
        (make([0.5], [-1]), r"an event of neuron -1 does not fit"),
        (make([0.5], duration=0.0), r"duration must be above 0 seconds, got 0.0"),
        (make([0.5], duration=math.inf), r"duration must be above 0 seconds, got inf"),
        (
            make([0.5], [[0]]),
            r"times and index must both be \(B, K\), got \(1, 1\) and \(1, 1, 1\)",
        ),
    ],
)
def test_malformed_events_are_refused(events, message):
    with pytest.raises(ValueError, match=message):
        events.to_grid(0.1)


def test_a_duration_that_is_no_whole_number_of_steps_is_refused():
    with pytest.raises(ValueError, match=r"1.0 s is not a whole number of steps of dt = 0.3 s"):
        make([0.5]).to_grid(0.3)


@pytest.mark.parametrize("dt", [0.0, -1.0, math.nan])
def test_a_step_out_of_range_is_refused(dt):
    with pytest.raises(ValueError, match=r"dt must be above 0 seconds"):
        make([0.5]).to_grid(dt)
    with pytest.raises(ValueError, match=r"dt must be above 0 seconds"):
        Events.from_grid(counts(0, 3, 1, 2), dt)


def test_a_gradient_that_a_grid_would_lose_is_refused():
    events = Events.of(torch.tensor([[0.5]], requires_grad=True), torch.tensor([[0]]), (1,), 1.0)
    with pytest.raises(ValueError, match=r"carry a gradient, .* events.detach\(\)"):
        events.to_grid(0.1)
    assert events.detach().to_grid(0.1).sum() == 1


@pytest.mark.parametrize("value", [0.5, -1.0, math.nan, math.inf])
def test_a_grid_of_anything_but_counts_is_refused(value):
    with pytest.raises(ValueError, match=r"holds whole numbers >= 0, got"):
        Events.from_grid(torch.full((2, 1, 1), value), 1e-3)


def test_a_grid_without_a_batch_or_steps_is_refused():
    message = r"expected a grid of shape \(T, B, \*N\), T > 0, got "
    for shape, shown in [((4, 2), r"\(4, 2\)"), ((0, 4, 2), r"\(0, 4, 2\)")]:
        with pytest.raises(ValueError, match=message + shown):
            Events.from_grid(torch.zeros(shape), 1e-3)


def test_padding_has_no_neuron():
    times = torch.tensor([[0.1, float("inf")]])
    with pytest.raises(ValueError, match=r"padded with inf the index must be -1, got 3; build"):
        Events(times, torch.tensor([[0, 3]]), (4,), 1.0).check()
