"""Note and Report: what a translation cannot carry, node by node; ExchangeError where it must not.

A difference that changes what the network means is an error, unless the caller accepts it by name.
A difference that does not, or that shifts spikes by a known number of steps, is a note.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

ACCEPTABLE = {
    "soft_reset": "the reset by subtraction, which NIR does not have, becomes one to 0",
    "refractory": "neurons fire again at once after a spike",
    "padding_mode": "convolutions pad with zeros instead of reflected or repeated values",
    "delay_rounding": "delays become whole numbers of steps",
    "late_bias": "the bias of a weight that feeds back is missing in the first step",
    "coarse_dt": "steps longer than a time constant, where an explicit Euler step overshoots",
    "reset_value": "the membrane is reset to 0 instead of v_reset",
}
"""The differences that a caller can accept by name, and what each means."""


class ExchangeError(ValueError):
    """What was to be translated cannot be, or only with another meaning; the node is named."""


class Note(NamedTuple):
    """One difference that a translation leaves.

    Args:
        node: name of the node in the graph, ``'block.lif'`` for one in a graph within the graph.
        what: a word for the difference, such as ``'strictness'``.
        consequence: what it does to the numbers.
    """

    node: str
    what: str
    consequence: str


class Report:
    """The notes of one translation, in the order of the nodes; prints as a table.

    >>> report = Report()
    >>> report.add("lif", "latency", "fires a step later than its input arrives")
    >>> report
    lif  latency  fires a step later than its input arrives
    >>> report.of("latency")[0].node, len(report)
    ('lif', 1)
    """

    def __init__(self, accept: Iterable[str] = ()) -> None:
        self.accepted = _checked(accept)
        self.notes: list[Note] = []
        self._path: tuple[str, ...] = ()

    def of_inner(self, graph: str) -> Report:
        """The same report for the nodes of a graph within the graph; its notes have whole places.

        >>> report = Report()
        >>> report.of_inner("block").add("lif", "latency", "fires a step later")
        >>> report
        block.lif  latency  fires a step later
        """
        view = copy.copy(self)
        view._path = (*self._path, graph)
        return view

    def add(self, node: str, what: str, consequence: str) -> None:
        """Note a difference; the same one is noted once."""
        note = Note(".".join((*self._path, node)), what, consequence)
        if note not in self.notes:
            self.notes.append(note)

    def refuse(self, node: str, what: str, reason: str, remedy: str) -> None:
        """Raise, unless the caller has accepted this difference, which is then noted.

        Raises:
            ExchangeError: it is not accepted.
        """
        if what in self.accepted:
            self.add(node, what, f"{reason}; accepted: {ACCEPTABLE[what]}")
            return
        offer = f", or pass accept=({what!r},): {ACCEPTABLE[what]}"
        raise ExchangeError(f"node {node!r}: {reason}; {remedy}{offer}")

    def of(self, what: str) -> list[Note]:
        """The notes of one kind."""
        return [note for note in self.notes if note.what == what]

    def __iter__(self) -> Iterator[Note]:
        return iter(self.notes)

    def __len__(self) -> int:
        return len(self.notes)

    def __repr__(self) -> str:
        return table(self.notes) or "no differences"


def table(notes: Sequence[Note]) -> str:
    """Notes in columns."""
    widths = [max((len(note[k]) for note in notes), default=0) for k in (0, 1)]
    rows = (f"{n.node:{widths[0]}}  {n.what:{widths[1]}}  {n.consequence}" for n in notes)
    return "\n".join(rows)


@contextmanager
def inside(graph: str) -> Iterator[None]:
    """A scope in which an ExchangeError says that it is of a graph within the graph.

    >>> with inside("block"):
    ...     raise ExchangeError("node 'lif': tau must be above 0 s, got 0")
    Traceback (most recent call last):
    snn_nodes.exchange.report.ExchangeError: in graph 'block': node 'lif': tau must be above 0 ...
    """
    try:
        yield
    except ExchangeError as error:
        raise ExchangeError(f"in graph {graph!r}: {error}") from error


def _checked(accept: Iterable[str]) -> frozenset[str]:
    if isinstance(accept, str):
        raise TypeError(f"accept is a collection of names, got {accept!r}; pass ({accept!r},)")
    names = frozenset(accept)
    for name in sorted(names - set(ACCEPTABLE)):
        raise ValueError(f"cannot accept {name!r}; differences are {', '.join(ACCEPTABLE)}")
    return names
