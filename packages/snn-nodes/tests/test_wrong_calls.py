"""What a user gets wrong: the message says what was given, what was expected, and where."""

from __future__ import annotations

import pytest
import torch
from snn_nodes import functional
from snn_nodes.neuron import CubaLIFNode, LIFNode
from torch import nn


@pytest.mark.parametrize("x", [[1.0, 2.0], torch.ones(2, 3).numpy()])
def test_an_input_that_is_no_tensor(x):
    with pytest.raises(
        TypeError, match=rf"^LIFNode\(tau=.* takes a tensor, got {type(x).__name__}"
    ):
        LIFNode()(x)


def test_an_input_of_integers():
    with pytest.raises(TypeError, match=r"takes a floating-point input, got torch.int64; x.float"):
        LIFNode()(torch.ones(2, 3, dtype=torch.long))


def test_parameters_of_another_size_name_the_node():
    net = nn.Sequential(nn.Identity(), LIFNode(v_threshold=torch.ones(3), step_mode="m"))
    functional.reset_net(net)
    with pytest.raises(ValueError, match=r"'v_threshold' of shape \(3,\)") as caught:
        net(torch.ones(2, 2, 4))
    assert caught.value.__notes__ == ["in LIFNode '1'"]
    node = CubaLIFNode(dt=1e-3, step_mode="m")
    with pytest.raises(TypeError, match="dense") as caught:
        node(torch.ones(2, 2, 4).to_sparse())
    assert caught.value.__notes__[0].startswith("in CubaLIFNode(neuron=lif")


def test_a_network_that_is_none():
    with pytest.raises(TypeError, match=r"^net must be a torch.nn.Module, got Tensor$"):
        functional.reset_net(torch.ones(2))
