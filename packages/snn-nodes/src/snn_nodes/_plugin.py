"""The plugin of snn-nodes: what it registers."""

from __future__ import annotations

from snn_core.hookspecs import Entry, hookimpl


@hookimpl
def snn_neurons() -> list[Entry]:
    """The neurons of this package; the module of each has its equations."""
    return []
