"""NeuronNode: any registered neuron as a stateful node, with parameters that are learnt."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

import pytest
import snn_core as snn
import torch
from snn_core.hookspecs import Entry, hookimpl
from snn_core.testing import TOY
from snn_core.types import Neuron, Quantity
from snn_nodes.functional import reset_net
from snn_nodes.neuron import AdExNode, CubaLIFNode, IAFNode, LINode, NeuronNode, node
from torch import Tensor, nn

CLASSES = {"iaf": IAFNode, "li": LINode, "adex": AdExNode, "lif": CubaLIFNode}
LIF_KEYS = {"learned.log_tau_mem", "learned.v_th", "fixed.v_reset"}


def drive(n_steps=30, batch=3, n=4, dtype=torch.float32):
    return torch.rand(n_steps, batch, n, generator=torch.Generator().manual_seed(0)).to(dtype) * 2


@pytest.mark.parametrize("name", ["lif", "li", "adex", "iaf", "exp_lif", "lif_refractory"])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_node_is_integrate_to_the_bit(name, mode):
    x, dt = drive(), 1e-3
    out = snn.integrate(name, x, dt=dt, backend="eager", threshold="super_spike")
    one = node(name, dt=dt, backend="eager", step_mode=mode)
    halves = [x[:13], x[13:]]  # the state goes on from call to call
    ours = [
        one(half) if mode == "m" else torch.stack([one(row) for row in half]) for half in halves
    ]
    assert torch.equal(torch.cat(ours), out.output)
    assert ours[0].any()
    memories = dict(one.named_memories())
    assert list(memories) == list(out.state._fields)
    assert all(torch.equal(memories[field], getattr(out.state, field)) for field in memories)


@pytest.mark.parametrize("name", CLASSES)
def test_the_classes_are_the_neurons_of_their_names(name):
    x, by_class = drive(), CLASSES[name](dt=1e-3, step_mode="m")
    assert by_class.neuron is snn.neuron(name)
    assert by_class.threshold == snn.threshold("super_spike")
    assert torch.equal(by_class(x), node(name, dt=1e-3, step_mode="m")(x))


def test_a_node_of_a_leaky_integrator_gives_its_membrane():
    one = LINode(dt=1e-3, step_mode="m", store_v_seq=True)
    out = one(drive(5))
    assert torch.equal(out, one.v_seq)
    assert out.unique().numel() > 10


def test_a_record_that_nobody_registered_will_do():
    one = node(TOY, dt=1e-3, step_mode="m")
    x = drive(8)
    assert torch.equal(one(x), snn.integrate(TOY, x, dt=1e-3).output)
    assert repr(one).startswith("NeuronNode(neuron=toy, dt=0.001, threshold=super_spike(alpha=50)")


class Params(NamedTuple):
    """Of the neuron below."""

    tau: Annotated[float | Tensor, Quantity("s", "time constant", positive=True)] = 5e-3
    gain: Annotated[float | Tensor, Quantity("", "of the input")] = 2.0
    fixed_gain: Annotated[float | Tensor, Quantity("", "has no gradient", learnable=False)] = 1.0


class State(NamedTuple):
    """Of the neuron below: its membrane has another name."""

    u: Tensor


def start(params, shape, *, dtype, device):
    return State(torch.full(shape, 0.25, dtype=dtype, device=device))


def step(x, state, params, threshold, dt):
    u = state.u * (1 - dt / params.tau) + params.gain * params.fixed_gain * x
    return threshold(u - 1.0), State(u)


THIRD = Neuron("third", Params, State, start, step)


class Plugin:
    """A stranger's."""

    @hookimpl
    def snn_neurons(self):
        return [Entry("third", THIRD, "for a test", aliases=("drittes",))]


