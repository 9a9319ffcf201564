"""to_nir: a network as an NIR graph, and what the graph cannot carry."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import nir
from torch import Tensor, nn

from snn_nodes.exchange.carrying import carried
from snn_nodes.exchange.network import NirNetwork, NirSequential
from snn_nodes.exchange.pen import graph_of
from snn_nodes.exchange.report import Report
from snn_nodes.exchange.step_size import in_seconds
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
        TypeError: a shape that is none, such as a sample; a dt that is no number; accept that is
            one name instead of a collection of them.
        ValueError: a shape without axes, a dt that is not above 0, a name in accept that is no
            difference.

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
    seconds = in_seconds(dt)
    start = _sizes(shape)
    report = Report(accept)
    graph = graph_of(net, start, Setting(seconds, report))
    source = net.source if isinstance(net, NirSequential | NirNetwork) else None
    return Exported(carried(graph, source), report)


def _sizes(shape: Any) -> tuple[int, ...]:
    wanted = "shape is that of one sample at one step, such as (4,)"
    try:
        sizes = tuple(map(operator.index, shape if isinstance(shape, Iterable) else (shape,)))
    except TypeError as error:
        if isinstance(shape, Tensor):
            raise TypeError(
                f"{wanted}, got a {type(shape).__name__} of shape {tuple(shape.shape)}; of a "
                f"batch (B, *N) pass batch.shape[1:]"
            ) from error
        raise TypeError(f"{wanted}, got {shape!r}") from error
    if not sizes or min(sizes) < 1:
        raise ValueError(f"{wanted}, got {shape!r}")
    return sizes
