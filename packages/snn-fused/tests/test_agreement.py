"""Backend numba against eager: to the bit where a step has no transcendental function."""

import dataclasses

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY, check_agreement
from snn_core.testing.agreement import CASES
from snn_core.types import Observed

NUMBA = snn.backend("numba")
EAGER = snn.backend("eager")
ADEX = ("adex", "adex_refractory")
SUM_ULPS = 32

# What a membrane feeds back is a sum of unround numbers, in an order of its own.
INTEGRATORS = ("li", "exp_li")
FEED_FORWARD = [case for case in CASES if not case.recurrent]
RECURRENT = [case for case in CASES if case.recurrent]


@pytest.mark.parametrize("name", [name for name in snn.names("neuron") if name not in ADEX])
def test_to_the_bit(name):
    neuron = snn.neuron(name)
    assert check_agreement(NUMBA, neuron, sum_ulps=SUM_ULPS, cases=FEED_FORWARD) > 20


@pytest.mark.parametrize("name", snn.names("neuron"))
def test_recurrent(name):
    # the gradient that comes back through the feedback is a sum
    neuron = snn.neuron(name)
    assert check_agreement(NUMBA, neuron, ulps=SUM_ULPS, cases=RECURRENT) == 2 * len(RECURRENT)


@pytest.mark.parametrize("name", ADEX)
def test_a_few_units_in_the_last_place_with_an_exponential(name):
    # recorded values stay within 2; the gradient multiplies seven steep exponentials
    assert check_agreement(NUMBA, snn.neuron(name), ulps=64, cases=FEED_FORWARD) > 20


@pytest.mark.parametrize("name", snn.names("threshold"))
def test_every_threshold(name):
    threshold = snn.threshold(name)
    exact = {"super_spike", "soft_sign", "atan", "triangle", "piecewise_quadratic", "rect"}
    exact |= {"super_spike_scaled", "straight_through", "heaviside"}
    ulps = 0 if name in exact else 16
    cases = [case for case in CASES if not case.recurrent][:3]
    check_agreement(NUMBA, TOY, [threshold], ulps=ulps, sum_ulps=SUM_ULPS, cases=cases)


@pytest.mark.parametrize(
    ("n_steps", "shape"),
    [(1500, (2, 3)), (300, (3, 700)), (129, (1, 2100)), (260, (2, 1100))],
    ids=str,
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_stretches_join_without_a_seam(n_steps, shape, dtype):
    """More steps, or more lanes, than one stretch has, with a gradient that comes from traces."""
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(n_steps, *shape, generator=draw, dtype=dtype)
    factor = torch.rand(n_steps, *shape, generator=draw, dtype=dtype)

    def run(backend):
        leaf = x.clone().requires_grad_()
        out = snn.integrate("lif", leaf, dt=1e-3, record=("v", "i"), backend=backend)
        loss = (out.output * factor).sum() + (out.traces.v * factor).sum() + out.traces.i.sum()
        loss.backward()
        return out.output, *out.state, *out.traces, leaf.grad

    for given, expected in zip(run(NUMBA), run(EAGER), strict=True):
        assert torch.equal(given, expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_nothing(threads):
    draw = torch.Generator().manual_seed(0)
    x = (torch.rand(40, 16, 50, generator=draw) < 0.1).float()
    weight = torch.rand(300, 50, generator=draw) / 5
    square = torch.rand(300, 300, generator=draw) / 300

    def run():
        leaves = [value.clone().requires_grad_() for value in (x, weight, square)]
        params = snn.neuron("lif").Params(tau_mem=torch.full((300,), 9e-3, requires_grad=True))
        out = snn.integrate(
            "lif",
            leaves[0],
            weight=leaves[1],
            recurrent_weight=leaves[2],
            params=params,
            dt=1e-3,
            backend=NUMBA,
        )
        out.output.square().sum().backward()
        return out.output, *(leaf.grad for leaf in leaves), params.tau_mem.grad

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = run()
        torch.set_num_threads(threads)
        given = run()
    finally:
        torch.set_num_threads(before)
    assert expected[0].mean() > 0.01
    # the input's gradient is BLAS's, which may add up in another order
    for k, (one, other) in enumerate(zip(given, expected, strict=True)):
        assert torch.equal(one, other) or k == 1


@pytest.mark.parametrize("missing", ["v", "z"])
def test_a_part_of_the_measurements(missing):
    neuron = snn.neuron("lif")
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(9, 2, 5, generator=draw)
    measured = {"v": torch.rand(9, 2, 5, generator=draw), "z": (x > 0.8).float()}
    measured.pop(missing)

    def run(backend):
        leaf = x.clone().requires_grad_()
        observed = Observed(**measured)
        out = snn.integrate(neuron, leaf, dt=1e-3, observed=observed, backend=backend)
        out.output.cumsum(0).sum().backward()
        return out.output, leaf.grad

    for given, expected in zip(run(NUMBA), run(EAGER), strict=True):
        assert torch.equal(given, expected)


def test_infinite_and_undefined_input_goes_the_same_way():
    x = torch.tensor([[[float("inf"), float("nan"), -float("inf"), 3e38, 0.5]]]).repeat(4, 1, 1)
    for name in ("lif", "iaf", "li", "lif_refractory"):
        given, expected = (
            snn.integrate(name, x, dt=1e-3, backend=backend) for backend in (NUMBA, EAGER)
        )
        assert torch.equal(given.output.nan_to_num(7.0), expected.output.nan_to_num(7.0)), name
        for one, other in zip(given.state, expected.state, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_a_step_written_by_a_stranger():
    """A saturating input, a square, a clamp, a soft reset: all of it unknown to the package."""

    def step(x, state, params, threshold, dt):
        v = torch.clamp(state.v * 0.9 + x / (1 + x.abs()) - 0.1 * state.v * state.v.abs(), max=2.0)
        z = threshold(v - params.v_th)
        return z, type(state)(v - z * params.v_th)

    stranger = TOY._replace(name="stranger", step=step)
    compared = check_agreement(NUMBA, stranger, sum_ulps=SUM_ULPS, cases=FEED_FORWARD)
    assert compared > 20


def test_a_soft_threshold_has_its_own_program():
    """Two thresholds of one formula and two sharpnesses do not share a program's literals."""
    x = torch.rand(6, 2, 3, generator=torch.Generator().manual_seed(0))
    grads = []
    for alpha in (1.0, 50.0):
        for backend in (NUMBA, EAGER):
            leaf = x.clone().requires_grad_()
            threshold = dataclasses.replace(snn.threshold("super_spike"), alpha=alpha)
            out = snn.integrate("lif", leaf, dt=1e-3, threshold=threshold, backend=backend)
            out.output.sum().backward()
            grads.append(leaf.grad)
    assert torch.equal(grads[0], grads[1])
    assert torch.equal(grads[2], grads[3])
    assert not torch.equal(grads[0], grads[2])
