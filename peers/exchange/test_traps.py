"""What each library makes of a graph of NIR without ``fitted``: the traps."""

import copy

import nir
import numpy as np
import pytest
import torch
from snn_nodes.exchange import ExchangeError, fitted, from_nir
from snntorch import utils as snntorch_utils
from snntorch.import_nir import import_from_nir as snntorch_import

from .libraries import DT, RUN, active, in_norse, in_ours, in_snntorch, in_spikingjelly, spikes


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
