"""Exchange by NIR: graph to network to graph, and network to graph to network, to the bit."""

import copy
import json

import nir
import numpy as np
import pytest
import snn_core as snn
import torch
from snn_nodes.exchange import NirNetwork, NirSequential, Scale, Threshold, from_nir, to_nir
from snn_nodes.functional import reset_net, set_backend
from snn_nodes.layer import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Delay,
    Dropout,
    Flatten,
    Linear,
    Recurrent,
    Sequential,
    SparseSynapse,
    SumPool2d,
)
from snn_nodes.neuron import (
    CubaLIFNode,
    IAFNode,
    IFNode,
    LIFNode,
    LINode,
    NeuronNode,
    ParametricLIFNode,
)
from snn_nodes.surrogate import ATan
from torch import nn

DT = 1e-3
NOT_VALUES = ("input_type", "output_type", "metadata")


def draws(seed):
    return np.random.default_rng(seed)


def spikes(shape, steps=12, batch=3, rate=0.4, dtype=torch.float32):
    generator = torch.Generator().manual_seed(7)
    return (torch.rand(steps, batch, *shape, generator=generator) < rate).to(dtype)


def assert_same_graph(a, b):
    assert set(a.nodes) == set(b.nodes)
    assert [tuple(edge) for edge in a.edges] == [tuple(edge) for edge in b.edges]
    for name, node in a.nodes.items():
        other = b.nodes[name]
        assert type(node) is type(other), name
        if isinstance(node, nir.NIRGraph):
            assert_same_graph(node, other)
            continue
        for field, value in vars(node).items():
            if field not in NOT_VALUES:
                given, back = np.asarray(value), np.asarray(getattr(other, field))
                assert given.dtype == back.dtype, (name, field)
                assert given.shape == back.shape, (name, field)
                assert np.array_equal(given, back), (name, field)


def assert_same_outputs(net, other, x):
    reset_net(net)
    reset_net(other)
    expected = net(x)
    assert torch.equal(expected, other(x))
    assert expected.abs().sum() > 0


# graph -> network -> graph


def neuron(kind, shape, rng, dtype=np.float64):
    def values(low, high):
        return rng.uniform(low, high, shape).astype(dtype)

    tau, r, leak = values(5e-3, 20e-3), values(0.5, 2.0), values(-0.1, 0.1)
    v_th, v_reset = values(0.5, 1.0), values(-0.5, 0.0)
    syn = values(2e-3, 5e-3)
    w_in = values(1.0, 3.0)
    return {
        nir.IF: lambda: nir.IF(600 * r, v_th, v_reset),
        nir.LIF: lambda: nir.LIF(tau, 5 * r, leak, v_th, v_reset),
        nir.LI: lambda: nir.LI(tau, r, leak),
        nir.CubaLIF: lambda: nir.CubaLIF(syn, tau, 5 * r, leak, v_th, v_reset, w_in),
        nir.CubaLI: lambda: nir.CubaLI(syn, tau, r, leak, w_in),
    }[kind]()


def matrix(rng, out, n_in, dtype=np.float32):
    return rng.normal(size=(out, n_in)).astype(dtype)


def dense_graph(kind, dtype=np.float32):
    rng = draws(0)
    return nir.NIRGraph.from_list(
        nir.Affine(matrix(rng, 6, 4, dtype), rng.normal(size=6).astype(dtype)),
        neuron(kind, (6,), rng),
        nir.Linear(matrix(rng, 3, 6, dtype)),
        neuron(kind, (3,), rng, np.float32),
    )


def image_graph():
    rng = draws(1)
    conv = nir.Conv2d(
        (7, 6), matrix(rng, 6, 18).reshape(6, 2, 3, 3), (2, 1), (1, 0), (1, 1), 1,
        rng.normal(size=6).astype(np.float32),
    )  # fmt: skip
    return nir.NIRGraph.from_list(
        nir.Input(np.array([2, 7, 6])),
        conv,
        neuron(nir.LIF, (6, 4, 4), rng, np.float32),
        nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.AvgPool2d(np.array([2, 2]), np.array([1, 1]), np.array([1, 1])),
        nir.Flatten({"input": np.array([6, 3, 3])}, 0, -1),
        nir.Linear(matrix(rng, 4, 54)),
        neuron(nir.CubaLI, (4,), rng, np.float32),
    )


