"""Corners of what integrate and Layer refuse or take: dtypes, devices, recurrence, Events."""

from typing import Annotated, get_type_hints

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY

X = torch.zeros(20, 32, 10)
W = torch.zeros(50, 10)
RECURRENT = torch.zeros(10, 10)


def run(x=X, **changes):
    return snn.integrate(TOY, x, **{"dt": 1e-3, **changes})


def state(*shape):
    return TOY.State(torch.zeros(shape))


def toy_with(field, **changes):
    """The toy with another Quantity for one parameter."""

    class Params(TOY.Params):
        __annotations__ = {
            **get_type_hints(TOY.Params, include_extras=True),
            field: Annotated[float, snn.Quantity("s", **changes)],
        }

    return TOY._replace(Params=Params)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"recurrent_weight": RECURRENT.double()},
            TypeError,
            r"recurrent_weight is torch.float64, the layer torch.float32",
        ),
        (
            {"recurrent_weight": RECURRENT.to("meta")},
            ValueError,
            r"recurrent_weight is on meta, the layer on cpu",
        ),
        (
            {"recurrent_weight": RECURRENT, "state": snn.RecurrentState(state(8, 10), X[0])},
            ValueError,
            r"expected state.v of shape \(32, 10\), got \(8, 10\)",
        ),
        (
            {"recurrent_weight": RECURRENT, "state": snn.RecurrentState(state(32, 10), X[0, :8])},
            ValueError,
            r"expected state.output of shape \(32, 10\), got \(8, 10\)",
        ),
        ({"params": TOY.Params(v_th=torch.ones(1, 32, 10))}, ValueError, r"does not broadcast"),
        ({"params": TOY.Params(v_th=torch.tensor(True))}, TypeError, r"real numbers, got torch.bo"),
        ({"x": X.to_sparse(), "weight": W}, TypeError, r"x must be dense and real, got torch.spa"),
        ({"x": X.to(torch.complex64), "weight": W}, TypeError, r"of torch.complex64"),
        ({"dt": True}, TypeError, r"dt must be a number of seconds, got bool"),
        ({"record": "v"}, TypeError, r"record must be a sequence of names; write record=\('v',\)"),
    ],
)
def test_wrong_corners_are_refused(changes, error, message):
    with pytest.raises(error, match=message):
        run(**changes)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_in": 3.0}, TypeError, r"n_in must be an integer, got float"),
        ({"n_out": True}, TypeError, r"n_out must be an integer, got bool"),
        ({"dtype": torch.int32}, TypeError, r"dtype must be floating point, got torch.int32"),
        ({"learn": "tau_mem"}, TypeError, r"write learn=\('tau_mem',\)"),
        ({"record": "v"}, TypeError, r"write record=\('v',\)"),
        (
            {"params": TOY.Params(tau_mem=torch.tensor(0.01, requires_grad=True))},
            ValueError,
            r"tau_mem requires a gradient, but a layer owns .* learn=\('tau_mem',\)",
        ),
        (
            {"params": TOY.Params(tau_mem=torch.full((2,), 0.01).double())},
            TypeError,
            r"parameter 'tau_mem' is torch.float64, the layer torch.float32",
        ),
    ],
)
def test_a_layer_refuses_corners_at_construction(arguments, error, message):
    settings = {"n_in": 3, "n_out": 2, "dt": 1e-3, **arguments}
    with pytest.raises(error, match=message):
        snn.Layer(settings.pop("n_in"), settings.pop("n_out"), TOY, **settings)


def test_what_has_no_gradient_cannot_be_learnt():
    with pytest.raises(ValueError, match=r"v_th of neuron 'toy' has no gradient; it cannot be"):
        snn.Layer(3, 2, toy_with("v_th", learnable=False), dt=1e-3, learn=("v_th",))


def test_what_must_not_be_negative_is_learnt_through_its_logarithm():
    neuron = toy_with("v_th", nonnegative=True)
    layer = snn.Layer(3, 2, neuron, dt=1e-3, learn=("v_th",))
    assert list(layer.learned) == ["log_v_th"]
    with pytest.raises(ValueError, match=r"v_th must be positive to be learnt"):
        snn.Layer(3, 2, neuron, dt=1e-3, params=neuron.Params(v_th=0.0), learn=("v_th",))
    snn.integrate(neuron, X, params=neuron.Params(v_th=0.0), dt=1e-3)
    with pytest.raises(ValueError, match=r"v_th must not be negative, got -1.0"):
        snn.integrate(neuron, X, params=neuron.Params(v_th=-1.0), dt=1e-3)


