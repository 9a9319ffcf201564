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
SUM_ULPS = 8

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
    compared = check_agreement(
        NUMBA, snn.neuron(name), ulps=4, sum_ulps=SUM_ULPS, cases=FEED_FORWARD
    )
    assert compared > 20


@pytest.mark.parametrize("name", snn.names("threshold"))
def test_every_threshold(name):
    threshold = snn.threshold(name)
    exact = {"super_spike", "soft_sign", "atan", "triangle", "piecewise_quadratic", "rect"}
    exact |= {"super_spike_scaled", "straight_through", "heaviside"}
    ulps = 0 if name in exact else 4
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


def long_layer(backend, dtype, rate, recurrent):
    """A projected layer of several stretches, everything unround; output and all gradients."""
    draw = torch.Generator().manual_seed(0)
    shape = (300, 3, 40)
    values = torch.rand(shape, generator=draw, dtype=dtype)
    x = (values * (torch.rand(shape, generator=draw) < rate)).requires_grad_()
    weight = (torch.rand(350, 40, generator=draw, dtype=dtype) - 0.4).mul_(2).requires_grad_()
    square = (torch.rand(350, 350, generator=draw, dtype=dtype) / 350).requires_grad_()
    factor = torch.rand(300, 3, 350, generator=draw, dtype=dtype)
    out = snn.integrate(
        "exp_li" if recurrent == "membrane" else "lif",
        x,
        weight=weight,
        recurrent_weight=square if recurrent else None,
        dt=1e-3,
        backend=backend,
    )
    (out.output * factor).sum().backward()
    grads = [x.grad, weight.grad, *([square.grad] if recurrent else [])]
    return [out.output.detach(), *grads]


@pytest.mark.parametrize("recurrent", ["", "spikes", "membrane"])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.9])
def test_projections_join_without_a_seam(monkeypatch, rate, recurrent):
    """Several stretches, forward and backward; in float64, so that no spike falls otherwise."""
    monkeypatch.setattr("snn_fused.cpu.engine.BUFFER_BYTES", 1 << 20)
    monkeypatch.setattr("snn_fused.cpu.spikes._ROOM", 5000)  # the search for spikes, too
    given, expected = (
        long_layer(backend, torch.float64, rate, recurrent) for backend in (NUMBA, EAGER)
    )
    for one, other in zip(given, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_an_integrator_adds_three_gradients_as_eager_does():
    """To its output, to its recorded membrane, to the step after; with factors that round."""
    draw = torch.Generator().manual_seed(0)
    x, a, b = (torch.rand(50, 2, 30, generator=draw) for _ in range(3))

    def run(backend):
        leaf = x.clone().requires_grad_()
        out = snn.integrate("li", leaf, dt=1e-3, record=("v", "i"), backend=backend)
        ((out.output * a).sum() + (out.traces.v * b).sum()).backward()
        return leaf.grad

    assert torch.equal(run(NUMBA), run(EAGER))


def test_memory_in_any_order():
    """States, measurements and gradients whose memory is not laid out as their axes are."""
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(12, 5, 4, generator=draw)

    def turned(*shape):
        return torch.rand(shape[::-1], generator=draw).permute(*reversed(range(len(shape))))

    factor, v, z = turned(12, 5, 4), turned(12, 5, 4), (turned(12, 5, 4) > 0.8).float()
    start = snn.neuron("lif").State(turned(5, 4), turned(5, 4))
    results = []
    for backend in (NUMBA, EAGER):
        leaf = x.clone().requires_grad_()
        observed = Observed(v=v, z=z)
        out = snn.integrate("lif", leaf, dt=1e-3, state=start, observed=observed, backend=backend)
        (grad,) = torch.autograd.grad(out.output, leaf, factor)
        results.append((out.output.detach(), *out.state, grad))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("alone", ["v", "output"])
def test_a_start_alone_may_want_a_gradient(alone):
    draw = torch.Generator().manual_seed(0)
    x, square = torch.rand(6, 2, 4, generator=draw), torch.rand(4, 4, generator=draw)
    results = []
    for backend in (NUMBA, EAGER):
        State = snn.neuron("lif").State
        v, i, output = (torch.full((2, 4), value) for value in (0.5, 0.2, 1.0))
        leaf = {"v": v, "output": output}[alone].requires_grad_()
        state = snn.RecurrentState(State(v, i), output)
        out = snn.integrate(
            "lif", x, recurrent_weight=square, state=state, dt=1e-3, backend=backend
        )
        out.state.neuron.i.square().sum().backward()
        results.append(leaf.grad)
    torch.testing.assert_close(*results)
    assert results[0].abs().sum() > 0 or alone == "v"


def test_a_division_is_a_division():
    """By a constant too: a product with its inverse rounds otherwise."""

    def step(x, state, params, threshold, dt):
        v = (state.v + x) / 3.0 - state.v / 7.0
        return threshold(v - params.v_th), type(state)(v)

    neuron = TOY._replace(name="divides", step=step)
    assert check_agreement(NUMBA, neuron, sum_ulps=SUM_ULPS, cases=FEED_FORWARD) > 20


def test_signs_of_zero_and_truth_values():
    """1 / -0 is not 1 / 0; true and true is true, not two."""

    def step(x, state, params, threshold, dt):
        zero = torch.where(x > 0.5, torch.full_like(x, -0.0), torch.zeros_like(x))
        return threshold(1 / zero), state

    def both(x, state, params, threshold, dt):
        return ((x > 0.2) + (x > 0.5)).to(x.dtype), state

    x = torch.rand(4, 1, 30, generator=torch.Generator().manual_seed(0))
    neuron = TOY._replace(name="signs", step=step)
    given, expected = (snn.integrate(neuron, x, dt=1e-3, backend=b) for b in (NUMBA, EAGER))
    assert torch.equal(given.output, expected.output)

    def never(x, state, params, threshold, dt):
        return (threshold(x - 0.5) > 1.5).to(x.dtype), state

    neuron = TOY._replace(name="never", step=never)
    assert snn.integrate(neuron, x, dt=1e-3, backend=NUMBA).output.sum() == 0
    with pytest.raises(snn.Unsupported, match="counts with truth values"):
        snn.integrate(TOY._replace(name="both", step=both), x, dt=1e-3, backend=NUMBA)
