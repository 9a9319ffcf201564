"""Nodes against closed forms, conservation of charge, central differences, a backward by hand."""

from __future__ import annotations

import math

import pytest
import torch
from snn_nodes.neuron import IFNode, LIFNode, ParametricLIFNode
from snn_nodes.surrogate import Sigmoid
from torch import nn

F64 = torch.float64


def constant(x: float, n_steps: int) -> torch.Tensor:
    return torch.full((n_steps, 1, 1), x, dtype=F64)


def membranes(node, x_seq) -> torch.Tensor:
    node.store_v_seq, node.step_mode = True, "m"
    node(x_seq)
    return node.v_seq.flatten()


@pytest.mark.parametrize("tau", [1.5, 2.0, 20.0])
@pytest.mark.parametrize("v_reset", [None, 0.0, -0.5, 0.3])
@pytest.mark.parametrize("decay_input", [False, True])
def test_a_lif_below_its_threshold_relaxes_geometrically(tau, v_reset, decay_input):
    # v - v_inf falls by (1 - 1/tau) a step; v_inf = rest + x, or rest + tau x if x is not decayed
    rest, x = v_reset or 0.0, 0.4
    node = LIFNode(tau, decay_input, v_threshold=100.0, v_reset=v_reset)
    k = torch.arange(1, 31, dtype=F64)
    gain = x if decay_input else tau * x
    expected = rest + gain * (1 - (1 - 1 / tau) ** k)
    assert torch.allclose(membranes(node, constant(x, 30)), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("x", "v_th"), [(0.375, 1.0), (0.25, 1.0), (1.75, 0.5), (0.125, 0.875)])
def test_the_spike_count_of_if(x, v_th):
    n_steps = 56
    hard = IFNode(v_th, step_mode="m")(constant(x, n_steps)).sum().item()
    assert hard == n_steps // math.ceil(v_th / x)  # it starts at 0 after each spike
    soft = IFNode(v_th, None, step_mode="m")(constant(x, n_steps)).sum().item()
    assert soft == min(n_steps, math.floor(n_steps * x / v_th))  # no charge is lost


def test_a_soft_reset_conserves_charge_exactly():
    torch.manual_seed(1)
    x = torch.randint(-64, 192, (200, 3, 7)).to(F64) / 128  # sums of these are exact
    node = IFNode(0.75, None, step_mode="m")
    spikes = node(x)
    assert spikes.sum() > 100
    assert torch.equal(x.sum(0), node.v + 0.75 * spikes.sum(0))


@pytest.mark.parametrize("x", [1.001, 1.1, 1.37, 2.5, 30.0])
@pytest.mark.parametrize("tau", [1.2, 2.0, 7.3])
def test_the_first_spike_of_a_lif(x, tau):
    # x (1 - (1 - 1/tau)^k) >= 1  first at  k = log(1 - 1/x) / log(1 - 1/tau), rounded up
    k = math.ceil(math.log(1 - 1 / x) / math.log(1 - 1 / tau))
    spikes = LIFNode(tau, step_mode="m")(constant(x, 60)).flatten()
    assert spikes.nonzero()[0].item() == k - 1
    interval = spikes.nonzero().flatten().diff().tolist()
    assert set(interval) <= {k}  # from the reset at 0 on, all again


@pytest.mark.parametrize("w", [-8.0, -1.0, 0.0, 3.0])
def test_the_time_constant_of_a_parametric_lif_is_above_1_whatever_w(w):
    node = ParametricLIFNode()
    with torch.no_grad():
        node.w.fill_(w)
    assert node.tau.item() == pytest.approx(1 + math.exp(-w), rel=1e-6)
    assert node.tau.item() > 1


@pytest.mark.parametrize("init_tau", [1.25, 2.0, 40.0, torch.tensor([1.5, 3.0])])
def test_a_parametric_lif_starts_as_the_lif_of_its_tau(init_tau):
    torch.manual_seed(2)
    x = torch.rand(20, 3, 2, dtype=F64) * 2
    learnt = ParametricLIFNode(init_tau, step_mode="m").double()
    same = LIFNode(learnt.tau.detach(), step_mode="m")
    assert torch.equal(learnt(x), same(x))
    assert torch.allclose(learnt.tau, torch.as_tensor(init_tau).double(), rtol=1e-6)
    assert list(learnt.state_dict()) == ["w"]


@pytest.mark.parametrize("decay_input", [False, True])
def test_the_gradient_of_a_membrane_to_w_is_its_central_difference(decay_input):
    node = ParametricLIFNode(2.5, decay_input, v_threshold=50.0, v_reset=-0.2, step_mode="m")
    node.double()
    x = torch.linspace(0.1, 0.9, 12, dtype=F64).reshape(12, 1, 1)

    def end(w: float) -> torch.Tensor:
        with torch.no_grad():
            node.w.fill_(w)
        node.reset()
        node(x)
        return node.v.sum()

    w, h = 0.4, 1e-5
    slope = (end(w + h) - end(w - h)).item() / (2 * h)
    end(w).backward()
    assert node.w.grad.item() == pytest.approx(slope, rel=1e-8)


