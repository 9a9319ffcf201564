"""What graphs mean when they are read: against an interpreter of NIR's equations."""

import copy
import math
import pickle
from itertools import pairwise

import nir
import numpy as np
import pytest
import torch
from snn_nodes.exchange import MembraneFirst, NirNetwork, NirSequential, Scale, from_nir
from snn_nodes.functional import detach_net, reset_net, set_on_new_shape, set_step_mode
from snn_nodes.neuron import IFNode, StateWarning
from torch import nn

from .nir_interpreter import DT, Interpreter, assert_means, spikes


def uniform(low, high, *shape, seed=0):
    words = [seed, *shape, round(1e6 * abs(low)), round(1e6 * abs(high))]
    return np.random.default_rng(words).uniform(low, high, shape)


def node_of(kind, n, seed=0):
    tau, r = uniform(5e-3, 20e-3, n, seed=seed), uniform(0.5, 2.0, n, seed=seed)
    leak, v_th = uniform(-0.1, 0.1, n, seed=seed), uniform(0.3, 1.0, n, seed=seed)
    v_reset, syn = uniform(-0.5, -0.1, n, seed=seed), uniform(2e-3, 5e-3, n, seed=seed)
    return {
        nir.IF: lambda: nir.IF(300 * r, v_th, v_reset),
        nir.LIF: lambda: nir.LIF(tau, 6 * r, leak, v_th, v_reset),
        nir.LI: lambda: nir.LI(tau, r, leak),
        nir.CubaLIF: lambda: nir.CubaLIF(syn, tau, 3 * r, leak, v_th, v_reset, 2 * r),
        nir.CubaLI: lambda: nir.CubaLI(syn, tau, r, leak, 3 * r),
    }[kind]()


def weight(out, n_in, seed=0):
    return np.random.default_rng([seed, out, n_in]).normal(size=(out, n_in))


@pytest.mark.parametrize("kind", [nir.IF, nir.LIF, nir.LI, nir.CubaLIF, nir.CubaLI])
def test_neurons_mean_nirs_equations(kind):
    graph = nir.NIRGraph.from_list(nir.Linear(weight(5, 4)), node_of(kind, 5))
    net, _ = from_nir(graph, dt=DT)
    assert_means(graph, list(graph.nodes), net, spikes(4))


def graph_of(nodes, edges):
    return nir.NIRGraph(nodes, edges, type_check=False)


def recurrent(kind, back):
    nodes = {
        "input": nir.Input(np.array([4])),
        "w": nir.Linear(weight(5, 4)),
        "cell": node_of(kind, 5),
        "back": back,
        "output": nir.Output(np.array([5])),
    }
    edges = [("input", "w"), ("w", "cell"), ("cell", "back"), ("back", "cell"), ("cell", "output")]
    return graph_of(nodes, edges)


@pytest.mark.parametrize("bias", [False, True], ids=["Linear", "Affine"])
@pytest.mark.parametrize("kind", [nir.LIF, nir.CubaLIF, nir.LI])
def test_feedback_comes_a_step_late_and_its_bias_from_the_start(kind, bias):
    matrix = weight(5, 5) * (0.2 if kind is nir.LI else 1.0)
    back = nir.Affine(matrix, uniform(-1.0, 1.0, 5)) if bias else nir.Linear(matrix)
    graph = recurrent(kind, back)
    net, report = from_nir(graph, dt=DT)
    assert type(net) is (NirNetwork if kind is nir.CubaLIF else NirSequential)
    assert "one step (dt) late" in report.of("recurrence")[0].consequence
    assert_means(graph, ["input", "w", "cell", "back", "output"], net, spikes(4))


@pytest.mark.parametrize("seen", [False, True], ids=["matrix", "matrix and cells"])
def test_a_matrix_that_leads_back_and_to_the_output_too(seen):
    """It is no Recurrent's, whose matrix nothing else would see."""
    graph = recurrent(nir.LIF, nir.Linear(weight(5, 5)))
    graph.edges.append(("back", "output"))
    if not seen:
        graph.edges.remove(("cell", "output"))
    net, _ = from_nir(graph, dt=DT)
    assert type(net) is NirNetwork
    assert_means(graph, ["input", "w", "cell", "back", "output"], net, spikes(4))


