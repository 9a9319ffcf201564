"""What a plugin writes against: Entry, the markers, one hook per kind. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
from typing import Any

import pluggy

GROUP = "snn"
"""The entry-point group in which distributions announce their plugin modules."""

KINDS = ("neuron", "threshold", "backend", "command")
"""The kinds of things that have names; the hook of a kind is ``snn_<kind>s``."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One registered name.

    Args:
        name: canonical name, such as ``"lif"``.
        target: ``"package.module:ATTR"``, imported at first use, or the object itself.
        summary: one line for ``snn list``.
        aliases: other names for the same thing.
        needs: modules that must be importable, such as ``("numba",)``.
        install: what to pip install for them, such as ``"snn-fused[triton]"``.

    >>> Entry("lif", "snn_neurons.lif:LIF", "leaky integrate-and-fire").name
    'lif'
    """

    name: str
    target: Any
    summary: str
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    install: str = ""


@hookspec
def snn_neurons() -> list[Entry]:  # type: ignore[empty-body]
    """Neurons: targets are ``snn_core.Neuron`` records."""


@hookspec
def snn_thresholds() -> list[Entry]:  # type: ignore[empty-body]
    """Thresholds: targets are ``snn_core.Threshold`` records."""


@hookspec
def snn_backends() -> list[Entry]:  # type: ignore[empty-body]
    """Backends: targets are ``snn_core.Backend`` records."""


@hookspec
def snn_commands() -> list[Entry]:  # type: ignore[empty-body]
    """Commands of ``snn``: targets are functions ``(argv: list[str]) -> int``."""
