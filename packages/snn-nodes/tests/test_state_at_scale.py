"""State under torch.compile, and under data parallel training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from snn_core.testing.compiling import whole_graph
from snn_nodes.functional import reset_net
from snn_nodes.neuron import BaseNode, CubaLIFNode, LIFNode, ParametricLIFNode
from torch import nn

X = torch.rand(5, 2, 4, generator=torch.Generator().manual_seed(1)) * 3


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
    "by name": lambda **k: CubaLIFNode(dt=1e-2, learn=("tau_mem",), **k),
    "lif with v_seq": lambda **k: LIFNode(store_v_seq=True, **k),
}


def network(kind, mode):
    torch.manual_seed(0)
    nodes = [KINDS[kind](step_mode=mode, backend="eager") for _ in range(2)]
    return nn.Sequential(nn.Linear(4, 6), nodes[0], nn.Linear(6, 3), nodes[1])


def three_calls(run, net, mode):
    """Without a state, with one, and without after reset: outputs, membranes, gradients."""
    seen = []
    for again in (False, True, False):
        if not again:
            reset_net(net)
        x = X.clone().requires_grad_()
        if again:
            for node in (net[1], net[3]):
                node.detach()
        out = run(x if mode == "m" else x[0])
        net.zero_grad()
        out.sum().backward()
        seen += [out.detach(), net[1].v.detach(), net[3].v.detach(), x.grad]
        seen += [one.grad for one in net.parameters()]
    return seen


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["s", "m"])
def test_a_compiled_network_is_the_network_and_is_compiled_once(kind, mode):
    net, plain = network(kind, mode), network(kind, mode)
    expected = three_calls(plain, plain, mode)
    with whole_graph(net) as compiled:
        three_calls(compiled, net, mode)
        with torch.compiler.set_stance("fail_on_recompile"):
            found = three_calls(compiled, net, mode)
    assert len(expected) == len(found)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert found[0].sum() > 0


@pytest.fixture
def alone(tmp_path: Path):
    """A process group of this one process."""
    dist.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1
    )
    yield
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
