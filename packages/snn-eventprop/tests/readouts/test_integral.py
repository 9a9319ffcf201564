"""Membrane.integral: against quadrature, against differences, in every way it is computed."""

import itertools
import math

import numpy as np
import pytest
import torch
from snn_neurons.li import Params
from torch.autograd import gradcheck

CASES = [
    ("longer membrane", "no delay"),
    ("equal", "one delay"),
    ("nearly equal", "axonal"),
    ("longer synapse", "dendritic"),
    ("longer membrane", "per synapse"),
    ("per neuron", "no delay"),
    ("per neuron", "axonal"),
    ("per neuron", "per synapse"),
]


def by_quadrature(membrane, slow_voltage, tau):
    """Gauss-Legendre between arrivals, where the membrane is smooth."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    result = np.zeros(membrane.state.v.shape)
    delay = torch.as_tensor(0.0 if membrane.delay is None else membrane.delay)
    delay = delay.double().expand(membrane.weight.shape)
    for b, n in np.ndindex(*result.shape):
        real = membrane.events.index[b] >= 0
        arrivals = membrane.events.times[b][real] + delay[n][membrane.events.index[b][real]]
        inside = [t for t in sorted(arrivals.tolist()) if t < membrane.duration]
        edges = [0.0, *inside, membrane.duration]
        for low, high in itertools.pairwise(edges):
            for node, weight in zip(nodes, weights, strict=True):
                t = low + (high - low) * (node + 1) / 2
                value = slow_voltage(membrane, b, n, t) * math.exp(-t / tau)
                result[b, n] += weight * (high - low) / 2 * value
    return torch.from_numpy(result)


@pytest.mark.parametrize("tau", [math.inf, 0.7])
@pytest.mark.parametrize(("taus", "delay"), CASES)
def test_the_integral_is_that_of_the_membrane(case, slow_voltage, taus, delay, tau):
    membrane = case(taus, delay).build()
    wanted = by_quadrature(membrane, slow_voltage, tau)
    torch.testing.assert_close(membrane.integral(tau).detach(), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("taus", "delay"), CASES)
def test_everything_has_its_gradient(case, taus, delay):
    one = case(taus, delay)
    # padding has no derivative: differences may not move it
    finite = one.tensors["times"].detach().isfinite()
    times = one.tensors["times"].detach()[finite].requires_grad_()

    def integral(times, tau, *rest):
        padded = torch.full(finite.shape, math.inf, dtype=torch.float64)
        return one.build(padded.masked_scatter(finite, times), *rest).integral(tau)

    tau = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    arguments = (times, tau, *list(one.tensors.values())[1:])
    assert gradcheck(integral, arguments, eps=1e-6, atol=1e-8, rtol=1e-6)


def test_a_membrane_without_events_is_the_decay_of_its_start(case):
    membrane = case().build()
    tau_mem, tau_syn, leak = membrane.params
    v, i = membrane.state.v, membrane.state.i
    of_v = tau_mem * -torch.expm1(-membrane.duration / tau_mem)
    of_i = tau_syn * -torch.expm1(-membrane.duration / tau_syn)
    # by partial fractions of 1/((1 + tau_mem s)(1 + tau_syn s))
    of_i = tau_syn / (tau_mem - tau_syn) * (of_v - of_i)
    wanted = leak * membrane.duration + (v - leak) * of_v + i * of_i
    torch.testing.assert_close(membrane.integral()[2], wanted[2], rtol=1e-13, atol=0)


def test_no_gradient_is_nan_and_padding_has_none(case):
    one = case("nearly equal", "per synapse")
    for tau in (math.inf, 0.7):
        found = one.gradients(lambda membrane, tau=tau: membrane.integral(tau).sum())
        assert all(bool(gradient.isfinite().all()) for gradient in found.values())
        assert bool((found["times"][one.tensors["times"].isinf()] == 0).all())


def test_what_arrives_at_the_end_or_later_has_no_effect(case):
    one = case(delay="per synapse")
    late = one.build()
    late = late._replace(delay=torch.full_like(late.delay, late.duration))
    nothing = torch.full_like(late.events.times, math.inf)
    alone = late._replace(events=late.events._replace(times=nothing))
    assert torch.equal(late.integral(), alone.integral())


def test_ways_to_say_the_same_give_the_same(case):
    membrane = case("longer membrane", "axonal").build()
    shape = membrane.weight.shape
    spread = membrane._replace(delay=membrane.delay.expand(shape))
    torch.testing.assert_close(membrane.integral(), spread.integral(), rtol=1e-13, atol=1e-14)
    row = membrane._replace(delay=membrane.delay.unsqueeze(0))
    assert torch.equal(row.integral(), membrane.integral())  # as cheap, too
    neuron = Params(*(torch.as_tensor(value).expand(shape[0]) for value in membrane.params))
    torch.testing.assert_close(
        membrane.integral(), membrane._replace(params=neuron).integral(), rtol=1e-13, atol=1e-14
    )
    plain = membrane._replace(delay=None)
    torch.testing.assert_close(
        plain.integral(), membrane._replace(delay=0.0).integral(), rtol=1e-15, atol=1e-15
    )


def test_a_neuron_more_changes_no_other(case):
    membrane = case().build()
    one = membrane._replace(
        weight=membrane.weight[:1],
        params=membrane.params._replace(v_leak=membrane.params.v_leak[:1]),
        state=type(membrane.state)(membrane.state.v[:, :1], membrane.state.i[:, :1]),
    )
    torch.testing.assert_close(one.integral(), membrane.integral()[:, :1], rtol=1e-14, atol=1e-14)


def test_the_dtype_is_that_of_the_weight(case):
    membrane = case().build()
    single = membrane._replace(weight=membrane.weight.float())
    assert single.integral().dtype == torch.float32
    found = single.integral().double()
    torch.testing.assert_close(found, membrane.integral(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("tau", [0.0, -1.0, math.nan, torch.ones(2)])
def test_a_wrong_time_constant_is_refused(case, tau):
    with pytest.raises(ValueError, match="tau must be a number of seconds above 0"):
        case().build().integral(tau)
