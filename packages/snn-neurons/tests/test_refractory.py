"""Refractoriness: how long, what is held, what goes on, and what is refused."""

import math
import pickle

import pytest
import torch
from snn_core import Layer, Neuron, Observed, integrate
from snn_core.testing.compiling import whole_graph
from snn_core.thresholds import SUPER_SPIKE
from snn_neurons import (
    ADEX_REFRACTORY,
    EXP_LIF_REFRACTORY,
    IAF_INTEGRATE_FIRST,
    IAF_REFRACTORY,
    LI,
    LIF,
    LIF_REFRACTORY,
    with_refractoriness,
)
from snn_neurons.functional import refractory_update
from snn_neurons.refractory import refractory_steps
from torch.fx.experimental.proxy_tensor import make_fx

DT = 1e-6


# Faster backends need not know half precision; that auto says so is no matter of such a test.
in_half_precision = pytest.mark.filterwarnings("ignore::snn_core.BackendWarning")


def strong(n_steps, n=1):
    return torch.full((n_steps, 1, n), 1e4, dtype=torch.float64)


def run(neuron, x, params, **more):
    record = neuron.State._fields
    return integrate(neuron, x, params=params, dt=DT, record=record, **more)


def test_every_refractory_time_of_whole_steps_masks_exactly_as_many():
    times = torch.arange(1, 201, dtype=torch.float64) * 1e-6
    params = LIF_REFRACTORY.Params(tau_mem=10e-6, tau_syn=1e-3, refractory_time=times)
    spikes = run(LIF_REFRACTORY, strong(210, 200), params).output[:, 0]
    for column, n in enumerate(range(1, 201)):
        fired = spikes[:, column].nonzero().flatten()
        assert fired[0] == 1
        assert fired[1] - fired[0] == n + 1, f"{n} steps"


def test_numbers_give_exact_counts_where_a_countdown_of_the_quotient_does_not():
    def reference_count(quotient):
        count = 0
        while quotient > 0:
            quotient, count = quotient - 1, count + 1
        return count

    times = [n * 1e-6 for n in range(1, 201)]
    assert sum(reference_count(t / DT) != n for n, t in enumerate(times, 1)) > 0
    assert reference_count(5e-6 / 1e-6) == 6
    assert [refractory_steps(t, DT) for t in times] == list(range(1, 201))
    assert refractory_steps(5e-6, 1e-6) == 5
    assert refractory_steps(5.1e-6, 1e-6) == 6
    assert refractory_steps(0.0, 1e-6) == 0


@pytest.mark.parametrize(
    ("dtype", "most"), [(torch.bfloat16, 50), (torch.float16, 50), (torch.float32, 1000)]
)
def test_tensors_of_few_digits_give_exact_counts(dtype, most):
    counts = torch.arange(1, most + 1, dtype=torch.float64)
    for dt in (1e-3, 1e-4):
        steps = refractory_steps((counts * dt).to(dtype), dt)
        assert steps.dtype == dtype
        assert torch.equal(steps.double(), counts)


@pytest.mark.parametrize("neuron", [LIF_REFRACTORY, EXP_LIF_REFRACTORY, ADEX_REFRACTORY])
def test_the_membrane_is_held_and_the_current_goes_on(neuron):
    params = neuron.Params()._replace(v_reset=-0.25, refractory_time=3e-6, tau_syn=1e-3)
    out = run(neuron, strong(9) * 1e3, params)
    assert out.output.flatten().tolist() == [0, 1, 0, 0, 0, 1, 0, 0, 0]
    assert out.traces.v[1:].flatten().tolist() == [-0.25] * 8
    assert out.traces.ref.flatten().tolist() == [0, 3, 2, 1, 0, 3, 2, 1, 0]
    assert (out.traces.i.diff(dim=0) > 0).all()


def test_no_refractory_time_is_the_neuron_itself(draw):
    x = draw(0.0, 1e3, 40, 2, 3)
    held = run(LIF_REFRACTORY, x, LIF_REFRACTORY.Params(tau_mem=20e-6, refractory_time=0.0))
    free = run(LIF, x, LIF.Params(tau_mem=20e-6))
    assert free.output.sum() > 0
    assert torch.equal(held.output, free.output)
    assert torch.equal(held.traces.v, free.traces.v)


def test_a_held_neuron_passes_no_gradient_from_its_spike_or_membrane():
    state = LIF_REFRACTORY.State(
        torch.full((1, 1), 3.0).double().requires_grad_(),
        torch.zeros(1, 1).double(),
        torch.full((1, 1), 2.0).double(),
    )
    x, params = torch.zeros(1, 1).double(), LIF_REFRACTORY.Params()
    z, after = LIF_REFRACTORY.step(x, state, params, SUPER_SPIKE, DT)
    assert (z.item(), after.v.item(), after.ref.item()) == (0.0, 0.0, 1.0)
    for value in (z, after.v):
        assert torch.autograd.grad(value.sum(), state.v, retain_graph=True)[0].item() == 0.0