def test_a_strangers_neuron_by_its_entry():
    x = drive(6, dtype=torch.float64)
    with snn.default_registry().temporary(Plugin()):
        ones = [node(name, dt=1e-3, step_mode="m") for name in ("third", "drittes", "Third")]
    assert {one.neuron for one in ones} == {THIRD}
    u, rows = torch.full((3, 4), 0.25, dtype=torch.float64), []
    for row in x:  # by hand
        u = u * (1 - 1e-3 / 5e-3) + 2.0 * row
        rows.append((u > 1.0).double())
    for one in ones:
        assert one.u is None
        assert torch.equal(one(x), torch.stack(rows))
        assert torch.allclose(one.u, u, rtol=1e-14)
        reset_net(nn.Sequential(one))
        assert one.u is None
    with pytest.raises(LookupError, match="third"):
        node("third", dt=1e-3)  # it is gone


def test_there_are_no_membranes_over_time_where_the_state_has_no_v():
    one = NeuronNode(THIRD, dt=1e-3, step_mode="m", store_v_seq=True)
    with pytest.raises(ValueError, match="'v'"):
        one(drive(3))


# Parameters


def test_what_must_be_positive_is_learnt_by_its_logarithm():
    one = node("lif", dt=1e-3, learn=("tau_mem", "v_th"), dtype=torch.float64)
    assert [name for name, _ in one.named_parameters()] == ["learned.log_tau_mem", "learned.v_th"]
    assert one.learned["log_tau_mem"].item() == pytest.approx(math.log(10e-3))
    assert one.learned["v_th"].item() == 1.0
    with torch.no_grad():
        one.learned["log_tau_mem"].sub_(1.5)
    assert one.params().tau_mem.item() == pytest.approx(10e-3 * math.exp(-1.5))
    assert one.params().tau_syn == 5e-3
    assert "learn=tau_mem,v_th" in repr(one)


def test_the_gradient_of_a_learnt_logarithm_is_its_central_difference():
    # li is smooth: d loss / d log(tau)
    one = LINode(dt=1e-3, learn=("tau_mem", "tau_syn"), dtype=torch.float64, step_mode="m")
    x, h = drive(12, dtype=torch.float64), 1e-5

    def loss():
        one.reset()
        return one(x).square().sum()

    loss().backward()
    for parameter in one.parameters():
        found = parameter.grad.item()
        with torch.no_grad():
            parameter.add_(h)
            above = loss().item()
            parameter.sub_(2 * h)
            below = loss().item()
            parameter.add_(h)
        assert found == pytest.approx((above - below) / (2 * h), rel=1e-7)


def test_parameters_for_each_neuron():
    tau, v_th = torch.linspace(5e-3, 20e-3, 4), torch.linspace(0.3, 0.9, 4)
    lif = snn.neuron("lif")
    one = node(
        lif, dt=1e-3, params=lif.Params(tau_mem=tau, v_th=v_th), learn=("tau_mem",), step_mode="m"
    )
    x = drive()
    out = one(x)
    for k in range(4):
        alone = lif.Params(tau_mem=one.params().tau_mem[k].item(), v_th=v_th[k].item())
        column = snn.integrate(lif, x[:, :, k : k + 1], params=alone, dt=1e-3).output
        assert torch.equal(out[:, :, k : k + 1], column)
    assert out.sum((0, 1)).unique().numel() > 1
    out.sum().backward()
    assert one.learned["log_tau_mem"].grad.shape == (4,)
    assert "tau_mem=(4,)" in repr(one)


def test_the_keys_of_a_checkpoint_and_that_it_loads():
    lif = snn.neuron("lif")

    def made(tau, v_reset):
        params = lif.Params(tau_mem=tau, v_reset=torch.full((4,), v_reset))
        return node(lif, dt=1e-3, params=params, learn=("tau_mem", "v_th"), step_mode="m")

    one, other = made(10e-3, 0.1), made(15e-3, 0.2)
    one(drive())
    assert set(one.state_dict()) == LIF_KEYS
    other.load_state_dict(one.state_dict())
    one.reset()
    assert torch.equal(one(drive()), other(drive()))
    assert one.to(torch.float64).params().v_reset.dtype == torch.float64


