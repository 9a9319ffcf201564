"""What the tests of CPU kernels share: bodies run by torch, bodies being written, kernels run."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from snn_fused.cpu.compiling import load
from snn_fused.graph.body import Body, Node
from torch import Tensor

NAMES = (
    "add sub mul div pow maximum minimum neg abs sqrt reciprocal ceil floor round trunc "
    "exp expm1 log log1p sigmoid tanh sin cos atan erf erfc sign "
    "gt ge lt le eq ne isinf isnan where"
)

OPERATIONS: dict[str, Callable[..., Tensor]] = {
    **{name: getattr(torch, name) for name in NAMES.split()},
    "and": torch.logical_and,
    "or": torch.logical_or,
    "xor": torch.logical_xor,
    "not": torch.logical_not,
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
            values.append(OPERATIONS[operation](*arguments))
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


def call(source, slots, arrays, header, scratch_bytes, pieces=None):
    """Run a kernel on arrays by slot; one of two dimensions has a row a step."""
    table = list(header)
    for name in slots:
        array = arrays[name]
        table += [array.data_ptr(), array.stride(0) if array.dim() == 2 else 0]
    words = torch.tensor(table, dtype=torch.int64)
    scratch = torch.empty(scratch_bytes + 64, dtype=torch.uint8)
    aligned = -(-scratch.data_ptr() // 64) * 64
    for lo, hi in pieces or [(0, header[1])]:
        load(source).call(words.data_ptr(), lo, hi, aligned)


@dataclasses.dataclass(frozen=True)
class Tools:
    """The above, as a fixture: test files cannot import each other."""

    operations: Any
    interpret: Any
    builder: Any
    call: Any


@pytest.fixture(scope="session")
def tools():
    return Tools(OPERATIONS, interpret, Builder, call)
