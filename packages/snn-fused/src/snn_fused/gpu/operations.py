"""How each operation of a Body is written in Triton, in float32 and float64.

Division and square root are the correctly rounded ones. Everything transcendental comes from
libdevice, whose functions are as exact as those torch uses on the device; ``tl.exp`` would be
``ex2.approx`` of a rounded product, tens of units in the last place off for large arguments.
"""

from __future__ import annotations

import torch

from snn_fused.graph.body import OPERATIONS

TYPES = {torch.float32: "tl.float32", torch.float64: "tl.float64"}
"""The dtypes that kernels are made for, as Triton spells them."""

_LIBDEVICE = {
    **{name: name for name in ("exp", "expm1", "log", "log1p", "tanh", "sin", "cos")},
    **{name: name for name in ("atan", "erf", "erfc", "trunc")},
    "round": "rint",  # half to even
}

_TEMPLATES = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "pow": "libdevice.pow({0}, {1})",
    "maximum": "tl.maximum({0}, {1}, propagate_nan=tl.PropagateNan.ALL)",
    "minimum": "tl.minimum({0}, {1}, propagate_nan=tl.PropagateNan.ALL)",
    "neg": "-{0}",
    "abs": "tl.abs({0})",
    "ceil": "tl.ceil({0})",
    "floor": "tl.floor({0})",
    **{name: f"libdevice.{function}({{0}})" for name, function in _LIBDEVICE.items()},
    "reciprocal": "libdevice.rcp_rn({0})",  # a third fewer instructions than a division
    "sigmoid": "libdevice.rcp_rn(1.0 + libdevice.exp(-{0}))",
    "sign": "({0} > 0.0).to({type}) - ({0} < 0.0).to({type})",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "eq": "{0} == {1}",
    "ne": "{0} != {1}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "xor": "{0} ^ {1}",
    "not": "~{0}",
    "isinf": 'tl.abs({0}) == float("inf")',
    "isnan": "{0} != {0}",
    "where": "tl.where({0}, {1}, {2})",
    "number": "{0}.to({type})",
    "flag": "{0} != 0.0",
}

_ROUNDED = {
    # tl.div_rn and tl.sqrt_rn exist for float32 alone; the plain ones are correct in float64
    torch.float32: {"div": "tl.div_rn({0}, {1})", "sqrt": "tl.sqrt_rn({0})"},
    torch.float64: {"div": "{0} / {1}", "sqrt": "tl.sqrt({0})"},
}

UNSUPPORTED: tuple[str, ...] = tuple(
    sorted(OPERATIONS.keys() - _TEMPLATES.keys() - _ROUNDED[torch.float32].keys())
)
"""Operations of a Body that these kernels cannot do; none today."""


def write(operation: str, operands: tuple[str, ...], dtype: torch.dtype) -> str:
    """One operation as a Triton expression.

    Raises:
        KeyError: an operation in ``UNSUPPORTED``.

    >>> write("div", ("a", "b"), torch.float32), write("div", ("a", "b"), torch.float64)
    ('tl.div_rn(a, b)', 'a / b')
    >>> write("number", ("spiked",), torch.float32)
    'spiked.to(tl.float32)'
    """
    templates = _TEMPLATES | _ROUNDED[dtype]
    return templates[operation].format(*operands, type=TYPES[dtype])