def test_the_unit_of_dt_is_seconds():
    # one long step of li from rest: v = dt/tau_mem i, with i from the step before
    for dt in (1e-3, 2e-3):
        one = LINode(dt=dt, step_mode="m")
        v = one(torch.tensor([1.0, 0.0]).reshape(2, 1, 1).double())[1].item()
        assert v == pytest.approx(dt / 10e-3)
        assert f"dt={dt:g}" in repr(one)


def test_the_threshold_by_name_record_and_alpha():
    soft = snn.threshold("atan", alpha=3.0)
    assert node(TOY, dt=1e-3, threshold=soft).threshold is soft
    assert node(TOY, dt=1e-3, threshold="atan").threshold == snn.threshold("atan")
    with pytest.raises(LookupError, match="super_spkie"):
        node(TOY, dt=1e-3, threshold="super_spkie")


def test_several_names_are_a_sequence():
    with pytest.raises(TypeError, match=r"write learn=\('tau_mem',\)"):
        node(TOY, dt=1e-3, learn="tau_mem")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"neuron": "liff"}, LookupError, "liff"),
        (
            {"learn": ("tau",)},
            ValueError,
            "cannot learn 'tau': parameters of neuron 'lif' are tau_m",
        ),
        ({"dt": None}, TypeError, "dt must be a number of seconds, got None; pass dt=1e-3"),
        ({"dt": -1e-3}, ValueError, "dt"),
        ({"dt": 0.0}, ValueError, "dt"),
        ({"dt": float("nan")}, ValueError, "dt"),
        ({"dt": "1ms"}, TypeError, "dt"),
        ({"params": {"tau_mem": 1e-3}}, TypeError, "Params"),
        ({"params": TOY.Params()}, TypeError, "Params"),
        ({"step_mode": "x"}, ValueError, "step_mode of NeuronNode.* must be 's' .*got 'x'"),
        ({"T": 0}, ValueError, "T of NeuronNode.* must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_is_refused_at_construction(settings, error, message):
    with pytest.raises(error, match=message):
        NeuronNode(**({"neuron": "lif", "dt": 1e-3} | settings))


def test_dt_has_no_default():
    with pytest.raises(TypeError, match="dt"):
        NeuronNode("lif")
    with pytest.raises(TypeError, match="dt"):
        LINode()


@pytest.mark.parametrize("learn", [(), ("tau_mem",)])
def test_a_time_constant_that_is_not_positive_is_refused_at_construction(learn):
    lif = snn.neuron("lif")
    with pytest.raises(ValueError, match=r"tau_mem.*positive"):
        node(lif, dt=1e-3, params=lif.Params(tau_mem=-1e-3), learn=learn)
    each = torch.tensor([1e-2, 0.0])
    with pytest.raises(ValueError, match=r"tau_mem.*positive"):
        node(lif, dt=1e-3, params=lif.Params(tau_mem=each), learn=learn)


def test_what_has_no_gradient_is_not_learnt():
    with pytest.raises(ValueError, match=r"fixed_gain of neuron 'third' has no gradient"):
        node(THIRD, dt=1e-3, learn=("fixed_gain",))


def test_parameters_of_different_widths_are_refused_where_they_meet():
    toy = TOY.Params(tau_mem=torch.full((3,), 1e-2), v_th=torch.ones(4))
    with pytest.raises(ValueError, match=r"'toy' .* one layer: tau_mem \(3,\), v_th \(4,\)"):
        node(TOY, dt=1e-3, params=toy)
    fits_three = node(TOY, dt=1e-3, params=TOY.Params(v_th=torch.ones(3)), step_mode="m")
    with pytest.raises(ValueError, match="v_th"):
        fits_three(drive(5, 2, 4))
