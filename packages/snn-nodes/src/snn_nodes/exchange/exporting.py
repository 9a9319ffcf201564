"""to_nir: a network as an NIR graph, and what the graph cannot carry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import nir  # type: ignore[import-untyped]
from snn_core import checking
from torch import nn

from snn_nodes.exchange.carrying import carried
from snn_nodes.exchange.network import NirNetwork, NirSequential
from snn_nodes.exchange.pen import graph_of
from snn_nodes.exchange.report import Report
from snn_nodes.exchange.write_neurons import Setting


class Exported(NamedTuple):
    """What ``to_nir`` returns.

    Args:
        graph: a ``nir.NIRGraph``; ``nir.write(path, graph)`` writes it.
        report: what it cannot carry.
    """

    graph: nir.NIRGraph
    report: Report


def to_nir(
    net: nn.Module, shape: int | Sequence[int], *, dt: float, accept: Collection[str] = ()
) -> Exported:
    """A network as an NIR graph.

    Args:
        net: a node, a layer, or a ``Sequential`` (torch's too), ``Recurrent``, ``snn_core.Layer``
            or ``NirNetwork`` of them. A module with a forward of its own has no graph that could be
            read.
        shape: of one sample at one step, without batch and time, such as ``(2, 28, 28)``.
        dt: step in seconds. Nodes that count in steps get their seconds by it; nodes that have one
            must have the same.
        accept: names of differences to let pass, see ``ACCEPTABLE``.

    Raises:
        ExchangeError: something that NIR cannot say; the message names the node and the remedy.

    Nodes get the names of the modules, such as ``"0"`` or ``"features.3"``. A network that came
    from a graph is written with that graph's names, order and dtypes.

    >>> from snn_nodes.neuron import LIFNode
    >>> net = nn.Sequential(nn.Linear(4, 3), LIFNode(tau=20.0))
    >>> graph, report = to_nir(net, 4, dt=1e-3)
    >>> list(graph.nodes), graph.nodes["1"].tau
    (['input', '0', '1', 'output'], array([0.02, 0.02, 0.02]))
    >>> report.of("strictness")[0].node
    '1'
    """
    checking.check_step_size(dt)
    start = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if not start or min(start) < 1:
        raise ValueError(f"shape is that of one sample at one step, such as (4,), got {shape!r}")
    report = Report(accept)
    graph = graph_of(net, start, Setting(float(dt), report))
    source = net.source if isinstance(net, NirSequential | NirNetwork) else None
    return Exported(carried(graph, source), report)