def test_a_learnt_time_constant_follows_its_gradient():
    node = ParametricLIFNode(2.0, v_threshold=50.0, step_mode="m").double()
    x, target = torch.ones(5, 1, 1, dtype=F64), 1 - (1 - 1 / 5.0) ** 5
    optimiser = torch.optim.Adam(node.parameters(), lr=0.1)
    for _ in range(200):
        node.reset()
        node(x)
        optimiser.zero_grad()
        (node.v - target).square().sum().backward()
        optimiser.step()
    assert node.tau.item() == pytest.approx(5.0, rel=1e-3)


# Backpropagation through time by hand. One neuron, loss = sum(a_t z_t) + b v_T:
#   u_t = c v_{t-1} + d x_t + e,  z_t = H(u_t - th),  v_t = (1 - z_t) u_t + z_t r  or  u_t - z_t th.


def slope(u: float, alpha: float) -> float:
    s = 1 / (1 + math.exp(-alpha * u))
    return alpha * s * (1 - s)


def swept(x, a, b, *, tau, decay_input, v_reset, detach, th=1.0, alpha=4.0):
    """Spikes, the last membrane, and the loss's gradient to x: plain loops over plain numbers."""
    rest = v_reset or 0.0
    keep, take = 1 - 1 / tau, (1 / tau if decay_input else 1.0)
    v, before_reset, spikes = rest, [], []
    for x_t in x:
        u = keep * v + take * x_t + rest / tau
        z = 1.0 if u >= th else 0.0
        v = u - z * th if v_reset is None else (v_reset if z else u)
        before_reset.append(u)
        spikes.append(z)
    grads, dv = [0.0] * len(x), b
    for t in reversed(range(len(x))):
        u, z = before_reset[t], spikes[t]
        through_spike = -th if v_reset is None else v_reset - u
        kept = 1.0 if v_reset is None else 1.0 - z
        dz = a[t] + (0.0 if detach else dv * through_spike)
        du = dv * kept + dz * slope(u - th, alpha)
        grads[t], dv = du * take, du * keep
    return spikes, v, grads


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("v_reset", [None, 0.0, -0.25])
@pytest.mark.parametrize("decay_input", [False, True])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_the_gradient_is_that_of_a_reverse_sweep_by_hand(mode, decay_input, v_reset, detach):
    torch.manual_seed(3)
    n_steps, settings = 25, {"tau": 2.5, "decay_input": decay_input, "v_reset": v_reset}
    x = (torch.rand(n_steps, dtype=F64) * (3 if decay_input else 1.2)).requires_grad_()
    a, b = torch.randn(n_steps, dtype=F64), 0.7
    spikes, end, grads = swept(x.tolist(), a.tolist(), b, detach=detach, **settings)
    node = LIFNode(**settings, detach_reset=detach, step_mode=mode)
    rows = x.reshape(-1, 1, 1)
    out = node(rows) if mode == "m" else torch.stack([node(row) for row in rows])
    ((out.flatten() * a).sum() + b * node.v.sum()).backward()
    assert 3 < sum(spikes) < n_steps - 3
    assert out.flatten().tolist() == spikes
    assert node.v.item() == pytest.approx(end, rel=1e-12)
    assert x.grad.tolist() == pytest.approx(grads, rel=1e-10, abs=1e-13)


def test_a_learnt_threshold_and_reset_get_their_gradients():
    # v1 = x, z = H(x - th), u = (1 - z) x + z r:  du/dth = -slope (r - x), du/dr = z
    node = IFNode(
        nn.Parameter(torch.tensor(1.0, dtype=F64)), nn.Parameter(torch.tensor(0.2, dtype=F64))
    )
    node.v = torch.zeros(1, 1, dtype=F64)
    node(torch.tensor([[1.3]], dtype=F64))
    node.v.sum().backward()
    assert node.v_threshold.grad.item() == pytest.approx(-slope(0.3, 4.0) * (0.2 - 1.3))
    assert node.v_reset.grad.item() == 1.0
    assert sorted(node.state_dict()) == ["v_reset", "v_threshold"]


def test_the_surrogates_own_alpha_counts():
    grads = []
    for alpha in (1.0, 8.0):
        x = torch.tensor([[1.1]], dtype=F64, requires_grad=True)
        IFNode(surrogate_function=Sigmoid(alpha))(x).sum().backward()
        grads.append(x.grad.item())
    assert grads == pytest.approx([slope(0.1, 1.0), slope(0.1, 8.0)])
