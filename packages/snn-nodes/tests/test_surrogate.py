"""Surrogate objects: one for each registered threshold, in SpikingJelly's manner."""

from __future__ import annotations

import copy
import pickle

import pytest
import snn_core as snn
import torch
from snn_nodes import surrogate
from snn_nodes.surrogate import Sigmoid, Surrogate

F64 = torch.float64
CLASSES = {
    kind.name: kind
    for kind in vars(surrogate).values()
    if isinstance(kind, type) and issubclass(kind, Surrogate) and "name" in vars(kind)
}
ONLY_BY_SLOPE = {"heaviside"}  # its primitive is the step itself


def points() -> torch.Tensor:
    """Both sides, without the kinks of the piecewise ones."""
    x = torch.linspace(-2.5, 2.5, 41, dtype=F64) + 0.0137
    return x.requires_grad_()


def test_every_registered_threshold_has_its_class():
    registered = {name for name in snn.names("threshold") if _ours(name)}
    assert set(CLASSES) == registered
    assert {kind.__name__.lower() for kind in CLASSES.values()} == {
        name.replace("_", "") for name in registered
    }


def _ours(name: str) -> bool:
    return snn.threshold(name).derivative.__module__.startswith("snn_core.")


@pytest.mark.parametrize("name", CLASSES)
def test_spikes_with_the_slope_of_its_threshold(name):
    threshold, x = snn.threshold(name), points()
    out = CLASSES[name]()(x)
    assert torch.equal(out, (x >= 0).to(F64))
    weights = torch.linspace(0.5, 2.0, x.numel(), dtype=F64)
    (grad,) = torch.autograd.grad(out, x, weights)
    assert torch.equal(grad, weights * threshold.derivative(x.detach(), threshold.alpha))


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("dtype", [torch.float32, F64, torch.bfloat16])
def test_it_fires_at_the_threshold_itself(name, dtype):
    tiny = torch.finfo(dtype).tiny
    x = torch.tensor([-1.0, -tiny, -0.0, 0.0, tiny], dtype=dtype)
    out = CLASSES[name]()(x)
    assert out.tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert out.dtype == dtype


@pytest.mark.parametrize("name", sorted(set(CLASSES) - ONLY_BY_SLOPE))
@pytest.mark.parametrize("alpha", [None, 1.7])
@pytest.mark.parametrize("training", [True, False])
def test_without_spiking_it_is_the_primitive_with_its_true_gradient(name, alpha, training):
    smooth = CLASSES[name](alpha, spiking=False).train(training)
    spiking, x = CLASSES[name](alpha).train(training), points()
    assert torch.equal(smooth(x), smooth.threshold.primitive(x, smooth.alpha))
    assert torch.autograd.gradcheck(smooth, (x,))
    (true,) = torch.autograd.grad(smooth(x).sum(), x)
    (slope,) = torch.autograd.grad(spiking(x).sum(), x)
    assert torch.allclose(true, slope, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "alpha"),
    [
        ("Sigmoid", 4.0),
        ("ATan", 2.0),
        ("SoftSign", 2.0),
        ("Erf", 2.0),
        ("PiecewiseQuadratic", 1.0),
        ("PiecewiseExp", 1.0),
        ("Rect", 1.0),
    ],
)
def test_the_default_alphas_are_spikingjellys(name, alpha):
    kind = getattr(surrogate, name)
    assert kind().alpha == alpha
    assert kind().spiking is True
    assert (kind(3.0, False).alpha, kind(3.0, False).spiking) == (3.0, False)


# SpikingJelly's formulas, written anew: the slope at x for alpha.
SLOPES = {
    "Sigmoid": lambda x, a: a * torch.sigmoid(a * x) * (1 - torch.sigmoid(a * x)),
    "ATan": lambda x, a: a / 2 / (1 + (torch.pi / 2 * a * x) ** 2),
    "SoftSign": lambda x, a: a / 2 / (1 + (a * x).abs()) ** 2,
    "Erf": lambda x, a: a / torch.pi**0.5 * torch.exp(-((a * x) ** 2)),
    "PiecewiseQuadratic": lambda x, a: a * (1 - (a * x).abs()).clamp(min=0),
    "PiecewiseExp": lambda x, a: a / 2 * torch.exp(-(a * x).abs()),
    "Rect": lambda x, a: a * ((a * x).abs() < 0.5).to(x),
    "SuperSpikeScaled": lambda x, a: a / (x.abs() + 1) ** 2,
}


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("alpha", [0.7, 2.0, 5.0])
def test_the_slopes_by_hand(name, alpha):
    x = points()
    (slope,) = torch.autograd.grad(getattr(surrogate, name)(alpha)(x).sum(), x)
    assert torch.allclose(slope, SLOPES[name](x.detach(), alpha), rtol=1e-12, atol=1e-15)


def test_alpha_may_be_set():
    one, x = Sigmoid(), torch.zeros(1, requires_grad=True)
    one.alpha = 8
    assert repr(one) == "Sigmoid(alpha=8.0, spiking=True)"
    one(x).backward()
    assert x.grad.item() == 2.0
    assert Sigmoid().alpha == 4.0


@pytest.mark.parametrize(
    ("alpha", "error", "message"),
    [
        (0.0, ValueError, "alpha of threshold 'sigmoid' must be finite and above 0, got 0.0"),
        (-1.0, ValueError, "must be finite and above 0, got -1.0"),
        (float("nan"), ValueError, "must be finite and above 0, got nan"),
        ("4", TypeError, "alpha of threshold 'sigmoid' must be one number, got '4'"),
        (True, TypeError, "must be one number, got True"),
        (torch.ones(2), TypeError, r"must be one number, got \(2,\)"),
        (torch.ones((), requires_grad=True), TypeError, r"gets no gradient; pass alpha.detach\(\)"),
    ],
)
def test_an_alpha_that_cannot_be_is_refused_and_changes_nothing(alpha, error, message):
    with pytest.raises(error, match=message):
        Sigmoid(alpha)
    one = Sigmoid()
    with pytest.raises(error, match=message):
        one.alpha = alpha
    assert one.alpha == 4.0


def test_one_without_a_class_is_made_by_name():
    one = Surrogate("super_spike", alpha=50.0)
    assert repr(one) == "Surrogate('super_spike', alpha=50.0, spiking=True)"
    assert one(torch.zeros(1)).item() == 1.0
    with pytest.raises(LookupError, match="sigmod"):
        Surrogate("sigmod")


def test_copies_and_pickles_are_the_same_surrogate():
    one = Sigmoid(3.0, spiking=False)
    for twin in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert repr(twin) == repr(one)
        assert twin.threshold == one.threshold
        assert not list(twin.state_dict())
