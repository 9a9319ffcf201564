"""The plugin of snn-eventprop: the backends that it registers."""

from __future__ import annotations

from snn_core.hookspecs import Entry, hookimpl


@hookimpl
def snn_backends() -> list[Entry]:
    """Backends whose gradient goes through the spike times."""
    return [
        Entry(
            "eventprop_exact",
            "snn_eventprop.backends.exact:EVENTPROP_EXACT",
            "LIF and LI event by event in closed form, with exact gradients; takes Events",
        ),
        Entry(
            "eventprop",
            "snn_eventprop.backends.grid:EVENTPROP",
            "LIF and LI on a grid, with spike times inside the steps and their gradients",
        ),
    ]