def test_a_step_as_long_as_the_time_constant_does_not_warn():
    run(dt=10e-3)


def test_a_size_of_one_broadcasts_as_torch_does():
    one = run(torch.ones(3, 2, 10), params=TOY.Params(v_th=torch.ones(1)))
    assert torch.equal(one.output, run(torch.ones(3, 2, 10)).output)


def test_a_parameter_without_axes_is_a_number_of_any_precision():
    v_th = torch.tensor(1.0, dtype=torch.float64)
    assert run(params=TOY.Params(v_th=v_th)).output.dtype == torch.float32


def test_weights_whose_sum_overflows_are_finite_all_the_same():
    run(weight=torch.full((2, 10), 3e38), x=torch.zeros(1, 1, 10))


def test_malformed_events_are_refused_before_any_work():
    backwards = snn.Events(torch.tensor([[0.5, 0.1]]), torch.tensor([[0, 1]]), (10,), 1.0)
    with pytest.raises(ValueError, match=r"times must ascend"):
        run(backwards, dt=0.1, backend=snn.Backend("none", 1, lambda p: None, lambda p: 1 / 0))


def test_events_take_the_dtype_of_the_weight_and_else_torchs():
    events = snn.Events.from_grid(torch.ones(4, 1, 10), 1e-3)
    assert run(events, weight=W.double()).output.dtype == torch.float64
    assert run(events).output.dtype == torch.float32
    with pytest.raises(ValueError, match=r"x.times is on cpu, the layer on meta"):
        run(events, weight=W.to("meta"))


def test_a_weight_of_low_precision_does_not_miscount_events():
    crowd = snn.Events.of(torch.zeros(1, 300), torch.zeros(1, 300).long(), (10,), 1e-3)
    with pytest.raises(ValueError, match=r"more events than torch.bfloat16 can count"):
        run(crowd, weight=W.bfloat16(), backend="eager")


def test_counts_that_the_weight_cannot_hold_are_refused():
    x = torch.full((2, 1, 10), 256)
    low = {"weight": W.bfloat16(), "backend": "eager"}
    assert run(x, **low).output.dtype == torch.bfloat16
    with pytest.raises(ValueError, match=r"x counts to 257, and the weight's torch.bfloat16 holds"):
        run(x + 1, **low)
    run(x + 1, weight=W)
    run(torch.ones(2, 0, 10).int(), weight=W)


def test_an_observation_must_have_the_steps_and_the_dtype():
    neuron = TOY._replace(observes=("v",))
    x = torch.zeros(4, 1, 10)
    events = snn.Events.from_grid(x, 1e-3)
    with pytest.raises(ValueError, match=r"observed.v of shape \(4, 1, 10\).*got \(3, 1"):
        snn.integrate(neuron, events, dt=1e-3, observed=snn.Observed(v=x[:3]))
    with pytest.raises(TypeError, match=r"observed.v is torch.float64, the layer torch.float32"):
        snn.integrate(neuron, x, dt=1e-3, observed=snn.Observed(v=x.double()))


def test_events_must_last_whole_steps_before_any_work():
    never = snn.Backend("never", 1, lambda problem: None, lambda problem: 1 / 0)
    events = snn.Events.from_grid(X, dt=1e-3)
    with pytest.raises(ValueError, match=r"0.02 s is not a whole number of steps of dt = 0.003 s"):
        run(events, dt=3e-3, backend=never)


def test_nothing_observed_is_no_observation():
    assert run(observed=snn.Observed()).output.shape == X.shape


def test_under_autocast_an_input_of_low_precision_meets_the_weight():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = torch.nn.functional.linear(torch.ones(3, 2, 10), torch.ones(10, 10))
        assert low.dtype == torch.bfloat16
        assert run(low, weight=torch.ones(5, 10)).output.dtype == torch.float32


def test_bool_spikes_give_the_weight_its_gradient():
    x = torch.rand(6, 2, 5, generator=torch.Generator().manual_seed(0)) < 0.5
    weight = torch.rand(4, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    grads = [
        torch.autograd.grad(run(one, weight=weight).output.sum(), weight)[0]
        for one in (x, x.float())
    ]
    assert grads[0].abs().sum() > 0
    assert torch.equal(*grads)
