"""What is written means what ran: cards are taken off, so that only NIR's numbers count."""

import numpy as np
import pytest
import snn_core as snn
import torch
from snn_nodes.exchange import from_nir, to_nir
from snn_nodes.layer import Linear, Recurrent, Sequential
from snn_nodes.neuron import CubaLIFNode, IAFNode, IFNode, LIFNode, NeuronNode
from torch import nn

from .nir_interpreter import DT, spikes


def stranger(net, n, **options):
    graph, report = to_nir(net, n, dt=DT, **options)
    for node in graph.nodes.values():
        node.metadata = {}
    return graph, report


def built(*nodes, seed=0):
    torch.manual_seed(seed)
    return Sequential(*nodes).double()


@pytest.mark.parametrize(
    "node",
    [
        lambda: IFNode(0.7),
        lambda: IFNode(0.7, -0.25),
        lambda: LIFNode(tau=5.0, v_threshold=0.2),
        lambda: LIFNode(tau=5.0, decay_input=False, v_reset=-0.5),
        lambda: NeuronNode("lif_box", dt=DT, params=snn.neuron("lif_box").Params(v_th=0.1)),
        lambda: NeuronNode("iaf_integrate_first", dt=DT),
        lambda: Recurrent(LIFNode(tau=3.0, v_threshold=0.2), 5),
    ],
)
def test_nodes_without_a_synapse_are_written_as_they_run(node):
    net = built(Linear(4, 5), node())
    graph, report = stranger(net, 4)
    shift = 0.25 if report.of("start") else 0.0  # IF starts at v_reset here, at 0 in NIR
    x = spikes(4)
    back = from_nir(graph, dt=DT).net
    if shift:
        for module in back.modules():
            if isinstance(module, NeuronNode):
                module.v = torch.full((2, 5), -shift, dtype=torch.float64)
    ours = net(x)
    assert 0.02 < ours.mean() < 0.9
    assert torch.equal(back(x), ours)


def one_layer_shift(node):
    net = built(Linear(4, 5), node)
    with torch.no_grad():
        net[0].weight *= 4
    graph, report = stranger(net, 4)
    assert "a step later" in report.of("latency")[0].consequence
    x, back = spikes(4), from_nir(graph, dt=DT).net
    return net(x), back(x), graph


def test_iaf_is_an_if_one_step_later():
    ours, theirs, _ = one_layer_shift(IAFNode(dt=DT))
    assert 0.02 < ours.mean() < 0.9
    assert torch.equal(ours[1:], theirs[:-1])
    assert ours[0].sum() == 0


def test_lif_is_a_cubalif_one_step_later_for_each_layer():
    params = snn.neuron("lif").Params(tau_mem=8e-3, tau_syn=3e-3, v_th=0.3, v_leak=0.02)
    ours, theirs, graph = one_layer_shift(CubaLIFNode(dt=DT, params=params))
    assert 0.02 < ours.mean() < 0.9
    assert torch.equal(ours[1:], theirs[:-1])
    node = graph.nodes["1"]
    np.testing.assert_allclose(node.r * node.w_in * DT / node.tau_syn, 1.0, rtol=1e-14)
    two = (CubaLIFNode(dt=DT, params=params) for _ in range(2))
    deep = built(Linear(4, 5), next(two), Linear(5, 3), next(two))
    with torch.no_grad():
        deep[0].weight *= 6
        deep[2].weight.abs_().mul_(6)
        deep[2].bias.zero_()
    graph, _ = stranger(deep, 4)
    ours, theirs = deep(spikes(4)), from_nir(graph, dt=DT).net(spikes(4))
    assert ours.mean() > 0.02
    assert torch.equal(ours[2:], theirs[:-2])


def test_an_exported_lif_is_read_as_lif_without_a_gain():
    params = snn.neuron("lif").Params(tau_mem=8e-3, tau_syn=3e-3, v_th=0.3)
    net = built(Linear(4, 5), CubaLIFNode(dt=DT, params=params))
    graph, _ = stranger(net.float(), 4)
    back, _ = from_nir(graph, dt=DT, membrane_first=True)
    assert type(back[1]) is NeuronNode
    x = spikes(4).float()
    assert torch.equal(back(x), net(x))


def test_a_plain_torch_sequential_is_written_too():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), IFNode(), nn.Flatten(), nn.Linear(32, 3), nn.Dropout())
    graph, report = to_nir(net, (1, 6, 6), dt=DT)
    assert list(graph.nodes) == ["input", "0", "1", "2", "3", "output"]
    assert [note.node for note in report.of("training")] == ["1", "4"]
    assert graph.nodes["1"].r.shape == (2, 4, 4)
