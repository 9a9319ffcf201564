"""Cross entropy of first spike times (TTFS): the earlier, the likelier.

With t_j the first spike of output neuron j, y the label, over the output neurons that spike:

    L     = -log softmax(-t / tau0)_y + alpha (exp(t_y / tau1) - 1)
    dL/dt_j = (delta_jy - p_j) / tau0 + delta_jy (alpha / tau1) exp(t_y / tau1)

where p = softmax(-t / tau0). The second term of L keeps the label neuron early.

Source: Wunderlich and Pehle, "Event-based backpropagation can compute exact gradients for spiking
neural networks", Scientific Reports 11, 2021, methods ("Yin-Yang dataset"); the first term after
Goeltz et al., "Fast and energy-efficient neuromorphic deep learning with first-spike times",
Nature Machine Intelligence 3, 2021.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snn_eventprop.decode import check_on_cpu
from snn_eventprop.kernels.compiling import Ints, compiled
from snn_eventprop.losses.labels import check_form, check_range


def ttfs_cross_entropy(
    first: Tensor,
    labels: Tensor,
    *,
    tau0: float = 0.5e-3,
    tau1: float = 6.4e-3,
    alpha: float = 3e-3,
) -> Tensor:
    """The cross entropy of first spike times, averaged over the batch.

    Silent output neurons leave the sum of the softmax and receive no gradient. A sample whose
    label neuron is silent has no gradient at all: it adds nothing to the value and still counts in
    the mean, which divides by B. So a value near 0 is no sign of success while labels are silent;
    count them with ``first.gather(1, labels[:, None]).isinf().sum()``.

    The defaults are those of the Yin-Yang recipe of Wunderlich and Pehle.

    Args:
        first: ``(B, N)`` first spike times in seconds, inf for silent, as of ``first_spike``.
        labels: ``(B,)`` int64, the output neuron that should spike first.
        tau0: width of the softmax, seconds.
        tau1, alpha: time constant (seconds) and weight of the term that grows with t_y; alpha = 0
            leaves it out.

    Returns:
        the mean, 0-d, of the dtype of ``first``. It can be differentiated once.

    Raises:
        TypeError, ValueError: shapes, dtypes, labels outside 0..N-1, times below 0 or NaN,
            constants that are not positive; ``exp(t_y / tau1)`` above what the dtype can hold.

    Source: Wunderlich and Pehle 2021, see the module.

    >>> first = torch.tensor([[0.010, 0.011, math.inf]], dtype=torch.float64)
    >>> round(ttfs_cross_entropy(first, torch.tensor([0]), alpha=0.0).item(), 6)
    0.126928
    """
    _check(first, labels, tau0, tau1, alpha)
    constants = (tau0, tau1, alpha)
    loss: Tensor = _Loss.apply(first, labels, *constants)  # type: ignore[no-untyped-call]
    return loss


class _Loss(torch.autograd.Function):
    """Value and gradient in one pass, since the gradient costs hardly more than the value."""

    @staticmethod
    def forward(
        ctx: Any, first: Tensor, labels: Tensor, tau0: float, tau1: float, alpha: float
    ) -> Tensor:
        times, classes = first.contiguous().numpy(), labels.contiguous().numpy()
        grad = np.zeros_like(times)
        state, value = _value_and_gradient(times, classes, tau0, tau1, alpha, grad)
        if state != _FINE or value > float(np.finfo(times.dtype).max):
            _raise(state, first, labels, tau1)
        ctx.grad = torch.from_numpy(grad)
        return first.new_tensor(value)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        return ctx.grad * grad, None, None, None, None


_FINE, _BAD_LABEL, _BAD_TIME, _TOO_LARGE = 0, 1, 2, 3


@compiled
def _value_and_gradient(
    first: Any, labels: Ints, tau0: float, tau1: float, alpha: float, grad: Any
) -> tuple[int, float]:
    """The mean loss, and into ``grad`` its gradient, which comes as zeros; or what is wrong."""
    n_batch, n_neurons = first.shape
    total = 0.0
    for b in range(n_batch):
        label = labels[b]
        if label < 0 or label >= n_neurons:
            return _BAD_LABEL, 0.0
        earliest = np.inf
        for n in range(n_neurons):
            if not first[b, n] >= 0.0:
                return _BAD_TIME, 0.0
            earliest = min(earliest, first[b, n])
        wanted = first[b, label]
        if wanted == np.inf:
            continue
        partition = 0.0
        for n in range(n_neurons):  # exp(-inf) = 0: silent ones leave the sum
            partition += math.exp((earliest - first[b, n]) / tau0)
        total += (wanted - earliest) / tau0 + math.log(partition)
        for n in range(n_neurons):
            share = math.exp((earliest - first[b, n]) / tau0) / partition
            grad[b, n] = -share / (tau0 * n_batch)
        pull = 1.0 / tau0
        if alpha > 0.0:
            total += alpha * math.expm1(wanted / tau1)
            pull += alpha / tau1 * math.exp(wanted / tau1)
        grad[b, label] += pull / n_batch
        if not math.isfinite(grad[b, label]):
            return _TOO_LARGE, 0.0
    return _FINE, total / n_batch


def _check(first: Tensor, labels: Tensor, tau0: float, tau1: float, alpha: float) -> None:
    if not isinstance(first, Tensor) or first.dtype not in (torch.float32, torch.float64):
        given = first.dtype if isinstance(first, Tensor) else type(first).__name__
        raise TypeError(f"first must be a Tensor of torch.float64 or torch.float32, got {given}")
    if first.ndim != 2:
        raise ValueError(
            f"first must be (B, N), one time for each sample and output neuron, got "
            f"{tuple(first.shape)}; flatten the neurons with first.flatten(1)"
        )
    check_form(labels, len(first))
    check_on_cpu(first=first, labels=labels)
    for name, value in (("tau0", tau0), ("tau1", tau1)):
        if not 0.0 < value < math.inf:
            raise ValueError(f"{name} must be above 0 seconds, got {value}; pass for instance 5e-4")
    if not 0.0 <= alpha < math.inf:
        raise ValueError(f"alpha must be 0 or above, got {alpha}")


def _raise(state: int, first: Tensor, labels: Tensor, tau1: float) -> None:
    if state == _BAD_LABEL:
        check_range(labels, first.shape[1])
    if state == _BAD_TIME:
        wrong = first[~(first >= 0)][0].item()
        raise ValueError(f"first spike times are 0 s or later, inf for silent; got {wrong}")
    latest = first[first.isfinite()].max().item()
    raise ValueError(
        f"exp(t / tau1) is too large for {first.dtype}: spikes up to {latest} s, tau1 = {tau1} s; "
        f"take a longer tau1, or alpha=0.0 to leave the term out"
    )
