"""The plugin of snn-nodes: the command that it registers."""

from __future__ import annotations

from snn_core.hookspecs import Entry, hookimpl


@hookimpl
def snn_commands() -> list[Entry]:
    """The command that looks into files of other libraries."""
    return [
        Entry(
            "nir",
            "snn_nodes.command:main",
            "look into an NIR file, and what an import would do otherwise",
            needs=("nir", "snn_neurons"),
            install="snn-nodes[nir]",
        )
    ]
