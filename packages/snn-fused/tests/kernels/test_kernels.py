"""Kernels against the same bodies run by torch, operation by operation: equal to the bit."""

import pytest
import torch
from snn_fused.cpu.backward import backward_scratch_bytes, backward_source
from snn_fused.cpu.forward import forward_scratch_bytes, forward_source
from snn_fused.cpu.slots import backward_slots, forward_slots, states

DTYPES = [torch.float32, torch.float64]

STEP = ("x", "seen.v", "state.v", "state.i", "lane.0", *(f"number.{k}" for k in range(8)))
NUMBERS = [0.1, 0.0, 0.8, 1.0, 0.25, 50.0, 1.0, 0.5]
"""dt / tau_mem, 0, 1 - dt / tau_syn, v_th, v_reset, alpha, 1, 1/2"""


def integrated(b) -> tuple[int, int]:
    """The membrane after its update, and where it is above threshold; lane.0 scales the leak."""
    pull = b("mul", "lane.0", b("sub", "number.1", "state.v"))
    v = b("add", "state.v", b("mul", "number.0", b("add", "state.i", pull)))
    return v, b("gt", b("sub", v, "number.3"), "number.1")


def lif_forward(tools, traces):
    b = tools.builder(*STEP)
    v, fires = integrated(b)
    i = b("add", b("mul", "state.i", "number.2"), "x")
    after = {"v": b("where", fires, "number.4", v), "i": i}
    recorded = {f"trace.{name}": after[name] for name in traces}
    ends = {f"state.{name}": place for name, place in after.items()}
    return b.body({"output": b("number", fires), **ends, **recorded})


def lif_backward(tools, traces, *outputs):
    carried = ("grad.output", "grad.state.v", "grad.state.i")
    b = tools.builder(*STEP, *carried, *(f"grad.trace.{name}" for name in traces))
    v, fires = integrated(b)
    below = b("add", b("mul", "number.5", b("abs", b("sub", v, "number.3"))), "number.6")
    slope = b("reciprocal", b("mul", below, below))
    to_v = b("where", fires, "number.1", "grad.state.v")
    to_v = b("add", to_v, b("mul", "grad.output", slope))
    current = b("mul", to_v, "number.0")
    to = {
        "v": b("sub", to_v, b("mul", current, "lane.0")),
        "i": b("add", b("mul", "grad.state.i", "number.2"), current),
    }
    for name in traces:
        to[name] = b("add", f"grad.trace.{name}", to[name])
    results = {
        "grad.x": b("mul", "grad.state.i", "number.6"),
        "grad.state.v": to["v"],
        "grad.state.i": to["i"],
        "sum.0": b("mul", current, b("mul", "state.v", "seen.v")),
        "sum.1": b("mul", to_v, "x"),
    }
    wanted = {k: v for k, v in results.items() if k.startswith("grad.state.") or k in outputs}
    return b.body(wanted)


def arrays_for(forward, backward, n_steps, n_lanes, dtype):
    """Random arrays for all slots of both kernels."""
    torch.manual_seed(0)
    given = {"numbers": torch.tensor(NUMBERS, dtype=torch.float64)}
    slots = [*forward_slots(forward), *(backward_slots(forward, backward) if backward else [])]
    for name in slots:
        stream = name.startswith(("x", "seen.", "output", "trace.", "grad.")) and not (
            name.startswith("grad.state.")
        )
        shape = (n_steps, n_lanes) if stream else (n_lanes,)
        given.setdefault(name, torch.rand(shape, dtype=dtype) * 3 - 0.5)
    return given


def fixed(arrays):
    """What does not change over time, by the names of a body."""
    given = {name: array for name, array in arrays.items() if name.startswith("lane.")}
    like = arrays["x"]
    for k, value in enumerate(arrays["numbers"]):
        given[f"number.{k}"] = value.to(like.dtype).expand(like.shape[1])
    return given


def expected_forward(tools, body, arrays):
    """Outputs and traces by step, the states before each step and at the end."""
    state = {name: arrays[f"{name}.before"] for name in states(body)}
    steps, before = [], []
    for t in range(len(arrays["x"])):
        before.append(state)
        streams = {name: arrays[name][t] for name in ("x", *body.names("seen."))}
        steps.append(tools.interpret(body, {**fixed(arrays), **streams, **state}))
        state = {name: steps[-1][name] for name in states(body)}
    return steps, before, state


