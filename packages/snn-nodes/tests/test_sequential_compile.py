"""torch.compile of a Sequential: one graph, no recompiles, the same numbers."""

from __future__ import annotations

import torch
from snn_core.testing.compiling import whole_graph
from snn_nodes import layer
from snn_nodes.functional import detach_net, reset_net
from snn_nodes.layer import Sequential
from snn_nodes.neuron import IFNode, LIFNode
from torch import nn


def made():
    torch.manual_seed(0)
    return Sequential(
        nn.Linear(4, 8),
        nn.Unflatten(1, (2, 4)),
        layer.MaxPool1d(2),
        layer.Flatten(),
        layer.BatchNorm1d(4),
        LIFNode(),
        layer.SparseSynapse.from_density(4, 4, 0.5),
        layer.Delay(1),
        layer.Delay(torch.tensor([0, 2, 1, 0])),
        layer.Dropout(0.0),
        layer.Recurrent(IFNode(), 4),
    )


def test_it_compiles_without_breaks_and_recompiles():
    net = made()
    x = 6 * torch.rand(5, 3, 4, generator=torch.Generator().manual_seed(1))
    net(x)  # a node looks at its own methods once
    reset_net(net)
    wanted = made()
    with whole_graph(net) as compiled:
        assert torch.equal(compiled(x), wanted(x))
        with torch._dynamo.config.patch(error_on_recompile=True):
            reset_net(net)
            reset_net(wanted)
            assert torch.equal(compiled(x + 1), wanted(x + 1))
        detach_net(net)
        compiled(x)  # going on from a state is another graph, once
        with torch._dynamo.config.patch(error_on_recompile=True):
            detach_net(net)
            compiled(x + 1)
            detach_net(net)
            y = compiled(x)
    reset_net(wanted)
    for part in (x + 1, x, x + 1):
        wanted(part)
    assert torch.equal(y, wanted(x))
    assert 0 < y.mean() < 1
