"""conformance: one line that gives a test for each thing that a registered name must hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from snn_core import lookup
from snn_core.testing import agreement, neurons, thresholds

_KINDS: dict[str, tuple[Callable[[str], Any], Any]] = {
    "neuron": (lookup.neuron, neurons.CHECKS),
    "threshold": (lookup.threshold, thresholds.CHECKS),
    "backend": (lookup.backend, agreement.CHECKS),
}


def conformance(name: str | Any, kind: str = "neuron") -> Any:
    """A pytest test function with one case for each check; name it ``test_...``.

    Args:
        name: a registered name, or the record itself.
        kind: "neuron", "threshold" or "backend".

    Raises:
        ValueError: another kind. A name that does not resolve fails the tests, not the import.

    >>> test_toy = conformance("toy")
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    resolve, checks = _KINDS[kind]

    @pytest.mark.parametrize("check", checks, ids=lambda check: check.__name__)
    def test(check: Callable[[Any], None]) -> None:
        check(resolve(name))

    return test
