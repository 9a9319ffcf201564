"""``snn chip``: calibrate a chip, look at it, see whether a network fits, list what is not ideal.

options.py has the options that commands share; calibrating.py, tracing.py, fitting.py and
listing.py are the four; networks.py reads weights, records.py has what is found, drawing.py
writes pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from snn_hardware.command import calibrating, fitting, listing, tracing

REFUSED = 2


def main(argv: Sequence[str]) -> int:
    """Run the command.

    Args:
        argv: the line after ``snn chip``.

    Returns:
        0; 1 if a network does not fit; 2 if the line cannot be carried out.

    >>> main(["fit", "nowhere.pt"])
    2
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if options.run is None:
        parser.print_help()
        return 0
    try:
        code: int = options.run(options)
    except (ValueError, TypeError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return REFUSED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "snn chip",
        description="An emulated BrainScaleS-2 chip. Times are the chip's, in seconds; potentials "
        "are in LSB of the CADC.",
        epilog="`snn chip COMMAND --help` says more about a command.",
    )
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for part in (calibrating, tracing, fitting, listing):
        part.add_to(commands)
    return parser