def test_measured_spikes_start_the_holding_and_a_measured_membrane_overrides_it():
    z = torch.tensor([1.0, 0, 0, 0]).reshape(4, 1, 1)
    x = torch.zeros(4, 1, 1)
    params = LIF_REFRACTORY.Params(v_leak=0.5, v_reset=0.25, refractory_time=2e-6, tau_mem=1e-5)
    out = run(LIF_REFRACTORY, x, params, observed=Observed(z=z))
    assert out.traces.ref.flatten().tolist() == [2, 1, 0, 0]
    assert out.traces.v[:3].flatten().tolist() == [0.25, 0.25, 0.25]
    assert out.traces.v[3].item() > 0.25
    v = torch.tensor([0.1, 0.2, 0.3, 0.4]).reshape(4, 1, 1)
    out = run(LIF_REFRACTORY, x, params, observed=Observed(z=z, v=v))
    assert torch.equal(out.traces.v, v)
    assert out.traces.ref.flatten().tolist() == [2, 1, 0, 0]


def test_params_and_state_are_those_of_the_neuron_and_one_more_field():
    assert LIF_REFRACTORY.Params._fields == (*LIF.Params._fields, "refractory_time")
    assert LIF_REFRACTORY.State._fields == (*LIF.State._fields, "ref")
    assert LIF_REFRACTORY.Params()[:-1] == tuple(LIF.Params())
    assert LIF_REFRACTORY.name == "lif_refractory"


@pytest.mark.parametrize("neuron", [LIF_REFRACTORY, EXP_LIF_REFRACTORY, ADEX_REFRACTORY])
def test_params_can_be_pickled(neuron):
    assert pickle.loads(pickle.dumps(neuron.Params())) == neuron.Params()


def test_a_neuron_without_reset_is_refused():
    with pytest.raises(ValueError, match=r"'li' cannot be held .* Params has no 'v_reset', only"):
        with_refractoriness(LI)


@in_half_precision
def test_more_steps_than_a_dtype_counts_are_refused():
    x = torch.zeros(2, 1, 1, dtype=torch.bfloat16)
    params = LIF_REFRACTORY.Params(refractory_time=257e-6, tau_mem=1e-3)
    with pytest.raises(ValueError, match=r"257 steps, and torch.bfloat16 counts to 256 only"):
        run(LIF_REFRACTORY, x, params)
    run(LIF_REFRACTORY, x, params._replace(refractory_time=256e-6))
    # one below the limit does count down: 256 - 1 is 255 in bfloat16, 258 - 1 would stay 258
    most = torch.tensor(256.0, dtype=torch.bfloat16)
    assert (most - 1).item() == 255.0
    assert (most + 2 - 1).item() != 257.0


@in_half_precision
@pytest.mark.parametrize(("dtype", "most"), [(torch.bfloat16, 256), (torch.float16, 2048)])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_more_steps_than_a_half_counts_are_refused_in_a_tensor_too(dtype, most, shape):
    x = torch.full((2, 1, 3), 40.0, dtype=dtype)
    time = torch.zeros(shape, dtype=dtype if shape else torch.float32)
    too_long, allowed = time + 1.25 * most * DT, time + most * DT
    params = LIF_REFRACTORY.Params(tau_mem=1e-3)
    with pytest.raises(ValueError, match=rf"is \d+ steps, and {dtype} counts to {most} only"):
        run(LIF_REFRACTORY, x, params._replace(refractory_time=too_long))
    run(LIF_REFRACTORY, x, params._replace(refractory_time=allowed))
    run(LIF_REFRACTORY, x.float(), params._replace(refractory_time=too_long.float()))


@in_half_precision
def test_the_longest_time_that_a_half_counts_does_end():
    x = torch.full((520, 1, 1), 40.0, dtype=torch.bfloat16)
    params = LIF_REFRACTORY.Params(tau_mem=1e-6, refractory_time=torch.tensor(256e-6))
    fired = run(LIF_REFRACTORY, x, params).output.flatten().nonzero().flatten()
    assert fired.tolist() == [1, 258, 515]


def test_a_tensor_of_half_can_be_mapped_traced_and_compiled():
    state = LIF_REFRACTORY.State(*torch.rand(3, 2, 3).bfloat16())
    x = torch.rand(2, 3).bfloat16()
    times = torch.tensor([2e-6, 5e-6, 9e-6])

    def step(time):
        params = LIF_REFRACTORY.Params(refractory_time=time)
        z, after = LIF_REFRACTORY.step(x, state, params, SUPER_SPIKE, DT)
        return z, *after

    expected = [torch.stack(values) for values in zip(*map(step, times), strict=True)]
    mapped = torch.func.vmap(step)(times)
    traced = make_fx(step)(times[0])
    for one, other in zip(mapped, expected, strict=True):
        assert torch.equal(one, other)
    with whole_graph(step) as compiled:
        for k in range(3):
            for one, same, other in zip(
                traced(times[k]), compiled(times[k]), expected, strict=True
            ):
                assert torch.equal(one, other[k])
                torch.testing.assert_close(same, other[k])
    with pytest.raises(ValueError, match="300 steps"):
        torch.func.vmap(step)(times + 291e-6)


