"""State under torch.compile, and under data parallel training."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from snn_core.testing.compiling import whole_graph
from snn_nodes.functional import reset_net
from snn_nodes.neuron import BaseNode, CubaLIFNode, LIFNode, ParametricLIFNode
from torch import nn

X = torch.rand(3, 2, 4, generator=torch.Generator().manual_seed(1)) * 3


class Mine(BaseNode):
    """Of one's own."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.gain = 2.0

    def neuronal_dynamics(self, x):
        self.v = self.v * 0.5 + x * self.gain


KINDS = {
    "lif": LIFNode,
    "plif": ParametricLIFNode,
    "own": Mine,
    "by name": lambda **k: CubaLIFNode(dt=5e-3, learn=("tau_mem",), **k),
    "lif with v_seq": lambda **k: LIFNode(store_v_seq=True, **k),
}


def network(kind, mode):
    torch.manual_seed(0)
    nodes = [KINDS[kind](step_mode=mode, backend="eager") for _ in range(2)]
    return nn.Sequential(nn.Linear(4, 6), nodes[0], nn.Linear(6, 3), nodes[1])


def states(node):
    return [(name, one) for name, one in node.named_memories() if name != "v_seq"]


def two_calls(run, node, mode):
    """Without a state, then with one, and backward through both: all there is to see."""
    node.reset()
    node.zero_grad()
    xs = [x.clone().requires_grad_() for x in ((X, X * 0.9) if mode == "m" else (X[0], X[1]))]
    outs = [run(x) for x in xs]
    (torch.cat(outs).square().sum() + sum(one.sum() for _, one in states(node))).backward()
    seen = [
        *outs,
        *(one for _, one in states(node)),
        *(x.grad for x in xs),
        *(one.grad for one in node.parameters()),
    ]
    return [one.detach().clone() for one in seen]


@pytest.mark.parametrize(
    ("kind", "mode"), [("lif", "s"), ("by name", "s"), *((kind, "m") for kind in KINDS)]
)
# torch looks at the .grad of the memories that it takes into a graph
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_a_compiled_node_is_the_node_and_is_compiled_once(kind, mode):
    node, plain = (KINDS[kind](step_mode=mode, backend="eager") for _ in range(2))
    expected = two_calls(plain, plain, mode)
    with whole_graph(node) as compiled:
        for _ in range(2 if kind == "own" else 1):  # whether that is pure shows at its first call
            two_calls(compiled, node, mode)
        with torch.compiler.set_stance("fail_on_recompile"):
            found = two_calls(compiled, node, mode)
    assert len(expected) == len(found)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert found[1].sum() > 0


@pytest.fixture
def alone(tmp_path: Path):
    """A process group of this one process."""
    dist.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1
    )
    yield
    # Were a module the last to hold the group, it would wait for the group's thread with Python's
    # lock in its hand, and the thread at times for the lock.
    gc.collect()
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", ["lif", "plif", "by name"])
def test_a_network_in_ddp_trains_as_it_does_alone(kind):
    net, plain = network(kind, "m"), network(kind, "m")
    parallel = nn.parallel.DistributedDataParallel(net)
    for x in (X, X[:, :1], X * 0.7):  # another batch each time
        reset_net(parallel)
        reset_net(plain)
        ours, theirs = parallel(x), plain(x)
        assert torch.equal(ours, theirs)
        ours.sum().backward()
        theirs.sum().backward()
    assert torch.is_tensor(net[1].v)
    assert not list(parallel.buffers())
    assert [name.removeprefix("module.") for name in parallel.state_dict()] == list(
        plain.state_dict()
    )
    for one, other in zip(net.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-6, atol=1e-8)
