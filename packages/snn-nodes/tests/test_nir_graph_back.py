"""Graph to network to graph: it comes back to the bit."""

import copy

import nir
import numpy as np
import pytest
import torch
from snn_nodes.exchange import NirNetwork, NirSequential, from_nir, to_nir
from snn_nodes.functional import set_backend
from snn_nodes.layer import Recurrent

from .nir_graphs import (
    DT,
    GRAPHS,
    assert_same_graph,
    assert_same_outputs,
    branching_graph,
    dense_graph,
    graph_in_a_graph,
    image_graph,
    recurrent_graph,
    shape_of,
    spikes,
)


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
