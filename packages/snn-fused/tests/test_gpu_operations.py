"""Each operation of a Body in a Triton kernel: its value, and that it compiles for a device."""

import platform

import pytest
import torch
from snn_fused.graph.body import OPERATIONS, Body, Node

pytest.importorskip("triton")

from snn_fused.gpu import sources
from snn_fused.gpu.launch import run_forward
from snn_fused.gpu.operations import UNSUPPORTED, write
from snn_fused.gpu.printer import print_backward, print_forward

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
DTYPES = [torch.float32, torch.float64]
linux = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="Triton has no ptxas here",
)
TORCH = {"and": "logical_and", "or": "logical_or", "xor": "logical_xor", "not": "logical_not"}
SPECIAL = [0.0, -0.0, 0.5, 1.5, 2.5, -0.5, 3.7, -3.7, 88.0, -104.0, 1e30, -1e-30]
SPECIAL += [float("inf"), -float("inf"), float("nan"), 1.0]


def one_operation(name):
    """The body that does one operation on x, seen.b and seen.c, flags made of them first."""
    inputs = ("x", "seen.b", "seen.c")
    wanted, result = OPERATIONS[name].split(">")
    nodes, operands = [], []
    for place, want in enumerate(wanted):
        if want == "f":
            nodes.append(Node("flag", (place,)))
        operands.append(2 + len(nodes) if want == "f" else place)
    nodes.append(Node(name, tuple(operands)))
    if result == "f":
        nodes.append(Node("number", (2 + len(nodes),)))
    return Body(inputs, tuple(nodes), (("output", 2 + len(nodes)),))


def in_torch(name, values):
    wanted, _ = OPERATIONS[name].split(">")
    dtype = values[0].dtype
    given = [v != 0 if want == "f" else v for v, want in zip(values, wanted, strict=False)]
    if name in ("number", "flag"):
        return (given[0] != 0).to(dtype)
    return getattr(torch, TORCH.get(name, name))(*given).to(dtype)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("device", DEVICES)
def test_value(device, dtype, name):
    a, b = torch.meshgrid(torch.tensor(SPECIAL), torch.tensor(SPECIAL), indexing="ij")
    make = torch.Generator().manual_seed(0)
    random = torch.randn(3, 64, generator=make, dtype=torch.float64) * 4
    values = torch.stack([a.flatten(), b.flatten(), b.flatten().flip(0)]).double()
    values = torch.cat([values, random], 1).to(device, dtype)
    given = {"x": values[:1], "seen.b": values[1:2], "seen.c": values[2:]}
    given |= {"numbers": torch.empty(0, dtype=torch.float64, device=device)}
    found = run_forward(one_operation(name), given).results["output"]
    # in the interpreter equal to the bit, but for torch's own square root on a CPU and a sigmoid
    # that is put together; on a device torch has its functions from where these come from
    ulps = 4 if device == "cuda" else {"sqrt": 1, "sigmoid": 2}.get(name, 0)
    tolerance = ulps * torch.finfo(dtype).eps
    expected = in_torch(name, tuple(values.split(1)))
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=0, equal_nan=True)


def test_all_operations_are_there():
    assert UNSUPPORTED == ()
    assert all(write(name, ("a", "b", "c"), torch.float32) for name in OPERATIONS)


def all_operations():
    """A forward body that does every operation, and a backward body that reads its state."""
    inputs = ("x", "state.v", "lane.0", "number.0", "seen.b")
    nodes = [Node("flag", (0,)), Node("flag", (1,)), Node("add", (0, 1))]
    total = 7
    for name, sort in OPERATIONS.items():
        numbers, flags = iter((0, 1, 3)), iter((5, 6))
        wanted, result = sort.split(">")
        nodes.append(Node(name, tuple(next(flags if c == "f" else numbers) for c in wanted)))
        if result == "f":
            nodes.append(Node("number", (4 + len(nodes),)))
        nodes.append(Node("add", (total, 4 + len(nodes))))
        total = 4 + len(nodes)
    forward = Body(inputs, tuple(nodes), (("output", total), ("state.v", total), ("trace.v", 0)))
    gradients = ("grad.output", "grad.state.v", "grad.trace.v")
    node = (Node("mul", (1, 5)), Node("add", (6, 8)), Node("add", (7, 9)))
    outputs = (("grad.x", 8), ("grad.state.v", 10), ("sum.0", 9))
    return forward, Body((*inputs, *gradients), node, outputs)


@linux
@pytest.mark.parametrize("single", [False, True], ids=["lanes", "one lane"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_compiles_for_a_device(dtype, single, tmp_path, monkeypatch):
    """Triton's compiler down to machine code; it takes no device."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    forward, backward = all_operations()
    texts = {
        "forward": print_forward(forward, ("state.v",), 2, dtype),
        "backward": print_backward(forward, backward, 2, dtype),
    }
    for name, text in texts.items():
        compiled = compile_for_hopper(getattr(sources.load(text), name), dtype, single)
        assert len(compiled.asm["cubin"]) > 1000


@linux
def test_no_product_is_fused_with_a_sum(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    inputs = ("x", "state.v")
    nodes = (Node("mul", (0, 1)), Node("add", (2, 1)), Node("div", (3, 0)), Node("sqrt", (4,)))
    text = print_forward(Body(inputs, nodes, (("output", 5), ("state.v", 3))), (), 2, torch.float32)
    compiled = compile_for_hopper(sources.load(text).forward, torch.float32, False)
    assembly = compiled.asm["ptx"]
    assert all(word in assembly for word in ("mul.rn.f32", "add.rn.f32", "div.rn", "sqrt.rn"))
    assert "fma" not in assembly


def compile_for_hopper(function, dtype, single):
    """Compile with the types and specialisations that a launch would give the arguments."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from triton.runtime.jit import JITFunction

    kernel = JITFunction(function)
    value = "*fp32" if dtype == torch.float32 else "*fp64"
    types, constants, attributes = {}, {}, {}
    for place, name in enumerate(kernel.arg_names):
        types[name] = "*fp64" if name == "numbers" else value
        if name in ("n_stretches", "n_single"):
            types[name] = "i32"
        elif name == "BLOCK" or (single and (name == "n_lanes" or name.endswith("_stride"))):
            types[name], constants[(place,)] = "constexpr", 32 if name == "BLOCK" else 1
        else:
            attributes[(place,)] = [["tt.divisibility", 16]]
            if name == "n_lanes" or name.endswith("_stride"):
                types[name] = "i32"
    import triton

    return triton.compile(
        ASTSource(kernel, types, constants, attributes),
        target=GPUTarget("cuda", 90, 32),
        options={"num_warps": 1, "enable_fp_fusion": False},
    )
