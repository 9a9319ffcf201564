"""Bad arguments of integrate and Layer: every message says what, what instead, and how to mend."""

import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY

X = torch.zeros(20, 32, 10)
W = torch.zeros(50, 10)


def run(x=X, **changes):
    return snn.integrate(TOY, x, **{"dt": 1e-3, **changes})


def state(*shape, dtype=torch.float32):
    return TOY.State(torch.zeros(shape, dtype=dtype))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"weight": torch.zeros(50, 100)},
            r"expected x of shape \(T, B, N\) with N = 100 \(weight is \(50, 100\)\), "
            r"got \(20, 32, 10\)",
        ),
        (
            {"x": torch.zeros(20, 10)},
            r"got \(20, 10\); .* add a batch of one with x.unsqueeze\(1\)",
        ),
        ({"x": torch.zeros(0, 2, 3)}, r"x has no time steps, its shape is \(0, 2, 3\)"),
        ({"dt": 0.0}, r"dt must be above 0 seconds, got 0.0; pass dt=1e-3"),
        ({"dt": float("nan")}, r"dt must be above 0 seconds, got nan"),
        ({"weight": torch.zeros(10)}, r"expected weight of shape \(N_out, N_in\), got \(10,\)"),
        (
            {"weight": W.clone().fill_diagonal_(float("nan"))},
            r"weight holds 10 entries that are NaN or infinite",
        ),
        (
            {"recurrent_weight": torch.zeros(10, 9)},
            r"expected recurrent_weight of shape \(10, 10\), got \(10, 9\)",
        ),
        (
            {"x": torch.zeros(2, 1, 3, 4), "recurrent_weight": torch.zeros(12, 12)},
            r"these have the shape \(3, 4\); flatten x to \(T, B, 12\)",
        ),
        (
            {"params": TOY.Params(tau_mem=-0.02)},
            r"tau_mem must be positive, got -0.02 \(seconds\); pass tau_mem=0.02",
        ),
        ({"params": TOY.Params(tau_mem=0.0)}, r"tau_mem must be positive, got 0.0 \(seconds\)$"),
        (
            {"params": TOY.Params(tau_mem=torch.tensor([0.01] * 9 + [-1.0]))},
            r"tau_mem must be positive, got -1.0",
        ),
        ({"params": TOY.Params(v_th=float("inf"))}, r"v_th must be finite, got inf \(V\)"),
        (
            {"params": TOY.Params(v_th=torch.ones(3))},
            r"parameter 'v_th' of shape \(3,\) does not broadcast to the layer's neurons \(10,\)",
        ),
        (
            {"state": state(8, 10)},
            r"expected state.v of shape \(32, 10\), got \(8, 10\); .* pass state=None",
        ),
        ({"state": state(1, 10)}, r"expected state.v of shape \(32, 10\), got \(1, 10\)"),
        ({"record": ("v", "i")}, r"cannot record 'i' of neuron 'toy'; it has 'v'"),
        ({"record": ("v", "v")}, r"names a state variable twice"),
        (
            {"observed": snn.Observed(v=X)},
            r"neuron 'toy' takes no measured 'v'; it takes nothing at all",
        ),
    ],
)
def test_wrong_values_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        run(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": [1.0]}, r"x must be a Tensor or Events, got list"),
        ({"x": X.int()}, r"x is torch.int32; without a weight it must be floating point"),
        ({"x": X.double(), "weight": W}, r"x is torch.float64, the layer torch.float32; convert"),
        ({"dt": "1ms"}, r"dt must be a number of seconds, got str; pass dt=1e-3"),
        ({"weight": W.int()}, r"weight must be floating point, got torch.int32"),
        ({"weight": [1.0]}, r"weight must be a Tensor, got list"),
        (
            {"params": {"tau_mem": 1}},
            r"must be the Params of .*toys, got a dict of builtins; write",
        ),
        (
            {"params": TOY.Params(v_th="1")},
            r"parameter 'v_th' must be a number or a Tensor, got str",
        ),
        ({"params": TOY.Params(v_th=torch.ones(10).double())}, r"'v_th' is torch.float64"),
        ({"state": (torch.zeros(1),)}, r"state must be a State of .*toys, got a tuple of builtins"),
        ({"state": TOY.State(None)}, r"state.v must be a Tensor, got NoneType"),
        ({"state": state(32, 10, dtype=torch.float64)}, r"state.v is torch.float64, the layer"),
        (
            {"state": snn.RecurrentState(state(32, 10), X[0])},
            r"got a RecurrentState .* one without has none",
        ),
        (
            {"state": state(32, 10), "recurrent_weight": torch.zeros(10, 10)},
            r"must be a RecurrentState .* a layer with a recurrent weight has a RecurrentState",
        ),
        ({"observed": X}, r"observed must be snn.Observed\(v=..., w=..., z=...\), got Tensor"),
    ],
)
def test_wrong_types_are_refused(changes, message):
    with pytest.raises(TypeError, match=message):
        run(**changes)


