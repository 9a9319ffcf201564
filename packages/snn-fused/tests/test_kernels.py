"""Kernels against the same bodies run by torch, operation by operation: equal to the bit."""

import ctypes
import math
from collections.abc import Callable

import llvmlite.binding as llvm
import pytest
import torch
from snn_fused.cpu.backward import backward_scratch_bytes, backward_source
from snn_fused.cpu.forward import forward_scratch_bytes, forward_source
from snn_fused.cpu.recurrent import (
    recurrent_backward_scratch_bytes,
    recurrent_backward_source,
    recurrent_forward_scratch_bytes,
    recurrent_forward_source,
)
from snn_fused.cpu.slots import (
    backward_slots,
    forward_slots,
    recurrent_backward_slots,
    recurrent_forward_slots,
    states,
)
from snn_fused.graph.body import Body, Node
from torch import Tensor

DTYPES = [torch.float32, torch.float64]

TORCH: dict[str, Callable[..., Tensor]] = {
    **{name: getattr(torch, name) for name in "add sub mul div pow maximum minimum".split()},
    **{name: getattr(torch, name) for name in "neg abs sqrt reciprocal ceil floor round".split()},
    **{name: getattr(torch, name) for name in "trunc exp expm1 log log1p sigmoid tanh sin".split()},
    **{name: getattr(torch, name) for name in "cos atan erf erfc sign gt ge lt le eq ne".split()},
    **{name: getattr(torch, name) for name in "isinf isnan where".split()},
    **{name: getattr(torch, f"logical_{name}") for name in "and or xor not".split()},
    "flag": lambda a: a != 0,
}


