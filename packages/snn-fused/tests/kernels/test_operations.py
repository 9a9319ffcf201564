"""Each operation of a body, done by a kernel, against torch."""

import math

import pytest
import torch
from snn_fused.cpu.forward import forward_source
from snn_fused.cpu.slots import forward_slots

DTYPES = [torch.float32, torch.float64]

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, math.inf, -math.inf, math.nan, 1e-40, 3e38]

ARITHMETIC, ROUNDING = ("add", "sub", "mul", "div"), ("ceil", "floor", "round", "trunc")
EXTREMES, COMPARISONS = ("maximum", "minimum"), ("gt", "ge", "lt", "le", "eq", "ne")
FLAGS = (*COMPARISONS, "isinf", "isnan", "flag")
EXACT = (*ARITHMETIC, *ROUNDING, *EXTREMES, *FLAGS, "neg", "abs", "reciprocal", "sign")
BINARY = (*ARITHMETIC, *EXTREMES, *COMPARISONS, "pow")
# torch's own square root is not always the nearest number
EXPONENTIALS, OTHERS = ("exp", "expm1", "log", "log1p", "tanh"), ("erf", "erfc", "pow", "sqrt")
NEAR = (*EXPONENTIALS, *OTHERS, "sin", "cos", "atan")


def operate(tools, operation, a, b):
    """One operation done by a kernel; flags as numbers."""
    builder = tools.builder("x", "seen.v")
    place = builder(operation, *(("x", "seen.v") if operation in BINARY else ("x",)))
    if operation in FLAGS:
        place = builder("number", place)
    body = builder.body({"output": place})
    arrays = {"numbers": torch.zeros(1), "x": a[None], "seen.v": b[None]}
    arrays["output"] = torch.empty_like(arrays["x"])
    source = forward_source(body, a.dtype)
    tools.call(source, forward_slots(body), arrays, [1, len(a), 1, len(a), 1], 64)
    return arrays["output"][0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", EXACT)
def test_exact_operation(tools, operation, dtype):
    values = torch.tensor([*SPECIAL, *(torch.randn(50) * 3).tolist()], dtype=dtype)
    a, b = (part.flatten().contiguous() for part in torch.meshgrid(values, values, indexing="ij"))
    function = tools.operations[operation]
    expected = (function(a, b) if operation in BINARY else function(a)).to(dtype)
    found = operate(tools, operation, a, b)
    assert torch.equal(found.isnan(), expected.isnan())
    assert torch.equal(found.nan_to_num(), expected.nan_to_num())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operation", NEAR)
def test_transcendental_operation(tools, operation, dtype):
    values = torch.tensor([*SPECIAL, *torch.linspace(-110, 110, 100_001)], dtype=dtype)
    if dtype == torch.float64:
        values = torch.cat([values, torch.linspace(-750, 720, 10_001, dtype=dtype)])
    exponents = torch.full_like(values, -1.5)
    function = tools.operations[operation]
    wide = values.double()
    expected = function(wide, exponents.double()) if operation in BINARY else function(wide)
    found = operate(tools, operation, values, exponents)
    assert torch.equal(found.isnan(), expected.isnan())
    tiny = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    torch.testing.assert_close(
        found, expected.to(dtype), rtol=2 * torch.finfo(dtype).eps, atol=2 * tiny, equal_nan=True
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid(tools, dtype):
    x = torch.cat([torch.tensor(SPECIAL), torch.linspace(-120, 120, 50_001)]).to(dtype)
    found, expected = operate(tools, "sigmoid", x, x), 1 / (1 + torch.exp(-x))
    torch.testing.assert_close(
        found, expected, rtol=2 * torch.finfo(dtype).eps, atol=0, equal_nan=True
    )


LOGIC = {"and": torch.logical_and, "or": torch.logical_or, "xor": torch.logical_xor}


@pytest.mark.parametrize("operation", LOGIC)
def test_logic(tools, operation):
    b = tools.builder("x", "seen.v")
    flags = b("flag", "x"), b("not", b("flag", "seen.v"))
    body = b.body({"output": b("number", b(operation, *flags))})
    x, seen = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    arrays = {"numbers": x, "x": x, "seen.v": seen, "output": torch.empty_like(x)}
    source = forward_source(body, torch.float32)
    tools.call(source, forward_slots(body), arrays, [1, 4, 1, 4, 1], 64)
    assert torch.equal(arrays["output"], LOGIC[operation](x != 0, seen == 0).float())
