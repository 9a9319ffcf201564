"""Networks exchanged by NIR with norse, snnTorch and SpikingJelly: the same spikes, or why not.

    python run.py nox -s exchange

Where the meanings agree, spikes must be equal; elsewhere it is said by how much they differ. What
stands in the tables of ``docs/nir.md`` is asserted here.
"""

import contextlib
import copy
import io

import nir
import norse.torch as norse
import numpy as np
import pytest
import snn_core as snn
import snntorch
import torch
from snn_nodes.exchange import ExchangeError, fitted, from_nir, to_nir
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
from snntorch import utils as snntorch_utils
from snntorch.export_nir import export_to_nir as snntorch_export
from snntorch.import_nir import import_from_nir as snntorch_import
from spikingjelly.activation_based import layer as sj_layer
from spikingjelly.activation_based import neuron as sj_neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir as sj_export
from spikingjelly.activation_based.nir_exchange import import_from_nir as sj_import
from torch import nn

DT = 1e-4  # snnTorch knows no other


# Each library reads a graph and runs it step by step.


def stepped(module, x):
    state, rows = None, []
    with torch.no_grad():
        for row in x:
            output, state = module(row, state)
            rows.append(output)
    return torch.stack(rows)


def in_norse(graph, x, dt=DT):
    return stepped(norse.from_nir(copy.deepcopy(graph), dt=dt, ignore_warnings=True), x)


def in_snntorch(graph, x, dt=DT):
    with contextlib.redirect_stdout(io.StringIO()):  # it prints that it scales
        module = snntorch_import(copy.deepcopy(graph))
    snntorch_utils.reset(module)
    return stepped(module, x)


def in_spikingjelly(graph, x, dt=DT):
    return stepped(sj_import(copy.deepcopy(graph), dt=dt), x)


RUN = {"norse": in_norse, "snntorch": in_snntorch, "spikingjelly": in_spikingjelly}


def in_ours(graph, x, dt=DT, **options):
    """By NIR's numbers alone: cards taken off."""
    plain = copy.deepcopy(graph)
    for node in plain.nodes.values():
        node.metadata = {}
    with torch.no_grad():
        return from_nir(plain, dt=dt, **options).net(x)


def spikes(*shape, steps=60, batch=3, rate=0.3):
    generator = torch.Generator().manual_seed(5)
    return (torch.rand(steps, batch, *shape, generator=generator) < rate).float()


def active(z):
    return 0.01 < z.mean() < 0.9


# Ours to theirs.


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


# Theirs to ours.


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


# What each does with a graph of NIR, without ``fitted``: the traps.


def matrix(out, n_in, scale=1.0):
    drawn = np.random.default_rng([out, n_in]).normal(0.2, 1.0, (out, n_in))
    return (scale * drawn).astype(np.float32)


