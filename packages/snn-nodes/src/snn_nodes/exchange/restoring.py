"""restored: the module that to_nir wrote, if its card still tells the truth."""

from __future__ import annotations

from typing import Any

import nir
from torch import nn

from snn_nodes.exchange.arrays import NOT_VALUES, same
from snn_nodes.exchange.cards import CLASS, made
from snn_nodes.exchange.report import ACCEPTABLE, Report
from snn_nodes.exchange.shapes import Shape
from snn_nodes.exchange.write_neurons import Setting, write_neuron
from snn_nodes.neuron import StatefulNode

_RESTORED = ("training", "learnable")
_BACK = "comes back from the node's card; by the numbers alone"


def restored(
    node: nir.NIRNode, name: str, shape: Shape, dt: float, report: Report
) -> nn.Module | None:
    """The neurons of a node's card; None if it has none, or one that does not fit its arrays.

    It fits if the neurons, written again with this dt, give the arrays of the node to the bit. Then
    what NIR cannot say (a soft reset, a surrogate, what is learnt) is there again; the report has
    what that does otherwise than the node's numbers say.
    """
    if CLASS not in node.metadata:
        return None
    was = f"was written from {node.metadata[CLASS]}, but is read by NIR's meaning"
    try:
        module = made(node.metadata)
        unsaid = Report(ACCEPTABLE)
        setting = Setting(dt, unsaid)
        written = None if module is None else write_neuron(module, name, shape, setting)
    except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        report.add(name, "card", f"{was}: {error}")
        return None
    if written is None or not _equal(node, written):
        report.add(name, "card", f"{was}: its arrays, or dt, are others now")
        return None
    for note in unsaid:
        if note.what in ACCEPTABLE:
            report.add(name, note.what, f"{_BACK}: {ACCEPTABLE[note.what]}")
        elif note.what not in _RESTORED:
            report.add(*note)
    if isinstance(module, StatefulNode):
        module.step_mode = "m"
    return module


def _equal(node: Any, written: Any) -> bool:
    values = {key: value for key, value in vars(written).items() if key not in NOT_VALUES}
    return type(node) is type(written) and all(
        same(getattr(node, key), value) for key, value in values.items()
    )
