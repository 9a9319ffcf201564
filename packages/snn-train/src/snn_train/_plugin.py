"""The plugin of snn-train: what it registers."""

from __future__ import annotations

from snn_core.hookspecs import Entry, hookimpl


@hookimpl
def snn_commands() -> list[Entry]:
    """The command that trains."""
    return [Entry("train", "snn_train.command:main", "train a network on a task")]
