"""What other packages do with a step: trace it and its backward, map it, differentiate it."""

import pytest
import snn_core as snn
import torch
from snn_core.thresholds import SUPER_SPIKE
from snn_neurons import _plugin
from torch.fx.experimental.proxy_tensor import make_fx

NAMES = [entry.name for entry in _plugin.snn_neurons()]
DT = 1e-3


def situation(neuron, draw, shape=(2, 3)):
    params = neuron.Params(*(torch.full((3,), float(v)).double() for v in neuron.Params()))
    return (
        draw(0, 3, *shape),
        neuron.State(*(draw(0, 1.5, *shape) for _ in neuron.State._fields)),
        params,
    )


@pytest.mark.parametrize("name", NAMES)
def test_step_and_vjp_trace_to_one_pointwise_graph(name, draw):
    neuron = snn.neuron(name)
    x, state, params = situation(neuron, draw)

    def forward_and_backward(x, state, params, grad):
        def step(x, state, params):
            return neuron.step(x, state, params, SUPER_SPIKE, DT)

        (z, after), pull = torch.func.vjp(step, x, state, params)
        return z, after, pull((grad, after))

    arguments = (x, state, params, draw(-1, 1, 2, 3))
    graph = make_fx(forward_and_backward)(*arguments)
    given, expected = (
        torch.utils._pytree.tree_leaves(function(*arguments))
        for function in (graph, forward_and_backward)
    )
    assert len(given) == 2 + 2 * len(state) + len(params)
    for one, other in zip(given, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=1e-14)
    # the same graph is right for other values: nothing of the data was baked in
    others = torch.utils._pytree.tree_map(lambda value: value * 0.75, arguments)
    for one, other in zip(
        torch.utils._pytree.tree_leaves(graph(*others)),
        torch.utils._pytree.tree_leaves(forward_and_backward(*others)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=1e-14)
    names = {str(node.target) for node in graph.graph.nodes if node.op == "call_function"}
    assert not any(word in one for one in names for word in ("mm", "index", "scatter", "nonzero"))


@pytest.mark.parametrize("name", NAMES)
def test_parameters_can_be_mapped(name, draw):
    neuron = snn.neuron(name)
    x, state, _ = situation(neuron, draw)
    params = neuron.Params(*(float(value) * draw(0.9, 1.1, 4) + 1e-6 for value in neuron.Params()))

    def step(params):
        return neuron.step(x, state, params, SUPER_SPIKE, DT)

    z, after = torch.func.vmap(step)(params)
    for k in range(4):
        one_z, one_after = step(neuron.Params(*(value[k] for value in params)))
        assert torch.equal(z[k], one_z)
        assert all(torch.equal(a[k], b) for a, b in zip(after, one_after, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_func_grad_is_autograd(name, draw):
    neuron = snn.neuron(name)
    x, state, params = situation(neuron, draw)

    def total(x, params):
        z, after = neuron.step(x, state, params, SUPER_SPIKE, DT)
        return z.sum() + sum(value.square().sum() for value in after)

    given = torch.func.grad(total, argnums=(0, 1))(x, params)
    leaves = [value.clone().requires_grad_() for value in (x, *params)]
    loss = total(leaves[0], neuron.Params(*leaves[1:]))
    expected = torch.autograd.grad(loss, leaves, allow_unused=True)
    for one, other in zip((given[0], *given[1]), expected, strict=True):
        assert torch.equal(one, torch.zeros_like(one) if other is None else other)
