"""Pictures of networks on events show the spikes at their times."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from snn_core import Events
from snn_train import EventActivity
from snn_train.event_pictures import event_membrane_figure, event_raster_figure, output_figure


def events(times, index, shape):
    return Events(torch.tensor([times]), torch.tensor([index]), (shape,), 0.5)


@pytest.fixture
def activity():
    return EventActivity(
        events([1e-3, 3e-3], [0, 2], 3),
        events([4e-3, 4.5e-3, 8e-3], [2, 5, 2], 6),
        events([6e-3, 7e-3, 10e-3, math.inf], [1, 0, 1, -1], 3),
        torch.tensor([[7e-3, 6e-3, math.inf]]),
    )


def points(line):
    return np.column_stack([line.get_xdata(), line.get_ydata()])


def test_the_raster_has_every_spike_at_its_time(activity):
    above, below = event_raster_figure(activity, "title").axes
    assert points(above.lines[0]) == pytest.approx(np.array([[1.0, 0], [3.0, 2]]), rel=1e-6)
    expected = np.array([[4.0, 2], [4.5, 5], [8.0, 2]])
    assert points(below.lines[0]) == pytest.approx(expected, rel=1e-6)
    assert (above.get_ylabel(), below.get_ylabel()) == ("input neuron", "hidden neuron")
    assert below.get_xlabel() == "time (ms)"
    assert below.get_title(loc="right") == "3 spikes"
    assert below.get_xlim()[1] == pytest.approx(11.0, rel=1e-6)


def test_output_spikes_stand_in_the_row_of_their_class_and_the_first_is_marked(activity):
    axes = output_figure(activity, 1, "title").axes[0]
    rows = [points(line) for line in axes.lines]
    assert rows[0] == pytest.approx(np.array([[7.0, 0]]), rel=1e-6)
    assert rows[1] == pytest.approx(np.array([[6.0, 1], [10.0, 1]]), rel=1e-6)
    assert len(rows[2]) == 0
    assert rows[3] == pytest.approx(np.array([[6.0, 1]]), rel=1e-6)
    assert axes.lines[3].get_label() == "first of all"
    assert [text.get_text() for text in axes.get_yticklabels()] == ["0", "1 (true)", "2"]
    assert axes.get_title(loc="right") == "3 spikes"


def test_silent_outputs_are_an_empty_picture(activity):
    silent = activity._replace(output=events([math.inf], [-1], 3))
    axes = output_figure(silent, 0, "title").axes[0]
    assert len(axes.lines) == 3
    assert axes.get_title(loc="right") == "0 spikes"


def test_nothing_at_all_is_drawn_to_the_end_of_the_recording():
    nothing = events([math.inf], [-1], 3)
    figure = output_figure(EventActivity(nothing, nothing, nothing, None), 0, "title")
    assert figure.axes[0].get_xlim()[1] == pytest.approx(500.0)


def test_membranes_are_asked_at_the_times_that_are_drawn(activity):
    membrane = SimpleNamespace(at=lambda times: torch.stack([times, 2 * times])[None])
    axes = event_membrane_figure(activity._replace(output=membrane), 1, "title").axes[0]
    lines = {line.get_label(): points(line) for line in axes.lines}
    assert list(lines) == ["0", "1 (true)"]
    assert lines["0"][[0, -1], 0] == pytest.approx([0.0, 8.8], rel=1e-6)
    assert lines["1 (true)"][:, 1] == pytest.approx(2e-3 * lines["1 (true)"][:, 0], rel=1e-12)
