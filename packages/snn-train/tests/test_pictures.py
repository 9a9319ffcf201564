"""Pictures show the numbers, with units."""

import numpy as np
import pytest
import torch
from snn_train import (
    Activity,
    Epoch,
    Score,
    learning_curve_figure,
    membrane_figure,
    raster_figure,
)

HISTORY = [Epoch(Score(1.0, 0.5), Score(1.2, 0.4)), Epoch(Score(0.5, 0.9), Score(0.6, 0.8))]


@pytest.fixture
def activity():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.zeros(10, 1, 6)
    hidden[4, 0, 2] = hidden[7, 0, 2] = hidden[8, 0, 5] = 1
    hidden_v = torch.rand(10, 1, 6, generator=generator).masked_fill(hidden.bool(), 0.0)
    spikes = torch.zeros(10, 1, 3)
    spikes[1, 0, 0] = spikes[3, 0, 2] = 1
    output_v = torch.rand(10, 1, 9, generator=generator)
    return Activity(spikes, hidden, hidden_v, output_v, output_v.amax(0))


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


def points(line):
    return np.column_stack([line.get_xdata(), line.get_ydata()])


def test_the_learning_curve_has_every_epoch():
    figure = learning_curve_figure(HISTORY, "title")
    loss, accuracy = figure.axes
    assert figure.get_suptitle() == "title"
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "mean loss")
    assert accuracy.get_ylabel() == "accuracy (%)"
    assert points(lines(loss)["train, 0.5 at the end"]).tolist() == [[1, 1.0], [2, 0.5]]
    found = points(lines(accuracy)["validation, 80.0 % at the end"])
    assert found.tolist() == [[1, 40.0], [2, 80.0]]


def test_one_epoch_is_drawn_as_points():
    for axes in learning_curve_figure(HISTORY[:1], "title").axes:
        assert {line.get_marker() for line in axes.lines} == {"o"}


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="the history is empty; train at least one epoch"):
        learning_curve_figure([], "title")


def test_the_raster_has_every_spike(activity):
    figure = raster_figure(activity, 1e-3, "title")
    above, below = figure.axes
    assert points(above.lines[0]).tolist() == [[1.0, 0], [3.0, 2]]
    assert points(below.lines[0]).tolist() == [[4.0, 2], [7.0, 2], [8.0, 5]]
    assert below.get_xlabel() == "time (ms)"
    assert (above.get_ylabel(), below.get_ylabel()) == ("input neuron", "hidden neuron")
    assert below.get_title(loc="right") == "3 spikes"


def test_membranes_of_the_busiest_neurons_rise_to_the_threshold_where_they_fire(activity):
    above, below = membrane_figure(activity, 1e-3, 3, 1.0, "title").axes
    drawn = lines(above)
    assert [name for name in drawn if name.isdigit()][:2] == ["2", "5"]
    membrane = activity.hidden_v[:, 0, 2].double().tolist()
    expected = [[float(row), value] for row, value in enumerate(membrane)]
    expected[7:7] = [[7.0, 1.0]]
    expected[4:4] = [[4.0, 1.0]]
    assert points(drawn["2"]) == pytest.approx(np.array(expected), rel=1e-12)
    assert set(drawn["threshold"].get_ydata()) == {1.0}
    bars = [line.get_xdata().tolist() for line in above.lines if line.get_marker() == "|"]
    assert bars[:2] == [[4.0, 7.0], [8.0]]
    assert above.get_ylabel() == "hidden membrane (V)"
    classes = lines(below)
    assert list(classes) == ["0", "1", "2", "3 (true)", "4", "5", "6", "7", "8"]
    assert classes["3 (true)"].get_linewidth() > classes["4"].get_linewidth()
    styles = {(line.get_color(), line.get_linestyle()) for line in classes.values()}
    assert len(styles) == 9
    found = points(classes["3 (true)"])
    assert found[:, 1].tolist() == activity.output_v[:, 0, 3].double().tolist()
    assert (below.get_xlabel(), below.get_ylabel()) == ("time (ms)", "readout membrane (V)")


def test_a_picture_is_a_file(activity, tmp_path):
    raster_figure(activity, 1e-3, "title").savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
