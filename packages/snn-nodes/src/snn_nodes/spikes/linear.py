"""spike_linear: a weighted sum of spikes."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from snn_nodes.spikes.tensor import SpikeTensor


def spike_linear(spikes: SpikeTensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``spikes @ weight.T + bias``; adds columns of the weight where few spikes are set.

    The product and the gradient of the weight are each made in the way that is expected to be
    faster for this shape and activity: sums of the weight's columns (of the output gradient's
    rows), or a dense product (see ``snn_nodes.spikes.choice``). Both ways round differently, in the
    last digits. The gradient of the spikes is a dense product, since it has no zeros; so is
    everything on another device than the CPU.

    Args:
        spikes: ``(*, N_in)``.
        weight: ``(N_out, N_in)``, floating; the output has its dtype.
        bias: ``(N_out,)``.

    Returns:
        ``(*, N_out)``, dense.

    Raises:
        TypeError: ``spikes`` is no SpikeTensor.
        ValueError: the shapes do not fit.

    >>> import torch
    >>> spikes = SpikeTensor(torch.tensor([[True, False, True]]))
    >>> spike_linear(spikes, torch.tensor([[1.0, 2.0, 4.0]]))
    tensor([[5.]])
    """
    if not isinstance(spikes, SpikeTensor):
        raise TypeError(
            f"spike_linear takes a SpikeTensor, got {type(spikes).__name__}; "
            "make one by SpikeTensor.from_dense(x)"
        )
    if weight.ndim != 2 or spikes.ndim == 0 or spikes.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"spike_linear takes spikes (*, N_in) and a weight (N_out, N_in), got "
            f"{tuple(spikes.shape)} and {tuple(weight.shape)}"
        )
    return functional.linear(spikes.to(weight.dtype), weight, bias)
