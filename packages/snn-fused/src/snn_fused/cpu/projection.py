"""The projection of sparse input, entry by entry: rows of the weight are added, none multiplied.

``gather`` is the forward pass: the rows of the weight that belong to the entries of an input row,
summed in registers. ``scatter`` is the gradient of the weight: each entry adds a row of the
gradient to a row of it. Both take the weight transposed, ``(N_in, N_out)``, so that what belongs
to one input lies together; both sum in the order of the entries, on any number of threads.
"""

from __future__ import annotations

import torch
from torch import Tensor

from snn_fused.cpu.spikes import Spikes
from snn_fused.cpu.summing import gathering, scattering, tile_width
from snn_fused.cpu.threads import Table, run, table

_COST = 0.05
"""Nanoseconds to add one number of a row."""


def gather(spikes: Spikes, first: int, last: int, weight_t: Tensor, out: Tensor) -> None:
    """The sums ``out[t - first, b] = x[t, b] @ weight_t`` of the steps from first to before last.

    Args:
        spikes: x, of shape ``(T, B, N_in)``.
        weight_t: ``(N_in, N_out)``, contiguous.
        out: ``(last - first, B, N_out)``, contiguous, is overwritten.

    Raises:
        ValueError: shapes, dtypes or strides do not fit.

    >>> from snn_fused.cpu.spikes import of_dense
    >>> spikes = of_dense(torch.tensor([[[0.0, 0.0, 2.0]]]), torch.float32, limit=1.0)
    >>> out = torch.empty(1, 1, 2)
    >>> gather(spikes, 0, 1, torch.arange(6.0).reshape(3, 2), out)
    >>> out
    tensor([[[ 8., 10.]]])
    """
    _check(spikes, first, last, weight_t, out)
    n_out = weight_t.shape[1]
    n_rows = (last - first) * spikes.shape[1]
    if n_rows * n_out == 0:
        return
    given = _table(spikes, first, weight_t, out, n_rows)
    cost = _cost(spikes, last - first, n_out) + n_rows * n_out * _COST
    run(gathering(out.dtype, n_out), given, n_rows, grain=1, scratch_bytes=0, cost=cost)


def scatter(spikes: Spikes, first: int, last: int, grad: Tensor, weight_grad_t: Tensor) -> None:
    """Add the gradient of the transposed weight, from the steps from first to before last:
    ``weight_grad_t += sum of outer(x[t, b], grad[t - first, b])``.

    Args:
        spikes: x, of shape ``(T, B, N_in)``.
        grad: of the outputs, ``(last - first, B, N_out)``, contiguous.
        weight_grad_t: ``(N_in, N_out)``, contiguous, is added to.

    Raises:
        ValueError: shapes, dtypes or strides do not fit.

    >>> from snn_fused.cpu.spikes import of_dense
    >>> spikes = of_dense(torch.tensor([[[0.0, 0.0, 2.0]]]), torch.float32, limit=1.0)
    >>> weight_grad_t = torch.zeros(3, 2)
    >>> scatter(spikes, 0, 1, torch.tensor([[[3.0, 4.0]]]), weight_grad_t)
    >>> weight_grad_t[2]
    tensor([6., 8.])
    """
    _check(spikes, first, last, weight_grad_t, grad)
    n_out = weight_grad_t.shape[1]
    n_rows = (last - first) * spikes.shape[1]
    if n_rows * n_out == 0:
        return
    given = _table(spikes, first, weight_grad_t, grad, n_rows)
    cost = 2 * (_cost(spikes, last - first, n_out) + weight_grad_t.numel() * _COST)
    width = tile_width(grad.dtype, n_out, torch.get_num_threads())
    sums = spikes.shape[2] * width * grad.element_size()
    kernel = scattering(grad.dtype, n_out, width)
    run(kernel, given, -(-n_out // width), grain=1, scratch_bytes=sums, cost=cost)


def _check(spikes: Spikes, first: int, last: int, weight_t: Tensor, outputs: Tensor) -> None:
    n_steps, n_batch, n_in = spikes.shape
    if not 0 <= first <= last <= n_steps:
        raise ValueError(f"steps {first} to {last} are not among the {n_steps} of the spikes")
    expected = (last - first, n_batch, weight_t.shape[-1])
    if weight_t.ndim != 2 or len(weight_t) != n_in or outputs.shape != expected:
        raise ValueError(
            f"expected a transposed weight ({n_in}, N_out) and outputs {expected}, got "
            f"{tuple(weight_t.shape)} and {tuple(outputs.shape)}"
        )
    dtypes = {spikes.values.dtype, weight_t.dtype, outputs.dtype}
    if len(dtypes) > 1:
        raise ValueError(f"spikes, weight and outputs must be of one dtype, got {dtypes}")
    if not (weight_t.is_contiguous() and outputs.is_contiguous()):
        raise ValueError("the weight and the outputs must be contiguous")


def _table(spikes: Spikes, first: int, weight_t: Tensor, outputs: Tensor, n_rows: int) -> Table:
    start = spikes.pointers.data_ptr() + 8 * first * spikes.step_stride
    return table(
        *(start, spikes.columns.data_ptr(), spikes.values.data_ptr()),
        *(weight_t.data_ptr(), outputs.data_ptr()),
        *(spikes.step_stride, spikes.batch_stride, spikes.shape[1], n_rows, spikes.shape[2]),
    )


def _cost(spikes: Spikes, n_steps: int, n_out: int) -> float:
    """Nanoseconds to add the entries of so many steps, if all have the same number."""
    return _COST * len(spikes.columns) * n_out * n_steps / max(spikes.shape[0], 1)