def expected_backward(tools, forward, backward, arrays, is_start):
    """The arrays that the backward kernel writes, after it."""
    _, before, _ = expected_forward(tools, forward, arrays)
    found = {name: arrays[name].clone() for name in backward.results("")}
    for t in reversed(range(len(arrays["x"]))):
        given = {name: arrays[name][t] for name in ("x", *forward.names("seen."), "grad.output")}
        for name in backward.names("grad.trace."):
            first = torch.zeros_like(given["x"]) if is_start else arrays[f"{name}.earlier"]
            given[name] = arrays[name][t - 1] if t else first
        carried = {name: found[name] for name in backward.results("grad.state.")}
        results = tools.interpret(backward, {**fixed(arrays), **given, **before[t], **carried})
        for name, value in results.items():
            if name == "grad.x":
                found[name][t] = value
            else:
                found[name] = found[name] + value if name.startswith("sum.") else value
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_lanes", [1, 3, 16, 17, 100, 1500])
@pytest.mark.parametrize("n_steps", [1, 2, 37])
@pytest.mark.parametrize("traces", [(), ("i",), ("v", "i")])
def test_forward(tools, dtype, n_lanes, n_steps, traces):
    body = lif_forward(tools, traces)
    arrays = arrays_for(body, None, n_steps, n_lanes, dtype)
    steps, _, state = expected_forward(tools, body, arrays)
    header, source = [n_steps, n_lanes, 1, n_lanes, 1], forward_source(body, dtype)
    tools.call(source, forward_slots(body), arrays, header, forward_scratch_bytes(body))
    for name in ("output", *body.results("trace.")):
        assert torch.equal(arrays[name], torch.stack([step[name] for step in steps])), name
    for name, value in state.items():
        assert torch.equal(arrays[f"{name}.after"], value), name


OUTPUTS = [("grad.x",), (), ("grad.x", "sum.0"), ("sum.0", "sum.1")]


def run_backward(tools, forward, backward, arrays, is_start, pieces=None):
    n_steps, n_lanes = arrays["x"].shape
    source = backward_source(forward, backward, arrays["x"].dtype)
    header = [n_steps, n_lanes, int(is_start), n_lanes, 1]
    scratch = backward_scratch_bytes(forward, backward, n_steps)
    tools.call(source, backward_slots(forward, backward), arrays, header, scratch, pieces)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_lanes", [1, 3, 17, 100, 1500])
@pytest.mark.parametrize("n_steps", [1, 37])
@pytest.mark.parametrize("traces", [(), ("v", "i")])
@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("is_start", [False, True])
def test_backward(tools, dtype, n_lanes, n_steps, traces, outputs, is_start):
    forward, backward = lif_forward(tools, traces), lif_backward(tools, traces, *outputs)
    arrays = arrays_for(forward, backward, n_steps, n_lanes, dtype)
    for name in backward.names("grad.trace."):
        longer = torch.rand(n_steps + 1, n_lanes, dtype=dtype)
        arrays[f"{name}.earlier"], arrays[name] = longer[0], longer[1:]
    expected = expected_backward(tools, forward, backward, arrays, is_start)
    run_backward(tools, forward, backward, arrays, is_start)
    for name, value in expected.items():
        assert torch.equal(arrays[name], value), name


@pytest.mark.parametrize("n_steps", [1, 7000])
def test_backward_in_pieces_and_with_a_repeated_row(tools, n_steps):
    forward, backward = lif_forward(tools, ()), lif_backward(tools, (), "grad.x", "sum.0")
    arrays = arrays_for(forward, backward, n_steps, 150, torch.float32)
    arrays["grad.output"] = torch.rand(150).expand(n_steps, 150)
    expected = expected_backward(tools, forward, backward, arrays, True)
    run_backward(tools, forward, backward, arrays, True, [(96, 150), (0, 32), (32, 96)])
    for name, value in expected.items():
        assert torch.equal(arrays[name], value), name


def test_nothing_else_is_compiled(tools):
    with pytest.raises(TypeError, match="float32 and float64"):
        forward_source(lif_forward(tools, ()), torch.float16)


def test_arrays_larger_than_the_cache(tools):
    """They are written past it, by other instructions."""
    forward, backward = lif_forward(tools, ()), lif_backward(tools, (), "grad.x")
    arrays = arrays_for(forward, backward, 3, 1_500_000, torch.float32)
    steps, _, _ = expected_forward(tools, forward, arrays)
    expected = expected_backward(tools, forward, backward, arrays, True)
    header, source = [3, 1_500_000, 1, 1_500_000, 1], forward_source(forward, torch.float32)
    tools.call(source, forward_slots(forward), arrays, header, forward_scratch_bytes(forward))
    run_backward(tools, forward, backward, arrays, True)
    assert torch.equal(arrays["output"], torch.stack([step["output"] for step in steps]))
    for name, value in expected.items():
        assert torch.equal(arrays[name], value), name
