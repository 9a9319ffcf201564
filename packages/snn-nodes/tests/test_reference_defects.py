"""Each defect of the published nodes, one test a row of its list: what is documented works here."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from snn_nodes.neuron import BaseNode, IFNode, LIFNode, StateWarning
from snn_nodes.spikes import SpikeTensor, dense
from snn_nodes.surrogate import ATan, Sigmoid
from torch import nn


def slope(x: float, alpha: float = 4.0) -> float:
    """Of the default surrogate, written anew."""
    s = 1 / (1 + math.exp(-alpha * x))
    return alpha * s * (1 - s)


def test_a_node_with_its_defaults_runs_on_plain_tensors():
    node = LIFNode()
    spikes = [node(torch.full((1, 1), 3.0)).item() for _ in range(3)]
    assert type(node(torch.ones(1, 1))) is torch.Tensor
    assert spikes == [1.0, 1.0, 1.0]  # (3 - 0) / 2 is above the threshold each time


def test_the_node_alone_says_whether_spikes_come_out_packed():
    plain, packed = IFNode(spike_out=False), IFNode(spike_out=True)
    x = torch.tensor([[0.5, 2.0]])
    assert isinstance(packed(x), SpikeTensor)
    assert not isinstance(plain(x), SpikeTensor)
    assert not any("spike_out" in vars(node.surrogate_function) for node in (plain, packed))
    packed.reset()
    assert dense(packed(x)).tolist() == [[0.0, 1.0]]
    packed.spike_out = False
    assert type(packed(x)) is torch.Tensor


@pytest.mark.parametrize("spike_out", [False, True])
@pytest.mark.parametrize("detach", [False, True])
def test_detach_reset_decides_on_the_gradient_through_the_reset(detach, spike_out):
    # v1 = x1, z1 = H(v1 - 1), u1 = v1 - z1, and the loss is u1: 1 - slope, or 1 if cut
    x = torch.tensor([[1.2]], dtype=torch.float64, requires_grad=True)
    node = IFNode(v_reset=None, detach_reset=detach, spike_out=spike_out)
    node(x)
    node.v.sum().backward()
    expected = 1.0 if detach else 1.0 - slope(0.2)
    assert x.grad.item() == pytest.approx(expected, rel=1e-12)


def test_a_gradient_flows_through_packed_spikes():
    grads = []
    for spike_out in (False, True):
        x = torch.tensor([[0.9, 1.2]], dtype=torch.float64, requires_grad=True)
        out = dense(IFNode(spike_out=spike_out)(x))
        (out * torch.tensor([[1.0, 3.0]])).sum().backward()
        grads.append(x.grad)
    assert torch.equal(*grads)
    assert grads[1][0].tolist() == pytest.approx([slope(-0.1), 3 * slope(0.2)], rel=1e-12)


def test_a_hard_reset_of_an_infinite_membrane_is_no_nan():
    node = IFNode(v_reset=0.25)
    x = torch.tensor([[math.inf, 2.0, 0.25]], requires_grad=True)
    assert node(x).tolist() == [[1.0, 1.0, 0.0]]
    assert node.v.tolist() == [[0.25, 0.25, 0.5]]
    node.v[0, 1:].sum().backward()
    assert x.grad.isfinite().all()
    assert IFNode.hard_reset(torch.tensor([-math.inf]), torch.zeros(1), 0.0).item() == -math.inf


def test_atan_has_its_gradient():
    x = torch.tensor([0.3], requires_grad=True)
    ATan(alpha=2.0)(x).backward()
    assert x.grad.item() == pytest.approx(1 / (1 + (math.pi * 0.3) ** 2))


@pytest.mark.parametrize("spiking", [True, False])
def test_evaluation_takes_the_surrogate_too(spiking):
    node = IFNode(surrogate_function=Sigmoid(4.0, spiking))
    x = torch.tensor([[0.9, 1.2]], requires_grad=True)
    outputs, grads = [], []
    for mode in (True, False):
        node.train(mode).reset()
        out = node(x)
        outputs.append(out.detach())
        grads.append(torch.autograd.grad(out.sum(), x)[0])
    assert torch.equal(*outputs)
    assert torch.equal(*grads)
    assert grads[1][0].tolist() == pytest.approx([slope(-0.1), slope(0.2)], rel=1e-5)
    smooth = [1 / (1 + math.exp(-4 * u)) for u in (-0.1, 0.2)]
    assert outputs[1][0].tolist() == ([0.0, 1.0] if spiking else pytest.approx(smooth, rel=1e-5))


def test_integers_are_numbers():
    whole = LIFNode(tau=2, v_threshold=1, v_reset=0)
    same = LIFNode(tau=2.0, v_threshold=1.0, v_reset=0.0)
    x = torch.rand(20, 1, 4) * 3
    assert all(torch.equal(whole(step), same(step)) for step in x)
    assert isinstance(whole.v_threshold, float)


def test_no_two_nodes_share_a_surrogate():
    one, other = LIFNode(), LIFNode()
    assert one.surrogate_function is not other.surrogate_function
    one.surrogate_function.alpha = 9.0
    assert (one.surrogate_function.alpha, other.surrogate_function.alpha) == (9.0, 4.0)


def test_values_that_are_tensors_follow_the_node():
    given = torch.tensor([0.5, 1.0])
    node = IFNode(v_threshold=given, v_reset=torch.tensor([0.0, -1.0])).to(torch.float64)
    assert node.v_threshold.dtype == node.v_reset.dtype == torch.float64
    node(torch.tensor([[0.75, 0.75]], dtype=torch.float64))
    assert node.v.tolist() == [[0.0, -0.25]]
    given.fill_(9.0)  # the node's is its own
    assert node.v_threshold.tolist() == [0.5, 1.0]
    assert sorted(node.state_dict()) == ["v_reset", "v_threshold"]


def test_a_node_can_be_copied_after_a_call_with_gradients():
    node = LIFNode(store_v_seq=True, step_mode="m")
    x = torch.rand(3, 2, 4, requires_grad=True)
    node(x)
    twin = copy.deepcopy(node)
    assert torch.equal(twin.v, node.v)
    assert torch.equal(twin.v_seq, node.v_seq)
    assert twin.v.grad_fn is None
    assert node.v.grad_fn is not None
    assert torch.equal(twin(x), node(x))
    assert twin.v is not node.v


@pytest.mark.parametrize(("before", "after"), [(4, 3), (4, 1), (1, 4)])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_state_never_meets_another_batch(before, after, mode):
    node, new = LIFNode(step_mode=mode), LIFNode(step_mode=mode)
    first, second = torch.full((5, before, 2), 0.7), torch.full((5, after, 2), 0.9)
    first, second = (first[0], second[0]) if mode == "s" else (first, second)
    node(first)
    with pytest.warns(StateWarning, match=rf"LIFNode.*\({before}, 2\).*\({after}, 2\).*anew"):
        out = node(second)
    assert torch.equal(out, new(second))
    assert torch.equal(node.v, new.v)
    node = LIFNode(step_mode=mode, on_new_shape="raise")
    node(first)
    kept = node.v.clone()
    with pytest.raises(ValueError, match=r"a state belongs to one batch; call reset_net\(net\)"):
        node(second)
    assert torch.equal(node.v, kept)


def test_steps_that_do_not_divide_the_batch_are_refused():
    node = nn.Sequential(LIFNode(parallel_optim=True, T=4))[0]
    with pytest.raises(ValueError, match=r"LIFNode.*: T = 4 does not divide the 6 rows"):
        node(torch.rand(6, 2))
    assert node.v == 0.0


def test_a_strided_input_runs_flat():
    x = torch.rand(3, 12).t()
    assert not x.is_contiguous()
    flat, steps = LIFNode(parallel_optim=True, T=4), LIFNode()
    expected = torch.cat([steps(rows) for rows in x.split(3)])  # time-major: rows 0..2 are step 0
    assert torch.equal(flat(x), expected)
    flat.reset()
    assert torch.equal(flat.parallel_optim_forward(x), expected)


def test_a_node_is_a_class_and_finds_itself_by_its_name():
    from snn_nodes.neuron import LIFNode as imported

    assert isinstance(imported, type)
    assert imported.LIFNode is imported
    assert IFNode.IFNode is IFNode
    assert BaseNode.BaseNode is BaseNode
    assert isinstance(imported.LIFNode(tau=3.0), imported)