def line_graph():
    rng = draws(2)
    conv = nir.Conv1d(
        9, matrix(rng, 4, 6).reshape(4, 2, 3), 1, "same", 2, 1, np.zeros(4, np.float32)
    )
    return nir.NIRGraph.from_list(
        nir.Input(np.array([2, 9])),
        conv,
        nir.Scale(rng.normal(size=(4, 9)).astype(np.float32)),
        nir.Threshold(np.full((4, 9), 0.25, np.float32)),
        nir.Delay(rng.integers(0, 4, (4, 9)) * DT),
    )


def recurrent_graph(kind=nir.LIF):
    rng = draws(3)
    nodes = {
        "in": nir.Input(np.array([4])),
        "w.in": nir.Linear(matrix(rng, 5, 4)),
        "cells": neuron(kind, (5,), rng, np.float32),
        "w_rec": nir.Affine(matrix(rng, 5, 5), rng.normal(size=5).astype(np.float32)),
        "out": nir.Output(np.array([5])),
    }
    edges = [("w_rec", "cells"), ("in", "w.in"), ("w.in", "cells"), ("cells", "out")]
    return nir.NIRGraph(nodes, [*edges, ("cells", "w_rec")])


def branching_graph():
    rng = draws(4)
    nodes = {
        "input": nir.Input(np.array([4])),
        "a": nir.Linear(matrix(rng, 4, 4)),
        "lif": neuron(nir.LIF, (4,), rng, np.float32),
        "skip": nir.Scale(np.full(4, 0.5, np.float32)),
        "b": nir.Linear(matrix(rng, 4, 4)),
        "li": neuron(nir.LI, (4,), rng, np.float32),
        "output": nir.Output(np.array([4])),
    }
    edges = [("input", "a"), ("a", "lif"), ("lif", "b"), ("b", "li"), ("li", "output")]
    return nir.NIRGraph(nodes, [*edges, ("input", "skip"), ("skip", "b"), ("b", "a")])


def graph_in_a_graph():
    rng = draws(5)
    inner = nir.NIRGraph.from_list(nir.Linear(matrix(rng, 3, 4)), neuron(nir.IF, (3,), rng))
    deeper = nir.NIRGraph.from_list(inner, nir.Linear(matrix(rng, 2, 3)))
    return nir.NIRGraph.from_list(deeper, neuron(nir.LI, (2,), rng))


GRAPHS = {
    **{kind.__name__: lambda kind=kind: dense_graph(kind) for kind in
       (nir.IF, nir.LIF, nir.LI, nir.CubaLIF, nir.CubaLI)},
    "float64": lambda: dense_graph(nir.LIF, np.float64),
    "float16": lambda: dense_graph(nir.IF, np.float16),
    "image": image_graph,
    "line": line_graph,
    "recurrent": recurrent_graph,
    "recurrent CubaLIF": lambda: recurrent_graph(nir.CubaLIF),
    "branching": branching_graph,
    "graph in a graph": graph_in_a_graph,
}  # fmt: skip


def shape_of(graph):
    (shape,) = graph.input_type.values()
    return tuple(int(n) for n in shape)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_comes_back_to_the_bit(name, tmp_path):
    graph = GRAPHS[name]()
    before = copy.deepcopy(graph)
    net, _ = from_nir(graph, dt=DT)
    assert_same_graph(graph, before)  # reading leaves it alone
    back, _ = to_nir(net, shape_of(graph), dt=DT)
    assert_same_graph(graph, back)
    nir.write(tmp_path / "a.nir", back)
    assert_same_graph(nir.read(tmp_path / "a.nir"), nir.read(_written(tmp_path, graph)))
    again, _ = from_nir(tmp_path / "a.nir", dt=DT)
    dtype = next(net.parameters(), torch.zeros(0)).dtype
    if dtype == torch.float16:
        set_backend(net, "eager")
        set_backend(again, "eager")
    x = spikes(shape_of(graph), dtype=dtype)
    assert_same_outputs(net, again, x)
    assert_same_graph(graph, to_nir(again, shape_of(graph), dt=DT).graph)


def _written(folder, graph):
    nir.write(folder / "b.nir", graph)
    return folder / "b.nir"


def test_a_chain_is_a_sequential_and_anything_else_a_network():
    assert type(from_nir(image_graph(), dt=DT).net) is NirSequential
    net = from_nir(recurrent_graph(), dt=DT).net
    assert type(net) is NirSequential
    assert type(net.cells) is Recurrent
    assert type(from_nir(branching_graph(), dt=DT).net) is NirNetwork
    assert type(from_nir(graph_in_a_graph(), dt=DT).net[0][0]) is NirSequential


