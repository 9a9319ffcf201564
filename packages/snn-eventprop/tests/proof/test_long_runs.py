"""Thousands of spikes, limits on them, and a recording that goes on where another one stopped."""

from __future__ import annotations

import math

import numpy as np
import pytest
import snn_eventprop
import torch

from .comparing import assert_close
from .nets import Net, end_of, gradients, random_net, with_inputs


def burst(duration=1.0, **more):
    """Neurons that fire thousands of times."""
    return Net(
        index=torch.zeros(1, 1, dtype=torch.long), times=torch.zeros(1, 1).double(),
        weight=torch.tensor([[10.0], [3.0]]).double(), duration=duration,
        tau_mem=10e-3, tau_syn=5e-3, v_leak=torch.tensor([40.0, 5.0]).double(),
        v_th=torch.tensor(1.0).double(), v=torch.zeros(1, 2).double(), i=torch.zeros(1, 2).double(),
        **more,
    )  # fmt: skip


def test_a_burst_of_thousands_of_spikes_is_not_cut():
    net = burst()
    events = net.run().output
    counts = torch.bincount(events.index[0])
    assert counts[0] > 3000
    # long after the input the neurons fire like clocks
    for k, leak in enumerate((40.0, 5.0)):
        times = events.times[0][events.index[0] == k]
        period = 10e-3 * math.log(leak / (leak - 1))
        np.testing.assert_allclose(times[-50:].diff().numpy(), period, rtol=1e-11)
        assert times[-1] + period >= 1.0
    found = gradients(net, lambda out: out.output.times.sum())
    assert all(bool(value.isfinite().all()) for value in found.values())
    assert found["v_th"].abs() > 0


@pytest.mark.parametrize("recurrent", [False, True])
def test_more_spikes_than_the_limit_raise(recurrent):
    net = burst(0.1, recurrent_weight=torch.zeros(2, 2).double() if recurrent else None)
    n = net.run().output.times.shape[1]
    enough = net.run(snn_eventprop.exact(max_spikes=n)).output
    assert enough.times.shape[1] == n
    with pytest.raises(RuntimeError, match="max_spikes"):
        net.run(snn_eventprop.exact(max_spikes=n - 1))


def halves(net, cut):
    """A net cut in two in time: the second half's events are counted from the cut."""
    first = net.times < cut
    one = with_inputs(
        net, net.times.masked_fill(~first, math.inf), net.index.masked_fill(~first, -1)
    ).replace(duration=cut)
    times = (net.times - cut).masked_fill(first, math.inf)
    order = times.argsort(dim=1)
    two = net.replace(
        times=times.gather(1, order), index=net.index.masked_fill(first, -1).gather(1, order),
        duration=net.duration - cut,
    )  # fmt: skip
    return one, two


@pytest.mark.parametrize("refractory", [0.0, 6e-3])
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("cut", [0.03, 0.0625])
def test_two_halves_are_a_whole(refractory, recurrent, cut):
    net = random_net(
        94, delays=False, recurrent=recurrent, refractory=refractory, leak_above=True, b=1
    )
    whole = net.run()
    first, second = halves(net, cut)
    names = ("weight", "tau_mem", "tau_syn", "v_th", "v_reset", "v_leak", "v", "i")
    attached = net.attached()
    leaves = {name: getattr(attached, name) for name in names}
    if refractory:
        leaves["refractory_time"] = attached.refractory_time
    head = first.replace(**leaves).run()
    state = end_of(head)
    more = {name: leaf for name, leaf in leaves.items() if name not in ("v", "i")}
    start = {"v": state.v, "i": state.i} | ({"ref": state.ref} if refractory else {})
    tail = second.replace(**more, **start).run()
    joined = torch.cat([head.output.times[0], tail.output.times[0] + cut])
    assert len(head.output.times[0]) > 0
    assert len(tail.output.times[0]) > 0
    torch.testing.assert_close(joined, whole.output.times[0], rtol=0, atol=1e-13)
    index = torch.cat([head.output.index, tail.output.index], 1)
    assert torch.equal(index, whole.output.index)
    torch.testing.assert_close(end_of(tail).v, end_of(whole).v, rtol=0, atol=1e-11)
    factors = torch.linspace(0.5, 1.5, len(joined), dtype=torch.float64)
    found = torch.autograd.grad((factors * joined).sum(), list(leaves.values()))
    expected = gradients(net, lambda out: (factors * out.output.times[0]).sum())
    assert_close(
        dict(zip(leaves, found, strict=True)), {name: expected[name] for name in leaves}, rtol=1e-9
    )
