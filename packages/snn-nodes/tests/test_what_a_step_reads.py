"""A change of whatever a step reads takes effect at the next call, on every backend."""

from __future__ import annotations

import pytest
import torch
from snn_nodes import functional, surrogate
from snn_nodes.neuron import BaseNode, IFNode, LIFNode
from torch import nn


class Foreign(nn.Module):
    """A surrogate of another library: its alpha is a plain number."""

    def __init__(self, alpha=1.0):
        super().__init__()
        self.alpha = alpha

    def forward(self, x):
        soft = torch.sigmoid(self.alpha * x)
        return (x >= 0).to(x.dtype).detach() + soft - soft.detach()


class Late(surrogate.Sigmoid):
    """A surrogate of ours whose forward is another's."""

    def forward(self, x):
        return super().forward(x - 1)


class Gain:
    value = 1.0


class Configured(BaseNode):
    """Reads a number of an object that it holds."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.gain = Gain()

    def neuronal_dynamics(self, x):
        self.v = self.v + self.gain.value * x


class OfClass(BaseNode):
    """Reads a number of its class."""

    gain = 1.0

    def neuronal_dynamics(self, x):
        self.v = self.v + self.gain * x


class Counted(BaseNode):
    """Counts in an object that it holds."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.counts = [0]

    def neuronal_dynamics(self, x):
        self.counts[0] += 1
        self.v = self.v + x


class Mixing(BaseNode):
    """Mixes neurons by a matrix of its own."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.matrix = nn.Parameter(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))

    def neuronal_dynamics(self, x):
        self.v = self.v + x @ self.matrix


def gradient(node, x):
    functional.reset_net(node)
    x = x.clone().requires_grad_()
    node(x).sum().backward()
    return x.grad


@pytest.mark.parametrize("backend", ["eager", "auto"])
def test_the_alpha_of_a_foreign_surrogate(backend):
    x = 2 * torch.rand(6, 3, 4, generator=torch.Generator().manual_seed(0))
    node = LIFNode(surrogate_function=Foreign(), step_mode="m", backend=backend)
    other = LIFNode(surrogate_function=Foreign(5.0), step_mode="m", backend=backend)
    before = gradient(node, x)
    node.surrogate_function.alpha = 5.0
    assert torch.equal(gradient(node, x), gradient(other, x))
    assert not torch.allclose(gradient(node, x), before)
    # nor does the change reach one that has the old value
    fresh = LIFNode(surrogate_function=Foreign(), step_mode="m", backend=backend)
    assert torch.equal(gradient(fresh, x), before)


def test_a_surrogate_of_ours_with_a_forward_of_its_own():
    x = torch.full((1, 1, 1), 1.5)
    for mode, given in (("s", x[0]), ("m", x)):
        assert not IFNode(surrogate_function=Late(), step_mode=mode)(given).any()
        assert IFNode(surrogate_function=surrogate.Sigmoid(), step_mode=mode)(given).all()


def test_a_hook_on_a_surrogate_is_called():
    for mode, shape in (("s", (1, 2)), ("m", (3, 1, 2))):
        node, calls = IFNode(step_mode=mode), []
        node.surrogate_function.register_forward_hook(lambda *given, c=calls: c.append(1))
        node(torch.ones(shape))
        assert len(calls) == (1 if mode == "s" else 3)


@pytest.mark.parametrize("backend", ["eager", "auto"])
@pytest.mark.parametrize("kind", [Configured, OfClass])
def test_a_number_one_level_away(kind, backend, monkeypatch):
    node = kind(v_threshold=100.0, step_mode="m", backend=backend)
    x = torch.ones(4, 1, 2)
    node(x)
    assert torch.equal(node.v, torch.full((1, 2), 4.0))
    holder = (Gain, "value") if kind is Configured else (OfClass, "gain")
    monkeypatch.setattr(*holder, 3.0)
    node.reset()
    node(x)
    assert torch.equal(node.v, torch.full((1, 2), 12.0))


def test_what_it_holds_is_changed_once_a_step_at_every_call():
    node = Counted(step_mode="m")
    for call in (1, 2, 3):
        node(torch.ones(4, 1, 2))
        assert node.counts == [4 * call]


def test_a_matrix_of_its_own_runs_step_by_step_and_learns():
    node = Mixing(step_mode="m", v_threshold=100.0)
    node(torch.tensor([[[1.0, 2.0]]]))
    assert torch.equal(node.v, torch.tensor([[2.0, 1.0]]))
    node.v.sum().backward()
    assert torch.equal(node.matrix.grad, torch.tensor([[1.0, 1.0], [2.0, 2.0]]))


class Noisy(BaseNode):
    """Adds noise of torch's own generator."""

    def neuronal_dynamics(self, x):
        self.v = self.v + x + torch.randn_like(x)


def test_noise_is_the_same_in_both_modes():
    x = torch.rand(5, 2, 3, generator=torch.Generator().manual_seed(0))
    steps, whole = Noisy(), Noisy(step_mode="m", backend="eager")
    torch.manual_seed(1)
    expected = torch.stack([steps(row) for row in x])
    torch.manual_seed(1)
    assert torch.equal(whole(x), expected)
    assert torch.equal(whole.v, steps.v)
