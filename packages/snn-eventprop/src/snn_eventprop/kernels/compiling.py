"""How kernels are compiled and kept, and the types of their arguments."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Compile at the first call, keep the code on disk, release the GIL while it runs.

    No fast-math: operations are neither reordered nor contracted, so that a replay of a record
    gives the bits of the search that made it.
    """
    # said, for else a function that a lean one is the first to call would become lean too
    return _compiled(function, _nrt=True)


def compiled_lean(function: Kernel) -> Kernel:
    """``compiled``, for what neither makes nor returns an array: no reference is counted in it.

    Counting is atomic and costs more than the work on a short history. What such a function calls
    must not return an array either, or its memory would never be freed.
    """
    return _compiled(function, _nrt=False)


def _compiled(function: Kernel, **options: bool) -> Kernel:
    """``_nrt``, whether references are counted, is not among the documented options."""
    settings: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", **options}
    with _kept_by_content():
        kernel: Any = numba.njit(**settings)(function)
    return cast(Kernel, kernel)


@contextmanager
def _kept_by_content() -> Iterator[None]:
    """Compiled code goes to a folder named after the content of this package.

    Numba goes by the date of the file of a function and not by the functions that it calls, which
    are compiled into it: after a change elsewhere it would run old code. ``NUMBA_CACHE_DIR``, if
    set, says where that folder is made.
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(_folder(before))
    try:
        yield
    finally:
        config.CACHE_DIR = before


@functools.cache
def _folder(base: str) -> Path:
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    if base:
        return Path(base) / f"snn-eventprop-{digest.hexdigest()[:16]}"
    return _caches() / "snn-eventprop" / digest.hexdigest()[:16]


def _caches() -> Path:
    """The user's folder of caches, or one for this process where there is no home."""
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if chosen.is_absolute():
        return chosen
    try:
        return Path.home() / ".cache"
    except RuntimeError:
        return Path(tempfile.mkdtemp(prefix="snn-eventprop-"))
