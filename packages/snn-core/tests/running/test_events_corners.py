"""Corners of Events: padding, rounding, dtypes that cannot count, arguments of wrong types."""

import math

import pytest
import torch
from snn_core import Events


def one_event(time, duration=4e-3):
    return Events(torch.tensor([[time]], dtype=torch.float64), torch.tensor([[0]]), (1,), duration)


def test_padding_is_inf_and_minus_one():
    z = torch.zeros(3, 2, 2)
    z[1, 0, 1] = 1
    events = Events.from_grid(z, 1e-3)
    assert events.times.tolist() == [[1e-3], [math.inf]]
    assert events.index.tolist() == [[1], [-1]]
    assert events.duration == 3e-3


def test_equal_times_keep_their_order():
    order = torch.arange(50).repeat(2, 1)
    assert torch.equal(Events.of(torch.full((2, 50), 0.5), order, (50,), 1.0).index, order)


@pytest.mark.parametrize(("time", "row"), [(2e-3 * (1 - 1e-9), 2), (2e-3, 2), (1.999e-3, 1)])
def test_only_rounding_noise_below_a_step_is_forgiven(time, row):
    expected = [float(k == row) for k in range(4)]
    assert one_event(time).to_grid(1e-3).flatten().tolist() == expected


def test_an_event_just_before_the_end_is_in_the_last_row():
    last = math.nextafter(3e-3, 0)
    assert one_event(last, 3e-3).to_grid(1e-3).flatten().tolist() == [0, 0, 1]


def test_the_grid_has_torchs_default_dtype():
    assert one_event(0.0).to_grid(1e-3).dtype == torch.float32
    torch.set_default_dtype(torch.float64)
    try:
        assert one_event(0.0).to_grid(1e-3).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_grid_that_requires_grad_gives_times_without():
    assert not Events.from_grid(torch.ones(3, 1, 2).requires_grad_(), 1e-3).times.requires_grad


def test_a_dtype_that_cannot_count_the_events_is_refused():
    crowd = Events.of(torch.full((1, 300), 0.25), torch.zeros(1, 300).long(), (1,), 1.0)
    with pytest.raises(ValueError, match=r"more events than torch.bfloat16 can count"):
        crowd.to_grid(1.0, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match=r"must be floating point, got torch.bool"):
        crowd.to_grid(1.0, dtype=torch.bool)
    assert crowd.to_grid(1.0).item() == 300


def test_many_events_in_bins_of_their_own_fit_a_low_precision():
    z = torch.ones(400, 1, 1)
    assert torch.equal(Events.from_grid(z, 1e-3).to_grid(1e-3, dtype=torch.bfloat16).float(), z)


def test_moving_to_another_device_moves_both_tensors():
    moved = one_event(0.0).to("meta")
    assert moved.times.is_meta
    assert moved.index.is_meta


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": [[0.5]]}, r"times of events must be a Tensor, got list"),
        ({"times": torch.tensor([[1]])}, r"times must be floating point, in seconds, got torch.i"),
        ({"index": torch.tensor([[0.0]])}, r"index must be torch.int64, got torch.float32"),
        ({"shape": 2}, r"the shape of events must be a tuple of integers, got 2"),
        ({"shape": [2]}, r"the shape of events must be a tuple of integers, got \[2\]"),
        ({"duration": None}, r"duration must be a number of seconds, got NoneType"),
    ],
)
def test_events_of_wrong_types_are_refused(changes, message):
    good = {"times": torch.tensor([[0.5]]), "index": torch.tensor([[0]])}
    good |= {"shape": (2,), "duration": 1.0}
    with pytest.raises(TypeError, match=message):
        Events(**(good | changes)).check()
    with pytest.raises(TypeError, match=message):
        Events.of(**(good | changes))


def test_a_recording_shorter_than_a_step_is_refused():
    with pytest.raises(ValueError, match=r"1e-09 s is not a whole number of steps"):
        one_event(0.0, 1e-9).to_grid(1.0)
