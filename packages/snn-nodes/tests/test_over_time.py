"""Over time: a node's three ways to run agree, whatever its class."""

from __future__ import annotations

import pytest
import torch
from snn_core.eager import EAGER
from snn_nodes.neuron import (
    AdExNode,
    BaseNode,
    CubaLIFNode,
    IAFNode,
    IFNode,
    LIFNode,
    LINode,
    NeuronNode,
    ParametricLIFNode,
)
from snn_nodes.surrogate import ATan, Sigmoid
from torch import nn


class Filtered(BaseNode):
    """A float, a Parameter, a buffer and a second memory of its own; only the charge is written."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.decay = 0.5
        self.gain = nn.Parameter(torch.linspace(0.5, 1.5, 4))
        self.register_buffer("offset", torch.linspace(-0.1, 0.1, 4))
        self.register_memory("current", 0.0)

    def neuronal_dynamics(self, x):
        self.current = 0.8 * self.current + x * self.gain
        self.v = self.decay * self.v + self.current + self.offset


class Trapezoid(IFNode):
    """A charge by SpikingJelly's name, and a reset of its own."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.register_memory("last", 0.25)

    def neuronal_charge(self, x):
        self.v = self.v + (x + self.last) / 2
        self.last = x

    def neuronal_reset(self, spike):
        self.v = self.v - 0.5 * spike


def heterogeneous(**settings):
    tau, v_th = torch.linspace(1.5, 4.0, 4), torch.linspace(0.5, 1.2, 4)
    return LIFNode(tau, False, v_th, torch.linspace(-0.2, 0.1, 4), **settings)


NODES = {
    "if": IFNode,
    "if soft": lambda **k: IFNode(0.8, None, **k),
    "lif": LIFNode,
    "lif kept input": lambda **k: LIFNode(3.0, False, 1.0, -0.2, ATan(), True, **k),
    "lif soft": lambda **k: LIFNode(3.0, True, 0.5, None, **k),
    "lif tensors": heterogeneous,
    "lif primitive": lambda **k: LIFNode(surrogate_function=Sigmoid(4.0, False), **k),
    "lif function": lambda **k: LIFNode(surrogate_function=lambda u: torch.tanh(u).relu(), **k),
    "plif": lambda **k: ParametricLIFNode(3.0, **k),
    "plif each": lambda **k: ParametricLIFNode(torch.linspace(1.5, 4.0, 4), False, **k),
    "own charge": Filtered,
    "own reset": Trapezoid,
    "cuba": lambda **k: CubaLIFNode(dt=2e-3, learn=("tau_mem",), **k),
    "adex": lambda **k: AdExNode(dt=1e-3, learn=("tau_syn",), **k),
    "li": lambda **k: LINode(dt=1e-3, **k),
    "iaf": lambda **k: IAFNode(dt=1e-3, **k),
    "exp_lif": lambda **k: NeuronNode("exp_lif", dt=1e-3, **k),
}
STATES = {"own charge": ["v", "current"], "own reset": ["v", "last"]}


def states(node) -> dict[str, torch.Tensor]:
    return {name: value.detach() for name, value in node.named_memories() if name != "v_seq"}


def ran(node, x, run):
    """Output, states, gradients of a loss in which both take part."""
    x = x.clone().requires_grad_()
    out = run(node, x)
    torch.manual_seed(9)
    loss = (out * torch.randn_like(out)).sum() + sum(
        v.sum() for v in dict(node.named_memories()).values()
    )
    loss.backward()
    return out.detach(), states(node), [x.grad, *(one.grad for one in node.parameters())]


def by_steps(node, x):
    return torch.stack([node(step) for step in x])


def at_once(node, x):
    node.step_mode = "m"
    return node(x)


def as_it_is(node, x):  # where setting the mode would already say that something changed
    return node(x)


def flat(node, x):
    node.parallel_optim, node.T = True, len(x)
    return node(x.flatten(0, 1)).unflatten(0, x.shape[:2])


