"""The stateful nodes on the fused backend: they run there, and give eager's numbers."""

from __future__ import annotations

import pytest
import snn_core as snn
import torch
from snn_core.choosing import candidates
from snn_core.eager import EAGER
from snn_core.testing.compiling import whole_graph
from snn_nodes import surrogate
from snn_nodes.neuron import (
    AdExNode,
    BaseNode,
    CubaLIFNode,
    IAFNode,
    IFNode,
    LIFNode,
    LINode,
    ParametricLIFNode,
)
from snn_nodes.surrogate import ATan, Sigmoid
from torch import nn

NUMBA = snn.backend("numba")
N = 5
ULPS = 50  # of the largest of a tensor; 12 measured over four seeds, most below 4


class Filtered(BaseNode):
    """A float, a Parameter, a buffer, a flag, a second memory: only the charge is written."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.decay, self.rectify = 0.5, True
        self.gain = nn.Parameter(torch.linspace(0.5, 1.5, N))
        self.register_buffer("offset", torch.linspace(-0.1, 0.1, N))
        self.register_memory("current", 0.0)

    def neuronal_dynamics(self, x):
        self.current = 0.8 * self.current + (x.relu() if self.rectify else x) * self.gain
        self.v = self.decay * self.v + self.current + self.offset


class Adaptive(LIFNode):
    """A threshold that rises with each spike: firing and reset overridden too."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.step_up = 0.2
        self.register_memory("rise", 0.0)

    def neuronal_fire(self, x=None):
        return self.surrogate_function(self.v - self.v_threshold - self.rise)

    def neuronal_reset(self, spike):
        super().neuronal_reset(spike)
        self.rise = 0.9 * self.rise + self.step_up * spike


def heterogeneous(**settings):
    tau, v_th = torch.linspace(1.5, 4.0, N), torch.linspace(0.5, 1.2, N)
    return LIFNode(tau, False, v_th, torch.linspace(-0.2, 0.1, N), **settings)


NODES = {
    "if": IFNode,
    "if soft": lambda **k: IFNode(0.8, None, **k),
    "if soft detached": lambda **k: IFNode(0.8, None, None, True, **k),
    "lif": LIFNode,
    "lif kept input": lambda **k: LIFNode(3.0, False, 1.0, -0.2, ATan(), True, **k),
    "lif soft": lambda **k: LIFNode(3.0, True, 0.5, None, **k),
    "lif tensors": heterogeneous,
    "lif primitive": lambda **k: LIFNode(surrogate_function=Sigmoid(4.0, False), **k),
    "plif": lambda **k: ParametricLIFNode(3.0, **k),
    "plif each": lambda **k: ParametricLIFNode(torch.linspace(1.5, 4.0, N), False, **k),
    "own charge": Filtered,
    "own firing": Adaptive,
    "cuba": lambda **k: CubaLIFNode(dt=2e-3, learn=("tau_mem",), **k),
    "adex": lambda **k: AdExNode(dt=1e-3, learn=("tau_syn",), **k),
    "li": lambda **k: LINode(dt=1e-3, learn=("tau_mem",), **k),
    "iaf": lambda **k: IAFNode(dt=1e-3, **k),
}
SMOOTH = {"lif primitive"}  # an exponential of its own: rounding shows forward too


def ran(node, x, lengths=None):
    x = x.clone().requires_grad_()
    out = node(x, lengths)
    torch.manual_seed(9)
    ends = dict(node.named_memories())
    loss = (out * torch.randn_like(out)).sum() + sum(end.sum() for end in ends.values())
    loss.backward()
    grads = [x.grad, *(one.grad for one in node.parameters())]
    return [out.detach(), *(end.detach() for end in ends.values())], grads


def assert_close(ours, theirs):
    """Within rounding of the largest: sums are made in another order."""
    scale = max(theirs.abs().max().item(), 1e-30)
    bound = ULPS * torch.finfo(theirs.dtype).eps * scale
    assert (ours - theirs).abs().max().item() <= bound


def chosen(node, x):
    """What auto takes for this node, by the name of the backend."""
    form = node._form(x[0])
    state = form.neuron.State(*node._initial_state(x[0]).values())
    problem = snn.types.Problem(
        form.neuron, x, form.params, state, form.dt, None, None, form.threshold, (), None
    )
    return snn.choosing.select(candidates("auto"), problem)[0].name


@pytest.fixture
def without_eager(monkeypatch):
    """Whoever falls back to the loop is found out: it is not there."""
    auto = tuple(one for one in candidates("auto") if one.name != "eager")
    monkeypatch.setattr("snn_nodes.neuron.run_settings.candidates", lambda backend: auto)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NODES)
