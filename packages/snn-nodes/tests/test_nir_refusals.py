"""What is refused, by a message that names the node, and what is noted."""

from itertools import pairwise

import nir
import numpy as np
import pytest
import snn_core as snn
import torch
from snn_core.testing import TOY
from snn_nodes.exchange import ACCEPTABLE, ExchangeError, Report, fitted, from_nir, to_nir
from snn_nodes.exchange.graph import schedule
from snn_nodes.layer import (
    AvgPool2d,
    BatchNorm1d,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Recurrent,
    Sequential,
)
from snn_nodes.neuron import AdExNode, BaseNode, IFNode, LIFNode, NeuronNode
from snn_nodes.surrogate import Sigmoid
from torch import nn

DT = 1e-3


def full(value, n=2):
    return np.full(n, value)


def lif(tau=1e-2, r=1.0, v_leak=0.0, v_th=1.0, v_reset=0.0, n=2):
    return nir.LIF(*(full(value, n) for value in (tau, r, v_leak, v_th, v_reset)))


def graph(nodes, edges, n_in=2, n_out=2):
    ports = {"input": nir.Input(np.array([n_in])), "output": nir.Output(np.array([n_out]))}
    return nir.NIRGraph({**ports, **nodes}, edges, type_check=False)


def chain(*nodes):
    names = [f"n{k}" for k in range(len(nodes))]
    path = ["input", *names, "output"]
    return graph(dict(zip(names, nodes, strict=True)), list(pairwise(path)))


# graphs that are not whole


EYE = np.eye(2, dtype=np.float32)


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
        (chain(lif(v_th=np.nan)), r"node 'n0': v_th must be finite"),
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
    with pytest.raises(TypeError, match=r"from_nir takes a nir.NIRGraph or a path, got LIF"):
        from_nir(lif(), dt=DT)


@pytest.mark.parametrize("shape", [0, (), (3, 0)])
def test_a_shape_has_axes(shape):
    with pytest.raises(ValueError, match=r"shape is that of one sample at one step"):
        to_nir(IFNode(), shape, dt=DT)


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
        "v_th is kept in torch.float32, which rounds it; pass dtype=torch.float64",
    )
    net, report = from_nir(given, dt=DT, dtype=torch.float64)
    assert not report.of("precision")
    assert net[1].params().v_th.tolist() == [0.1, 0.2]


def refractory(seconds):
    params = snn.neuron("lif_refractory").Params(refractory_time=seconds)
    return NeuronNode("lif_refractory", dt=DT, params=params)


@pytest.mark.parametrize(
    ("node", "accept", "message"),
    [
        (lambda: IFNode(v_reset=None), "soft_reset", r"'0': v_reset=None resets by subtraction"),
        (lambda: LIFNode(v_reset=None), "soft_reset", r"'0': v_reset=None resets by subtraction"),
        (lambda: refractory(2e-3), "refractory", r"'0': NIR has no refractory period; set ref"),
    ],
)
def test_what_would_mean_something_else_is_refused_unless_accepted(node, accept, message):
    net = Sequential(node())
    with pytest.raises(ExchangeError, match=message) as error:
        to_nir(net, 2, dt=DT)
    assert f"pass accept=('{accept}',)" in str(error.value)
    _, report = to_nir(net, 2, dt=DT, accept=(accept,))
    assert report.of(accept)[0].consequence.endswith(ACCEPTABLE[accept])


def test_no_refractory_time_is_no_difference():
    graph, _ = to_nir(Sequential(refractory(0.0)), 2, dt=DT)
    assert isinstance(graph.nodes["0"], nir.CubaLIF)


class Own(BaseNode):
    def neuronal_dynamics(self, x):
        self.v = self.v + 2 * x