def interpret(body: Body, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """The outputs of a body."""
    values = [given.get(name) for name in body.inputs]
    dtype = given["x"].dtype
    for operation, operands in body.nodes:
        arguments = [values[place] for place in operands]
        if operation == "number":
            values.append(arguments[0].to(dtype))
        else:
            values.append(TORCH[operation](*arguments))
    return {name: values[place] for name, place in body.outputs}


class Builder:
    """Writes a body: each operation returns its place."""

    def __init__(self, *inputs: str) -> None:
        self.inputs, self.nodes = inputs, []

    def __call__(self, operation: str, *operands: str | int) -> int:
        places = (self.inputs.index(k) if isinstance(k, str) else k for k in operands)
        self.nodes.append(Node(operation, tuple(places)))
        return len(self.inputs) + len(self.nodes) - 1

    def body(self, outputs: dict[str, str | int]) -> Body:
        places = {
            name: self.inputs.index(k) if isinstance(k, str) else k for name, k in outputs.items()
        }
        return Body(self.inputs, tuple(self.nodes), tuple(places.items()))


@pytest.fixture(scope="module")
def compiled() -> Callable[[str], Callable[..., None]]:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    engines, known = [], {}

    def load(source: str) -> Callable[..., None]:
        if source not in known:
            machine = llvm.Target.from_default_triple().create_target_machine(
                cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
            )
            module = llvm.parse_assembly(source)
            module.verify()
            options = llvm.create_pipeline_tuning_options(speed_level=3)
            passes = llvm.create_pass_builder(machine, options).getModulePassManager()
            passes.run(module, llvm.create_pass_builder(machine, options))
            engine = llvm.create_mcjit_compiler(module, machine)
            engine.finalize_object()
            engines.append(engine)
            i64, address = ctypes.c_int64, ctypes.c_void_p
            kind = ctypes.CFUNCTYPE(None, address, i64, i64, address)
            known[source] = kind(engine.get_function_address("kernel"))
        return known[source]

    return load


def call(kernel, slots, arrays, header, scratch_bytes, pieces=None):
    """Run a kernel on arrays by slot; one of two dimensions has a row a step."""
    table = list(header)
    for name in slots:
        array = arrays[name]
        table += [array.data_ptr(), array.stride(0) if array.dim() == 2 else 0]
    words = torch.tensor(table, dtype=torch.int64)
    scratch = torch.empty(scratch_bytes + 64, dtype=torch.uint8)
    aligned = -(-scratch.data_ptr() // 64) * 64
    for lo, hi in pieces or [(0, header[1])]:
        kernel(words.data_ptr(), lo, hi, aligned)


STEP = ("x", "seen.v", "state.v", "state.i", "lane.0", *(f"number.{k}" for k in range(8)))
NUMBERS = [0.1, 0.0, 0.8, 1.0, 0.25, 50.0, 1.0, 0.5]
"""dt / tau_mem, 0, 1 - dt / tau_syn, v_th, v_reset, alpha, 1, 1/2"""


def integrated(b: Builder) -> tuple[int, int]:
    """The membrane after its update, and where it is above threshold; lane.0 scales the leak."""
    pull = b("mul", "lane.0", b("sub", "number.1", "state.v"))
    v = b("add", "state.v", b("mul", "number.0", b("add", "state.i", pull)))
    return v, b("gt", b("sub", v, "number.3"), "number.1")


def lif_forward(traces: tuple[str, ...]) -> Body:
    b = Builder(*STEP)
    v, fires = integrated(b)
    i = b("add", b("mul", "state.i", "number.2"), "x")
    after = {"v": b("where", fires, "number.4", v), "i": i}
    recorded = {f"trace.{name}": after[name] for name in traces}
    ends = {f"state.{name}": place for name, place in after.items()}
    return b.body({"output": b("number", fires), **ends, **recorded})


def lif_backward(traces: tuple[str, ...], *outputs: str) -> Body:
    carried = ("grad.output", "grad.state.v", "grad.state.i")
    b = Builder(*STEP, *carried, *(f"grad.trace.{name}" for name in traces))
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


def expected_forward(body, arrays):
    """Outputs and traces by step, the states before each step and at the end."""
    state = {name: arrays[f"{name}.before"] for name in states(body)}
    steps, before = [], []
    for t in range(len(arrays["x"])):
        before.append(state)
        streams = {name: arrays[name][t] for name in ("x", *body.names("seen."))}
        steps.append(interpret(body, {**fixed(arrays), **streams, **state}))
        state = {name: steps[-1][name] for name in states(body)}
    return steps, before, state


def expected_backward(forward, backward, arrays, is_start):
    """The arrays that the backward kernel writes, after it."""
    _, before, _ = expected_forward(forward, arrays)
    found = {name: arrays[name].clone() for name in backward.results("")}
    for t in reversed(range(len(arrays["x"]))):
        given = {name: arrays[name][t] for name in ("x", *forward.names("seen."), "grad.output")}
        for name in backward.names("grad.trace."):
            first = torch.zeros_like(given["x"]) if is_start else arrays[f"{name}.earlier"]
            given[name] = arrays[name][t - 1] if t else first
        carried = {name: found[name] for name in backward.results("grad.state.")}
        results = interpret(backward, {**fixed(arrays), **given, **before[t], **carried})
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
def test_forward(compiled, dtype, n_lanes, n_steps, traces):
    body = lif_forward(traces)
    arrays = arrays_for(body, None, n_steps, n_lanes, dtype)
    steps, _, state = expected_forward(body, arrays)
    kernel = compiled(forward_source(body, dtype))
    header = [n_steps, n_lanes, 1, n_lanes, 1]
    call(kernel, forward_slots(body), arrays, header, forward_scratch_bytes(body))
    for name in ("output", *body.results("trace.")):
        assert torch.equal(arrays[name], torch.stack([step[name] for step in steps])), name
    for name, value in state.items():
        assert torch.equal(arrays[f"{name}.after"], value), name


OUTPUTS = [("grad.x",), (), ("grad.x", "sum.0"), ("sum.0", "sum.1")]


def run_backward(compiled, forward, backward, arrays, is_start, pieces=None):
    n_steps, n_lanes = arrays["x"].shape
    kernel = compiled(backward_source(forward, backward, arrays["x"].dtype))
    header = [n_steps, n_lanes, int(is_start), n_lanes, 1]
    scratch = backward_scratch_bytes(forward, backward, n_steps)
    call(kernel, backward_slots(forward, backward), arrays, header, scratch, pieces)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_lanes", [1, 3, 17, 100, 1500])
@pytest.mark.parametrize("n_steps", [1, 37])
@pytest.mark.parametrize("traces", [(), ("v", "i")])
@pytest.mark.parametrize("outputs", OUTPUTS)
@pytest.mark.parametrize("is_start", [False, True])
def test_backward(compiled, dtype, n_lanes, n_steps, traces, outputs, is_start):
    forward, backward = lif_forward(traces), lif_backward(traces, *outputs)
    arrays = arrays_for(forward, backward, n_steps, n_lanes, dtype)
    for name in backward.names("grad.trace."):
        longer = torch.rand(n_steps + 1, n_lanes, dtype=dtype)
        arrays[f"{name}.earlier"], arrays[name] = longer[0], longer[1:]
    expected = expected_backward(forward, backward, arrays, is_start)
    run_backward(compiled, forward, backward, arrays, is_start)
    for name, value in expected.items():
        assert torch.equal(arrays[name], value), name


@pytest.mark.parametrize("n_steps", [1, 7000])
def test_backward_in_pieces_and_with_a_repeated_row(compiled, n_steps):
    forward, backward = lif_forward(()), lif_backward((), "grad.x", "sum.0")
    arrays = arrays_for(forward, backward, n_steps, 150, torch.float32)
    arrays["grad.output"] = torch.rand(150).expand(n_steps, 150)
    expected = expected_backward(forward, backward, arrays, True)
    run_backward(compiled, forward, backward, arrays, True, [(96, 150), (0, 32), (32, 96)])
    for name, value in expected.items():
        assert torch.equal(arrays[name], value), name


def dyadic(shape, denominator):
    """Random numbers whose sums and products are exact, in any order."""
    return torch.randint(-denominator, denominator + 1, shape) / denominator


def linear_steps(backward_outputs):
    """A step that is exact on such numbers: v after is v / 2 + x, the output v where above 1/2."""
    names = ("x", "state.v", "number.0")
    b = Builder(*names)
    v = b("add", b("mul", "state.v", "number.0"), "x")
    fires = b("gt", v, "number.0")
    output = b("where", fires, v, b("sub", v, v))
    forward = b.body({"output": output, "state.v": v})
    b = Builder(*names, "grad.output", "grad.state.v")
    v = b("add", b("mul", "state.v", "number.0"), "x")
    fires = b("gt", v, "number.0")
    to_v = b("add", "grad.state.v", b("where", fires, "grad.output", b("sub", v, v)))
    outputs = {"grad.x": to_v, "grad.state.v": b("mul", to_v, "number.0"), "sum.0": b("mul", to_v, "state.v")}
    wanted = ("grad.x", "grad.state.v", *backward_outputs)
    return forward, b.body({name: place for name, place in outputs.items() if name in wanted})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_neurons", [1, 3, 17, 40, 150, 300])
@pytest.mark.parametrize("n_steps", [1, 4])
@pytest.mark.parametrize("sums", [(), ("sum.0",)])
def test_recurrent(compiled, dtype, n_neurons, n_steps, sums):
    torch.manual_seed(0)
    n_batch, n = 3, n_neurons
    forward, backward = linear_steps(sums)
    shape, lanes = (n_steps, n_batch * n), n_batch * n
    weight = (dyadic((n, n), 2) * (torch.rand(n, n) < 3 / n)).to(dtype)
    arrays = {"numbers": torch.tensor([0.5], dtype=torch.float64), "feedback": weight.flatten()}
    arrays["feedback.transposed"] = weight.t().contiguous().flatten()
    for name in ("x", "grad.output"):
        arrays[name] = dyadic(shape, 4).to(dtype)
    for name in ("state.v.before", "output.before", "grad.state.v", "grad.feedback", "sum.0"):
        arrays[name] = dyadic((lanes,), 4).to(dtype)
    arrays |= {name: torch.empty(shape, dtype=dtype) for name in ("output", "grad.x")}
    arrays["state.v.after"] = torch.empty(lanes, dtype=dtype)

    z, v = arrays["output.before"], arrays["state.v.before"]
    steps, half = [], torch.tensor(0.5, dtype=dtype)
    for t in range(n_steps):
        fed = (z.view(n_batch, n) @ weight.t()).flatten()
        given = {"x": arrays["x"][t] + fed, "state.v": v, "number.0": half}
        found = interpret(forward, given)
        steps.append(given)
        z, v = found["output"], found["state.v"]
        steps[-1]["output"] = z
    expected = {name: arrays[name].clone() for name in ("grad.state.v", "grad.feedback", *sums)}
    to_x = torch.empty(shape, dtype=dtype)
    for t in reversed(range(n_steps)):
        to_z = arrays["grad.output"][t] + expected["grad.feedback"]
        grads = {"grad.output": to_z, "grad.state.v": expected["grad.state.v"]}
        found = interpret(backward, {**steps[t], **grads})
        to_x[t], expected["grad.state.v"] = found["grad.x"], found["grad.state.v"]
        expected["grad.feedback"] = (to_x[t].view(n_batch, n) @ weight).flatten()
        if sums:
            expected["sum.0"] = expected["sum.0"] + found["sum.0"]

    header = [n_steps, lanes, 1, n, n_batch]
    pieces = [(1, 3), (0, 1)]
    kernel = compiled(recurrent_forward_source(forward, dtype))
    scratch = recurrent_forward_scratch_bytes(forward, dtype, n)
    call(kernel, recurrent_forward_slots(forward), arrays, header, scratch, pieces)
    assert torch.equal(arrays["output"], torch.stack([step["output"] for step in steps]))
    assert torch.equal(arrays["state.v.after"], v)

    kernel = compiled(recurrent_backward_source(forward, backward, dtype))
    scratch = recurrent_backward_scratch_bytes(forward, backward, dtype, n_steps, n)
    slots = recurrent_backward_slots(forward, backward)
    call(kernel, slots, arrays, header, scratch, pieces)
    assert torch.equal(arrays["grad.x"], to_x)
    for name, value in expected.items():
        assert torch.equal(arrays[name], value), name


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, math.inf, -math.inf, math.nan, 1e-40, 3e38]

EXACT = (
    "add sub mul div maximum minimum neg abs reciprocal ceil floor round trunc sign "
    "gt ge lt le eq ne isinf isnan flag"
).split()
NEAR = "sqrt exp expm1 log log1p tanh sin cos atan erf erfc pow".split()
BINARY = "add sub mul div maximum minimum gt ge lt le eq ne pow".split()


def operate(compiled, operation, a, b):
    """One operation done by a kernel; flags as numbers."""
    builder = Builder("x", "seen.v")
    place = builder(operation, *(("x", "seen.v") if operation in BINARY else ("x",)))
    if operation in "gt ge lt le eq ne isinf isnan flag".split():
        place = builder("number", place)
    body = builder.body({"output": place})
    arrays = {"numbers": torch.zeros(1), "x": a[None], "seen.v": b[None]}
    arrays["output"] = torch.empty_like(arrays["x"])
    kernel = compiled(forward_source(body, a.dtype))
    call(kernel, forward_slots(body), arrays, [1, len(a), 1, len(a), 1], 64)
    return arrays["output"][0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", EXACT)
def test_exact_operation(compiled, operation, dtype):
    values = torch.tensor([*SPECIAL, *(torch.randn(50) * 3).tolist()], dtype=dtype)
    a, b = (part.flatten().contiguous() for part in torch.meshgrid(values, values, indexing="ij"))
    function = TORCH[operation]
    expected = (function(a, b) if operation in BINARY else function(a)).to(dtype)
    found = operate(compiled, operation, a, b)
    assert torch.equal(found.isnan(), expected.isnan())
    assert torch.equal(found.nan_to_num(), expected.nan_to_num())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", NEAR)
def test_transcendental_operation(compiled, operation, dtype):
    values = torch.tensor([*SPECIAL, *torch.linspace(-110, 110, 100_001)], dtype=dtype)
    if dtype == torch.float64:
        values = torch.cat([values, torch.linspace(-750, 720, 10_001, dtype=dtype)])
    exponents = torch.full_like(values, -1.5)
    function = TORCH[operation]
    wide = values.double()
    expected = function(wide, exponents.double()) if operation in BINARY else function(wide)
    found = operate(compiled, operation, values, exponents)
    assert torch.equal(found.isnan(), expected.isnan())
    tiny = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    torch.testing.assert_close(
        found, expected.to(dtype), rtol=2 * torch.finfo(dtype).eps, atol=2 * tiny, equal_nan=True
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid(compiled, dtype):
    x = torch.cat([torch.tensor(SPECIAL), torch.linspace(-120, 120, 50_001)]).to(dtype)
    found, expected = operate(compiled, "sigmoid", x, x), 1 / (1 + torch.exp(-x))
    torch.testing.assert_close(
        found, expected, rtol=2 * torch.finfo(dtype).eps, atol=0, equal_nan=True
    )


LOGIC = {"and": torch.logical_and, "or": torch.logical_or, "xor": torch.logical_xor}


@pytest.mark.parametrize("operation", LOGIC)
def test_logic(compiled, operation):
    b = Builder("x", "seen.v")
    flags = b("flag", "x"), b("not", b("flag", "seen.v"))
    body = b.body({"output": b("number", b(operation, *flags))})
    x, seen = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    arrays = {"numbers": x, "x": x, "seen.v": seen, "output": torch.empty_like(x)}
    kernel = compiled(forward_source(body, torch.float32))
    call(kernel, forward_slots(body), arrays, [1, 4, 1, 4, 1], 64)
    assert torch.equal(arrays["output"], LOGIC[operation](x != 0, seen == 0).float())


def test_nothing_else_is_compiled():
    with pytest.raises(TypeError, match="float32 and float64"):
        forward_source(lif_forward(()), torch.float16)
