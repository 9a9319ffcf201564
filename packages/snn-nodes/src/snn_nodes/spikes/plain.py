"""Whether tensors have values to look at, in the processor's memory."""

from __future__ import annotations

from torch import Tensor, nn


def has_values(*tensors: Tensor) -> bool:
    """Whether all are tensors or parameters on the CPU, and not stand-ins of torch's compiler.

    >>> import torch
    >>> has_values(torch.ones(1)), has_values(torch.ones(1, device="meta"))
    (True, False)
    """
    return all(type(x) in _PLAIN and x.device.type == "cpu" for x in tensors)


_PLAIN = (Tensor, nn.Parameter)
