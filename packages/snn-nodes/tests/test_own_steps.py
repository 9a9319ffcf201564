"""Nodes whose methods do more than a pure step may: they run step by step, and are let go."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from snn_core.eager import EAGER
from snn_nodes.neuron import BaseNode, IFNode, LIFNode, ParametricLIFNode
from snn_nodes.neuron import pure as pure_module
from torch import nn


class Counting(IFNode):
    """Counts its steps in an integer."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.steps = 0

    def neuronal_dynamics(self, x):
        self.steps = self.steps + 1
        super().neuronal_dynamics(x)


class Drawing(IFNode):
    """Takes its gains from a list, one a step."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.gains = [float(k) for k in range(20)]
        self.steps = 0

    def neuronal_dynamics(self, x):
        self.steps += 1
        super().neuronal_dynamics(x * self.gains.pop())


class Tallying(IFNode):
    """Counts its steps in a buffer, in place."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.register_buffer("steps", torch.zeros(()))

    def neuronal_dynamics(self, x):
        self.steps += 1
        super().neuronal_dynamics(x)


class Normed(IFNode):
    """Has a layer with running statistics inside."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.norm = nn.BatchNorm1d(4)

    @property
    def steps(self):
        return self.norm.num_batches_tracked

    def neuronal_dynamics(self, x):
        super().neuronal_dynamics(self.norm(x))


class Nested(IFNode):
    """Has another node inside, which keeps a state."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.inner = Counting()

    @property
    def steps(self):
        return self.inner.steps

    def neuronal_dynamics(self, x):
        super().neuronal_dynamics(self.inner(x))


class Remembering(IFNode):
    """Counts its steps in a memory that is a number."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.register_memory("steps", 0)

    def neuronal_dynamics(self, x):
        self.steps = self.steps + 1
        super().neuronal_dynamics(x / self.steps)


class Missing(IFNode):
    """Its second memory is None before the first step, and a step looks."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.register_memory("last", None)

    @property
    def steps(self):
        return 6

    def neuronal_dynamics(self, x):
        super().neuronal_dynamics(x if self.last is None else (x + self.last) / 2)
        self.last = x


class InPlace(BaseNode):
    """Adds to v in place."""

    @property
    def steps(self):
        return 6

    def neuronal_dynamics(self, x):
        self.v += x


IMPURE = [Counting, Drawing, Tallying, Normed, Nested, Remembering, Missing, InPlace]


@pytest.mark.parametrize("kind", IMPURE)
@pytest.mark.parametrize("backend", ["eager", "auto"])
def test_what_is_not_pure_runs_step_by_step_each_step_once(kind, backend):
    torch.manual_seed(0)
    x = torch.rand(6, 3, 4) * 1.5
    steps, node = kind(), kind(step_mode="m", backend=backend, store_v_seq=True)
    assert node._form(x[0]) is None
    assert int(node.steps) in (0, 6)
    xs, xm = x.clone().requires_grad_(), x.clone().requires_grad_()
    rows, outs = [], []
    for row in xs:
        outs.append(steps(row))
        rows.append(steps.v.detach().clone())
    out = node(xm)
    assert torch.equal(out, torch.stack(outs))
    assert torch.equal(node.v_seq, torch.stack(rows))
    assert int(node.steps) == 6
    torch.stack(outs).sum().backward()
    out.sum().backward()
    assert torch.equal(xs.grad, xm.grad)
    assert xm.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", [IFNode, InPlace])
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_membrane_changed_in_place_is_as_good_as_a_new_one(kind, mode):
    node = kind(detach_reset=True, step_mode=mode)
    x = torch.full((5, 1, 2), 0.3, requires_grad=True)
    out = node(x) if mode == "m" else torch.stack([node(row) for row in x])
    assert out[:, 0, 0].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0]
    node.v.sum().backward()
    assert x.grad[4].tolist() == [[1.0, 1.0]]
    node.set_reset_value("v", torch.zeros(1, 2))
    for _ in range(2):
        node.reset()
        assert node.v.tolist() == [[0.0, 0.0]]
        with torch.no_grad():
            node(x if mode == "m" else x[0])


