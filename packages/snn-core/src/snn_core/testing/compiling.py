"""How the kit compiles: the whole function in one graph, traced as for any backend of torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def whole_graph(function: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """The function compiled with ``fullgraph=True``, starting from empty caches.

    Backend ``aot_eager`` traces forward and backward as every backend does, and runs them without
    a C compiler, so that results are eager's to the bit.
    """
    torch.compiler.reset()
    with warnings.catch_warnings():
        # torch instantiates its own Function class while it traces one, and warns of that.
        warnings.filterwarnings("ignore", "<class 'torch.autograd.function.Function'>")
        yield torch.compile(function, fullgraph=True, backend="aot_eager")