def lif(n=6, **changed):
    given = {"tau": 5 * DT, "r": 5.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | changed
    return nir.LIF(**{key: np.broadcast_to(value, (n,)).copy() for key, value in given.items()})


def cuba(n=6, **changed):
    given = {"tau_syn": 5 * DT, "tau_mem": 10 * DT, "r": 10.0, "v_leak": 0.0, "v_threshold": 1.0}
    given |= {"v_reset": 0.0, "w_in": 5.0} | changed
    return nir.CubaLIF(**{key: np.broadcast_to(value, (n,)).copy() for key, value in given.items()})


def chain(*nodes):
    return nir.NIRGraph.from_list(*copy.deepcopy(nodes))


X = spikes(5)
WEIGHT = nir.Linear(matrix(6, 5, 0.6))
TAUS = np.linspace(3 * DT, 8 * DT, 6)


@pytest.mark.parametrize(
    ("target", "kind", "right"),
    [
        ("norse", lif(), False),  # r = 5 counts as 1
        ("norse", lif(r=1.0), True),
        ("norse", lif(r=1.0, v_reset=-1.0), False),  # v_reset counts as 0
        ("norse", lif(r=1.0, v_leak=0.3), True),
        ("norse", lif(r=1.0, tau=TAUS, v_threshold=np.linspace(0.5, 1.5, 6)), True),
        ("norse", cuba(), True),
        ("norse", cuba(v_reset=-1.0), False),
        ("norse", cuba(v_leak=0.3), False),  # the synapse rests there, too
        ("norse", nir.IF(np.full(6, 1 / DT), np.ones(6)), True),
        ("norse", nir.IF(np.full(6, 0.5 / DT), np.ones(6)), False),  # r and dt count as 1
        ("snntorch", lif(), True),
        ("snntorch", lif(r=3.0), True),  # in the threshold
        ("snntorch", lif(tau=TAUS, r=TAUS / DT), True),
        ("snntorch", lif(v_reset=-1.0), False),
        ("snntorch", lif(r=np.linspace(2.0, 8.0, 6)), False),  # the first neuron's for all
        ("snntorch", cuba(), True),
        ("snntorch", cuba(w_in=3.0), True),
        ("spikingjelly", lif(), True),
        ("spikingjelly", lif(r=1.0), True),
        ("spikingjelly", lif(v_reset=-1.0, v_leak=-1.0), True),
        ("spikingjelly", cuba(), True),
        ("spikingjelly", nir.IF(np.full(6, 1 / DT), np.ones(6)), True),
    ],
)
def test_what_is_read_right_and_what_is_not(target, kind, right):
    scale = 4.0 if np.all(np.asarray(kind.r) == 1.0) else 1.0
    graph = chain(nir.Linear(WEIGHT.weight * scale), kind)
    ours, theirs = in_ours(graph, X), RUN[target](graph, X)
    assert active(ours)
    assert torch.equal(ours, theirs) == right


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("snntorch", nir.IF(np.full(6, 1 / DT), np.ones(6))),  # only r = 1, read as a leak of 0.9
        ("snntorch", lif(v_leak=0.3)),
        ("snntorch", cuba(r=1.0)),
        ("snntorch", nir.LI(np.full(6, 1e-3), np.ones(6), np.zeros(6))),
        ("snntorch", nir.Scale(np.ones(6))),
        ("snntorch", nir.Delay(np.full(6, DT))),
        ("spikingjelly", lif(r=2.0)),
        ("spikingjelly", lif(v_leak=0.3)),
        ("spikingjelly", lif(tau=np.linspace(2e-4, 5e-4, 6))),
        ("spikingjelly", cuba(w_in=3.0)),
        ("spikingjelly", nir.Threshold(np.ones(6))),
        ("spikingjelly", nir.LI(np.full(6, 1e-3), np.ones(6), np.zeros(6))),
    ],
)
def test_what_is_refused_there(target, kind):
    with pytest.raises((AssertionError, ValueError)):
        RUN[target](chain(WEIGHT, kind), X)


def test_snntorchs_if_leaks():
    """It takes r = 1 only, and decays by 0.9: a drive of 0.05 never gets beyond 0.5."""
    graph = chain(nir.Linear(np.ones((1, 1), np.float32)), nir.IF(np.ones(1), np.ones(1)))
    for drive, fires in ((0.05, False), (0.11, True)):
        module = snntorch_import(copy.deepcopy(graph))
        snntorch_utils.reset(module)
        outputs = [module(torch.full((1, 1), drive))[0] for _ in range(100)]  # spikes, membrane
        assert any(spike.item() for spike, _ in outputs) == fires
        assert max(membrane.item() for _, membrane in outputs) < 1.1


