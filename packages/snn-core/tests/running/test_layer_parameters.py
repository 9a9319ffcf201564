"""Layer: its parameters, what they share with the user's tensors, what is saved of them."""

import io

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY

DT = 1e-3
X = (torch.rand(12, 3, 5, generator=torch.Generator().manual_seed(0)) < 0.5).float()


@pytest.fixture(autouse=True)
def fixed_weights():
    torch.manual_seed(0)


def test_the_layer_holds_no_memory_of_the_users():
    tau, v_th = torch.full((4,), 10e-3), torch.ones(4)
    learning = snn.Layer(5, 4, TOY, dt=DT, params=TOY.Params(v_th=v_th), learn=("v_th",))
    fixed = snn.Layer(5, 4, TOY, dt=DT, params=TOY.Params(tau_mem=tau, v_th=v_th))
    tau.fill_(1.0)
    v_th.fill_(5.0)
    assert learning.params.v_th.eq(1).all()
    assert fixed.params.v_th.eq(1).all()
    assert fixed.params.tau_mem.eq(10e-3).all()


def test_every_learnt_parameter_and_weight_has_a_gradient():
    layer = snn.Layer(5, 4, TOY, dt=DT, recurrent=True, learn=("tau_mem", "v_th"))
    layer.weight.data.abs_()
    layer(X).output.sum().backward()
    assert all(bool(p.grad.abs().sum() > 0) for p in layer.parameters())


def test_the_threshold_is_the_one_asked_for():
    layer = snn.Layer(5, 4, TOY, dt=DT, threshold="heaviside")
    layer(X).output.sum().backward()
    assert layer.weight.grad.abs().sum() == 0


def test_measurements_reach_the_neuron():
    def step(x, state, params, threshold, dt, observed=None):
        z, after = TOY.step(x, state, params, threshold, dt)
        return (z if observed is None else snn.inject(z, observed.z)), after

    layer = snn.Layer(5, 4, TOY._replace(step=step, observes=("z",)), dt=DT)
    measured = (torch.rand(12, 3, 4) < 0.5).float()
    assert torch.equal(layer(X, observed=snn.Observed(z=measured)).output, measured)


def test_recurrent_weights_are_as_the_layer_is():
    layer = snn.Layer(400, 25, TOY, dt=DT, recurrent=True, dtype=torch.float64)
    assert layer.recurrent_weight.dtype == torch.float64
    assert 0.15 < layer.recurrent_weight.abs().max() <= 0.2


def test_weights_made_with_other_numbers_are_loaded_with_a_warning():
    slow = snn.Layer(5, 4, TOY, dt=DT, params=TOY.Params(tau_mem=50e-3))
    quick = snn.Layer(5, 4, TOY, dt=DT)
    with pytest.warns(snn.NumericsWarning, match=r"other numbers: tau_mem was 0.05, is 0.01$"):
        quick.load_state_dict(slow.state_dict())
    assert torch.equal(quick.weight, slow.weight)


def test_weights_of_a_layer_that_learns_something_else_are_refused():
    learning = snn.Layer(5, 4, TOY, dt=DT, learn=("v_th",))
    with pytest.raises(ValueError, match=r"other parameters than neuron 'toy' .*construct the"):
        learning.load_state_dict(snn.Layer(5, 4, TOY, dt=DT).state_dict())


def test_truncated_backpropagation_goes_on_from_a_detached_state():
    layer = snn.Layer(5, 4, TOY, dt=DT, recurrent=True)
    state = None
    for part in X.split(4):
        out = layer(part, state)
        out.output.sum().backward()
        state = snn.detached(out.state)
    assert not state.neuron.v.requires_grad
    assert not state.output.requires_grad
    assert torch.equal(state.output, layer(X).state.output)


def test_a_recurrent_state_is_saved_as_its_two_parts():
    layer = snn.Layer(5, 4, TOY, dt=DT, recurrent=True)
    state = snn.detached(layer(X[:5]).state)
    file = io.BytesIO()
    torch.save({"neuron": state.neuron._asdict(), "output": state.output}, file)
    file.seek(0)
    read = torch.load(file, weights_only=True)
    again = snn.RecurrentState(TOY.State(**read["neuron"]), read["output"])
    assert torch.equal(layer(X[5:], again).output, layer(X).output[5:])


def test_a_tensor_parameter_is_kept_apart_from_what_a_layer_has():
    params = TOY.Params(v_reset=torch.zeros(4))
    assert snn.Layer(5, 4, TOY, dt=DT, params=params).fixed.v_reset.shape == (4,)


def test_a_layer_on_the_meta_device_can_be_made():
    layer = snn.Layer(5, 4, TOY, dt=DT, device="meta", learn=("tau_mem",))
    assert layer.learned["log_tau_mem"].is_meta
