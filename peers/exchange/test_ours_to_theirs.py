"""Our networks in norse, snnTorch and SpikingJelly, by NIR: the same spikes, or why not.

    python run.py nox -s exchange

Where the meanings agree, spikes must be equal; elsewhere it is said by how much they differ. What
stands in the tables of ``docs/nir.md`` is asserted here and in the files beside it.
"""

import nir
import pytest
import snn_core as snn
import torch
from snn_nodes.exchange import fitted, to_nir
from snn_nodes.layer import (
    AvgPool2d,
    Conv2d,
    Flatten,
    Linear,
    Recurrent,
    Sequential,
    SumPool2d,
)
from snn_nodes.neuron import IAFNode, IFNode, LIFNode, NeuronNode, ParametricLIFNode
from torch import nn

from .libraries import DT, RUN, active, in_ours, spikes


def dense(*nodes, gain=1.0):
    """Linear layers (5 to 6 to 6 ...) with a node after each."""
    torch.manual_seed(1)
    net = Sequential()
    for node in nodes:
        weight = Linear(6 if len(net) else 5, 6, bias=False)
        nn.init.normal_(weight.weight, 0.2 * gain, gain)
        net.append(weight)
        net.append(node)
    return net


def current_based(**more):
    params = snn.neuron("lif").Params(tau_mem=10 * DT, tau_syn=5 * DT, **more)
    return NeuronNode("lif", dt=DT, params=params)


def boxed(**more):
    params = snn.neuron("lif_box").Params(tau_mem=5 * DT, **more)
    return NeuronNode("lif_box", dt=DT, params=params)


def images():
    torch.manual_seed(2)
    net = Sequential(
        Conv2d(2, 4, 3, padding=1),
        LIFNode(tau=4.0, decay_input=False, v_threshold=0.7),
        SumPool2d(2),
        Flatten(),
        Linear(36, 6),
        LIFNode(tau=4.0, decay_input=False, v_threshold=0.5),
    )
    return net, (2, 6, 6)


def averaged():
    net, shape = images()
    net[2] = AvgPool2d(2)
    return net, shape


ALL, WITHOUT_NORSE = ("norse", "snntorch", "spikingjelly"), ("snntorch", "spikingjelly")
WITHOUT_SNNTORCH = ("norse", "spikingjelly")

# name: (network and shape, libraries that read it, how many steps ours comes later)
NETWORKS = {
    "IFNode": (lambda: (dense(IFNode(), gain=0.4), 5), WITHOUT_SNNTORCH, 0),
    "IFNode, v_reset": (lambda: (dense(IFNode(v_reset=0.0), gain=0.4), 5), WITHOUT_SNNTORCH, 0),
    "LIFNode": (lambda: (dense(LIFNode(tau=5.0), LIFNode(tau=5.0), gain=5.0), 5), ALL, 0),
    "LIFNode, input kept": (
        lambda: (dense(LIFNode(tau=5.0, decay_input=False), gain=0.5), 5),
        ALL,
        0,
    ),
    "LIFNode, v_reset": (
        lambda: (dense(LIFNode(tau=5.0, v_reset=-0.5), gain=5.0), 5),
        ("spikingjelly",),
        0,
    ),
    "PLIF": (lambda: (dense(ParametricLIFNode(init_tau=5.0), gain=5.0), 5), ALL, 0),
    "lif_box": (lambda: (dense(boxed(), boxed(), gain=5.0), 5), ALL, 0),
    "lif_box, r": (lambda: (dense(boxed(r=2.5), gain=2.0), 5), ALL, 0),
    "lif": (lambda: (dense(current_based(), gain=3.0), 5), ALL, 1),
    "lif, lif": (lambda: (dense(current_based(), current_based(), gain=3.0), 5), ALL, 2),
    "iaf": (lambda: (dense(IAFNode(dt=DT), gain=0.4), 5), WITHOUT_SNNTORCH, 1),
    "recurrent": (
        lambda: (dense(Recurrent(LIFNode(tau=5.0), 6), gain=5.0), 5),
        WITHOUT_SNNTORCH,
        0,
    ),
    "images": (images, ALL, 0),
    "images, averaged": (averaged, WITHOUT_NORSE, 0),
}
CASES = [(name, target) for name, (_, targets, _) in NETWORKS.items() for target in targets]


@pytest.mark.parametrize(("name", "target"), CASES)
def test_our_network_spikes_there_as_here(name, target, tmp_path):
    make, _, later = NETWORKS[name]
    net, shape = make()
    x = spikes(5) if shape == 5 else spikes(*shape)
    graph, report = to_nir(net, shape, dt=DT)
    ready, _ = fitted(graph, target, dt=DT)
    with torch.no_grad():
        ours = net(x)
    assert active(ours)
    theirs = RUN[target](ready, x)
    assert torch.equal(ours[later:], theirs[: len(x) - later])
    assert bool(report.of("latency")) == bool(later)
    nir.write(tmp_path / "net.nir", graph)
    again, _ = fitted(nir.read(tmp_path / "net.nir"), target, dt=DT)
    assert torch.equal(RUN[target](again, x), theirs)


@pytest.mark.parametrize("target", WITHOUT_SNNTORCH)
def test_a_recurrent_lif_differs_since_its_loop_is_a_step_longer(target):
    """The one case in which no shift makes them equal; as CurrentFirst they are equal."""
    net = dense(Recurrent(current_based(), 6), gain=3.0)
    x = spikes(5)
    graph, _ = to_nir(net, 5, dt=DT)
    ready, _ = fitted(graph, target, dt=DT)
    theirs = RUN[target](ready, x)
    with torch.no_grad():
        ours = net(x)
    assert active(theirs)
    assert not torch.equal(ours[1:], theirs[:-1])
    assert torch.equal(in_ours(graph, x), theirs)
