"""Kernels of recurrent layers against torch, on numbers whose sums are exact in any order."""

import pytest
import torch
from snn_fused.cpu.recurrent import (
    recurrent_backward_scratch_bytes,
    recurrent_backward_source,
    recurrent_forward_scratch_bytes,
    recurrent_forward_source,
)
from snn_fused.cpu.slots import recurrent_backward_slots, recurrent_forward_slots

DTYPES = [torch.float32, torch.float64]
N_BATCH = 6


def dyadic(shape, denominator):
    """Random numbers whose sums and products are exact, in any order."""
    return torch.randint(-denominator, denominator + 1, shape) / denominator


def linear_steps(tools, sums):
    """A step that is exact on such numbers: v after is v / 2 + x, the output v where above 1/2."""
    names = ("x", "state.v", "number.0")
    b = tools.builder(*names)
    v = b("add", b("mul", "state.v", "number.0"), "x")
    fires = b("gt", v, "number.0")
    output = b("where", fires, v, b("sub", v, v))
    forward = b.body({"output": output, "state.v": v})
    b = tools.builder(*names, "grad.output", "grad.state.v")
    v = b("add", b("mul", "state.v", "number.0"), "x")
    fires = b("gt", v, "number.0")
    to_v = b("add", "grad.state.v", b("where", fires, "grad.output", b("sub", v, v)))
    outputs = {"grad.x": to_v, "grad.state.v": b("mul", to_v, "number.0")}
    if sums:
        outputs["sum.0"] = b("mul", to_v, "state.v")
    return forward, b.body(outputs)


def arrays_for(n_steps, n, density, dtype):
    """Arrays of both kernels; the weight is sparse, so that numbers stay small."""
    torch.manual_seed(0)
    shape, lanes = (n_steps, N_BATCH * n), N_BATCH * n
    weight = (dyadic((n, n), 2) * (torch.rand(n, n) < 3 / n)).to(dtype)
    arrays = {"numbers": torch.tensor([0.5], dtype=torch.float64), "feedback": weight}
    arrays["feedback.transposed"] = weight.t().contiguous()
    counts = (torch.rand(lanes) < density).to(dtype)
    for name in ("x", "grad.output"):
        arrays[name] = dyadic(shape, 4).to(dtype) * counts
    for name in ("state.v.before", "output.before", "grad.state.v", "grad.feedback", "sum.0"):
        arrays[name] = dyadic((lanes,), 4).to(dtype) * counts
    arrays |= {name: torch.empty(shape, dtype=dtype) for name in ("output", "grad.x")}
    return arrays | {"state.v.after": torch.empty(lanes, dtype=dtype)}


def times(amounts, matrix):
    """(B * N,) @ (N, N), sample by sample."""
    return (amounts.view(N_BATCH, -1) @ matrix).flatten()


def expected_steps(tools, forward, arrays):
    """What each step was given and gave."""
    z, v = arrays["output.before"], arrays["state.v.before"]
    half, steps = torch.tensor(0.5, dtype=v.dtype), []
    for x in arrays["x"]:
        given = {"x": x + times(z, arrays["feedback.transposed"]), "number.0": half, "state.v": v}
        found = tools.interpret(forward, given)
        z, v = found["output"], found["state.v"]
        steps.append({**given, "output": z, "state.v.after": v})
    return steps


def expected_gradients(tools, backward, arrays, steps):
    """The arrays that the backward kernel writes."""
    names = ("grad.state.v", "grad.feedback", *backward.results("sum."))
    found = {name: arrays[name] for name in names}
    to_x = torch.empty_like(arrays["x"])
    for t in reversed(range(len(steps))):
        to_z = arrays["grad.output"][t] + found["grad.feedback"]
        given = {"grad.output": to_z, "grad.state.v": found["grad.state.v"]}
        results = tools.interpret(backward, {**steps[t], **given})
        to_x[t] = results["grad.x"]
        found["grad.state.v"] = results["grad.state.v"]
        found["grad.feedback"] = times(to_x[t], arrays["feedback"])
        for name in backward.results("sum."):
            found[name] = found[name] + results[name]
    return found | {"grad.x": to_x}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_neurons", [1, 3, 17, 40, 150, 300])
@pytest.mark.parametrize("n_steps", [1, 4])
@pytest.mark.parametrize("sums", [False, True])
@pytest.mark.parametrize("density", [0.1, 1.0])
def test_recurrent_layer(tools, dtype, n_neurons, n_steps, sums, density):
    n, pieces = n_neurons, [(1, N_BATCH), (0, 1)]
    forward, backward = linear_steps(tools, sums)
    arrays = arrays_for(n_steps, n, density, dtype)
    steps = expected_steps(tools, forward, arrays)
    gradients = expected_gradients(tools, backward, arrays, steps)
    flat = arrays | {name: arrays[name].flatten() for name in ("feedback", "feedback.transposed")}
    header = [n_steps, N_BATCH * n, 1, n, N_BATCH]

    source = recurrent_forward_source(forward, dtype)
    scratch = recurrent_forward_scratch_bytes(forward, dtype, n)
    tools.call(source, recurrent_forward_slots(forward), flat, header, scratch, pieces)
    assert torch.equal(arrays["output"], torch.stack([step["output"] for step in steps]))
    assert torch.equal(arrays["state.v.after"], steps[-1]["state.v.after"])

    source = recurrent_backward_source(forward, backward, dtype)
    scratch = recurrent_backward_scratch_bytes(forward, backward, dtype, n_steps, n)
    slots = recurrent_backward_slots(forward, backward)
    tools.call(source, slots, flat, header, scratch, pieces)
    for name, value in gradients.items():
        assert torch.equal(arrays[name], value), name