def test_a_number_in_a_memory_stays_one_step_by_step():
    class Timed(IFNode):
        def __init__(self, **settings):
            super().__init__(**settings)
            self.register_memory("t", 0.0)

        def neuronal_dynamics(self, x):
            self.t = self.t + 1.0
            self.v = self.v + x * self.t

    x = torch.rand(4, 2, 3, requires_grad=True)
    steps, node = Timed(), Timed(step_mode="m")
    assert torch.equal(torch.stack([steps(row) for row in x]), node(x))
    assert steps.t == 4.0
    assert (node.t == 4.0).all()  # all steps at once, it is a state like v


def test_a_node_that_turns_impure_is_found_out():
    class Loud(IFNode):
        def __init__(self):
            super().__init__(step_mode="m", backend="eager")
            self.loud, self.steps = False, 0

        def neuronal_dynamics(self, x):
            if self.loud:
                self.steps = self.steps + 1
            super().neuronal_dynamics(x)

    node, x = Loud(), torch.rand(5, 1, 2)
    expected = node(x)
    node.reset()
    node.loud = True
    assert torch.equal(node(x), expected)
    assert node.steps == 5


def test_what_is_random_differs_from_step_to_step_and_pure_nodes_do_not_draw():
    class Noisy(IFNode):
        def neuronal_dynamics(self, x):
            self.v = torch.rand_like(x)

    node = Noisy(10.0, step_mode="m", backend="eager", store_v_seq=True)
    node(torch.zeros(6, 1, 3))
    assert node.v_seq.unique().numel() == 18
    before = torch.get_rng_state()
    LIFNode(step_mode="m")(torch.zeros(3, 1, 1))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_method_replaced_on_the_node_is_the_one_that_runs():
    node, x = IFNode(10.0, step_mode="m"), torch.ones(4, 1, 1)
    node.neuronal_dynamics = lambda x: setattr(node, "v", node.v + 2 * x)
    node(x)
    assert node.v.item() == 8.0


def test_charging_by_spikingjellys_name_is_not_passed_over():
    class Doubling(LIFNode):
        def neuronal_charge(self, x):
            self.v = self.v + 2 * x

    for mode in "sm":
        node = Doubling(v_threshold=10.0, step_mode=mode)
        node(torch.ones(1, 1) if mode == "s" else torch.ones(1, 1, 1))
        assert node.v.item() == 2.0


def test_a_step_that_depends_on_values_runs_on_eager():
    class Branching(IFNode):
        def neuronal_dynamics(self, x):
            super().neuronal_dynamics(x if (self.v < 0.6).all() else 0 * x)

    x = torch.full((5, 1, 1), 0.4)
    steps, node = Branching(), Branching(step_mode="m", backend=EAGER)
    assert torch.equal(torch.stack([steps(row) for row in x]), node(x))
    assert node.v.item() == pytest.approx(0.8)


class Plain(IFNode):
    """Pure, of a class that the package does not know."""

    def neuronal_dynamics(self, x):
        self.v = self.v + 0.5 * x


@pytest.mark.parametrize(
    "make",
    [
        LIFNode,
        lambda **k: ParametricLIFNode(3.0, **k),
        lambda **k: LIFNode(torch.full((4,), 3.0), **k),
        Plain,
        Counting,
        Nested,
    ],
)
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_node_that_nobody_holds_is_gone_with_its_state(make, mode):
    node = make(step_mode=mode, store_v_seq=True)
    x = torch.rand(3, 2, 4, requires_grad=True)
    (node(x) if mode == "m" else node(x[0])).sum().backward()
    gone = [weakref.ref(one) for one in (node, node.v, node.surrogate_function)]
    del node
    gc.collect()
    assert [one() for one in gone] == [None, None, None]


def test_the_records_of_nodes_that_are_gone_are_bounded():
    assert pure_module._neuron.cache_info().maxsize == 256
