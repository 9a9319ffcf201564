"""Recorded spikes as Events: for layers without a grid, and of the layer that runs."""

import math

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY

NEURON = TOY._replace(name="watched", observes=("v", "z"))
SENT = snn.Events.of(torch.tensor([[0.1], [0.3]]), torch.tensor([[0], [1]]), (3,), 1.0)
W = torch.zeros(2, 3)
TIMES = torch.tensor([[0.2, 0.6], [0.5, math.inf]])
INDEX = torch.tensor([[1, 0], [0, -1]])
RECORDED = snn.Events.of(TIMES, INDEX, (2,), 1.0)


def replay(problem):
    """An event-driven backend that returns what was recorded."""
    return snn.Output(problem.observed.z, problem.state, None)


REPLAY = snn.Backend("replay", None, lambda problem: None, replay)


def run(z, **changes):
    settings = {"weight": W, "backend": REPLAY, **changes}
    return snn.integrate(NEURON, settings.pop("x", SENT), observed=snn.Observed(z=z), **settings)


def test_recorded_spikes_reach_the_backend_as_they_are():
    assert run(RECORDED).output is RECORDED
    double = RECORDED._replace(times=TIMES.double())
    assert run(double).output is double
    assert snn.Layer(3, 2, NEURON, backend=REPLAY)(SENT, observed=snn.Observed(z=RECORDED))


def test_a_dense_trace_without_a_grid_is_left_to_the_backend():
    z = torch.zeros(7, 2, 2)
    assert run(z).output is z


def test_a_layer_on_a_grid_is_told_how_to_bring_them_there():
    with pytest.raises(
        ValueError,
        match=r"^observed.z is Events, and a layer with dt = 0.01 s takes a grid; "
        r"pass observed.z.to_grid\(0.01, dtype=torch.float32\)$",
    ):
        run(RECORDED, dt=0.01)
    grid = RECORDED.to_grid(0.01, dtype=torch.float32)
    assert run(grid, dt=0.01).output is grid


@pytest.mark.parametrize(
    ("z", "error", "message"),
    [
        (
            RECORDED._replace(shape=(3,)),
            ValueError,
            r"expected observed.z of 2 samples of a layer of shape \(2,\), got 2 of shape \(3,\)",
        ),
        (
            RECORDED._replace(times=TIMES[:1], index=INDEX[:1]),
            ValueError,
            r"expected observed.z of 2 samples .*, got 1 of shape \(2,\); record the layer that",
        ),
        (
            RECORDED._replace(times=TIMES.flip(1)),
            ValueError,
            r"^observed.z: times must ascend in each sample; build them with Events.of$",
        ),
        (RECORDED._replace(times=-TIMES), ValueError, r"^observed.z: an event at .* is outside"),
        (RECORDED._replace(index=INDEX + 1), ValueError, r"^observed.z: an event of neuron 2 does"),
        (RECORDED._replace(index=INDEX.int()), TypeError, r"^observed.z: index must be torch.int6"),
        (
            RECORDED._replace(times=TIMES * math.nan),
            ValueError,
            r"^observed.z: an event at nan s is outside",
        ),
        (
            RECORDED._replace(duration=2.0),
            ValueError,
            r"^observed.z lasts 2.0 s and x 1.0 s; record as long as the input lasts, or give",
        ),
        (
            RECORDED._replace(duration=0.7),
            ValueError,
            r"^observed.z lasts 0.7 s and x 1.0 s; record as long as the input lasts, or give",
        ),
        (
            RECORDED.to("meta"),
            ValueError,
            r"^observed.z.times is on meta, the layer on cpu; move one with .to",
        ),
        ([0.2], TypeError, r"^observed.z must be a Tensor or Events, got list$"),
    ],
)
def test_spikes_that_are_not_the_layers_are_refused(z, error, message):
    with pytest.raises(error, match=message):
        run(z)


def test_a_duration_that_was_rounded_is_the_same_one():
    x, within = SENT._replace(duration=0.7), RECORDED._replace(duration=0.1 * 7)
    assert within.duration != x.duration
    assert run(within, x=x).output is within
    late = math.nextafter(0.7, 0.0)  # inside its own duration, at the end of x's
    last = RECORDED._replace(
        times=torch.tensor([[late], [math.inf]], dtype=torch.float64), index=INDEX[:, 1:]
    )
    with pytest.raises(ValueError, match=r"^observed.z: an event at .* s is outside \[0, "):
        run(last._replace(duration=0.7), x=SENT._replace(duration=late))


def test_only_spikes_are_events():
    with pytest.raises(TypeError, match=r"^observed.v must be a Tensor, got Events$"):
        snn.integrate(NEURON, SENT, weight=W, observed=snn.Observed(v=RECORDED), backend=REPLAY)
    with pytest.raises(ValueError, match=r"neuron 'toy' takes no measured 'z'"):
        snn.integrate(TOY, SENT, weight=W, observed=snn.Observed(z=RECORDED), backend=REPLAY)


def test_a_step_takes_no_events():
    with pytest.raises(
        TypeError, match=r"^the measurement must be a Tensor, got Events; .*to_grid"
    ):
        snn.inject(torch.zeros(2, 2), RECORDED)
