"""Graphs that are refused, by a message that names the node, and what is noted of others."""

import nir
import numpy as np
import pytest
import snn_core as snn
import torch
from snn_nodes.exchange import ExchangeError, fitted, from_nir, to_nir
from snn_nodes.neuron import IFNode

from .nir_parts import DT, EYE, chain, full, graph, lif


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            graph({"a": nir.Linear(EYE)}, [("input", "a"), ("a", "b"), ("b", "output")]),
            r"edge 'a' -> 'b' leads to a node that is not there, 'b'; nodes are 'a', 'input', 'o",
        ),
        (
            graph({"a": lif()}, [("input", "a"), ("a", "output"), ("input", "a")]),
            r"edge 'input' -> 'a' is there 2 times; keep one",
        ),
        (
            graph({"a": lif(), "b": lif()}, [("input", "a"), ("a", "output"), ("b", "output")]),
            r"nothing leads to node 'b'; connect it, or remove it",
        ),
        (
            graph({"a": lif(), "b": lif()}, [("input", "a"), ("a", "output"), ("a", "b")]),
            r"node 'b' leads nowhere; connect it, or remove it",
        ),
        (
            nir.NIRGraph({"a": lif(), "o": nir.Output(np.array([2]))}, [("a", "o")], {}, False),
            r"a graph with one Input is wanted, got 0: none",
        ),
        (
            graph(
                {"a": lif(), "b": lif(), "c": nir.Linear(EYE)},
                [("input", "a"), ("a", "output"), ("b", "c"), ("c", "b"), ("b", "output")],
            ),
            r"no path leads from the input to node 'b'; connect it",
        ),
        (
            graph(
                {"w": nir.Linear(EYE), "s": nir.Scale(full(1.0)), "a": lif()},
                [("input", "w"), ("w", "s"), ("s", "w"), ("s", "a"), ("a", "output")],
            ),
            r"nodes s -> w form a cycle that no neuron and no delay breaks.*put a neuron or a Del",
        ),
        (
            chain(nir.Linear(np.ones((3, 2))), lif()),
            r"node 'n1' \(LIF\) takes the shape \(2,\) of its v_threshold, but what comes to it ",
        ),
        (
            chain(nir.Linear(np.ones((2, 5)))),
            r"node 'n0' \(Linear\) takes \(5,\), as its weight \(2, 5\), but what .* shape \(2,\)",
        ),
        (
            chain(nir.Conv2d(None, np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2))),
            r"node 'n0' \(Conv2d\) takes 1 channels of 2 axes, but",
        ),
        (
            graph(
                {"a": nir.Linear(np.ones((3, 2))), "b": nir.Linear(np.ones((2, 2)))},
                [("input", "a"), ("input", "b"), ("a", "output"), ("b", "output")],
            ),
            r"node 'output' \(Output\) takes \(2,\), but what comes to it has the shape \(3,\)",
        ),
        (
            chain(nir.I(full(1.0))),
            r"node 'n0' is of a kind that is not known here, I; known are IF",
        ),
        (chain(lif(tau=0.0)), r"node 'n0': tau must be above 0 s, got 0"),
        (chain(lif(v_th=np.nan)), r"node 'n0': v_threshold must be finite"),
        (chain(nir.Delay(full(-1e-3))), r"node 'n0': a delay must be finite and at least 0 s"),
    ],
)
def test_a_graph_that_is_not_whole(given, message):
    with pytest.raises(ExchangeError, match=message):
        from_nir(given, dt=DT)


def test_shapes_that_meet_at_a_node_must_be_equal():
    nodes = {"a": nir.Linear(np.ones((3, 2))), "b": nir.Linear(np.ones((2, 2))), "s": lif(n=1)}
    edges = [("input", "a"), ("input", "b"), ("a", "s"), ("b", "s"), ("s", "output")]
    with pytest.raises(ExchangeError, match=r"node 's' gets the shape \(2,\) from 'b' and \(3,\)"):
        from_nir(graph(nodes, edges, n_out=3), dt=DT)


def test_an_input_that_does_not_say_its_shape():
    given = chain(nir.Scale(np.ones(())))
    given.nodes["input"] = nir.Input(None)
    with pytest.raises(ExchangeError, match=r"node 'input' does not say the shape of the input"):
        from_nir(given, dt=DT)


def test_dt_must_be_given_and_a_step():
    with pytest.raises(TypeError, match="dt"):
        from_nir(chain(lif()))
    with pytest.raises(ValueError, match="dt"):
        from_nir(chain(lif()), dt=0.0)
    with pytest.raises(ValueError, match="dt"):
        to_nir(IFNode(), 2, dt=-1e-3)
    for translate in (
        lambda: from_nir(chain(lif()), dt=None),
        lambda: to_nir(IFNode(), 2, dt=None),
        lambda: fitted(chain(lif()), "norse", dt=None),
    ):
        with pytest.raises(TypeError, match=r"dt must be a number of seconds, .*; pass dt=1e-3"):
            translate()
    with pytest.raises(TypeError, match=r"from_nir takes a nir.NIRGraph or a path, got LIF"):
        from_nir(lif(), dt=DT)


# other meanings: an error, or a note if accepted


def test_a_step_longer_than_a_time_constant():
    """As in a file that is in milliseconds, or that norse wrote."""
    given = chain(lif(tau=1e-5))
    with pytest.raises(ExchangeError, match=r"node 'n0': tau = 1e-05 s is shorter than .*norse"):
        from_nir(given, dt=DT)
    with pytest.warns(snn.NumericsWarning, match="an Euler step overshoots"):
        _, report = from_nir(given, dt=DT, accept=("coarse_dt",))
    assert report.of("coarse_dt")[0].node == "n0"


def test_delays_are_whole_steps():
    given = chain(nir.Delay(np.array([1e-3, 2.4e-3])))
    message = r"node 'n0': a delay of 0.0024 s is no whole number of steps of 0.001 s; take a dt"
    with pytest.raises(ExchangeError, match=message):
        from_nir(given, dt=DT)
    net, report = from_nir(given, dt=DT, accept=("delay_rounding",))
    assert net[0].steps.tolist() == [1, 2]
    assert len(report.of("delay_rounding")) == 1


def test_rounding_of_parameters_is_noted():
    node = lif()
    node.v_threshold = np.array([0.1, 0.2])
    given = chain(nir.Linear(EYE), node)
    _, report = from_nir(given, dt=DT)
    assert report.of("precision")[0] == (
        "n1",
        "precision",
        "kept in torch.float32, which rounds: v_threshold; pass dtype=torch.float64",
    )
    net, report = from_nir(given, dt=DT, dtype=torch.float64)
    assert not report.of("precision")
    assert net[1].params().v_th.tolist() == [0.1, 0.2]


def test_rounding_is_noted_once_a_node_with_the_graph_s_names():
    """A CubaLIF becomes two modules, whose parameters have other names."""
    third = np.array([1 / 3, 1 / 7])
    cuba = nir.CubaLIF(third, third, third, full(0.0), full(1.0), full(0.0), third)
    _, report = from_nir(chain(nir.Linear(EYE), cuba), dt=DT)
    (note,) = report.of("precision")
    assert "which rounds: tau_syn, tau_mem, r, w_in; pass" in note.consequence
