"""``snn nir``: look into an NIR file, and what an import would do otherwise."""

from __future__ import annotations

import argparse
import math
import re
import sys
import warnings
from collections.abc import Sequence

import snn_core as snn

from snn_nodes.exchange import ACCEPTABLE, from_nir
from snn_nodes.exchange.files import read
from snn_nodes.exchange.listing import listed

REFUSED, UNREADABLE = 1, 2


def main(argv: Sequence[str]) -> int:
    """Print what is in a file, the network that an import makes of it, and the report.

    Args:
        argv: the line after ``snn nir``.

    Returns:
        0; 1 if the graph cannot be imported; 2 if the file cannot be read.

    >>> main(["nowhere.nir", "--dt", "1e-3"])
    2
    """
    options = _parser().parse_args(argv)
    try:
        graph = read(options.file)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return UNREADABLE
    print(listed(graph), flush=True)
    try:
        with warnings.catch_warnings(record=True, category=snn.NumericsWarning) as caught:
            warnings.simplefilter("always", snn.NumericsWarning)
            net, report = from_nir(graph, dt=options.dt, accept=options.accept)
    except (ValueError, TypeError) as error:
        print(f"\nan import is refused:\n{_as_options(str(error))}", file=sys.stderr)
        return REFUSED
    print(f"\nas a network:\n{net}")
    print(f"\nwhat it does otherwise than the graph says, at dt = {options.dt:g} s:\n{report}")
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        print(f"warning: {text}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    epilog = "\n".join(f"  {name:15} {meaning}" for name, meaning in ACCEPTABLE.items())
    parser = argparse.ArgumentParser(
        "snn nir",
        description="Look into an NIR file, and what an import of it would do otherwise.",
        epilog=f"differences that can be let pass, and what they mean:\n{epilog}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", help="written by nir.write")
    parser.add_argument("--dt", type=_step, required=True, help="step of the import, in seconds")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        choices=ACCEPTABLE,
        metavar="WHAT",
        help="a difference to let pass, see below; may be given several times",
    )
    return parser


def _step(text: str) -> float:
    try:
        dt = float(text)
    except ValueError:
        dt = math.nan
    if not 0 < dt < math.inf:
        raise argparse.ArgumentTypeError(f"must be a time in seconds above 0, got {text!r}")
    return dt


def _as_options(message: str) -> str:
    """What a caller would pass, as one writes it here."""
    return re.sub(r"accept=\('(\w+)',\)", r"--accept \1", message)