def test_every_node_on_numba_is_eager(name, dtype):
    torch.manual_seed(0)
    x = torch.rand(40, 3, N, dtype=dtype) * 1.6
    expected, slopes = ran(NODES[name](step_mode="m", backend="eager").to(dtype), x)
    node = NODES[name](step_mode="m", backend="numba").to(dtype)
    values, grads = ran(node, x)
    assert chosen(node, x) == "numba"
    assert expected[0].sum() > 0
    for ours, theirs in zip(values, expected, strict=True):
        if name in SMOOTH:
            assert_close(ours, theirs)
        else:
            assert torch.equal(ours, theirs)
    for ours, theirs in zip(grads, slopes, strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["lif", "plif each", "own charge", "own firing", "cuba"])
@pytest.mark.usefixtures("without_eager")
def test_the_loop_is_not_needed(name):
    x = torch.rand(10, 2, N, requires_grad=True)
    node = NODES[name](step_mode="m", store_v_seq=True)
    assert "eager" not in {one.name for one in node._backends}
    node(x).sum().backward()
    assert node.v_seq.shape == x.shape
    node.reset()
    node(x, [3, 10])


@pytest.mark.parametrize("name", ["lif", "lif tensors", "own charge", "cuba"])
def test_lengths_and_traces_are_eagers(name):
    torch.manual_seed(1)
    x, lengths = torch.rand(12, 4, N, dtype=torch.float64) * 1.6, [12, 0, 5, 1]
    seen = []
    for backend in ("eager", "numba"):
        node = NODES[name](step_mode="m", backend=backend, store_v_seq=True).double()
        seen.append(ran(node, x, lengths))
    for ours, theirs in zip(seen[1][0], seen[0][0], strict=True):
        assert torch.equal(ours, theirs)
    for ours, theirs in zip(seen[1][1], seen[0][1], strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("name", snn.names("threshold"))
def test_every_surrogate_on_numba_is_eager(name):
    x = torch.rand(15, 2, N, dtype=torch.float64) * 1.6
    settings = {"step_mode": "m", "surrogate_function": surrogate.Surrogate(name)}
    expected, slopes = ran(LIFNode(backend="eager", **settings), x)
    values, grads = ran(LIFNode(backend="numba", **settings), x)
    assert all(map(torch.equal, values, expected))
    assert_close(grads[0], slopes[0])


@pytest.mark.parametrize(
    "change",
    [
        lambda node: setattr(node, "tau", 5.0),
        lambda node: setattr(node, "decay_input", False),
        lambda node: setattr(node, "v_reset", None),
        lambda node: setattr(node, "v_threshold", torch.linspace(0.5, 1.0, N)),
        lambda node: setattr(node.surrogate_function, "alpha", 1.0),
        lambda node: setattr(node.surrogate_function, "spiking", False),
    ],
)
def test_no_stale_kernel_runs_after_a_change(change):
    x = torch.rand(12, 3, N) * 2
    used, new = LIFNode(step_mode="m", backend="numba"), LIFNode(step_mode="m", backend="eager")
    ran(used, x)
    used.reset()
    change(used)
    change(new)
    values, grads = ran(used, x)
    expected, slopes = ran(new, x)
    assert torch.allclose(values[0], expected[0], rtol=1e-5, atol=1e-6)
    assert_close(grads[0], slopes[0])


def test_nodes_of_one_kind_share_a_kernel_whatever_their_numbers():
    x = torch.rand(5, 2, N)
    forms = [LIFNode(tau, v_threshold=th)._form(x[0]) for tau, th in ((2.0, 1.0), (3.5, 0.2))]
    assert forms[0].neuron is forms[1].neuron
    for tau in (2.0, 3.5):
        numbers = [LIFNode(tau, step_mode="m", backend=one)(x) for one in ("numba", EAGER)]
        assert torch.equal(*numbers)


@pytest.mark.parametrize("name", ["lif", "own charge", "cuba"])
# torch looks at the .grad of the memories that it takes into a graph
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_a_compiled_node_holds_the_kernel(name):
    x = torch.rand(6, 2, N, requires_grad=True)
    node, plain = (NODES[name](step_mode="m", backend="numba") for _ in range(2))
    expected = plain(x)
    node(x)
    node.reset()
    with whole_graph(node) as compiled:
        found = compiled(x)
        compiled(x)
        node.reset()
        with torch.compiler.set_stance("fail_on_recompile"):
            again = compiled(x)
    assert torch.equal(found, expected)
    assert torch.equal(again, expected)
    slopes = [torch.autograd.grad(one.sum(), x)[0] for one in (found, expected)]
    assert_close(*slopes)
