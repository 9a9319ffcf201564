"""label: how a message names a layer, by its place in the network where that is known."""

from __future__ import annotations

from torch import nn

PLACE = "_place"
"""The attribute of a module that holds its place in the network."""


def label(module: nn.Module) -> str:
    """How messages name a layer: its class and its place in the network, else its settings.

    >>> label(nn.Linear(2, 3))
    'Linear(in_features=2, out_features=3, bias=True)'
    >>> net = nn.Sequential(nn.Linear(2, 3))
    >>> name_places(net)
    >>> label(net[0])
    "Linear '0'"
    """
    kind, place = type(module).__name__, module.__dict__.get(PLACE)
    if place is not None:
        return f"{kind} {place!r}"
    try:
        return f"{kind}({module.extra_repr()})"
    except AttributeError:  # it is being constructed: not all of its settings are there yet
        return kind


def name_places(net: nn.Module) -> None:
    """Tell each module below ``net`` its place there, such as ``'features.3'``.

    Whatever walks a network (``reset_net``, ``set_step_mode``, ``Sequential``) does it in passing.
    """
    for place, module in net.named_modules():
        if place:
            module.__dict__[PLACE] = place