@pytest.mark.parametrize("name", NODES)
def test_the_three_modes_agree_to_the_bit(name):
    torch.manual_seed(0)
    x = torch.rand(15, 3, 4, dtype=torch.float64) * 1.5
    expected, ends, grads = ran(NODES[name](backend="eager").double(), x, by_steps)
    assert expected.unique().numel() > 1, "nothing happened"
    assert all(grad is not None and grad.abs().sum() > 0 for grad in grads)
    if name in STATES:
        assert list(ends) == STATES[name]
    for run in (at_once, flat):
        out, end, found = ran(NODES[name](backend="eager").double(), x, run)
        assert torch.equal(out, expected)
        assert list(end) == list(ends)
        assert all(torch.equal(end[one], ends[one]) for one in ends)
        for ours, theirs in zip(found, grads, strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", NODES)
def test_a_sequence_in_parts_is_the_sequence(name):
    torch.manual_seed(1)
    x = torch.rand(12, 2, 4)
    whole, parts = NODES[name](step_mode="m"), NODES[name](step_mode="m")
    expected = whole(x)
    assert torch.equal(torch.cat([parts(x[:5]), parts(x[5:6]), parts(x[6:])]), expected)
    assert all(torch.equal(states(parts)[one], value) for one, value in states(whole).items())
    whole.reset()
    assert torch.equal(whole(x), expected)


@pytest.mark.parametrize("name", NODES)
def test_every_class_runs_through_integrate(name):
    calls = []

    def run(problem):
        calls.append(problem.x.shape)
        return EAGER.run(problem)

    node = NODES[name](step_mode="m", backend=EAGER._replace(name="counting", run=run))
    node(torch.rand(6, 2, 4))
    assert calls == [(6, 2, 4)]
    assert node._form(torch.rand(2, 4)) is not None


def test_nodes_of_equal_settings_share_one_record():
    x = torch.rand(2, 4)
    same = [LIFNode(tau, v_threshold=th)._form(x) for tau, th in ((2.0, 1.0), (5.0, 0.3))]
    assert same[0].neuron is same[1].neuron
    assert same[0].params != same[1].params
    assert Filtered()._form(x).neuron is Filtered()._form(x).neuron
    others = [LIFNode(decay_input=False), LIFNode(v_reset=None), LIFNode(detach_reset=True)]
    neurons = {id(one._form(x).neuron) for one in (*others, LIFNode(), IFNode())}
    assert len(neurons) == 5


def test_how_a_node_is_run_is_no_part_of_its_record():
    node, x = Filtered(), torch.rand(2, 4)
    before = node._form(x).neuron
    torch.compile(node, backend="eager")
    node.compile(backend="eager")
    node.step_mode, node.T, node.parallel_optim, node.spike_out = "m", 3, True, True
    node.on_new_shape, node.backend, node.store_v_seq = "raise", "eager", True
    node.register_forward_hook(print)
    assert node._form(x).neuron is before


CHANGES = {
    "a float": lambda node: setattr(node, "tau", 5.0),
    "a float that is a tensor now": lambda node: setattr(node, "tau", torch.tensor([1.5, 3.0])),
    "a flag": lambda node: setattr(node, "decay_input", False),
    "no reset potential": lambda node: setattr(node, "v_reset", None),
    "another reset potential": lambda node: setattr(node, "v_reset", 0.4),
    "an integer": lambda node: setattr(node, "v_threshold", 2),
    "a detached reset": lambda node: setattr(node, "detach_reset", True),
    "another surrogate": lambda node: setattr(node, "surrogate_function", ATan()),
    "its alpha": lambda node: setattr(node.surrogate_function, "alpha", 1.0),
    "its primitive": lambda node: setattr(node.surrogate_function, "spiking", False),
    "a buffer more": lambda node: node.register_buffer("extra", torch.ones(2)),
    "another method": lambda node: setattr(
        node, "neuronal_dynamics", lambda x: setattr(node, "v", node.v + 3 * x)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_the_first_call_takes_effect_at_once(change):
    torch.manual_seed(2)
    x = torch.rand(10, 3, 2) * 2
    used, new, steps = (LIFNode(step_mode=mode, backend="eager") for mode in "mms")
    before = ran(used, x, as_it_is)
    used.reset()
    for node in (used, new, steps):
        CHANGES[change](node)
    out, ends, grads = ran(used, x, as_it_is)
    for run, node in ((as_it_is, new), (by_steps, steps)):
        same = ran(node, x, run)
        assert torch.equal(out, same[0])
        assert torch.equal(ends["v"], same[1]["v"])
        assert torch.allclose(grads[0], same[2][0], rtol=1e-4, atol=1e-5)
    changed = not (torch.equal(out, before[0]) and torch.allclose(grads[0], before[2][0]))
    assert changed is (change != "a buffer more")


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((7, 3), LIFNode), ((7, 2, 3, 4, 5), LIFNode), ((1, 1, 1), IFNode), ((4, 0, 2), IFNode)],
)
def test_inputs_of_any_shape(shape, kind):
    x = torch.rand(shape)
    steps, node = kind(), kind(step_mode="m", store_v_seq=True)
    out = node(x)
    assert out.shape == x.shape
    assert torch.equal(out, by_steps(steps, x))
    assert torch.equal(node.v, steps.v)
    assert node.v_seq.shape == x.shape


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["if", "lif", "plif", "own charge", "cuba"])
def test_the_dtype_follows_the_input(name, dtype):
    x = (torch.rand(6, 2, 4) * 2).to(dtype)
    node = NODES[name](step_mode="m", backend="eager").to(dtype)
    out, ends, grads = ran(node, x, at_once)
    assert {one.dtype for one in (out, *ends.values(), *grads)} == {dtype}
    other = NODES[name](backend="eager").to(dtype)
    assert torch.equal(by_steps(other, x), out)


@pytest.mark.parametrize("name", ["lif", "if soft", "own charge", "cuba", "iaf"])
def test_v_seq_holds_the_membranes_after_reset(name):
    x = torch.rand(9, 2, 4) * 1.5
    node, steps = NODES[name](step_mode="m", store_v_seq=True), NODES[name]()
    node(x)
    rows = []
    for step in x:
        steps(step)
        rows.append(steps.v)
    assert torch.equal(node.v_seq, torch.stack(rows))
    node.reset()
    assert node.v_seq is None
    node.store_v_seq = False
    node(x)
    assert not hasattr(node, "v_seq")


@pytest.mark.parametrize(
    ("shape", "message"),
    [((5,), r"takes \(T, B, \*N\) with T >= 1, got \(5,\)"), ((0, 2, 3), r"got \(0, 2, 3\)")],
)
def test_what_has_no_time_is_refused_over_time(shape, message):
    with pytest.raises(ValueError, match=f"LIFNode.*{message}.*step_mode='s'"):
        LIFNode(step_mode="m")(torch.rand(shape))


def test_other_inputs_are_refused():
    with pytest.raises(TypeError, match=r"IFNode.* floating-point input, got torch.int64; x.float"):
        IFNode()(torch.ones(2, 3, dtype=torch.long))
    with pytest.raises(ValueError, match=r"IFNode.* one step of shape \(B, \*N\), got a number"):
        IFNode()(torch.tensor(1.0))
    with pytest.raises(ValueError, match=r"IFNode.*parallel_optim=True.*step_mode='m'.*one of"):
        IFNode(parallel_optim=True, step_mode="m")(torch.ones(2, 3))
