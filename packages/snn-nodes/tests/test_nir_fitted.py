"""Graphs fitted to other libraries: gains move into weights, and what a library gets wrong."""

import nir
import numpy as np
import pytest
from snn_nodes.exchange import ExchangeError, fitted

from .nir_parts import DT, EYE, chain, full, graph, lif


def cuba(r=1.0, w_in=1.0, v_leak=0.0):
    return nir.CubaLIF(*(full(v) for v in (5e-3, 1e-2, r, v_leak, 1.0, 0.0, w_in)))


def different(node, field):
    setattr(node, field, np.array([1.0, 1.5]) * getattr(node, field).flat[0])
    return node


@pytest.mark.parametrize(
    ("target", "node", "dt", "message"),
    [
        ("norse", lif(v_reset=-0.1), DT, r"node 'n1': norse reads v_reset as 0; train with v_res"),
        ("norse", cuba(v_leak=0.1), DT, r"node 'n1': norse takes v_leak = 0 only"),
        ("norse", nir.LI(full(1e-2), full(1.0), full(0.0)), DT, r"norse cannot read LI; it reads "),
        ("snntorch", lif(), DT, r"snnTorch takes dt = 1e-4 s whatever the graph, got dt = 0.001 s"),
        ("snntorch", lif(v_leak=0.1), 1e-4, r"node 'n1': snntorch takes v_leak = 0 only"),
        ("snntorch", different(lif(), "v_threshold"), 1e-4, r"snntorch has one v_threshold for"),
        ("snntorch", nir.IF(full(1e4), full(1.0)), 1e-4, r"snntorch cannot read IF; it reads"),
        ("spikingjelly", different(lif(), "tau"), DT, r"spikingjelly has one tau for all neurons"),
        ("spikingjelly", lif(v_leak=0.1), DT, r"ties v_leak to v_reset; make them equal"),
        ("spikingjelly", lif(tau=DT), DT, r"node 'n1': SpikingJelly wants tau above dt = 0.001 s"),
    ],
)
def test_what_a_library_cannot_take(target, node, dt, message):
    with pytest.raises(ExchangeError, match=message):
        fitted(chain(nir.Linear(EYE), node), target, dt=dt)


def test_snntorch_does_not_read_feedback():
    nodes = {"w": nir.Linear(EYE), "cell": lif(), "back": nir.Linear(EYE)}
    edges = [("input", "w"), ("w", "cell"), ("cell", "back"), ("back", "cell"), ("cell", "output")]
    with pytest.raises(
        ExchangeError, match=r"node 'cell': snnTorch reads what 'back' feeds back w"
    ):
        fitted(graph(nodes, edges), "snntorch", dt=1e-4)


@pytest.mark.parametrize(
    ("target", "node", "dt", "values"),
    [
        ("norse", lif(r=3.0), DT, {"r": 1.0}),
        ("norse", nir.IF(full(400.0), full(1.0)), DT, {"r": 1 / DT}),
        ("norse", cuba(2.0, 3.0), DT, {"r": 2.0, "w_in": 3.0}),
        ("snntorch", lif(r=3.0), 1e-4, {"r": 1e-2 / 1e-4}),
        ("snntorch", cuba(2.0, 3.0), 1e-4, {"r": 1e-2 / 1e-4, "w_in": 5e-3 / 1e-4}),
        ("spikingjelly", lif(r=1.0), DT, {"r": 1.0}),
        ("spikingjelly", lif(r=3.0), DT, {"r": 1e-2 / DT}),
        ("spikingjelly", cuba(2.0, 3.0), DT, {"r": 1e-2 / DT, "w_in": 5e-3 / DT}),
    ],
)
def test_gains_move_into_weights_and_the_product_stays(target, node, dt, values):
    weight = np.array([[1.0, 2.0], [3.0, -4.0]])
    given = chain(nir.Affine(weight, np.array([0.5, 0.25])), node)
    made, _ = fitted(given, target, dt=dt)
    after, before = made.nodes["n1"], given.nodes["n1"]
    for field, value in values.items():
        np.testing.assert_allclose(getattr(after, field), value, rtol=1e-14)

    def product(neuron, affine):
        gain = neuron.r * getattr(neuron, "w_in", 1.0)
        return np.column_stack([affine.weight, affine.bias]) * gain[:, None]

    now, then = product(after, made.nodes["n0"]), product(before, given.nodes["n0"])
    np.testing.assert_allclose(now, then, rtol=1e-14)
    assert np.array_equal(given.nodes["n0"].weight, weight)  # the graph given is left alone


def test_gains_need_a_weight_of_their_own():
    nodes = {"w": nir.Linear(EYE), "cell": lif(r=3.0)}
    edges = [("input", "w"), ("w", "cell"), ("cell", "output"), ("w", "output")]
    with pytest.raises(
        ExchangeError, match=r"node 'cell': its gain must .* 'w' leads to \['output"
    ):
        fitted(graph(nodes, edges), "norse", dt=DT)
    with pytest.raises(ExchangeError, match=r"before it, but 'input' is a Input; put a Linear"):
        fitted(chain(lif(r=3.0)), "norse", dt=DT)
    image = nir.LIF(*(np.full((1, 2, 2), value) for value in (1e-2, 1.0, 0.0, 1.0, 0.0)))
    image.r[0, 0, 0] = 2.0
    conv = nir.Conv2d((2, 2), np.ones((1, 1, 1, 1)), 1, 0, 1, 1, np.zeros(1))
    given = chain(conv, image)
    with pytest.raises(ExchangeError, match=r"node 'n1': its gains differ within a channel"):
        fitted(given, "norse", dt=DT)


@pytest.mark.parametrize("target", ["norse", "spikingjelly"])
def test_a_bias_that_is_fed_back_is_missing_at_first(target):
    back = nir.Affine(EYE, full(0.5))
    nodes = {"w": nir.Linear(EYE), "cell": lif(), "back": back}
    edges = [("input", "w"), ("w", "cell"), ("cell", "back"), ("back", "cell"), ("cell", "output")]
    with pytest.raises(ExchangeError, match=r"node 'back': .* no bias of 'back' in the first step"):
        fitted(graph(nodes, edges), target, dt=DT)
    _, report = fitted(graph(nodes, edges), target, dt=DT, accept=("late_bias",))
    assert report.of("late_bias")
    back.bias[...] = 0.0
    fitted(graph(nodes, edges), target, dt=DT)


def test_there_are_rules_for_three_libraries():
    with pytest.raises(
        ValueError, match=r"rules for norse, snntorch, spikingjelly, not for 'lava'"
    ):
        fitted(chain(lif()), "lava", dt=DT)


def test_nested_graphs_are_not_fitted():
    inner = nir.NIRGraph.from_list(lif())
    with pytest.raises(ExchangeError, match=r"node 'n0': norse cannot read NIRGraph"):
        fitted(chain(inner), "norse", dt=DT)