def test_what_was_learnt_goes_out_and_the_rest_is_as_it_was():
    graph = dense_graph(nir.LIF)
    net, _ = from_nir(graph, dt=DT)
    with torch.no_grad():
        net.affine.weight += 1
        net.lif_1.fixed.v_th[0] = 0.75
    back, _ = to_nir(net, 4, dt=DT)
    assert np.array_equal(back.nodes["affine"].weight, graph.nodes["affine"].weight + 1)
    assert back.nodes["affine"].bias.dtype == np.float32
    assert np.float32(back.nodes["lif_1"].v_threshold[0]) == np.float32(0.75)
    assert np.array_equal(back.nodes["lif_1"].tau, graph.nodes["lif_1"].tau)
    assert_same_graph(dense_graph(nir.LIF), graph)


def test_other_peoples_metadata_stay():
    graph = dense_graph(nir.LIF)
    graph.nodes["lif"].metadata = {"author": "somebody"}
    graph.metadata = {"license": "CC0"}
    back = to_nir(from_nir(graph, dt=DT).net, 4, dt=DT).graph
    assert back.nodes["lif"].metadata["author"] == "somebody"
    assert back.metadata["license"] == "CC0"


# network -> graph -> network


def learning_lif():
    lif = snn.neuron("lif")
    params = lif.Params(tau_mem=torch.tensor([8e-3, 9e-3, 10e-3]), v_th=torch.full((3,), 0.3))
    threshold = snn.threshold("atan", alpha=3.0)
    return NeuronNode(lif, dt=DT, params=params, learn=("tau_mem", "v_leak"), threshold=threshold)


def per_neuron_lif():
    tau, v_th = torch.tensor([2.0, 3.0, 7.5]), nn.Parameter(torch.tensor([0.5, 0.6, 0.7]))
    return LIFNode(tau, False, v_threshold=v_th, v_reset=torch.tensor([0.0, -0.1, 0.1]))


NODES = {
    "IF": lambda: IFNode(0.7, -0.2),
    "IF soft": lambda: IFNode(0.7, None, ATan(3.0), detach_reset=True),
    "LIF": lambda: LIFNode(tau=3.7, v_threshold=0.4),
    "LIF per neuron": per_neuron_lif,
    "PLIF": lambda: ParametricLIFNode(torch.tensor([2.5, 3.0, 7.0]), v_threshold=0.3),
    "lif": lambda: CubaLIFNode(dt=DT, params=snn.neuron("lif").Params(v_th=0.3)),
    "lif learning": learning_lif,
    "li": lambda: LINode(dt=DT),
    "iaf": lambda: IAFNode(dt=DT),
    "lif_box": lambda: NeuronNode("lif_box", dt=DT, params=snn.neuron("lif_box").Params(r=9.0)),
    "li_box": lambda: NeuronNode("li_box", dt=DT),
    "if_box": lambda: NeuronNode("if_box", dt=DT),
    "iaf_integrate_first": lambda: NeuronNode("iaf_integrate_first", dt=DT),
    "lif_refractory": lambda: NeuronNode(
        "lif_refractory",
        dt=DT,
        params=snn.neuron("lif_refractory").Params(v_th=0.3, refractory_time=2e-3),
    ),
}


@pytest.mark.parametrize("recurrent", [False, True], ids=["forward", "recurrent"])
@pytest.mark.parametrize("name", NODES)
def test_a_network_comes_back_to_the_bit(name, recurrent, tmp_path):
    torch.manual_seed(0)
    node = NODES[name]()
    inner = Recurrent(node, 3) if recurrent else node
    net = Sequential(Linear(4, 3), inner, Dropout(0.5), Linear(3, 2, bias=False)).eval()
    with torch.no_grad():
        net[0].weight *= 4
    graph, _ = to_nir(net, 4, dt=DT, accept=("soft_reset", "refractory"))
    nir.write(tmp_path / "net.nir", graph)
    for source in (graph, tmp_path / "net.nir"):
        back, report = from_nir(source, dt=DT)
        assert not report.of("card")
        assert back.state_dict().keys() == net.state_dict().keys()
        for key, value in net.state_dict().items():
            assert back.state_dict()[key].dtype == value.dtype, key
            assert torch.equal(back.state_dict()[key], value), key
        assert_same_outputs(net, back, spikes((4,)))
        made = back[1].node if recurrent else back[1]
        assert type(made) is type(node)
        node.step_mode = "m"
        assert repr(made) == repr(node)
        learnt = [key for key, _ in node.named_parameters()]
        assert [key for key, _ in made.named_parameters()] == learnt