class Strange(Linear):
    def forward(self, x):
        return super().forward(x) ** 2


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Linear(2, 2)

    def forward(self, x):
        return x + self.inner(x)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: Own(), r"node '0': Own has dynamics of its own, which NIR cannot say; it knows"),
        (lambda: AdExNode(dt=DT), r"node '0': neuron 'adex' adapts and has an exponential term"),
        (lambda: NeuronNode("exp_lif", dt=DT), r"'exp_lif' integrates by exact decays, importers"),
        (lambda: NeuronNode(TOY, dt=DT), r"neuron 'toy' has no counterpart in NIR; those that NIR"),
        (
            lambda: NeuronNode("lif", dt=2e-3),
            r"node '0' steps by dt = 0.002 s, the export by 0.001",
        ),
        (lambda: BatchNorm1d(2), r"node '0': BatchNorm1d has no counterpart in NIR; fuse it into"),
        (
            lambda: Strange(2, 2),
            r"node '0': Strange has no counterpart in NIR; those that have one",
        ),
        (
            lambda: Residual(),
            r"node '0': Residual has no counterpart in NIR; a forward of one's own",
        ),
        (
            lambda: Linear(3, 2),
            r"node '0' \(Affine\) takes \(3,\), as its weight \(2, 3\), but wha",
        ),
        (lambda: snn.Layer(2, 2, "lif", dt=2e-3), r"node '0.neuron' steps by dt = 0.002 s"),
    ],
)
def test_modules_that_nir_cannot_say(module, message):
    net = nn.Sequential(module())
    with pytest.raises(ExchangeError, match=message):
        to_nir(net, 2, dt=DT)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: MaxPool2d(2), r"node '0': MaxPool2d has no counterpart in NIR"),
        (lambda: AvgPool2d(2, ceil_mode=True), r"node '0': NIR's AvgPool2d has no ceil_mode"),
        (lambda: AvgPool2d(2, padding=1, count_include_pad=False), r"counts padded zeros"),
        (lambda: Linear(4, 4), r"node '0' \(Linear\) gets steps of shape \(2, 4, 4\).*a Flatten"),
        (lambda: Flatten(0, 1), r"node '0' would flatten the batch, which NIR does not have"),
        (
            lambda: Conv2d(2, 2, 3, padding=1, padding_mode="reflect"),
            r"padding_mode='reflect', NIR pads with zeros; train with padding_mode='zeros', or p",
        ),
        (lambda: Conv2d(2, 2, 5), r"node '0' \(Conv2d\) takes at least the size of its kernel"),
        (
            lambda: Recurrent(LIFNode(), Conv2d(2, 2, 3)),
            r"node '0.recurrent' leads back to '0.node' with \(2, 2, 2\), not \(2, 4, 4\)",
        ),
    ],
)
def test_layers_of_images_that_nir_cannot_say(module, message):
    with pytest.raises(ExchangeError, match=message):
        to_nir(nn.Sequential(module()), (2, 4, 4), dt=DT)


def test_what_is_noted_of_a_network():
    net = Sequential(Linear(2, 2), LIFNode(surrogate_function=Sigmoid()), NeuronNode("lif", dt=DT))
    _, report = to_nir(net, 2, dt=DT)
    assert [(note.node, note.what) for note in report] == [
        ("1", "strictness"),
        ("1", "training"),
        ("2", "training"),
        ("2", "latency"),
    ]
    assert str(report).splitlines()[0].startswith("1  strictness  fires where v >= v_threshold, N")
    assert repr(Report()) == "no differences"


def test_only_known_differences_can_be_accepted():
    with pytest.raises(ValueError, match=r"cannot accept 'anything'; differences are soft_reset, "):
        to_nir(IFNode(), 2, dt=DT, accept=("anything",))
    with pytest.raises(TypeError, match=r"accept is a collection of names, got 'soft_reset'; pass"):
        to_nir(IFNode(), 2, dt=DT, accept="soft_reset")


# the order of nodes


def test_a_schedule_is_an_order_and_late_edges_are_few():
    generator = np.random.default_rng(0)
    for _ in range(200):
        n = int(generator.integers(2, 9))
        names = [f"n{k}" for k in range(n)]
        edges = [("in", "n0")]
        for a in names:
            edges += [(a, b) for b in names if generator.random() < 0.25]
        plan = schedule(["in", *names], edges, ["in"], breaking=names)
        flat = [name for group in plan.groups for name in group]
        assert sorted(flat) == sorted(["in", *names])
        place = {name: k for k, name in enumerate(flat)}
        for a, b in edges:
            assert ((a, b) in plan.late) == (place[a] >= place[b]), "late is what leads back"
        of = {name: k for k, group in enumerate(plan.groups) for name in group}
        for a, b in plan.late:
            assert of[a] == of[b], "only within a cycle"
        assert schedule(["in", *names[::-1]], edges, ["in"], breaking=names) == plan


# fitted to other libraries


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
