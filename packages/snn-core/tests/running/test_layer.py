"""Layer: what it owns, how it learns parameters, how it is saved and shown."""

import copy
import io
import pickle

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY

DT = 1e-3
X = (torch.rand(12, 3, 5, generator=torch.Generator().manual_seed(0)) < 0.5).float()


@pytest.fixture(autouse=True)
def fixed_weights():
    torch.manual_seed(0)


def test_forward_is_integrate_with_its_weights():
    layer = snn.Layer(5, 4, TOY, dt=DT, recurrent=True, record=("v",))
    out = layer(X)
    expected = snn.integrate(
        TOY,
        X,
        weight=layer.weight,
        recurrent_weight=layer.recurrent_weight,
        dt=DT,
        record=("v",),
    )
    assert torch.equal(out.output, expected.output)
    assert torch.equal(out.traces.v, expected.traces.v)


def test_a_call_may_record_more_than_the_layer_does():
    layer = snn.Layer(5, 4, TOY, dt=DT)
    assert layer(X).traces.v is None
    assert layer(X, record=("v",)).traces.v.shape == (12, 3, 4)
    assert snn.Layer(5, 4, TOY, dt=DT, record=("v",))(X, record=()).traces.v is None


def test_state_goes_in_and_out_and_is_never_kept():
    layer = snn.Layer(5, 4, TOY, dt=DT)
    whole = layer(X).output
    first = layer(X[:5])
    assert torch.equal(layer(X[5:], first.state).output, whole[5:])
    assert torch.equal(layer(X).output, whole)
    assert {name for name in layer.state_dict() if "extra" not in name} == {"weight"}


def test_a_positive_parameter_is_learnt_through_its_logarithm():
    layer = snn.Layer(5, 4, TOY, dt=DT, learn=("tau_mem", "v_th"))
    torch.testing.assert_close(layer.params.tau_mem.item(), 10e-3)
    assert set(dict(layer.named_parameters())) == {"weight", "learned.log_tau_mem", "learned.v_th"}
    optimiser = torch.optim.SGD(layer.parameters(), lr=1.0)
    layer(X).output.sum().backward()
    optimiser.step()
    assert layer.params.tau_mem > 0
    assert layer.params.tau_mem != 10e-3


def test_the_gradient_of_a_learnt_parameter_is_that_of_its_logarithm():
    """d/d log(tau) = tau d/d tau, by the chain rule."""
    layer = snn.Layer(5, 4, TOY, dt=DT, learn=("tau_mem",), dtype=torch.float64)
    assert layer.params.tau_mem.item() == pytest.approx(10e-3, rel=1e-15)
    layer(X.double()).output.sum().backward()
    tau = torch.tensor(10e-3, dtype=torch.float64, requires_grad=True)
    out = snn.integrate(TOY, X.double(), weight=layer.weight, params=TOY.Params(tau), dt=DT)
    (grad,) = torch.autograd.grad(out.output.sum(), tau)
    assert grad != 0
    torch.testing.assert_close(layer.learned["log_tau_mem"].grad, tau.detach() * grad)


def test_a_parameter_per_neuron_is_learnt_per_neuron_and_a_fixed_one_is_a_buffer():
    params = TOY.Params(tau_mem=torch.full((4,), 10e-3), v_th=torch.linspace(0.5, 2, 4))
    layer = snn.Layer(5, 4, TOY, dt=DT, params=params, learn=("tau_mem",))
    assert layer.learned["log_tau_mem"].shape == (4,)
    saved = {name for name in layer.state_dict() if "extra" not in name}
    assert saved == {"weight", "learned.log_tau_mem", "fixed.v_th"}
    layer.to(torch.float64)
    assert layer(X.double()).output.dtype == torch.float64


def test_it_learns_a_time_constant_back():
    """A teacher of tau = 20 ms: the student starts at 5 ms and finds it by gradient descent."""
    teacher = snn.Layer(5, 4, TOY, dt=DT, params=TOY.Params(20e-3, v_th=1e9), record=("v",))
    student = snn.Layer(
        5, 4, TOY, dt=DT, params=TOY.Params(5e-3, v_th=1e9), record=("v",), learn=("tau_mem",)
    )
    student.weight.data.copy_(teacher.weight)
    optimiser = torch.optim.Adam([student.learned["log_tau_mem"]], lr=0.1)
    target = teacher(X).traces.v.detach()
    for _ in range(100):
        optimiser.zero_grad()
        (student(X).traces.v - target).square().mean().backward()
        optimiser.step()
    assert student.params.tau_mem.item() == pytest.approx(20e-3, rel=0.02)


def test_saved_read_copied_and_pickled_it_is_the_same_layer():
    layer = snn.Layer(5, 4, TOY, dt=DT, learn=("tau_mem",))
    out = layer(X).output
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other = snn.Layer(5, 4, TOY, dt=DT, learn=("tau_mem",))
    other.load_state_dict(torch.load(file, weights_only=True))
    for twin in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(X).output, out)


@pytest.mark.usefixtures("core_alone")
def test_repr_says_which_backend_auto_took():
    assert "backend=auto (eager)" in repr(snn.Layer(5, 4, TOY, dt=DT))
    shown = repr(snn.Layer(5, 4, TOY, dt=DT, backend="eager", learn=("tau_mem",)))
    assert "backend=eager" in shown
    assert "learn=tau_mem" in shown
    assert "super_spike(alpha=50)" in shown


def test_repr_shows_a_layer_whose_parameters_have_gone_wrong():
    layer = snn.Layer(5, 4, TOY, dt=DT)
    layer.weight.data.fill_(float("nan"))
    assert "backend=auto (none)" in repr(layer)


def test_weights_are_drawn_from_the_seed_within_linears_bounds():
    torch.manual_seed(3)
    first = snn.Layer(100, 50, TOY, dt=DT)
    torch.manual_seed(3)
    second = snn.Layer(100, 50, TOY, dt=DT)
    assert torch.equal(first.weight, second.weight)
    assert 0.09 < first.weight.abs().max() <= 0.1
