"""torch.utils.checkpoint: a state that has gone on is refused, one that is handed on is right."""

from __future__ import annotations

import pytest
import torch
from snn_nodes import functional, layer
from snn_nodes.neuron import CubaLIFNode, LIFNode
from torch import nn
from torch.utils.checkpoint import checkpoint


@pytest.fixture
def net():
    torch.manual_seed(0)
    return layer.Sequential(nn.Linear(4, 5), LIFNode(v_threshold=0.3), nn.Linear(5, 3), LIFNode())


@pytest.fixture
def x():
    return 2 * torch.rand(6, 3, 4, generator=torch.Generator().manual_seed(1))


def gradients(net, run, x):
    net.zero_grad()
    x = x.clone().requires_grad_()
    run(x).backward()
    return [x.grad, *(p.grad for p in net.parameters())]


MAKE = {
    "lif": LIFNode,
    "by name": lambda **k: CubaLIFNode(dt=1e-3, **k),
    "delay": lambda **k: layer.Delay(1, **k),
    "recurrent": lambda **k: layer.Recurrent(LIFNode(), 4, **k),
    "recurrent, step by step": lambda **k: layer.Recurrent(
        LIFNode(), layer.Sequential(nn.Linear(4, 4), nn.Tanh()), **k
    ),
}


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_node_that_would_start_from_its_end_is_refused(make, mode, x):
    node = make(step_mode=mode)
    given = (x if mode == "m" else x[0]).requires_grad_()
    loss = checkpoint(node, given, use_reentrant=False).sum()
    with pytest.raises(RuntimeError, match=r"called within a backward pass.*reset_net.*threaded"):
        loss.backward()


def test_one_that_is_reset_in_the_function_is_right(net, x):
    def run(x):
        functional.reset_net(net)
        return net(x)

    expected = gradients(net, lambda x: run(x).sum(), x)
    found = gradients(net, lambda x: checkpoint(run, x, use_reentrant=False).sum(), x)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert expected[0].any()


def test_a_state_that_is_handed_on_is_right(net, x):
    expected = gradients(net, lambda x: net(x).sum(), x)

    def in_parts(x):
        first, state = checkpoint(net.threaded, x[:2], use_reentrant=False)
        second, _ = checkpoint(net.threaded, x[2:], state, use_reentrant=False)
        return first.sum() + second.sum()

    torch.testing.assert_close(gradients(net, in_parts, x), expected)


@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_state_of_inference_is_one_to_train_from(mode, x):
    node, alone = LIFNode(step_mode=mode), LIFNode(step_mode=mode)
    given = x if mode == "m" else x[0]
    with torch.inference_mode():
        node(given)
    alone(given)
    leaves = [given.clone().requires_grad_() for _ in range(2)]
    for one, leaf in zip((node, alone), leaves, strict=True):
        one(leaf).sum().backward()
    assert torch.equal(leaves[0].grad, leaves[1].grad)
    assert leaves[0].grad.any()
