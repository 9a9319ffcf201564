"""Four identities that hold for the exact gradient of any loss of spike times.

Each follows from a symmetry of the equations: shifting or scaling all voltages or all times. The
first two hold neuron by neuron, because what a neuron receives does not depend on its own volts.
"""

from __future__ import annotations

import pytest
import torch

from .nets import TIME_CONSTANTS, coefficients, gradients, loss_of_times, random_net, real

RTOL = 1e-12

cases = pytest.mark.parametrize(
    "net",
    [
        pytest.param(
            random_net(
                50 + k, taus=taus, refractory=refractory, leak_above=leak_above, delays=delays
            ),
            id=f"{name}-{k}",
        )
        for k, (refractory, leak_above, delays) in enumerate(
            [(0.0, False, True), (3e-3, False, True), (0.0, True, False), (2e-3, True, False)]
        )
        for name, taus in TIME_CONSTANTS.items()
    ],
)


def of_times(out):
    return loss_of_times(out.output)


def at_rest(net):
    """The net started at rest without current, so that the start has no time of its own."""
    return net.replace(v=net.v_leak.expand_as(net.v).clone(), i=torch.zeros_like(net.i))


def assert_balanced(terms, what=""):
    """The terms of each row add up to nought, but for rounding of the largest."""
    terms = torch.stack(torch.broadcast_tensors(*terms))
    scale = terms.abs().max(dim=0).values
    assert bool((scale > 0).any()), "nothing to be compared"
    worst = (terms.sum(dim=0).abs() / scale.clamp(min=scale.max() * 1e-3)).max().item()
    assert worst < RTOL, f"{what} {worst:.1e}"


@cases
def test_a_shift_of_all_voltages_changes_nothing(net):
    found = gradients(net, of_times)
    names = ("v_th", "v_reset", "v_leak")
    assert_balanced([*(found[name] for name in names), found["v"].sum(dim=0)])


@cases
def test_a_start_at_rest_belongs_to_the_leak(net):
    low = net.v_leak.clamp(max=0.5)  # at rest is not above threshold
    found = gradients(net.replace(v=None, i=None, ref=None, v_leak=low), of_times)
    assert_balanced([found["v_th"], found["v_reset"], found["v_leak"]])


@cases
def test_a_scale_of_all_voltages_changes_nothing(net):
    found = gradients(net, of_times)
    terms = [found[name] * getattr(net, name) for name in ("v_th", "v_reset", "v_leak")]
    for dim, names in ((0, ("v", "i")), (1, ("weight", "recurrent_weight"))):
        terms += [(found[name] * getattr(net, name)).sum(dim=dim) for name in names]
    assert_balanced(terms)


def shifts(net):
    """The sum over spikes of dl/dt and of t dl/dt."""
    with torch.no_grad():
        events = net.run().output
    slopes, mask = coefficients(events), real(events)
    return slopes[mask].sum(), (slopes * events.times.masked_fill(~mask, 0.0)).sum()


@cases
def test_later_inputs_make_later_spikes(net):
    # At rest only: a leak above the threshold, or a start with a current, has a time of its own.
    low = net.v_leak.clamp(max=0.5)
    net = at_rest(net.replace(v_leak=low))
    found = gradients(net, of_times)
    assert_balanced([found["times"].sum(), -shifts(net)[0]])


@cases
def test_a_scale_of_all_times_scales_the_spikes(net):
    found = gradients(net, of_times)
    names = ("tau_mem", "tau_syn", "refractory_time", "delay", "recurrent_delay", "times", "ref")
    leaves = {name: value for name, value in net.leaves.items() if name in names}
    assert {"tau_mem", "tau_syn", "times"} <= set(leaves)
    terms = [(found[name] * value).sum() for name, value in leaves.items()]
    assert_balanced([*terms, -shifts(net)[1]])


def test_the_identities_notice_a_wrong_gradient():
    net = random_net(50)
    found = gradients(net, of_times)
    terms = [found["v_th"], found["v_reset"], found["v_leak"], found["v"].sum(dim=0)]
    assert_balanced(terms)
    with pytest.raises(AssertionError):
        assert_balanced([terms[0] * (1 + 1e-10), *terms[1:]])
