"""Pictures: they show the numbers they are given, with units, on axes of one's own or new ones."""

from __future__ import annotations

import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
import snn_core as snn
import torch
from matplotlib.figure import Figure
from snn_nodes import recording
from snn_nodes.layer import Sequential
from snn_nodes.neuron import IFNode, LIFNode
from snn_nodes.recording import (
    Recorder,
    membrane_trace,
    rate_histogram,
    spike_raster,
    surrogate_shapes,
)
from snn_nodes.surrogate import Sigmoid
from torch import nn

T = 12


@pytest.fixture(scope="module")
def recorded():
    net = Sequential(LIFNode(), IFNode())
    x = 3 * torch.rand(T, 2, 2, 3, generator=torch.Generator().manual_seed(0))
    with Recorder(net, membrane=True) as recorder:
        net(x)
    return recorder


def is_a_picture(axes):
    file = io.BytesIO()
    axes.figure.savefig(file)
    return file.getvalue().startswith(b"\x89PNG")


def marks(axes):
    """The bars of a raster as pairs of time and height."""
    bars = [line for line in axes.lines if line.get_marker() == "|"]
    return [tuple(pair) for line in bars for pair in line.get_xydata()]


def test_a_raster_has_a_bar_for_each_spike(recorded):
    spikes = recorded["0"].spikes[:, 1].flatten(1)
    axes = spike_raster(recorded["0"], sample=1, dt=1e-3, name="hidden")
    expected = {(float(t), float(n)) for t, n in spikes.nonzero().tolist()}
    assert len(marks(axes)) == len(expected) > 5
    assert {(round(t, 9), n) for t, n in marks(axes)} == expected  # a step is a millisecond
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (ms)", "hidden: neuron")
    low, high = axes.get_ylim()
    assert low < 0
    assert high > 5
    assert axes.get_xlim()[0] < 0
    assert axes.get_xlim()[1] >= T - 1
    assert is_a_picture(axes)


def test_a_raster_of_a_tensor_counts_steps():
    spikes = torch.zeros(4, 1, 3)
    spikes[2, 0, 1] = 1
    axes = spike_raster(spikes)
    assert marks(axes) == [(2.0, 1.0)]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "neuron")
    assert axes.get_title(loc="right") == "1 spike"


def test_rows_that_were_kept_stand_at_their_steps():
    node = IFNode(step_mode="m")
    with Recorder(node, membrane=True, max_steps=3) as recorder:
        node(torch.ones(10, 1, 1))
    axes = spike_raster(recorder["IFNode"], dt=2e-3)
    assert [time for time, _ in marks(axes)] == pytest.approx([14.0, 16.0, 18.0])
    line = membrane_trace(recorder["IFNode"]).lines[0]
    assert line.get_xdata().tolist() == [7, 8, 9]


def test_a_trace_goes_up_to_the_threshold_where_it_fires(recorded):
    found = recorded["0"]
    axes = membrane_trace(found, neurons=[4], threshold=1.0, unit="V", dt=1e-3, name="hidden")
    fired = found.spikes[:, 0].flatten(1)[:, 4].nonzero().flatten().tolist()
    assert len(fired) > 1
    line = axes.lines[0].get_xydata().tolist()
    membrane = found.membrane[:, 0].flatten(1)[:, 4].tolist()
    for step in fired:
        at = line.index([step, 1.0])
        assert line[at + 1] == [step, membrane[step]]
    assert len(line) == T + len(fired)
    assert [time for time, _ in marks(axes)] == fired
    assert all(height > 1.0 for _, height in marks(axes))
    assert any(list(line.get_ydata()) == [1.0, 1.0] for line in axes.lines)
    assert axes.get_ylabel() == "hidden: membrane (V)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["4", "threshold"]
    assert is_a_picture(axes)


def test_traces_of_the_busiest_neurons():
    membrane, spikes = torch.rand(5, 1, 8), torch.zeros(5, 1, 8)
    spikes[:, 0, 6] = spikes[:3, 0, 2] = spikes[:2, 0, 3] = 1
    axes = membrane_trace(membrane, spikes=spikes)
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["6", "2", "3"]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), membrane[:, 0, 6])
    assert len(marks(axes)) == 10
    assert len(marks(membrane_trace(membrane))) == 0


def test_a_histogram_counts_every_neuron(recorded):
    rates = {name: found.rates for name, found in recorded.items()}
    axes = rate_histogram(rates, dt=1e-3, bins=7)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    mean, silent = 1000 * rates["0"].mean(), int((rates["0"] == 0).sum())
    assert texts[0] == f"0: mean {mean:.3g} Hz, {silent} of 6 silent"
    assert len(texts) == 2
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rate (Hz)", "neurons")
    assert rate_histogram(rates["0"]).get_xlabel() == "rate (spikes/step)"
    heights, edges = np.histogram(1000 * rates["0"].double().flatten(), np.array(_edges(axes)))
    assert heights.sum() == 6
    assert edges[0] == 0.0
    assert is_a_picture(axes)


