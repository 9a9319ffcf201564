"""Memories that start with one value a neuron, for every batch."""

from __future__ import annotations

import pytest
import torch
from snn_nodes.neuron import BaseNode


class Adaptive(BaseNode):
    """Its threshold's surplus starts at a value of each neuron's own, and follows the spikes."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.register_memory("surplus", torch.tensor([0.0, 0.5, 1.0]))
        self.register_memory("gain", torch.tensor([1.0, 2.0, 0.5]))  # never changed by a step

    def neuronal_dynamics(self, x):
        self.v = self.v + x * self.gain

    def neuronal_fire(self, x=None):
        return self.surrogate_function(self.v - self.v_threshold - self.surplus)

    def neuronal_reset(self, spike):
        super().neuronal_reset(spike)
        self.surplus = 0.5 * self.surplus + spike


def by_hand(x):
    v, surplus = torch.zeros_like(x[0]), torch.tensor([0.0, 0.5, 1.0])
    out = []
    for row in x:
        v = v + row * torch.tensor([1.0, 2.0, 0.5])
        z = (v - 1.0 - surplus >= 0).to(v.dtype)
        v = torch.where(z > 0, 0.0, v)
        surplus = 0.5 * surplus + z
        out.append(z)
    return torch.stack(out), v, surplus


@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_start_of_each_neurons_own_is_one_for_every_batch(mode):
    torch.manual_seed(0)
    node = Adaptive(step_mode=mode, backend="eager", on_new_shape="raise")
    for batch in (4, 2):
        x = torch.rand(12, batch, 3)
        out = node(x) if mode == "m" else torch.stack([node(row) for row in x])
        expected, v, surplus = by_hand(x)
        assert 0.05 < expected.mean() < 0.9
        assert torch.equal(out, expected)
        assert torch.equal(node.v, v)
        assert torch.equal(node.surplus, surplus)
        node.reset()
        assert node.surplus.shape == (3,)


def test_what_has_become_of_it_belongs_to_its_batch():
    node = Adaptive(step_mode="m", on_new_shape="raise", backend="eager")
    node(torch.rand(3, 4, 3))
    with pytest.raises(ValueError, match=r"surplus|its v is \(4, 3\)"):
        node(torch.rand(3, 2, 3))
