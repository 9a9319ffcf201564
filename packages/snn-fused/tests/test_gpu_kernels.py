"""Triton kernels against a loop of torch, differentiated by autograd.

Tensors on the CPU go through Triton's interpreter, without any setting; where there is a CUDA
device, the same tests run on it too.
"""

import functools

import pytest
import torch
from snn_core.injection import inject
from snn_core.thresholds import SUPER_SPIKE
from snn_fused.graph.body import Body, Node

pytest.importorskip("triton")

from snn_fused.gpu.launch import run_backward, run_forward

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
DTYPES = [torch.float32, torch.float64]
SYN_DECAY, LEAK, THRESHOLD, RESET, ALPHA = 0.8, 0.1, 1.0, -0.25, 50.0
NUMBERS = (SYN_DECAY, LEAK, THRESHOLD, RESET, ALPHA, 1.0, 0.0)


class Draft:
    """A body being written: operands are inputs by name, or results."""

    def __init__(self, *inputs):
        self.inputs, self.nodes = inputs, []

    def place(self, operand):
        return self.inputs.index(operand) if isinstance(operand, str) else operand

    def __call__(self, operation, *operands):
        self.nodes.append(Node(operation, tuple(map(self.place, operands))))
        return len(self.inputs) + len(self.nodes) - 1

    def body(self, **outputs):
        places = ((name.replace("_", "."), self.place(to)) for name, to in outputs.items())
        return Body(self.inputs, tuple(self.nodes), tuple(places))


def constants():
    return tuple(f"number.{k}" for k in range(len(NUMBERS)))


def membrane(draft):
    """v and its distance to the threshold; lane.0 is dt / tau_mem."""
    pull = draft("add", "state.i", draft("sub", "number.1", "state.v"))
    v = draft("add", "state.v", draft("mul", "lane.0", pull))
    return pull, v


@functools.cache
def lif(seen):
    """The bodies of a LIF layer that records v, measured or not, and learns lane.0."""
    measured = ("seen.v",) if seen else ()
    inputs = ("x", "state.v", "state.i", *measured, "lane.0", *constants())
    draft = Draft(*inputs)
    _, v = membrane(draft)
    i = draft("add", draft("mul", "state.i", "number.0"), "x")
    used = "seen.v" if seen else v
    fired = draft("gt", draft("sub", used, "number.2"), "number.6")
    after = used if seen else draft("where", fired, "number.3", v)
    z = draft("number", fired)
    forward = draft.body(output=z, state_v=after, state_i=i, trace_v=after)
    return forward, lif_backward(inputs, seen)


def lif_backward(inputs, seen):
    gradients = ("grad.output", "grad.state.v", "grad.state.i", "grad.trace.v")
    draft = Draft(*inputs, *gradients)
    pull, v = membrane(draft)
    distance = draft("sub", "seen.v" if seen else v, "number.2")
    width = draft("add", draft("mul", "number.4", draft("abs", distance)), "number.5")
    slope = draft("reciprocal", draft("mul", width, width))
    through = "grad.state.v"
    if not seen:
        fired = draft("gt", distance, "number.6")
        through = draft("where", fired, "number.6", "grad.state.v")
    to_v = draft("add", through, draft("mul", "grad.output", slope))
    shared = draft("mul", to_v, "lane.0")
    return draft.body(
        grad_x="grad.state.i",
        grad_state_v=draft("add", draft("sub", to_v, shared), "grad.trace.v"),
        grad_state_i=draft("add", draft("mul", "grad.state.i", "number.0"), shared),
        sum_0=draft("mul", to_v, pull),
    )


def loop(x, v, i, tau, seen):
    """The same layer in torch."""
    outputs, trace = [], []
    for t in range(len(x)):
        v = v + tau * (i + (LEAK - v))
        i = i * SYN_DECAY + x[t]
        if seen is not None:
            v = inject(v, seen[t])
        z = SUPER_SPIKE(v - THRESHOLD)
        if seen is None:
            v = torch.where(z > 0.5, RESET, v)
        outputs.append(z)
        trace.append(v)
    return torch.stack(outputs), torch.stack(trace), v, i


def ulps(found, expected):
    """The largest difference, in units of rounding at the largest expected value."""
    unit = torch.finfo(expected.dtype).eps * expected.abs().max()
    return ((found - expected).abs().max() / unit).item() if unit > 0 else float(found.abs().max())


def tensors(n_steps, n_lanes, dtype, device):
    make = torch.Generator().manual_seed(n_steps * 100 + n_lanes)
    shapes = {
        "x": (n_steps, n_lanes),
        "seen": (n_steps, n_lanes),
        **dict.fromkeys(("v", "i", "tau", "to_v", "to_i"), (n_lanes,)),
        **dict.fromkeys(("to_output", "to_trace"), (n_steps, n_lanes)),
    }
    made = {
        name: torch.randn(shape, generator=make, dtype=torch.float64)
        for name, shape in shapes.items()
    }
    made["tau"] = made["tau"].abs() * 0.2 + 0.05
    return {name: value.to(device, dtype) for name, value in made.items()}


