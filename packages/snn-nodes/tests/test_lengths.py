"""Samples of different lengths in one batch, against each sample alone, cut to its length."""

from __future__ import annotations

import pytest
import torch
from snn_nodes.neuron import BaseNode, CubaLIFNode, IFNode, LIFNode, LINode, ParametricLIFNode
from torch import nn

F64 = torch.float64
LENGTHS = (7, 3, 0, 12, 1)
T, N = 12, 4


class Filtered(BaseNode):
    """Of one's own, with a second memory."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.gain = nn.Parameter(torch.linspace(0.5, 1.5, N))
        self.register_memory("current", 0.0)

    def neuronal_dynamics(self, x):
        self.current = 0.8 * self.current + x * self.gain
        self.v = 0.5 * self.v + self.current


NODES = {
    "if": IFNode,
    "lif": lambda **k: LIFNode(3.0, v_reset=-0.3, **k),
    "lif soft": lambda **k: LIFNode(2.0, False, v_reset=None, **k),
    "lif tensors": lambda **k: LIFNode(v_reset=torch.linspace(-0.2, 0.2, N), **k),
    "plif": lambda **k: ParametricLIFNode(3.0, **k),
    "own": Filtered,
    "cuba": lambda **k: CubaLIFNode(dt=4e-3, learn=("tau_mem",), **k),
    "li": lambda **k: LINode(dt=1e-3, **k),
}


def states(node):
    return {name: value for name, value in node.named_memories() if name != "v_seq"}


def loss(out, ends):
    """Weighs every output and every end state differently; beyond a length nothing counts twice."""
    weights = torch.linspace(0.1, 1.3, out.numel(), dtype=F64).reshape(out.shape)
    return (out * weights).sum(), sum((k + 2) * v for k, v in enumerate(ends.values()))


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("started", [False, True])
def test_each_sample_is_as_if_it_were_alone(name, started):
    torch.manual_seed(0)
    x = (torch.rand(T, len(LENGTHS), N, dtype=F64) * 3).requires_grad_()
    before = torch.rand(3, len(LENGTHS), N, dtype=F64)
    node = NODES[name](step_mode="m").double()
    if started:
        node(before)
        node.detach()
    out = node(x, torch.tensor(LENGTHS))
    assert out.sum() > 0
    value, end = loss(out, states(node))
    (value + end.sum()).backward()

    alone = x.detach().clone().requires_grad_()
    other = NODES[name](step_mode="m").double()
    total, weights = 0.0, torch.linspace(0.1, 1.3, out.numel(), dtype=F64).reshape(out.shape)
    for k, n_steps in enumerate(LENGTHS):
        other.reset()
        if started:
            other(before[:, k : k + 1])
            other.detach()
        if n_steps:
            one = other(alone[:n_steps, k : k + 1])
            assert torch.equal(out[:n_steps, k], one[:, 0])
            total = total + (one[:, 0] * weights[:n_steps, k]).sum()
        assert not out[n_steps:, k].any()
        if n_steps or started:
            for name_of, value in states(node).items():
                assert torch.equal(value[k], states(other)[name_of][0])
            _, end = loss(out, states(other))
            total = total + end.sum()
    total.backward()
    assert torch.allclose(x.grad, alone.grad, rtol=1e-10, atol=1e-13)
    for k, n_steps in enumerate(LENGTHS):
        assert not x.grad[n_steps:, k].any()
    for ours, theirs in zip(node.parameters(), other.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("v_reset", [0.0, -0.3, None])
def test_a_sample_without_a_step_keeps_its_start(v_reset):
    node = LIFNode(v_reset=v_reset, step_mode="m", store_v_seq=True)
    out = node(torch.full((4, 2, 1), 5.0), [0, 4])
    assert out[:, :, 0].tolist() == [[0.0, 1.0]] * 4
    assert node.v[0].item() == pytest.approx(v_reset or 0.0)
    node.v = torch.tensor([[0.7], [0.2]])
    node(torch.full((4, 2, 1), 0.1), [0, 4])
    assert node.v[0].item() == pytest.approx(0.7)


def test_v_seq_stays_at_the_end_of_each_sample():
    node = IFNode(100.0, step_mode="m", store_v_seq=True)
    node(torch.ones(5, 3, 1), [2, 5, 0])
    assert node.v_seq[:, :, 0].t().tolist() == [
        [1.0, 2.0, 2.0, 2.0, 2.0],
        [1.0, 2.0, 3.0, 4.0, 5.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ]
    assert node.v[:, 0].tolist() == [2.0, 5.0, 0.0]


def test_full_lengths_change_nothing():
    x = torch.rand(T, 3, N) * 2
    node, plain = LIFNode(step_mode="m"), LIFNode(step_mode="m")
    assert torch.equal(node(x, torch.full((3,), T)), plain(x))
    assert torch.equal(node.v, plain.v)


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 2, 2)])
def test_lengths_for_neurons_of_any_shape(shape):
    x, n_steps = torch.rand(shape) * 2, [2, 6, 4]
    node, flat = LIFNode(step_mode="m"), LIFNode(parallel_optim=True, T=6)
    out = node(x, n_steps)
    assert torch.equal(flat(x.flatten(0, 1), n_steps), out.flatten(0, 1))
    for k, n in enumerate(n_steps):
        alone = LIFNode(step_mode="m")
        assert torch.equal(alone(x[:n, k : k + 1])[:, 0], out[:n, k])
        assert torch.equal(alone.v[0], node.v[k])


def test_what_lies_beyond_a_length_does_not_matter_even_if_it_is_not_a_number():
    x = torch.rand(5, 2, 3, dtype=F64)
    x[3:, 0] = torch.nan
    x.requires_grad_()
    node = LIFNode(step_mode="m", backend="eager")
    out = node(x, [3, 5])
    assert out.isfinite().all()
    assert node.v.isfinite().all()
    (out.sum() + node.v.sum()).backward()
    assert x.grad[:3].isfinite().all()


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([1, 2], ValueError, r"expected one length a sample, \(3,\), got lengths of \(2,\)"),
        (4, ValueError, r"expected one length a sample, \(3,\), got lengths of \(\)"),
        ([[1], [2], [3]], ValueError, r"got lengths of \(3, 1\)"),
        ([1, 2, 6], ValueError, r"lengths must lie in 0 ... 5 \(T of its input\), got \[1, 2, 6\]"),
        ([1, -1, 2], ValueError, r"must lie in 0 ... 5 .*, got \[1, -1, 2\]"),
        ([1.0, 2.0, 3.0], TypeError, "lengths are numbers of steps, integers; got torch.float32"),
        ([True, True, False], TypeError, "integers; got torch.bool"),
    ],
)
def test_wrong_lengths_are_refused_before_any_work(lengths, error, message):
    node = nn.Sequential(LIFNode(step_mode="m"))[0]
    with pytest.raises(error, match=rf"LIFNode.*: .*{message}"):
        node(torch.rand(5, 3, 2), lengths)
    assert node.v == 0.0


def test_one_step_has_no_lengths():
    with pytest.raises(ValueError, match=r"lengths need all steps at once: set LIFNode.*= 'm'"):
        LIFNode()(torch.rand(3, 2), [1, 1, 0])


def test_a_node_that_runs_step_by_step_says_that_it_has_none():
    class Counting(IFNode):
        steps = 0

        def neuronal_dynamics(self, x):
            self.steps = self.steps + 1
            super().neuronal_dynamics(x)

    with pytest.raises(
        ValueError, match=r"Counting.* runs step by step.* no lengths: pad, and cut"
    ):
        Counting(step_mode="m")(torch.rand(5, 3, 2), [1, 2, 3])
