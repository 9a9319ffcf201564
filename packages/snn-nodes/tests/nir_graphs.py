"""Graphs of NIR with values drawn at random, of every kind of node; graphs, outputs compared."""

import nir
import numpy as np
import torch
from snn_nodes.functional import reset_net

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