def two_loops():
    """a -> b -> c with c fed back to a, b fed back to itself, and the input also added at c."""
    nodes = {
        "input": nir.Input(np.array([3])),
        "wa": nir.Linear(weight(3, 3, 1) * 2),
        "a": node_of(nir.LIF, 3, 1),
        "wb": nir.Affine(weight(3, 3, 2) * 2, uniform(0.0, 0.2, 3)),
        "b": node_of(nir.IF, 3, 2),
        "self": nir.Scale(np.full(3, -0.5)),
        "c": node_of(nir.CubaLIF, 3, 3),
        "home": nir.Affine(weight(3, 3, 4), uniform(0.0, 0.3, 3)),
        "output": nir.Output(np.array([3])),
    }
    edges = [("input", "wa"), ("wa", "a"), ("a", "wb"), ("wb", "b"), ("b", "self"), ("self", "b")]
    edges += [("b", "c"), ("input", "c"), ("c", "home"), ("home", "a"), ("c", "output")]
    return graph_of(nodes, [*edges, ("a", "output")])


TWO_LOOPS_ORDER = ["input", "wa", "a", "wb", "b", "self", "c", "home", "output"]


def test_loops_within_loops_and_sums():
    graph = two_loops()
    net, report = from_nir(graph, dt=DT)
    assert net.plan.late == {("home", "a"), ("self", "b")}
    assert {note.node for note in report.of("recurrence")} == {"a", "b"}
    x = spikes(3)
    expected = Interpreter(graph, TWO_LOOPS_ORDER, 2).run(x.numpy())
    assert np.array_equal(net(x).detach().numpy(), expected)
    assert set(np.unique(expected)) == {0.0, 1.0, 2.0}  # two lead to the output


def test_a_network_goes_on_where_it_stopped_in_any_portions():
    net, _ = from_nir(two_loops(), dt=DT)
    x = spikes(3)
    whole = net(x)
    reset_net(net)
    parts = torch.cat([net(x[:7]), net(x[7:30]), net(x[30:])])
    assert torch.equal(whole, parts)
    set_step_mode(net, "s")
    net.reset()
    assert torch.equal(whole, torch.stack([net(row) for row in x]))
    copied = pickle.loads(pickle.dumps(net))
    again = copy.deepcopy(net)
    after = net(x[0])
    assert torch.equal(after, copied(x[0]))
    assert torch.equal(after, again(x[0]))


def fed_back(back):
    """An IF that gets its own spikes through a module."""
    edges = [("in", "if"), ("if", "back"), ("back", "if"), ("if", "out")]
    modules, shapes = {"if": IFNode(v_threshold=3.0), "back": back}, {"if": (3,), "back": (3,)}
    return NirNetwork(modules, edges, "in", "out", shapes, stateful={"if"})


OTHER_BATCHES = [
    (
        lambda x: x[:, :1],
        r"batch is \(2, 3\) of \S+, the input needs \(1, 3\) of torch.float64",
    ),
    (lambda x: x.float(), r"\(2, 3\) of torch.float64, the input needs \(2, 3\) of torch.float32"),
]


@pytest.mark.parametrize(("other", "message"), OTHER_BATCHES)
def test_feedback_of_another_batch_is_dropped_with_one_warning(other, message):
    """All inside starts anew with it: the numbers are those of a fresh network."""
    x = spikes(3)
    expected = fed_back(nn.Identity())(other(x))
    net = fed_back(nn.Identity())
    whole = net(torch.cat((x, x)))
    assert not torch.equal(whole[len(x) :], whole[: len(x)])  # to go on is something else
    with pytest.warns(StateWarning, match=message) as caught:
        y = net(other(x))
    assert len(caught) == 1
    assert y.dtype == expected.dtype
    assert torch.equal(y, expected)


@pytest.mark.parametrize(("other", "message"), OTHER_BATCHES)
def test_feedback_of_another_batch_is_refused_if_asked(other, message):
    net = fed_back(nn.Identity())
    set_on_new_shape(net, "raise")
    x = spikes(3)
    first = net(x)
    with pytest.raises(ValueError, match=message + r".*; call reset_net\(net\)"):
        net(other(x))
    reset_net(net)
    assert torch.equal(net(x), first)


def test_feedback_in_another_dtype_than_the_input_is_kept():
    """A layer that promotes is no other batch, which is known by the input."""
    net = fed_back(Scale(torch.ones(3, dtype=torch.float64)))
    set_on_new_shape(net, "raise")
    x = spikes(3).float()
    y = torch.cat([net(x[:7]), net(x[7:])])
    assert y.dtype == torch.float64
    net.reset()
    assert torch.equal(y, net(x))


def test_a_network_takes_tensors_with_a_batch():
    net, _ = from_nir(two_loops(), dt=DT)
    with pytest.raises(TypeError, match=r"takes a tensor, got list; pass torch.as_tensor"):
        net([[[0.0, 0.0, 0.0]]])
    with pytest.raises(ValueError, match=r"takes \(T, B, \*\) in step_mode='m', got \(3,\)"):
        net(torch.zeros(3))


