"""Values of the threshold formulas that were computed by hand, and the conformance of each."""

import math

import pytest
import torch
from snn_core import thresholds
from snn_core.testing.thresholds import CHECKS

RECORDS = {name: getattr(thresholds, name) for name in thresholds.__all__ if name != "Threshold"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", RECORDS)
def test_conformance(name, check):
    check(RECORDS[name])


@pytest.mark.parametrize(
    ("name", "alpha", "x", "slope"),
    [
        ("SUPER_SPIKE", 50.0, 0.02, 0.25),
        ("SUPER_SPIKE", 100.0, -0.02, 1 / 9),
        ("SUPER_SPIKE_SCALED", 3.0, 1.0, 0.75),
        ("SOFT_SIGN", 2.0, 0.5, 0.25),
        ("SIGMOID", 4.0, 0.0, 1.0),
        ("SIGMOID", 4.0, math.log(3) / 4, 0.75),
        ("ATAN", 2.0, 1 / math.pi, 0.5),
        ("ERF", 2.0, 0.5, 2 / math.sqrt(math.pi) / math.e),
        ("ERFC", 2.0, 0.0, 2 / math.sqrt(math.pi)),
        ("TANH", 2.0, math.atanh(0.5) / 2, 0.75),
        ("LOGISTIC", 2.0, math.atanh(0.5) / 2, 0.75),
        ("CIRC", 0.5, 0.5 * math.sqrt(3), 1 / 8),
        ("TRIANGLE", 0.3, 0.25, 0.225),
        ("TRIANGLE", 0.3, 1.5, 0.0),
        ("PIECEWISE_QUADRATIC", 2.0, 0.25, 1.0),
        ("PIECEWISE_EXP", 1.0, -math.log(2), 0.25),
        ("RECT", 2.0, 0.24, 2.0),
        ("RECT", 2.0, 0.26, 0.0),
        ("STRAIGHT_THROUGH", 7.0, 123.0, 1.0),
        ("HEAVISIDE", 7.0, 0.0, 0.0),
    ],
)
def test_slopes_are_those_computed_by_hand(name, alpha, x, slope):
    x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    RECORDS[name].with_alpha(alpha)(x).backward()
    assert x.grad.item() == pytest.approx(slope, rel=1e-14, abs=1e-15)


@pytest.mark.parametrize(
    "name",
    [
        "SOFT_SIGN",
        "SIGMOID",
        "ATAN",
        "ERF",
        "LOGISTIC",
        "PIECEWISE_QUADRATIC",
        "PIECEWISE_EXP",
        "RECT",
    ],
)
def test_surrogates_named_of_area_one_have_it(name):
    """The area under the derivative is the rise of the primitive over the whole line."""
    far = torch.tensor([-1e9, 1e9], dtype=torch.float64)
    low, high = RECORDS[name].smooth(far).tolist()
    assert high - low == pytest.approx(1.0, abs=1e-8)


def test_default_alphas_are_the_documented_ones():
    alphas = {name.lower(): record.alpha for name, record in RECORDS.items()}
    assert alphas == {
        "super_spike": 50.0,
        "soft_sign": 2.0,
        "sigmoid": 4.0,
        "atan": 2.0,
        "erf": 2.0,
        "erfc": 2.0,
        "tanh": 2.0,
        "logistic": 2.0,
        "circ": 0.5,
        "triangle": 0.3,
        "piecewise_quadratic": 1.0,
        "piecewise_exp": 1.0,
        "rect": 1.0,
        "super_spike_scaled": 1.0,
        "straight_through": 1.0,
        "heaviside": 1.0,
    }


def test_a_record_is_named_like_its_attribute():
    assert all(record.name == name.lower() for name, record in RECORDS.items())


def test_equality_is_a_field_not_a_formula():
    inclusive = thresholds.SIGMOID.with_strictness(False)
    zero = torch.zeros(1)
    assert thresholds.SIGMOID(zero).item() == 0
    assert inclusive(zero).item() == 1


@pytest.mark.parametrize("alpha", [0.0, -1.0, math.nan, math.inf])
def test_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(ValueError, match=r"alpha of threshold 'atan' must be finite and above 0"):
        thresholds.ATAN.with_alpha(alpha)


@pytest.mark.parametrize("alpha", ["50", True, torch.ones(3)])
def test_alpha_that_is_no_number_is_refused(alpha):
    with pytest.raises(TypeError, match=r"must be one number, got .*pass alpha=50.0"):
        thresholds.ATAN.with_alpha(alpha)


def test_alpha_may_be_a_scalar_tensor():
    assert thresholds.ATAN.with_alpha(torch.tensor(100.0)).alpha == 100.0


def test_integers_are_refused():
    with pytest.raises(TypeError, match=r"takes a floating-point tensor .* got torch.int64"):
        thresholds.ATAN(torch.tensor([1]))
