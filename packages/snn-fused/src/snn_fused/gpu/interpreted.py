"""Kernels in Triton's interpreter, which runs them on the CPU with NumPy: slow, for tests.

Its results are those of the device as far as the operations are IEEE ones. It has no libdevice;
torch's functions stand for it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn_fused.gpu import sources

# The interpreter puts its own functions in the place of Triton's while it runs.
_LOCK = threading.Lock()


def run(text: str, name: str, n_programs: int, arguments: Sequence[Any], block: int) -> None:
    """Run the kernel of this name in the source ``text``, one program after the other."""
    kernel = _kernel(text, name)
    # lanes beyond the last one are zeros here, and may divide by zero
    with _LOCK, np.errstate(all="ignore"):
        kernel[(n_programs,)](*arguments, block)


@functools.lru_cache(maxsize=512)
def _kernel(text: str, name: str) -> Any:
    # here, so that the package can be read where there is no Triton
    from triton.runtime.interpreter import (  # type: ignore[import-untyped]
        InterpretedFunction,
    )

    module = sources.load(text)
    module.libdevice = _LIBDEVICE  # type: ignore[attr-defined]
    return InterpretedFunction(getattr(module, name))


def _on_blocks(function: Callable[..., Tensor]) -> Callable[..., Any]:
    """A torch function made to work on the blocks of the interpreter."""

    def call(*blocks: Any) -> Any:
        from triton.language import tensor  # type: ignore[import-untyped]
        from triton.runtime.interpreter import TensorHandle

        result = function(*(torch.from_numpy(block.handle.data) for block in blocks))
        first = blocks[0]
        return tensor(TensorHandle(result.numpy(), first.handle.dtype), first.type)

    return call


_LIBDEVICE = SimpleNamespace(
    exp=_on_blocks(torch.exp),
    expm1=_on_blocks(torch.expm1),
    log=_on_blocks(torch.log),
    log1p=_on_blocks(torch.log1p),
    tanh=_on_blocks(torch.tanh),
    sin=_on_blocks(torch.sin),
    cos=_on_blocks(torch.cos),
    atan=_on_blocks(torch.atan),
    erf=_on_blocks(torch.erf),
    erfc=_on_blocks(torch.erfc),
    trunc=_on_blocks(torch.trunc),
    rint=_on_blocks(torch.round),
    rcp_rn=_on_blocks(torch.reciprocal),
    pow=_on_blocks(torch.pow),
)