def test_gradients_pass_the_feedback_until_detached():
    """v[t+1] of an LI that feeds itself: d out[T-1] / d x[0] = k (1 - k + k w)^(T-1)."""
    k, w, steps = 0.1, 0.5, 6
    nodes = {
        "input": nir.Input(np.array([1])),
        "li": nir.LI(np.array([DT / k]), np.ones(1), np.zeros(1)),
        "w": nir.Scale(np.array([w])),
        "output": nir.Output(np.array([1])),
    }
    edges = [("input", "li"), ("li", "w"), ("w", "li"), ("li", "output")]
    net, _ = from_nir(graph_of(nodes, edges), dt=DT)
    x = torch.ones(steps, 1, 1, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[-1].sum(), x, retain_graph=True)
    assert gradient[0].item() == pytest.approx(k * (1 - k + k * w) ** (steps - 1), rel=1e-12)
    detach_net(net)
    more = torch.ones(1, 1, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.grad(net(more).sum(), more)[0].item() == pytest.approx(k)


def test_delays_and_thresholds():
    nodes = {
        "input": nir.Input(np.array([4])),
        "scale": nir.Scale(np.array([1.0, 0.4, 2.0, -1.0])),
        "delay": nir.Delay(np.array([0, 1, 5, 2]) * DT),
        "threshold": nir.Threshold(np.array([0.5, 0.3, 1.0, -0.5])),
        "output": nir.Output(np.array([4])),
    }
    edges = list(pairwise(nodes))
    graph = graph_of(nodes, edges)
    assert_means(graph, list(nodes), from_nir(graph, dt=DT).net, spikes(4))


def test_euler_steps_converge_to_the_continuous_solution():
    """LI under a constant current: v(t) = r I (1 - exp(-t / tau)), with an error of order dt."""
    tau, r, end = 10e-3, 3.0, 20e-3
    graph = nir.NIRGraph.from_list(nir.LI(np.full(1, tau), np.full(1, r), np.zeros(1)))
    exact = r * (1 - math.exp(-end / tau))
    errors = []
    for dt in (4e-4, 2e-4, 1e-4):
        x = torch.ones(round(end / dt), 1, 1, dtype=torch.float64)
        errors.append(abs(from_nir(graph, dt=dt).net(x)[-1].item() - exact))
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.03)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.03)


@pytest.mark.parametrize(("kind", "model"), [(nir.CubaLIF, "lif"), (nir.CubaLI, "li")])
def test_membrane_first_is_lif_or_li_and_comes_a_step_later(kind, model):
    node = node_of(kind, 5)
    node.v_leak = np.zeros(5)
    graph = nir.NIRGraph.from_list(nir.Linear(weight(5, 4)), node)
    x = spikes(4)
    first = from_nir(graph, dt=DT).net(x)
    late, report = from_nir(graph, dt=DT, membrane_first=True)
    assert isinstance(late[1], MembraneFirst)
    assert late[1].node.neuron.name == model
    assert report.of("latency")
    assert first.abs().sum() > 0
    torch.testing.assert_close(late(x)[1:], first[:-1], rtol=1e-11, atol=1e-13)


def test_a_graph_without_shapes_is_read_as_norse_writes_it():
    """Tensors of no axes in place of arrays, an Input without a shape."""
    graph = nir.NIRGraph(
        {
            "input": nir.Input(None),
            "0": nir.Affine(torch.eye(2), torch.zeros(2)),
            "1": nir.LIF(*(torch.tensor(value) for value in (1e-2, 1.0, 0.0, 0.05))),
            "output": nir.Output(None),
        },
        [("input", "0"), ("0", "1"), ("1", "output")],
        type_check=False,
    )
    graph.nodes["1"].v_reset = torch.tensor(0.0)
    net, _ = from_nir(graph, dt=DT)
    assert net(torch.ones(1, 1, 2)).tolist() == [[[1.0, 1.0]]]


def test_a_self_loop_needs_no_node_between():
    nodes = {
        "input": nir.Input(np.array([1])),
        "if": nir.IF(np.full(1, 1 / DT), np.full(1, 0.5), np.zeros(1)),
        "output": nir.Output(np.array([1])),
    }
    graph = graph_of(nodes, [("input", "if"), ("if", "if"), ("if", "output")])
    net, _ = from_nir(graph, dt=DT)
    x = torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64).reshape(4, 1, 1)
    assert net(x).flatten().tolist() == [0.0, 1.0, 1.0, 1.0]
