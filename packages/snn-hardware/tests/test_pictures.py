"""Pictures show what they are given: counts, marks, labels with units."""

import pytest
import torch
from snn_hardware.pictures import (
    LayerWeights,
    Measured,
    Trace,
    mismatch_figure,
    residual_figure,
    trace_figure,
    weights_figure,
)


def quantities():
    draw = torch.Generator().manual_seed(0)
    before = 80 + 6 * torch.randn(512, generator=draw, dtype=torch.float64)
    after = 80 + 2 * torch.randn(512, generator=draw, dtype=torch.float64)
    after[3] = torch.nan
    target = torch.full((512,), 80.0, dtype=torch.float64)
    leak = Measured("leak", "LSB", target, before, after, (6.0, 2.0))
    return [leak, leak._replace(name="tau_mem", unit="µs")]


def heights(axes, colour):
    """Bars of one colour: where and how high."""
    found = [one for one in axes.patches if one.get_facecolor()[:3] == pytest.approx(colour)]
    return {round(one.get_x() + one.get_width() / 2, 6): one.get_height() for one in found}


def rgb(colour):
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_every_circuit_is_in_the_histograms_unless_it_has_no_value():
    axes = mismatch_figure(quantities(), "chip").axes[0]
    assert sum(heights(axes, rgb("#999999")).values()) == 512
    assert sum(heights(axes, rgb("#0072B2")).values()) == 511


def test_histograms_have_units_and_spreads():
    figure = mismatch_figure(quantities(), "chip 7")
    assert [axes.get_xlabel() for axes in figure.axes[:2]] == ["leak (LSB)", "tau_mem (µs)"]
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["before, spread 6 LSB", "after, spread 2 LSB", "target"]


def test_targets_that_differ_have_no_line():
    one = quantities()[0]
    one = one._replace(target=torch.linspace(70, 90, 512))
    texts = mismatch_figure([one], "chip").axes[0].get_legend().get_texts()
    assert "target" not in [text.get_text() for text in texts]


def test_residuals_are_measured_less_target_and_failures_are_marked():
    failed = torch.zeros(512, dtype=torch.bool)
    failed[[3, 100]] = True
    one = quantities()[0]
    axes = residual_figure([one], failed, "chip").axes[0]
    points = next(line for line in axes.lines if line.get_marker() == ".")
    shown = torch.as_tensor(points.get_ydata())
    assert torch.equal(shown.isnan(), one.after.isnan())
    assert torch.allclose(shown.nan_to_num(), (one.after - 80).nan_to_num())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["failed (2)"]


def test_the_trace_has_spikes_at_their_times():
    times = torch.arange(5) * 1e-6
    ideal = Trace(times, torch.arange(5.0), torch.tensor([1e-6, 3e-6]))
    chip = Trace(times, torch.arange(5.0), torch.tensor([2e-6]))
    figure = trace_figure(torch.tensor([0.5e-6]), ideal, chip, chip, 125.0, "circuit 0")
    above, middle, below = figure.axes
    assert above.collections[0].get_positions() == pytest.approx([0.5])
    assert [list(one.get_positions()) for one in below.collections] == [
        pytest.approx([2.0]),
        pytest.approx([1.0, 3.0]),
    ]
    assert [text.get_text() for text in below.get_yticklabels()] == ["1 by chip", "2 by ideal"]
    assert middle.get_ylabel() == "membrane (LSB)"
    assert below.get_xlabel() == "time on the chip (µs)"


def test_weights_stand_on_their_steps_and_those_beyond_apart():
    scaled = torch.tensor([1.2, 1.4, -2.6, 64.2, -100.0])
    layer = LayerWeights("hidden", scaled, scaled.round().clamp(-63, 63), 63)
    axes = weights_figure([layer], "net").axes[0]
    on_chip = {x: n for x, n in heights(axes, rgb("#0072B2")).items() if n}
    beyond = {x: n for x, n in heights(axes, rgb("#E69F00")).items() if n}
    assert on_chip == {1: 2, -3: 1, 63: 1, -63: 1}
    assert beyond == {64: 1, -100: 1}


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="nothing to draw"):
        mismatch_figure([], "chip")
    with pytest.raises(ValueError, match="nothing to draw"):
        weights_figure([], "net")
    empty = torch.zeros(0)
    with pytest.raises(ValueError, match="layer a has no weights"):
        weights_figure([LayerWeights("a", empty, empty, 63)], "net")