def test_a_step_longer_than_a_time_constant_warns_whatever_its_value():
    tau = torch.tensor([0.01] * 9 + [0.5e-3])
    message = r"dt = 0.001 s is longer than tau_mem of neuron 'toy': an Euler step overshoots"
    for factor in (1.0, 1.1):
        with pytest.warns(snn.NumericsWarning, match=message) as caught:
            run(params=TOY.Params(tau_mem=factor * tau))
        assert "0.5" not in str(caught[0].message)


def test_a_state_from_another_batch_size_never_broadcasts():
    out = run(torch.ones(3, 1, 10))
    with pytest.raises(ValueError, match=r"a state belongs to one batch size"):
        run(X, state=out.state)


def test_a_device_mismatch_names_both():
    with pytest.raises(ValueError, match=r"x is on cpu, the layer on meta"):
        run(weight=W.to("meta"))
    with pytest.raises(ValueError, match=r"x is on cpu, the layer on meta"):
        run(X.bool(), weight=W.to("meta"))


def test_events_of_another_layer_are_refused():
    events = snn.Events.from_grid(torch.zeros(4, 1, 3), 1e-3)
    with pytest.raises(
        ValueError, match=r"expected events of a layer of shape \(10,\).*got \(3,\)"
    ):
        run(events, weight=W)


def test_eager_needs_a_step():
    with pytest.raises(snn.Unsupported, match=r"'eager' cannot run this: .* pass dt=1e-3"):
        run(dt=None, backend="eager")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_in": 0}, ValueError, r"n_in must be at least 1, got 0"),
        ({"learn": ("tau",)}, ValueError, r"cannot learn 'tau': parameters .* are tau_mem, v_th"),
        ({"params": TOY.Params(tau_mem=-1.0)}, ValueError, r"tau_mem must be positive, got -1.0"),
        (
            {"params": TOY.Params(tau_mem=-1.0), "learn": ("tau_mem",)},
            ValueError,
            r"tau_mem must be positive to be learnt through its logarithm, got -1.0",
        ),
        ({"params": 3}, TypeError, r"must be the Params of .*toys, got a int"),
        ({"neuron": "no_such"}, LookupError, r"unknown neuron 'no_such'"),
        ({"threshold": "no_such"}, LookupError, r"unknown threshold 'no_such'"),
        ({"backend": "no_such"}, LookupError, r"unknown backend 'no_such'"),
        ({"dt": -1.0}, ValueError, r"dt must be above 0 seconds, got -1.0"),
        ({"record": ("x",)}, ValueError, r"cannot record 'x'"),
    ],
)
def test_a_layer_refuses_at_construction(arguments, error, message):
    settings = {"n_in": 3, "n_out": 2, "neuron": TOY, "dt": 1e-3, **arguments}
    with pytest.raises(error, match=message):
        snn.Layer(settings.pop("n_in"), settings.pop("n_out"), settings.pop("neuron"), **settings)
