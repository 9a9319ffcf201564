"""How kernels are compiled, and the types of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit  # type: ignore[import-untyped]
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Compile at the first call, keep the code on disk, release the GIL while it runs.

    No fast-math: operations are neither reordered nor contracted, so that a replay of a record
    gives the bits of the search that made it. Numba looks for changes in the file of a function
    only, not in those that it calls: after an edit of a kernel, touch all of them.
    """
    kernel: Kernel = njit(cache=True, nogil=True, error_model="numpy")(function)
    return kernel


def compiled_lean(function: Kernel) -> Kernel:
    """``compiled``, for what neither makes nor returns an array: no reference is counted in it.

    Counting is atomic and costs more than the work on a short history. What such a function calls
    must not return an array either, or its memory would never be freed.
    """
    kernel: Kernel = njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function)
    return kernel
