"""The numbers of other libraries, installed side by side: surrogate gradients, IAF, LIF.

    python run.py nox -s peers

Where a formula or an order differs between us, `docs/design.md` and the files of the models say so;
here stands what must be equal.
"""

import pytest
import snn_core as snn
import snntorch.surrogate as snntorch_surrogate
import torch
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step
from norse.torch.functional.threshold import threshold as norse_threshold
from spikingjelly.activation_based import surrogate as sj_surrogate
from spikingjelly.activation_based.neuron import IFNode

X = torch.cat([torch.linspace(-2.0, -1e-3, 60), torch.linspace(1e-3, 2.0, 60)]).double()

SPIKINGJELLY = [
    ("sigmoid", sj_surrogate.Sigmoid, 4.0),
    ("sigmoid", sj_surrogate.Sigmoid, 1.5),
    ("soft_sign", sj_surrogate.SoftSign, 2.0),
    ("atan", sj_surrogate.ATan, 2.0),
    ("atan", sj_surrogate.ATan, 5.0),
    ("erf", sj_surrogate.Erf, 2.0),
    ("piecewise_quadratic", sj_surrogate.PiecewiseQuadratic, 1.0),
    ("piecewise_exp", sj_surrogate.PiecewiseExp, 1.0),
    ("rect", sj_surrogate.Rect, 1.0),
    ("super_spike_scaled", sj_surrogate.SuperSpike, 1.0),
]
SNNTORCH = [
    ("fast_sigmoid", snntorch_surrogate.fast_sigmoid, 25.0),
    ("atan", snntorch_surrogate.atan, 2.0),
]


def gradient(function, x):
    x = x.clone().requires_grad_()
    spikes = function(x)
    (slope,) = torch.autograd.grad(spikes.sum(), x)
    return spikes.detach().to(x.dtype), slope


def draw(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("name", "theirs", "alpha"), SPIKINGJELLY)
def test_thresholds_are_spikingjellys(name, theirs, alpha):
    ours = gradient(snn.threshold(name, alpha=alpha), X)
    torch.testing.assert_close(ours, gradient(theirs(alpha=alpha), X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "theirs", "alpha"), SNNTORCH)
def test_thresholds_are_snntorchs(name, theirs, alpha):
    ours = gradient(snn.threshold(name, alpha=alpha), X)
    torch.testing.assert_close(ours, gradient(theirs(alpha), X), rtol=1e-9, atol=1e-12)


def test_straight_through_is_snntorchs():
    theirs = gradient(snntorch_surrogate.straight_through_estimator(), X)
    torch.testing.assert_close(gradient(snn.threshold("straight_through"), X), theirs)


@pytest.mark.parametrize("alpha", [2.0, 100.0])
@pytest.mark.parametrize("name", ["super", "tanh", "circ"])
def test_thresholds_are_norses(name, alpha):
    """norse names its methods; super_spike there had the formula of ours."""
    tensor = torch.tensor(alpha, dtype=torch.float64)
    theirs = gradient(lambda x: norse_threshold(x, name, tensor), X)
    torch.testing.assert_close(gradient(snn.threshold(name, alpha=alpha), X), theirs)


def test_iaf_integrate_first_is_spikingjellys_if_node_with_its_gradient():
    node = IFNode(
        v_threshold=1.0,
        v_reset=0.0,
        detach_reset=False,
        surrogate_function=sj_surrogate.Sigmoid(alpha=4.0),
        step_mode="m",
        store_v_seq=True,
    )
    x = draw(50, 3, 7).requires_grad_()
    theirs = node(x)
    ours = snn.integrate(
        "iaf_integrate_first",
        x,
        dt=1e-3,
        threshold=snn.threshold("sigmoid", alpha=4.0, strict=False),
        record=("v",),
    )
    assert ours.output.sum() > 100
    torch.testing.assert_close(ours.output, theirs)
    torch.testing.assert_close(ours.traces.v, node.v_seq)
    weights = draw(50, 3, 7)
    expected = torch.autograd.grad((weights * theirs).sum(), x)
    torch.testing.assert_close(torch.autograd.grad((weights * ours.output).sum(), x), expected)


def test_lif_is_norses_up_to_0_0_7():
    """The same order: membrane from the old current, decay, spike, reset, then the input.

    Gradients differ: norse's passes through the reset, ours and hxtorch's does not.
    """
    x = 5 * draw(60, 3, 7)
    p = LIFParameters(alpha=torch.tensor(50.0, dtype=torch.float64), method="super")
    state = LIFFeedForwardState(v=torch.zeros(3, 7).double(), i=torch.zeros(3, 7).double())
    spikes = []
    for row in x:
        z, state = lif_feed_forward_step(row, state, p, dt=1e-3)
        spikes.append(z)
    theirs = torch.stack(spikes)
    params = snn.neuron("lif").Params(
        tau_mem=1 / p.tau_mem_inv.item(), tau_syn=1 / p.tau_syn_inv.item()
    )
    ours = snn.integrate("lif", x, params=params, dt=1e-3)
    assert ours.output.sum() > 100
    torch.testing.assert_close(ours.output, theirs.to(ours.output.dtype))
    torch.testing.assert_close(ours.state.v, state.v, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(ours.state.i, state.i, rtol=1e-6, atol=1e-7)
