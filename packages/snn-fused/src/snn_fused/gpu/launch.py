"""Run the kernels of a Body on torch tensors: on a CUDA device, or interpreted on the CPU.

Values go in and come out by the names that the Body has for them: ``numbers`` is the table of
doubles; lanes and states are ``(n_lanes,)``, contiguous; streams are ``(T, n_lanes)`` of any row
stride (one whose lanes are not next to each other is copied). All are of one dtype, float32 or
float64, and on one device. Nothing that is given is written to.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snn_fused.gpu import sources
from snn_fused.gpu.printer import (
    backward_arguments,
    forward_arguments,
    print_backward,
    print_forward,
)
from snn_fused.gpu.reach import kept_states, used_inputs
from snn_fused.gpu.text import identifier, is_stream
from snn_fused.graph.body import Body

MANY_LANES = 65536
"""From here on there are enough lanes to fill a large device with programs of four warps."""


class Kernel(NamedTuple):
    """A kernel as text, and what its text was made for.

    Args:
        name: of its function.
        text: its source file.
        arguments: the names of its tensors and strides, in order.
        stretch: the steps of a stretch.
        kept: the states in the checkpoints.
    """

    name: str
    text: str
    arguments: tuple[str, ...]
    stretch: int
    kept: tuple[str, ...]


class Forward(NamedTuple):
    """What a forward pass gives.

    Args:
        results: by name: ``output`` and ``trace.*`` ``(T, n_lanes)``, ``state.*`` ``(n_lanes,)``.
        checkpoints: for ``run_backward``; ``(rows, states, n_lanes)``, without elements if there
            is no backward body or it needs no state.
    """

    results: dict[str, Tensor]
    checkpoints: Tensor


@functools.lru_cache(maxsize=512)
def forward_kernel(forward: Body, backward: Body | None, dtype: torch.dtype) -> Kernel:
    """The forward kernel; with a backward body it stores what that one will need."""
    kept = () if backward is None else kept_states(forward, backward)
    stretch = stretch_of(forward, backward, dtype)
    text = print_forward(forward, kept, stretch, dtype)
    return Kernel("forward", text, forward_arguments(forward), stretch, kept)


@functools.lru_cache(maxsize=512)
def backward_kernel(forward: Body, backward: Body, dtype: torch.dtype) -> Kernel:
    """The backward kernel."""
    stretch = stretch_of(forward, backward, dtype)
    text = print_backward(forward, backward, stretch, dtype)
    arguments = backward_arguments(forward, backward)
    return Kernel("backward", text, arguments, stretch, kept_states(forward, backward))


def stretch_of(forward: Body, backward: Body | None, dtype: torch.dtype) -> int:
    """How many steps to unroll: 16, or 8 if so many would not leave registers to enough threads.

    A stretch of the backward kernel holds, for each of its steps, about what it loads and the
    states. Longer stretches mean fewer checkpoints to write and read.

    >>> from snn_fused.graph.body import Node
    >>> body = Body(("x", "state.v"), (Node("add", (0, 1)),), (("output", 2), ("state.v", 2)))
    >>> stretch_of(body, None, torch.float32)
    16
    """
    inputs = list(used_inputs(forward, "", forward.results("")))
    if backward is not None:
        inputs += used_inputs(backward, "grad.", backward.results(""))
    held = [name for name in inputs if is_stream(name) or name.startswith("state.")]
    return 16 if len(held) * dtype.itemsize <= 16 else 8


def run_forward(
    forward: Body, given: Mapping[str, Tensor], *, backward: Body | None = None
) -> Forward:
    """Run the forward body over all steps.

    Args:
        forward: the body of a step.
        given: by name: ``numbers`` (float64), ``x``, and the body's ``lane.*``, ``seen.*`` and
            ``state.*`` (before the first step).
        backward: the body that ``run_backward`` will be called with; None if it will not.
    """
    x = given["x"]
    kernel = forward_kernel(forward, backward, x.dtype)
    results = _results(forward.results(""), x)
    n_rows = sum(divmod(len(x), kernel.stretch)) if kernel.kept else 0
    checkpoints = x.new_empty(n_rows, len(kernel.kept), x.shape[1])
    tensors = {identifier(name): tensor for name, tensor in {**given, **results}.items()}
    tensors |= {f"{identifier(name)}_before": given[name] for name in forward.names("state.")}
    tensors |= {f"{identifier(name)}_after": results[name] for name in forward.names("state.")}
    _launch(kernel, tensors | {"checkpoints": checkpoints}, x)
    return Forward(results, checkpoints)


def run_backward(
    forward: Body, backward: Body, given: Mapping[str, Tensor], checkpoints: Tensor
) -> dict[str, Tensor]:
    """Run the backward body from the last step to the first.

    Args:
        forward, backward: as for ``run_forward``.
        given: by name: ``numbers``, ``x``, the bodies' ``lane.*`` and ``seen.*`` as in the forward
            pass; ``grad.output`` and ``grad.trace.*`` ``(T, n_lanes)``; ``grad.state.*``
            ``(n_lanes,)``, to the states after the last step. The last row of a ``grad.trace`` is
            not read: it is to the state after the last step, and the caller adds it to that.
        checkpoints: of the forward pass.

    Returns:
        By name: ``grad.x`` ``(T, n_lanes)``, if the body gives it; ``grad.state.*`` to the states
        before the first step and ``sum.*``, ``(n_lanes,)``.
    """
    x = given["x"]
    kernel = backward_kernel(forward, backward, x.dtype)
    results = _results(backward.results(""), x)
    for name in backward.results("grad.state."):
        results[name].copy_(given[name])
    tensors = {identifier(name): tensor for name, tensor in {**given, **results}.items()}
    _launch(kernel, tensors | {"checkpoints": checkpoints}, x)
    return results


def _results(names: Iterable[str], x: Tensor) -> dict[str, Tensor]:
    """Memory for outputs of these names."""
    return {name: x.new_empty(x.shape if is_stream(name) else x.shape[1:]) for name in names}


def _launch(kernel: Kernel, tensors: Mapping[str, Tensor], x: Tensor) -> None:
    """Run a kernel over all lanes; ``tensors`` by the names of its arguments."""
    n_steps, n_lanes = x.shape
    if n_lanes == 0:
        return
    rows = {name: _with_rows(tensor) for name, tensor in tensors.items()}
    arguments = [_argument(name, rows) for name in kernel.arguments]
    arguments += [*divmod(n_steps, kernel.stretch), n_lanes]
    block = 128 if n_lanes >= MANY_LANES else 32
    n_programs = -(-n_lanes // block)
    if x.is_cpu:
        from snn_fused.gpu import interpreted  # needs NumPy, a device does not

        interpreted.run(kernel.text, kernel.name, n_programs, arguments, block)
        return
    with torch.cuda.device(x.device):
        _compiled(kernel.text, kernel.name)[(n_programs,)](
            *arguments, block, num_warps=block // 32, enable_fp_fusion=False
        )


def _with_rows(tensor: Tensor) -> Tensor:
    """The tensor, copied if the lanes of a row are not next to each other."""
    return tensor if tensor.dim() == 0 or tensor.stride(-1) == 1 else tensor.contiguous()


def _argument(name: str, tensors: Mapping[str, Tensor]) -> Tensor | int:
    """An argument of a kernel: a tensor or, of a stream, the stride of its rows."""
    name = name.removesuffix("_place")
    return tensors[name] if name in tensors else tensors[name.removesuffix("_stride")].stride(0)


@functools.lru_cache(maxsize=512)
def _compiled(text: str, name: str) -> Any:
    """The kernel as Triton's compiler takes it; counts of steps do not make other kernels."""
    # here, so that the package can be read where there is no Triton
    from triton.runtime.jit import JITFunction  # type: ignore[import-untyped]

    function = getattr(sources.load(text), name)
    return JITFunction(function, do_not_specialize=["n_stretches", "n_single"])