def test_a_refractory_neuron_is_not_made_refractory_again():
    message = r"'lif_refractory' is refractory already: its Params are .*refractory_time, its State"
    with pytest.raises(ValueError, match=message):
        with_refractoriness(LIF_REFRACTORY)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_iaf_loses_the_input_of_the_spike_and_of_the_held_steps(n):
    x = torch.arange(1.0, 4 * n + 13).double().reshape(-1, 1, 1) * 0.0625
    params = IAF_REFRACTORY.Params(v_reset=-0.5, refractory_time=n * DT)
    out = run(IAF_REFRACTORY, x, params)
    v, spikes, t_last = 0.0, [], None
    for t, given in enumerate(x.flatten().tolist()):
        if t_last is not None and t <= t_last + n:
            v = -0.5
        elif v > 1:
            spikes, t_last, v = [*spikes, t], t, -0.5 + given
        else:
            v = v + given
        assert out.traces.v[t].item() == v
    assert out.output.flatten().nonzero().flatten().tolist() == spikes
    assert len(spikes) > 1


def test_iaf_spikes_again_after_the_held_steps_and_one_of_input():
    for n in (0, 1, 4):
        params = IAF_REFRACTORY.Params(refractory_time=n * DT)
        fired = run(IAF_REFRACTORY, strong(30), params).output.flatten().nonzero().flatten()
        assert fired.diff().unique().tolist() == [n + 2 if n else 1]
        held = with_refractoriness(IAF_INTEGRATE_FIRST)
        params = held.Params(refractory_time=n * DT)
        fired = run(held, strong(30), params).output.flatten().nonzero().flatten()
        assert fired.diff().unique().tolist() == [n + 1]


def test_any_firing_neuron_can_be_held():
    bare = Neuron("bare", LIF.Params, LIF.State, LIF.initial_state, LIF.step)
    held = with_refractoriness(bare)
    assert held.name == "bare_refractory"
    params = held.Params(tau_mem=10e-6, tau_syn=1e-3, refractory_time=4e-6)
    steps = run(held, strong(20), params).output.flatten().nonzero().flatten()
    assert steps.diff().unique().tolist() == [5]


def test_refractory_update_masks_injects_and_counts():
    z, v = torch.tensor([1.0, 1.0, 0.0]), torch.tensor([0.5, 0.6, 0.7])
    ref = torch.tensor([3.0, 0.0, 1.0])
    time = {"reset": -0.5, "refractory_time": 5e-6, "dt": 1e-6}
    given = refractory_update(z, v, ref, None, None, **time)
    expected = ([0.0, 1.0, 0.0], [-0.5, 0.6, -0.5], [2.0, 5.0, 0.0])
    for one, other in zip(given, expected, strict=True):
        torch.testing.assert_close(one, torch.tensor(other))
    measured = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([7.0, 8.0, 9.0])
    z_out, v_out, ref_out = refractory_update(z, v, ref, *measured, **time)
    assert torch.equal(z_out, measured[0])
    assert torch.equal(v_out, measured[1])
    assert ref_out.tolist() == [5.0, 0.0, 0.0]


def test_refractory_update_refuses_what_does_not_fit():
    z = torch.zeros(2)
    with pytest.raises(ValueError, match=r"one shape, got \(2,\), \(2,\) and \(3,\)"):
        refractory_update(z, z, torch.zeros(3), None, None, reset=0.0, refractory_time=0.0, dt=1e-6)
    with pytest.raises(ValueError, match="refractory_time must not be negative, got -1e-06"):
        refractory_update(z, z, z, None, None, reset=0.0, refractory_time=-1e-6, dt=1e-6)
    time = {"reset": 0.0, "refractory_time": 1e-6}
    with pytest.raises(ValueError, match=r"dt must be above 0 seconds, got 0"):
        refractory_update(z, z, z, None, None, **time, dt=0)
    with pytest.raises(TypeError, match=r"ref_state is torch.int64, v torch.float32; a state cou"):
        refractory_update(z, z, z.long(), None, None, **time, dt=1e-6)
    with pytest.raises(TypeError, match=r"v must be floating point, got torch.int64; convert it"):
        refractory_update(z, z.long(), z.long(), None, None, **time, dt=1e-6)
    assert math.isclose(refractory_steps(torch.tensor(5e-6), 1e-6).item(), 5.0)


def test_a_refractory_time_cannot_be_learnt():
    with pytest.raises(ValueError, match=r"refractory_time of neuron 'lif_refractory' has no grad"):
        Layer(3, 2, "lif_refractory", dt=1e-3, learn=("refractory_time",))