def _edges(axes):
    return sorted({x for patch in axes.patches[:1] for x, _ in patch.get_xy()})


def test_shapes_of_surrogates_are_their_formulas():
    mine = snn.threshold("super_spike", alpha=5.0)
    left, right = surrogate_shapes([mine, "atan", Sigmoid().threshold], unit="V", reach=2.0)
    for axes, formula in ((left, mine.derivative), (right, mine.primitive)):
        x, y = (torch.as_tensor(of) for of in axes.lines[0].get_data())
        assert (x.min(), x.max()) == (-2.0, 2.0)
        torch.testing.assert_close(y, formula(x, 5.0))
        assert axes.get_xlabel() == "v − v_threshold (V)"
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == ["super_spike, α = 5", "atan, α = 2", "sigmoid, α = 4"]
    assert is_a_picture(left)


def test_every_registered_threshold_can_be_drawn():
    left, _ = surrogate_shapes(snn.names("threshold"))
    assert is_a_picture(left)


def test_axes_of_ones_own_are_drawn_into(recorded):
    figure = Figure()
    grid = figure.subplots(2, 3).flatten()
    assert spike_raster(recorded["0"], axes=grid[0]) is grid[0]
    assert membrane_trace(recorded["0"], axes=grid[1]) is grid[1]
    assert rate_histogram(recorded["0"].rates, axes=grid[2]) is grid[2]
    assert surrogate_shapes(["atan"], axes=(grid[3], grid[4])) == (grid[3], grid[4])
    assert all(one.lines or one.patches for one in grid[:5])
    assert not grid[5].lines


def test_bfloat16_and_gradients_are_drawn():
    values = torch.rand(3, 1, 2, dtype=torch.bfloat16, requires_grad=True)
    assert is_a_picture(membrane_trace(values))
    assert is_a_picture(rate_histogram(values[0]))


def test_nothing_of_pyplot_is_touched():
    code = (
        "import sys, torch, snn_nodes.recording as r; before = 'matplotlib' in sys.modules;"
        "r.spike_raster(torch.ones(2, 1, 2)).figure.savefig('/dev/null', format='png');"
        "print(before, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    assert mpl.rcParams["backend"] is not None


@pytest.mark.parametrize("name", sorted(recording._PICTURES))
def test_without_matplotlib_it_says_what_to_install(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(snn.MissingNeed) as caught:
        getattr(recording, name)
    assert str(caught.value) == (
        f"picture {name!r} needs matplotlib: pip install 'snn-nodes[plot]'"
    )
    assert isinstance(caught.value, ImportError)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda r: spike_raster(torch.ones(3)), r"no sample 0 in spikes of \(3,\), expected"),
        (lambda r: spike_raster(torch.ones(3, 2, 1), sample=2), r"no sample 2 in spikes of \(3, 2"),
        (lambda r: spike_raster(r._replace(spikes=None)), "no spikes was recorded of this layer"),
        (lambda r: membrane_trace(r._replace(membrane=None)), r"Recorder\(net, membrane=True\)"),
        (lambda r: membrane_trace(r, neurons=[6]), r"counted from 0 to 5, got \[6\]"),
        (lambda r: membrane_trace(r, spikes=torch.ones(3, 2, 6)), r"its spikes \(3, 6\); give"),
        (lambda r: rate_histogram({}), "there are no rates to draw"),
        (lambda r: rate_histogram({"0": None}), "there are no rates to draw"),
        (lambda r: surrogate_shapes("atan"), r"takes a list of thresholds.*got 'atan'"),
        (lambda r: surrogate_shapes([]), "takes a list of thresholds"),
    ],
)
def test_wrong_arguments(recorded, draw, message):
    with pytest.raises(ValueError, match=message):
        draw(recorded["0"])
    with pytest.raises(AttributeError, match="has no attribute 'raster'"):
        recording.raster  # noqa: B018


def test_a_recorder_and_a_recording_have_rates_to_draw():
    net = Sequential(nn.Linear(3, 5), LIFNode(v_threshold=0.1), nn.Linear(5, 2), LIFNode())
    with Recorder(net) as recorder:
        net(torch.ones(6, 2, 3))
    texts = [text.get_text() for text in rate_histogram(recorder).get_legend().get_texts()]
    assert [text.split(":")[0] for text in texts] == ["1", "3"]
    alone, given = (rate_histogram(one) for one in (recorder["1"], recorder["1"].rates))
    assert alone.get_legend().get_texts()[0].get_text() == (
        given.get_legend().get_texts()[0].get_text()
    )