def test_layers_of_all_kinds_come_back_to_the_bit():
    torch.manual_seed(1)
    net = Sequential(
        Sequential(
            Conv2d(2, 6, (3, 2), stride=(2, 1), padding=(1, 0), bias=False, groups=2),
            LIFNode(tau=2.0, v_threshold=0.2),
            nn.AvgPool2d(2, padding=1),
        ),
        SumPool2d(2, 1),
        Flatten(2),
        Conv1d(6, 3, 3, padding="same", dilation=2),
        Delay(2),
        nn.Flatten(),
        SparseSynapse.from_density(12, 5, 0.5),
        Delay(torch.tensor([0, 1, 2, 3, 4])),
        Scale(torch.full((5,), 2.0)),
        Threshold(torch.tensor(0.1)),
        nn.Identity(),
    )
    graph, report = to_nir(net, (2, 8, 5), dt=DT)
    assert report.of("type_check")[0].node == "0.0"
    assert set(graph.nodes) >= {"0.0", "0.1", "0.2", "9"}
    back, _ = from_nir(graph, dt=DT)
    assert list(back.state_dict()) == [k for k in net.state_dict() if "connections" not in k]
    assert isinstance(back[0], Sequential)
    assert isinstance(back[0][2], AvgPool2d)
    x = spikes((2, 8, 5))
    assert_same_outputs(net, back, x)


def test_bfloat16_and_spike_in_come_back():
    net = Sequential(Linear(4, 3, spike_in=True), LIFNode(v_threshold=0.2)).to(torch.bfloat16)
    graph, _ = to_nir(net, 4, dt=DT)
    assert graph.nodes["0"].weight.dtype == np.float32
    back, _ = from_nir(graph, dt=DT)
    assert back[0].weight.dtype == torch.bfloat16
    assert back[0].spike_in
    set_backend(net, "eager")
    set_backend(back, "eager")
    assert_same_outputs(net, back, spikes((4,), dtype=torch.bfloat16))


def test_a_core_layer_comes_back_as_its_parts():
    torch.manual_seed(2)
    layer = snn.Layer(4, 3, "lif", dt=DT, recurrent=True)
    with torch.no_grad():
        layer.weight *= 5
        layer.recurrent_weight *= 3
    graph, _ = to_nir(layer, 4, dt=DT)
    assert set(graph.nodes) == {"input", "weight", "neuron", "recurrent_weight", "output"}
    net, _ = from_nir(graph, dt=DT)
    x = spikes((4,), steps=40)
    assert torch.equal(net(x), layer(x).output)
    assert net(x).sum() > 0


def test_a_card_is_believed_only_if_the_arrays_agree():
    """Soft reset and surrogate live in the card; a changed array makes it a plain LIF."""
    net = Sequential(LIFNode(tau=4.0, v_reset=None))
    graph, _ = to_nir(net, 3, dt=DT, accept=("soft_reset",))
    assert isinstance(from_nir(graph, dt=DT).net[0], LIFNode)
    for change in ("tau", "v_threshold"):
        changed = copy.deepcopy(graph)
        getattr(changed.nodes["0"], change)[...] *= 2
        back, report = from_nir(changed, dt=DT)
        assert back[0].neuron.name == "lif_box"
        assert "its arrays, or dt, are others now" in report.of("card")[0].consequence
    back, report = from_nir(graph, dt=2 * DT)  # tau in steps belongs to the other dt
    assert back[0].neuron.name == "lif_box"
    assert len(report.of("card")) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("snn_nodes.settings", "{"),
        ("snn_nodes.settings", json.dumps({"tensors": {}})),
        ("snn_nodes.class", "IFNode"),
        ("snn_nodes.class", "os.system"),
    ],
)
def test_a_broken_card_is_ignored_and_noted(key, value):
    graph, _ = to_nir(Sequential(LIFNode(tau=4.0)), 3, dt=DT)
    graph.nodes["0"].metadata[key] = value
    back, report = from_nir(graph, dt=DT)
    assert back[0].neuron.name == "lif_box"
    assert report.of("card")[0].node == "0"
