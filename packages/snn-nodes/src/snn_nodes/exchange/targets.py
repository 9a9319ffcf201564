"""fitted: a graph made fit for what another library makes of it, and what that library changes.

Measured with norse 1.1.0, snnTorch 1.0.0 and SpikingJelly 2.0.0; ``docs/nir.md`` has the tables.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import nir
import numpy as np

from snn_nodes.exchange.arrays import Array, array
from snn_nodes.exchange.exporting import Exported
from snn_nodes.exchange.gains import set_gains
from snn_nodes.exchange.graph import Edge, schedule
from snn_nodes.exchange.ports import checked
from snn_nodes.exchange.report import ExchangeError, Report
from snn_nodes.exchange.step_size import in_seconds


class Fitting(NamedTuple):
    """What the rules of a library work on.

    Args:
        graph: a copy, changed in place.
        dt: step in seconds.
        report: where differences go.
        target: name of the library.
    """

    graph: nir.NIRGraph
    dt: float
    report: Report
    target: str


def fitted(
    graph: nir.NIRGraph, target: str, *, dt: float, accept: Collection[str] = ()
) -> Exported:
    """A graph for one library: gains moved to where it reads them, what it cannot take refused.

    Args:
        graph: as ``to_nir`` makes it; it is not changed.
        target: ``'norse'``, ``'snntorch'`` or ``'spikingjelly'``.
        dt: the step that the library is told (snnTorch's is 1e-4 s, always).
        accept: names of differences to let pass, see ``ACCEPTABLE``.

    Raises:
        ExchangeError: the library would refuse the graph, or silently make something else of it;
            the message names the node.
        TypeError: a dt that is no number; accept that is one name instead of a collection of them.
        ValueError: no such library, a dt that is not above 0, a name in accept that is no
            difference.

    >>> import numpy as np
    >>> lif = nir.LIF(*(np.full(2, value) for value in (1e-2, 10.0, 0.0, 1.0)))
    >>> graph = nir.NIRGraph.from_list(nir.Linear(np.ones((2, 2))), lif)
    >>> fitted(graph, "norse", dt=1e-3).graph.nodes["linear"].weight[0]
    array([10., 10.])
    """
    seconds = in_seconds(dt)
    if target not in TARGETS:
        raise ValueError(f"there are rules for {', '.join(TARGETS)}, not for {target!r}")
    fitting = Fitting(copy.deepcopy(graph), seconds, Report(accept), target)
    ports = checked(fitting.graph)
    late = schedule(fitting.graph.nodes, fitting.graph.edges, [ports.entry], fitting.graph.nodes)
    _check_loops(fitting, sorted(late.late))
    rules = TARGETS[target]
    for name, node in fitting.graph.nodes.items():
        if isinstance(node, nir.Input | nir.Output):
            continue
        rule = rules.get(type(node))
        if rule is None:
            kinds = ", ".join(kind.__name__ for kind in rules)
            raise ExchangeError(
                f"node {name!r}: {target} cannot read {type(node).__name__}; it reads {kinds}"
            )
        rule(name, node, fitting)
    return Exported(fitting.graph, fitting.report)


def _check_loops(fitting: Fitting, late: list[Edge]) -> None:
    """What leads back: snnTorch misreads it, the others leave a bias out at the first step."""
    if fitting.target == "snntorch" and not np.isclose(fitting.dt, 1e-4, rtol=1e-9):
        raise ExchangeError(
            f"snnTorch takes dt = 1e-4 s whatever the graph, got dt = {fitting.dt:g} s"
        )
    for source, name in late:
        if fitting.target == "snntorch":
            raise ExchangeError(
                f"node {name!r}: snnTorch reads what {source!r} feeds back wrongly (it leads the "
                f"input through it, too); build its RLeaky or RSynaptic and copy the weights"
            )
        node = fitting.graph.nodes[source]
        if np.any(array(getattr(node, "bias", 0.0))):
            reason = f"{fitting.target} feeds back no bias of {source!r} in the first step"
            remedy = f"add it to the bias of what else leads to {name!r}"
            fitting.report.refuse(source, "late_bias", reason, remedy)


Rule = Callable[[str, Any, Fitting], None]


def _as_is(name: str, node: Any, fitting: Fitting) -> None:
    """Read as written."""


def _needs_zero(name: str, field: str, what: str, node: Any, fitting: Fitting) -> None:
    if np.any(array(getattr(node, field))):
        reason = f"{fitting.target} reads {field} as 0"
        fitting.report.refuse(name, what, reason, f"train with {field} = 0")


def _must_be_zero(name: str, field: str, node: Any, fitting: Fitting) -> None:
    if np.any(array(getattr(node, field))):
        raise ExchangeError(f"node {name!r}: {fitting.target} takes {field} = 0 only")


def _must_be_uniform(name: str, fields: tuple[str, ...], node: Any, fitting: Fitting) -> None:
    for field in fields:
        if np.unique(array(getattr(node, field))).size != 1:
            raise ExchangeError(
                f"node {name!r}: {fitting.target} has one {field} for all neurons of a layer"
            )


def _flatten_with_batch(name: str, node: nir.Flatten, fitting: Fitting) -> None:
    """norse and snnTorch hand the axes to torch, which counts the batch."""
    start, end = (d + 1 if d >= 0 else d for d in (node.start_dim, node.end_dim))
    node.start_dim, node.end_dim = start, end
    said = "axes are counted with the batch, against NIR, because that is how they are read"
    fitting.report.add(name, "axes", said)


def _unpadded(name: str, node: nir.SumPool2d, fitting: Fitting) -> None:
    _must_be_zero(name, "padding", node, fitting)


# norse


def _norse_if(name: str, node: nir.IF, fitting: Fitting) -> None:
    """v <- v + x, whatever r and v_reset."""
    _needs_zero(name, "v_reset", "reset_value", node, fitting)
    set_gains(fitting.graph, name, fitting.report, r=1 / fitting.dt)


def _norse_lif(name: str, node: nir.LIF, fitting: Fitting) -> None:
    """r counts as 1."""
    _needs_zero(name, "v_reset", "reset_value", node, fitting)
    set_gains(fitting.graph, name, fitting.report, r=1.0)


def _norse_cuba(name: str, node: nir.CubaLIF, fitting: Fitting) -> None:
    """Its synapse rests at v_leak."""
    _needs_zero(name, "v_reset", "reset_value", node, fitting)
    _must_be_zero(name, "v_leak", node, fitting)


# snnTorch


def _snntorch_lif(name: str, node: nir.LIF, fitting: Fitting) -> None:
    """The gain scales the threshold, which is one for all."""
    _must_be_zero(name, "v_leak", node, fitting)
    _needs_zero(name, "v_reset", "reset_value", node, fitting)
    _must_be_uniform(name, ("v_threshold",), node, fitting)
    jump = array(node.tau).astype(np.float64) / fitting.dt
    set_gains(fitting.graph, name, fitting.report, r=jump)


def _snntorch_cuba(name: str, node: nir.CubaLIF, fitting: Fitting) -> None:
    _must_be_zero(name, "v_leak", node, fitting)
    _needs_zero(name, "v_reset", "reset_value", node, fitting)
    _must_be_uniform(name, ("v_threshold",), node, fitting)
    _jumps(name, node, fitting)


def _jumps(name: str, node: nir.CubaLIF, fitting: Fitting) -> None:
    """An input of 1 moves i by 1, which moves v by 1."""
    r, w_in = (array(tau).astype(np.float64) / fitting.dt for tau in (node.tau_mem, node.tau_syn))
    set_gains(fitting.graph, name, fitting.report, r=r, w_in=w_in)


# SpikingJelly

_MEETS = "fires where v >= v_threshold: differs where a membrane meets it exactly"


def _spikingjelly_if(name: str, node: nir.IF, fitting: Fitting) -> None:
    fitting.report.add(name, "strictness", _MEETS)
    _must_be_uniform(name, ("v_threshold", "v_reset"), node, fitting)
    set_gains(fitting.graph, name, fitting.report, r=1 / fitting.dt)


def _spikingjelly_lif(name: str, node: nir.LIF, fitting: Fitting) -> None:
    """r is 1 or tau/dt."""
    fitting.report.add(name, "strictness", _MEETS)
    _must_be_uniform(name, ("tau", "v_threshold", "v_reset", "v_leak"), node, fitting)
    if not np.array_equal(array(node.v_leak), array(node.v_reset)):
        raise ExchangeError(f"node {name!r}: SpikingJelly ties v_leak to v_reset; make them equal")
    steps: Array = array(node.tau).astype(np.float64) / fitting.dt
    if not (steps > 1).all():
        raise ExchangeError(f"node {name!r}: SpikingJelly wants tau above dt = {fitting.dt:g} s")
    if not np.all(array(node.r) == 1):
        set_gains(fitting.graph, name, fitting.report, r=steps)


def _spikingjelly_cuba(name: str, node: nir.CubaLIF, fitting: Fitting) -> None:
    fitting.report.add(name, "strictness", _MEETS)
    fields = ("tau_mem", "tau_syn", "v_threshold", "v_reset")
    _must_be_uniform(name, fields, node, fitting)
    _must_be_zero(name, "v_leak", node, fitting)
    _jumps(name, node, fitting)


def _ungrouped(name: str, node: Any, fitting: Fitting) -> None:
    if int(node.groups) != 1:
        raise ExchangeError(f"node {name!r}: {fitting.target} has no groups")


TARGETS: Mapping[str, Mapping[type[nir.NIRNode], Rule]] = {
    "norse": {
        **dict.fromkeys((nir.Linear, nir.Affine, nir.Conv2d), _as_is),
        nir.Flatten: _flatten_with_batch,
        nir.SumPool2d: _unpadded,
        nir.IF: _norse_if,
        nir.LIF: _norse_lif,
        nir.CubaLIF: _norse_cuba,
    },
    "snntorch": {
        **dict.fromkeys((nir.Linear, nir.Affine, nir.Conv1d, nir.Conv2d, nir.AvgPool2d), _as_is),
        nir.Flatten: _flatten_with_batch,
        nir.SumPool2d: _unpadded,
        nir.LIF: _snntorch_lif,
        nir.CubaLIF: _snntorch_cuba,
    },
    "spikingjelly": {
        **dict.fromkeys((nir.Linear, nir.Affine, nir.AvgPool2d, nir.Flatten), _as_is),
        nir.Conv1d: _ungrouped,
        nir.Conv2d: _ungrouped,
        nir.SumPool2d: _unpadded,
        nir.IF: _spikingjelly_if,
        nir.LIF: _spikingjelly_lif,
        nir.CubaLIF: _spikingjelly_cuba,
    },
}
"""For each library, what it reads and what of it must be otherwise."""
