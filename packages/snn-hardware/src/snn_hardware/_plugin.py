"""The plugin of snn-hardware: the backend and the command that it registers."""

from __future__ import annotations

from snn_core.hookspecs import Entry, hookimpl


@hookimpl
def snn_backends() -> list[Entry]:
    """The emulated chip."""
    return [
        Entry(
            "bss2",
            "snn_hardware.named:BSS2",
            "an emulated BrainScaleS-2 chip, number 0, calibrated to the neurons of the call",
            aliases=("brainscales2", "brainscales-2"),
        ),
    ]


@hookimpl
def snn_commands() -> list[Entry]:
    """The command that makes chips and looks at them."""
    return [
        Entry("chip", "snn_hardware.command:main", "calibrate a chip, look at it, fit a network")
    ]
