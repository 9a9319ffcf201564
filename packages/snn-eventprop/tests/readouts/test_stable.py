"""The smooth functions of ``stable`` against 100 digits of decimal arithmetic."""

import decimal
from decimal import Decimal

import pytest
import torch
from snn_eventprop.stable import moment, response, response_integral

TIMES = [1e-6, 1e-3, 0.3, 1.0, 7.0, 60.0]
RATES = [
    (1.0, 1.0),
    (1.0, 1.0 + 2**-52),
    (1.0, 1.0 + 1e-9),
    (1.0, 1.0 + 1e-5),
    (1.0, 1.003),
    (1.0, 1.3),
    (0.5, 4.0),
    (0.01, 200.0),
]


@pytest.fixture(autouse=True)
def hundred_digits():
    with decimal.localcontext() as context:
        context.prec = 100
        yield


def exact_response(h, a, b):
    if a == b:
        return h * (-a * h).exp()
    return ((-b * h).exp() - (-a * h).exp()) / (a - b)


def exact_integral(h, a, b):
    if a == b:
        return (1 - (1 + a * h) * (-a * h).exp()) / a**2
    return ((1 - (-b * h).exp()) / b - (1 - (-a * h).exp()) / a) / (a - b)


def exact_derivative(function, arguments, place):
    """By a difference so small that its error shows beyond the 25th digit."""
    step = Decimal(10) ** -15 if arguments[1] != arguments[2] else Decimal(10) ** -18
    values = []
    for sign in (1, -1):
        moved = list(arguments)
        moved[place] += sign * step
        values.append(function(*moved))
    return (values[0] - values[1]) / (2 * step)


def tensors(*numbers):
    return [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in numbers]


def decimals(*numbers):
    return [Decimal(number) for number in numbers]


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("time", TIMES)
def test_response_is_precise(time, rates):
    for pair in (rates, rates[::-1]):
        found = response(*tensors(time, *pair)).item()
        assert found == pytest.approx(float(exact_response(*decimals(time, *pair))), rel=1e-14)


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("time", TIMES)
def test_response_integral_is_precise(time, rates):
    for pair in (rates, rates[::-1]):
        found = response_integral(*tensors(time, *pair)).item()
        wanted = float(exact_integral(*decimals(time, *pair)))
        noise = 4e-16 * time / max(pair)  # documented: what h far below 1/rate leaves
        assert found == pytest.approx(wanted, rel=2e-14, abs=noise)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("time", TIMES)
def test_derivatives_are_precise(time, rates, place):
    for function, exact in ((response, exact_response), (response_integral, exact_integral)):
        arguments = tensors(time, *rates)
        (found,) = torch.autograd.grad(function(*arguments), arguments[place])
        wanted = float(exact_derivative(exact, decimals(time, *rates), place))
        # of the value, by the argument
        noise = 1e-15 * time / max(rates) / arguments[place].item()
        if function is response:
            noise = 4e-16 * function(*arguments).item() / arguments[place].item()
        assert found.item() == pytest.approx(wanted, rel=1e-13, abs=noise)


@pytest.mark.parametrize("rates", [(1.0, 1.0), (1.0, 1.0 + 1e-12), (0.5, 2.0)])
@pytest.mark.parametrize("function", [response, response_integral])
def test_second_derivatives_hold_at_equal_rates_too(function, rates):
    arguments = tensors(0.7, *rates)
    assert torch.autograd.gradgradcheck(function, arguments, atol=1e-8, rtol=1e-6)


def exact_moment(x, order):
    """By the series of the exponential, in 100 digits."""
    term, total = Decimal(1), Decimal(0)
    for k in range(400):
        total += term / (order + 1 + k)
        term *= -x / (k + 1)
    return total


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-9, 0.1, 0.999, 1.0, 1.001, 3.0, 30.0])
def test_moments_are_precise(x, order):
    found = moment(*tensors(x), order).item()
    assert found == pytest.approx(float(exact_moment(Decimal(x), order)), rel=1e-14)


def test_moments_end_at_infinity():
    (x,) = tensors([1e300, torch.inf])
    value = moment(x)
    assert value.tolist() == [1e-300, 0.0]
    value.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_shapes_broadcast():
    h, rates = torch.rand(5, 1).double(), torch.rand(3).double()
    assert response(h, rates, rates + 1).shape == (5, 3)
    assert moment(torch.rand(0, 2).double()).shape == (0, 2)
