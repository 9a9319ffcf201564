"""``snn nir``: look into an NIR file, and what an import would do otherwise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import nir  # type: ignore[import-untyped]
import numpy as np

from snn_nodes.exchange import from_nir

REFUSED = 2


def main(argv: Sequence[str]) -> int:
    """Print what is in a file, and the report of an import.

    Args:
        argv: the line after ``snn nir``.

    Returns:
        0; 1 if the graph cannot be imported; 2 if the file cannot be read.

    >>> main(["nowhere.nir", "--dt", "1e-3"])
    2
    """
    options = _parser().parse_args(argv)
    try:
        graph = nir.read(options.file, type_check=False)
    except (OSError, KeyError, ValueError) as error:
        print(f"{options.file} cannot be read: {error}", file=sys.stderr)
        return REFUSED
    print(_listed(graph))
    try:
        net, report = from_nir(graph, dt=options.dt, accept=options.accept)
    except (ValueError, TypeError) as error:
        print(f"\nan import is refused:\n{error}", file=sys.stderr)
        return 1
    print(f"\n{net}\n\nwhat it does otherwise than the graph says, at dt = {options.dt:g} s:")
    print(report)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "snn nir", description="Look into an NIR file, and what an import of it would do otherwise."
    )
    parser.add_argument("file", help="written by nir.write")
    parser.add_argument("--dt", type=float, required=True, help="step of the import, in seconds")
    parser.add_argument(
        "--accept", action="append", default=[], metavar="WHAT", help="a difference to let pass"
    )
    return parser


def _listed(graph: nir.NIRGraph) -> str:
    """A line for each node: name, kind, values, where it leads."""
    rows = []
    for name, node in graph.nodes.items():
        leads_to = ", ".join(str(b) for a, b in graph.edges if a == name)
        rows.append((str(name), type(node).__name__, _values(node), leads_to))
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    return "\n".join(
        "  ".join(
            (*(row[k].ljust(widths[k]) for k in range(3)), row[3] and f"-> {row[3]}")
        ).rstrip()
        for row in rows
    )


def _values(node: nir.NIRNode) -> str:
    """The values of a node: numbers, ranges, or shapes of weights."""
    known = ((name, value) for name, value in vars(node).items() if isinstance(value, np.ndarray))
    return " ".join(f"{name}={_value(value)}" for name, value in known)


def _value(value: np.ndarray) -> str:
    if value.ndim > 1:
        return str(value.shape)
    low, high = value.min(initial=np.inf), value.max(initial=-np.inf)
    return f"{low:g}" if low == high else f"{low:g}...{high:g}"