@pytest.mark.parametrize("seen", [False, True], ids=["free", "seen"])
@pytest.mark.parametrize("n_steps", [1, 7, 8, 16, 19, 35])
@pytest.mark.parametrize("n_lanes", [1, 5, 33])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("device", DEVICES)
def test_lif_forward_and_backward(device, dtype, n_lanes, n_steps, seen):
    made = tensors(n_steps, n_lanes, dtype, device)
    wanted = [made[name].requires_grad_() for name in ("x", "v", "i", "tau")]
    expected = loop(*wanted, made["seen"] if seen else None)
    arriving = [made[name] for name in ("to_output", "to_trace", "to_v", "to_i")]
    expected_grads = torch.autograd.grad(expected, wanted, arriving)

    forward, backward = lif(seen)
    given = {
        name: value.detach()
        for name, value in zip(("x", "state.v", "state.i", "lane.0"), wanted, strict=True)
    }
    given |= {"numbers": torch.tensor(NUMBERS, dtype=torch.float64, device=device)}
    given |= {"seen.v": made["seen"]}
    done = run_forward(forward, given, backward=backward)
    names = ("output", "trace.v", "state.v", "state.i")
    assert max(map(ulps, (done.results[name] for name in names), expected)) == 0
    gradients = {
        "grad.output": made["to_output"],
        "grad.trace.v": made["to_trace"],
        "grad.state.v": made["to_v"] + made["to_trace"][-1],
        "grad.state.i": made["to_i"],
    }
    found = run_backward(forward, backward, given | gradients, done.checkpoints)
    names = ("grad.x", "grad.state.v", "grad.state.i", "sum.0")
    assert max(map(ulps, (found[name] for name in names), expected_grads)) <= 16


@pytest.mark.parametrize("device", DEVICES)
def test_rows_of_any_stride_and_what_is_given_stays(device):
    made = tensors(9, 6, torch.float32, device)
    forward, backward = lif(False)
    given = {"state.v": made["v"], "state.i": made["i"], "lane.0": made["tau"]}
    given |= {"numbers": torch.tensor(NUMBERS, dtype=torch.float64, device=device)}
    row = made["x"][:1]
    wide = torch.cat([made["x"], made["x"]], 1)
    for x, same in [
        (row.expand(9, 6), row.expand(9, 6).contiguous()),
        (wide[:, 3:9], wide[:, 3:9].contiguous()),
        (wide[:, ::2], wide[:, ::2].contiguous()),
    ]:
        before = {name: value.clone() for name, value in given.items()}
        found, expected = (
            run_forward(forward, given | {"x": one}, backward=backward) for one in (x, same)
        )
        assert all(torch.equal(found.results[k], v) for k, v in expected.results.items())
        assert all(torch.equal(given[name], value) for name, value in before.items())


@pytest.mark.parametrize("device", DEVICES)
def test_no_lanes(device):
    made = tensors(3, 0, torch.float32, device)
    forward, backward = lif(False)
    given = {"x": made["x"], "state.v": made["v"], "state.i": made["i"], "lane.0": made["tau"]}
    given |= {"numbers": torch.tensor(NUMBERS, dtype=torch.float64, device=device)}
    done = run_forward(forward, given, backward=backward)
    assert done.results["output"].shape == (3, 0)


def test_states_that_nothing_needs_are_not_kept():
    forward, _ = lif(False)
    linear = Body(("grad.output", "grad.state.v"), (), (("grad.x", 0), ("grad.state.v", 1)))
    made = tensors(20, 5, torch.float32, "cpu")
    given = {"x": made["x"], "state.v": made["v"], "state.i": made["i"], "lane.0": made["tau"]}
    given |= {"numbers": torch.tensor(NUMBERS, dtype=torch.float64)}
    assert run_forward(forward, given, backward=linear).checkpoints.numel() == 0
    assert run_forward(forward, given).checkpoints.numel() == 0


def test_states_that_change_places():
    inputs = ("x", "state.v", "state.w")
    forward = Body(inputs, (), (("output", 1), ("state.v", 2), ("state.w", 1)))
    given = {"x": torch.zeros(3, 2), "numbers": torch.empty(0, dtype=torch.float64)}
    given |= {"state.v": torch.tensor([1.0, 2.0]), "state.w": torch.tensor([3.0, 4.0])}
    found = run_forward(forward, given).results
    assert found["output"].tolist() == [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]
    assert found["state.v"].tolist() == [3.0, 4.0]
