"""Between the arrays of a graph and the values of a module, without losing a bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from snn_core.types import Value
from torch import Tensor

Array = NDArray[Any]

NOT_VALUES = ("input_type", "output_type", "metadata")
"""Fields of a node that are none of its values."""


def array(value: Any) -> Array:
    """What a graph holds, an array, a number or (norse writes them) a tensor, as an array."""
    return to_array(value) if isinstance(value, Tensor) else np.asarray(value)


def to_array(value: Tensor) -> Array:
    """A tensor as an array of its own memory; bfloat16, which NumPy lacks, as float32: exact."""
    plain = value.detach().cpu()
    plain = plain.float() if plain.dtype == torch.bfloat16 else plain
    copied: Array = plain.numpy().copy()
    return copied


def to_tensor(value: Any, dtype: torch.dtype | None = None) -> Tensor:
    """An array as a tensor of its own memory."""
    return torch.tensor(array(value), dtype=dtype)


def spread(value: Value, shape: Sequence[int]) -> Array:
    """A value for each neuron of a shape, in float64: exact for every dtype of torch."""
    one = to_array(value.double()) if isinstance(value, Tensor) else np.float64(value)
    return np.broadcast_to(one, tuple(shape)).copy()


def collapsed(values: Any, dtype: torch.dtype) -> Value:
    """One number if all neurons have the same value, else a tensor of this dtype.

    >>> collapsed(np.full((2, 3), 0.5), torch.float32)
    0.5
    >>> collapsed(np.array([0.5, 1.0]), torch.float32)
    tensor([0.5000, 1.0000])
    """
    given = array(values)
    if given.size and (given == given.flat[0]).all():
        return float(given.flat[0])
    return to_tensor(given, dtype)


def rounded(values: Any, dtype: torch.dtype) -> bool:
    """Whether values change by being kept in this dtype."""
    given = array(values)
    if isinstance(collapsed(given, dtype), float):
        return False
    return not np.array_equal(to_array(to_tensor(given, dtype).double()), given.astype(np.float64))


def same(a: Any, b: Any) -> bool:
    """Equal to the bit but for the dtype and for axes that only repeat a value."""
    one, other = array(a), array(b)
    if one.dtype.kind in "US" or other.dtype.kind in "US":
        return bool(np.array_equal(one, other))
    try:
        wide, too = np.broadcast_arrays(one, other)
    except ValueError:
        return False
    return bool(np.array_equal(wide.astype(too.dtype), too))


def whole(value: Any) -> tuple[int, ...]:
    """Whole numbers of a kernel, a stride or a shape."""
    return tuple(int(n) for n in np.atleast_1d(array(value)))
