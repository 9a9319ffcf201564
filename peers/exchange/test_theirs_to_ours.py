"""Networks of norse, snnTorch and SpikingJelly here, by NIR: the same spikes, or why not."""

import nir
import norse.torch as norse
import pytest
import snntorch
import torch
from snn_nodes.exchange import ExchangeError, from_nir
from snntorch import utils as snntorch_utils
from snntorch.export_nir import export_to_nir as snntorch_export
from spikingjelly.activation_based import layer as sj_layer
from spikingjelly.activation_based import neuron as sj_neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir as sj_export
from torch import nn

from .libraries import active, in_ours, spikes, stepped


def test_what_spikingjelly_writes_spikes_here_as_there():
    torch.manual_seed(3)
    theirs = nn.Sequential(
        sj_layer.Conv2d(2, 3, 3, bias=False),
        sj_neuron.IFNode(v_threshold=0.8, v_reset=-0.25),
        sj_layer.AvgPool2d(2),
        sj_layer.Flatten(),
        sj_layer.Linear(12, 8),
        sj_neuron.LIFNode(tau=4.0, v_threshold=0.1),
        sj_layer.Linear(8, 6),
        sj_neuron.CUBALIFNode(c_decay=0.6, v_decay=0.75, v_threshold=0.8),
    )
    x = spikes(2, 6, 6)
    graph = sj_export(theirs, x[0], dt=1e-3)
    with torch.no_grad():
        expected = torch.stack([theirs(row) for row in x])
    assert active(expected)
    net, report = from_nir(graph, dt=1e-3)
    start = torch.full((3, 3, 4, 4), -0.25)  # IF starts at v_reset there, at 0 in NIR
    net[1].v = start
    assert not report.of("precision")
    assert torch.equal(net(x), expected)


def in_their_snntorch(net, x):
    snntorch_utils.reset(net)
    with torch.no_grad():
        return torch.stack([net(row)[0] for row in x])


def leaky(kind, *values, **more):
    torch.manual_seed(4)
    shaped = [torch.full((6,), value) for value in values]
    node = kind(*shaped, init_hidden=True, output=True, threshold=torch.ones(6), **more)
    net = nn.Sequential(nn.Linear(5, 6), node)
    nn.init.normal_(net[0].weight, 0.2, 0.6)
    return net, snntorch_export(net, torch.zeros(5))


@pytest.mark.parametrize("delay", [False, True])
def test_what_snntorch_writes_spikes_here_as_there_with_a_hard_reset(delay):
    net, graph = leaky(snntorch.Leaky, 0.8, reset_mechanism="zero", reset_delay=delay)
    x = spikes(5)
    expected = in_their_snntorch(net, x)
    assert active(expected)
    assert torch.equal(in_ours(graph, x), expected)


def test_snntorchs_own_reset_is_lost_in_its_graph():
    """Its default, by subtraction, is written as the reset to 0."""
    soft, graph = leaky(snntorch.Leaky, 0.8)
    _, hard_graph = leaky(snntorch.Leaky, 0.8, reset_mechanism="zero")
    for name, node in graph.nodes.items():
        assert {k: str(v) for k, v in vars(node).items()} == {
            k: str(v) for k, v in vars(hard_graph.nodes[name]).items()
        }
    x = spikes(5)
    assert not torch.equal(in_ours(graph, x), in_their_snntorch(soft, x))


@pytest.mark.parametrize("delay", [False, True])
def test_synaptic_is_read_right_if_its_reset_is_not_delayed(delay):
    """With its default, reset_delay=True, the step after a spike is lost there, and not in NIR."""
    net, graph = leaky(snntorch.Synaptic, 0.6, 0.8, reset_mechanism="zero", reset_delay=delay)
    x = spikes(5)
    expected = in_their_snntorch(net, x)
    assert active(expected)
    assert torch.equal(in_ours(graph, x), expected) == (not delay)


def test_norses_time_constants_are_dt_times_too_small_in_its_graph():
    torch.manual_seed(6)
    cell = norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.tensor(200.0)), dt=1e-3)
    net = norse.SequentialState(nn.Linear(5, 6), cell)
    nn.init.normal_(net[0].weight, 1.0, 4.0)
    graph = norse.to_nir(net, torch.zeros(5), dt=1e-3)
    (node,) = (node for node in graph.nodes.values() if isinstance(node, nir.LIF))
    assert node.tau.item() == pytest.approx(5e-3 * 1e-3)
    with pytest.raises(ExchangeError, match=r"tau = 5e-06 s is shorter than .*norse 1.1.0"):
        from_nir(graph, dt=1e-3)
    node.tau = node.tau / 1e-3
    x = spikes(5)
    expected = stepped(net, x)
    assert active(expected)
    assert torch.equal(in_ours(graph, x, dt=1e-3), expected)
