"""ParametricLIFNode relaxes to its reset potential, by its time constant."""

from __future__ import annotations

import pytest
import torch
from snn_nodes.neuron import ParametricLIFNode


@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("v_reset", [0.25, -0.5])
def test_without_input_it_stays_at_its_reset_potential_and_goes_back_to_it(decay_input, v_reset):
    node = ParametricLIFNode(4.0, decay_input, 100.0, v_reset, step_mode="m").double()
    zeros = torch.zeros(7, 1, 2, dtype=torch.float64)
    node(zeros)
    assert torch.equal(node.v, torch.full((1, 2), v_reset, dtype=torch.float64))
    node.v = torch.full((1, 2), 2.0, dtype=torch.float64)
    node(zeros)
    expected = v_reset + (2.0 - v_reset) * (1 - 1 / 4.0) ** 7
    torch.testing.assert_close(node.v.detach(), torch.full((1, 2), expected).double())
