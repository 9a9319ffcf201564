"""``snn chip calibrate``: search the settings of a chip, keep them, draw what they did."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from snn_hardware.chip import Chip
from snn_hardware.command.options import (
    add_chip,
    add_pictures,
    add_target,
    chip_options,
    folder_for,
    pictures_wanted,
    say_written,
    target_options,
)

FILE = "calibration.json"


def add_to(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "calibrate",
        help="bring each circuit of a chip to a target, and show how far that goes",
        description="Calibrate a chip by measuring it; print the residuals, write the calibration "
        "and pictures of the mismatch. Files of the same name are replaced.",
    )
    add_chip(parser)
    add_target(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder (default: chip-SEED)")
    add_pictures(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    seed, effects = chip_options(options)
    target = target_options(options)
    draws = pictures_wanted(options)
    folder = folder_for(options, seed)
    found = Chip(seed, effects=effects).calibrate(target)
    print(found)
    reasons = found.reasons
    for circuit, reason in reasons.items():
        print(f"circuit {circuit}: {reason}")
    found.save(folder / FILE)
    written = [folder / FILE]
    if draws:
        from snn_hardware.command import drawing  # only here: it needs matplotlib

        written += drawing.draw_calibration(found, folder)
    say_written(written)
    return 0
