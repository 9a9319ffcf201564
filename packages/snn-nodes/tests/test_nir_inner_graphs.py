"""Graphs within a graph: notes and errors say which node of which graph they are of."""

from itertools import pairwise

import nir
import numpy as np
import pytest
from snn_nodes.exchange import ExchangeError, from_nir, to_nir
from snn_nodes.layer import Sequential
from snn_nodes.neuron import LIFNode

from .nir_parts import DT, EYE, full, graph, lif


def outer(**inner):
    """Graphs one after the other."""
    names = ["input", *inner, "output"]
    return graph(inner, list(pairwise(names)))


def block(node, n_out=2):
    return graph({"lif": node}, [("input", "lif"), ("lif", "output")], n_out=n_out)


def test_notes_have_the_whole_place():
    uneven = np.array([0.1, 0.2])
    given = outer(a=block(lif(v_th=uneven)), b=outer(c=block(lif(v_th=uneven))))
    given.nodes["w"] = nir.Linear(EYE)
    given.edges = [("input", "w"), ("w", "a"), *given.edges[1:]]
    _, report = from_nir(given, dt=DT)
    assert [note.node for note in report.of("precision")] == ["a.lif", "b.c.lif"]
    graph_again, written = to_nir(from_nir(given, dt=DT).net, 2, dt=DT)
    assert [note.node for note in written.of("training")] == ["a.lif", "b.c.lif"]
    assert set(graph_again.nodes) == set(given.nodes)


def test_feedback_in_a_graph_is_noted_at_its_place():
    nodes = {"lif": lif(), "back": nir.Linear(EYE)}
    edges = [("input", "lif"), ("lif", "back"), ("back", "lif"), ("lif", "output")]
    _, report = from_nir(outer(a=graph(nodes, edges)), dt=DT)
    assert [note.node for note in report.of("recurrence")] == ["a.lif"]


def test_a_restored_node_is_noted_at_its_place():
    inner, _ = to_nir(Sequential(LIFNode(v_reset=None)), 2, dt=DT, accept=("soft_reset",))
    net, report = from_nir(outer(a=inner, b=inner), dt=DT)
    assert [note.node for note in report.of("soft_reset")] == ["a.0", "b.0"]
    message = r"in graph 'a': node '0': v_reset=None resets by subtraction"
    with pytest.raises(ExchangeError, match=message):
        to_nir(net, 2, dt=DT)


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (lambda: block(lif(tau=0.0)), r"node 'lif': tau must be above 0 s, got 0"),
        (lambda: block(lif(tau=1e-5)), r"node 'lif': tau = 1e-05 s is shorter than the step"),
        (lambda: block(nir.I(full(1.0))), r"node 'lif' is of a kind that is not known here, I"),
        (lambda: block(lif(n=3)), r"node 'lif' \(LIF\) takes the shape \(3,\)"),
        (lambda: graph({}, [("input", "x"), ("x", "output")]), r"edge 'input' -> 'x' leads to"),
        (
            lambda: graph(
                {"w": nir.Linear(EYE), "s": nir.Scale(full(1.0))},
                [("input", "w"), ("w", "s"), ("s", "w"), ("s", "output")],
            ),
            r"nodes s -> w form a cycle that no neuron",
        ),
    ],
)
def test_errors_say_which_graph(inner, message):
    with pytest.raises(ExchangeError, match=rf"^in graph 'b': {message}"):
        from_nir(outer(a=block(lif()), b=inner()), dt=DT)
    with pytest.raises(ExchangeError, match=rf"^in graph 'c': in graph 'b': {message}"):
        from_nir(outer(c=outer(b=inner())), dt=DT)
