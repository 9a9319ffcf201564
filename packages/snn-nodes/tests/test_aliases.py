"""Outputs, replicas and starts that must not share what a state is."""

from __future__ import annotations

import pytest
import torch
from snn_nodes.neuron import IFNode, LIFNode, LINode, ParametricLIFNode, StateWarning
from torch import nn


@pytest.mark.parametrize("mode", ["s", "m"])
def test_what_is_written_into_an_output_is_no_state(mode):
    written, alone = LINode(dt=1e-3, step_mode=mode), LINode(dt=1e-3, step_mode=mode)
    x = torch.ones(1, 2) if mode == "s" else torch.ones(2, 1, 2)
    for _ in range(3):
        written(x).mul_(5)
        alone(x)
    assert torch.equal(written.v, alone.v)
    assert alone.v.all()


def test_a_replica_for_another_device_has_a_state_of_its_own():
    node = LIFNode()
    node(torch.ones(1, 2))
    replica = node._replicate_for_data_parallel()
    replica(torch.ones(1, 2))
    assert torch.equal(node.v, torch.full((1, 2), 0.5))
    assert torch.equal(replica.v, torch.full((1, 2), 0.75))


def test_a_reset_value_of_one_sample_is_not_mistaken_for_a_state_of_one():
    node = IFNode()
    node.set_reset_value("v", torch.zeros(1, 3))
    node.reset()
    node(torch.full((1, 3), 0.5))
    with pytest.warns(StateWarning, match=r"its v is \(1, 3\).*needs \(4, 3\)"):
        node(torch.zeros(4, 3))
    assert torch.equal(node.v, torch.zeros(4, 3))


def test_a_number_as_a_tensor_is_a_start():
    node = IFNode(on_new_shape="raise")
    node.v = torch.tensor(0.5)
    node(torch.zeros(2, 2))
    assert torch.equal(node.v, torch.full((2, 2), 0.5))


@pytest.mark.parametrize(
    "tau", [torch.full((3,), 2.0, dtype=torch.float64), torch.full((7, 1), 2.0)]
)
def test_parameters_that_would_change_the_state_are_refused_step_by_step(tau):
    with pytest.raises(ValueError, match=r"has made its v \(.*must broadcast to \(3,\) and have"):
        LIFNode(tau=tau)(torch.ones(1, 3))


def test_under_autocast_nodes_compute_in_single_precision():
    torch.manual_seed(0)
    x = torch.rand(5, 3, 4) * 3
    for node in (ParametricLIFNode(torch.full((4,), 2.0), step_mode="m"), LIFNode(step_mode="m")):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = node(nn.Identity()(x.bfloat16()))
        again = node.v.clone()
        node.reset()
        assert out.dtype == again.dtype == torch.float32
        assert torch.equal(out, node(x.bfloat16().float()))
        assert torch.equal(again, node.v)