@pytest.mark.parametrize(
    "kind",
    [
        nir.Scale(np.full(6, 2.0)),
        nir.Threshold(np.full(6, 0.5)),
        nir.Delay(np.full(6, DT)),
        nir.LI(np.full(6, 5 * DT), np.ones(6), np.zeros(6)),
        nir.CubaLI(*np.full((2, 6), 5 * DT), np.ones(6), np.zeros(6)),
    ],
)
def test_norse_makes_another_network_of_what_it_does_not_know(kind):
    """Without an error: some of the nodes are left out."""
    last = nir.Linear(np.eye(6, dtype=np.float32))
    x = spikes(6)
    graph = chain(nir.Linear(matrix(6, 6, 3.0)), kind, last, lif(r=1.0, v_threshold=0.2))
    ours = in_ours(graph, x)
    assert ours.any()
    assert not torch.equal(ours, in_norse(graph, x))
    with pytest.raises(ExchangeError, match="norse cannot read"):
        fitted(graph, "norse", dt=DT)


def looped(node, back):
    nodes = {
        "input": nir.Input(np.array([5])),
        "fc": copy.deepcopy(WEIGHT),
        "cell": node,
        "back": back,
        "output": nir.Output(np.array([6])),
    }
    edges = [("input", "fc"), ("fc", "cell"), ("cell", "back"), ("back", "cell")]
    return nir.NIRGraph(nodes, [*edges, ("cell", "output")])


@pytest.mark.parametrize("kind", [lif, cuba])
def test_spikingjelly_and_norse_feed_back_as_we_do(kind):
    graph = looped(kind(), nir.Linear(matrix(6, 6, 0.5)))
    ours = in_ours(graph, X)
    assert active(ours)
    assert torch.equal(ours, in_spikingjelly(graph, X))
    ready, _ = fitted(graph, "norse", dt=DT)
    assert torch.equal(ours, in_norse(ready, X))


@pytest.mark.parametrize("run", [in_norse, in_spikingjelly])
def test_a_bias_on_the_way_back_counts_from_the_first_step_here_and_from_the_second_there(run):
    """They feed back nothing at first, not even the bias, which is there without any spike."""
    graph = looped(cuba(), nir.Affine(matrix(6, 6, 0.2), np.full(6, 0.05, np.float32)))
    ours, theirs = in_ours(graph, X), run(graph, X)
    assert active(ours)
    assert not torch.equal(ours, theirs)
    net, _ = from_nir(graph, dt=DT)
    net.late_back = torch.zeros(3, 6)
    assert torch.equal(net(X), theirs)


def test_snntorch_leads_the_input_through_the_weight_of_the_loop():
    graph = looped(lif(), nir.Linear(matrix(6, 6, 0.5)))
    theirs = in_snntorch(graph, X)
    assert not torch.equal(in_ours(graph, X), theirs)
    graph.edges = [("fc", "back") if edge == ("fc", "cell") else edge for edge in graph.edges]
    assert torch.equal(in_ours(graph, X), theirs)
    with pytest.raises(ExchangeError, match="snnTorch reads what 'back' feeds back wrongly"):
        fitted(looped(lif(), nir.Linear(matrix(6, 6))), "snntorch", dt=DT)


@pytest.mark.parametrize(("target", "fires"), [("norse", 0), ("snntorch", 0), ("spikingjelly", 1)])
def test_a_membrane_that_meets_its_threshold(target, fires):
    graph = chain(nir.Linear(np.ones((1, 1), np.float32)), lif(n=1, tau=2 * DT, r=2.0))
    ready, _ = fitted(graph, target, dt=DT)
    one = torch.ones(1, 1, 1)
    assert in_ours(graph, one).item() == 0.0
    assert RUN[target](ready, one).item() == fires


@pytest.mark.parametrize("target", ["norse", "snntorch"])
def test_norse_and_snntorch_count_the_axes_of_flatten_with_the_batch(target):
    flatten = nir.Flatten({"input": np.array([1, 5])}, 0, -1)
    image = spikes(1, 5)
    graph = chain(flatten, WEIGHT, lif(r=1.0, v_threshold=0.2))
    ours = in_ours(graph, image)
    with pytest.raises(RuntimeError, match="shapes"):
        RUN[target](graph, image)
    ready, report = fitted(graph, target, dt=DT)
    assert report.of("axes")
    assert torch.equal(RUN[target](ready, image), ours)
