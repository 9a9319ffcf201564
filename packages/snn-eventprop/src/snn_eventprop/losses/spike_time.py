"""Squared error of spike times against targets."""

from __future__ import annotations

from torch import Tensor


def spike_time_mse(times: Tensor, targets: Tensor) -> Tensor:
    """The mean squared error of spike times, over the pairs in which both are spikes.

        L = sum (t - t*)^2 / n       over pairs with t and t* finite; n the number of finite t*

    inf means no spike, in both: a target of inf asks for nothing, and a spike that is missing adds
    neither value nor gradient; n does not change with it. So a value of 0 may also mean that
    every spike is missing; count them with ``(times.isinf() & targets.isfinite()).sum()``.

    Args:
        times: any shape, seconds, for instance ``first_spike(out.output)``.
        targets: the same shape, seconds.

    Returns:
        0-d, seconds squared: a deviation of 1 ms gives 1e-6. Scale it before adding other losses.

    Raises:
        TypeError, ValueError: shapes or dtypes that differ, NaN, or no finite target at all.

    >>> import torch
    >>> times = torch.tensor([0.25, 1.5, torch.inf], requires_grad=True)
    >>> loss = spike_time_mse(times, torch.tensor([0.75, torch.inf, 1.0]))
    >>> loss.backward()
    >>> loss.item(), times.grad
    (0.125, tensor([-0.5000,  0.0000,  0.0000]))
    """
    for name, tensor in (("times", times), ("targets", targets)):
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            given = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise TypeError(f"{name} must be a floating point Tensor, in seconds, got {given}")
    if times.shape != targets.shape:
        raise ValueError(
            f"times and targets must have one shape, got {tuple(times.shape)} and "
            f"{tuple(targets.shape)}; expand the targets to that of the times"
        )
    for name, tensor in (("times", times), ("targets", targets)):
        if bool(tensor.isnan().any()):
            raise ValueError(f"{name} holds NaN; a spike that is missing has the time inf")
    wanted = targets.isfinite()
    n_wanted = int(wanted.sum())
    if n_wanted == 0:
        raise ValueError("no target is finite, so there is nothing to compare; give one at least")
    missing = ~(wanted & times.isfinite())
    # inf is put aside before the difference: inf - inf would give NaN gradients
    difference = times.masked_fill(missing, 0.0) - targets.masked_fill(missing, 0.0)
    return difference.square().sum() / n_wanted
