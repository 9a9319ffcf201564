"""``snn chip effects``: every non-ideality with its default, unit, meaning and source."""

from __future__ import annotations

import argparse
from typing import Any

from snn_core.cli import text

from snn_hardware.effects import Effects, describe


def add_to(commands: Any) -> None:
    """Register the command."""
    about = "every non-ideality: default, unit, meaning, source"
    parser = commands.add_parser("effects", help=about, description=about)
    parser.set_defaults(run=_run)


def rows() -> list[tuple[str, str, str, str]]:
    """A row for each effect: name, default with its unit, meaning, source.

    >>> rows()[1]
    ('leak', '2 LSB', 'spread of the leak', 'assumption')
    """
    found = []
    for name, default in Effects._field_defaults.items():
        about = describe(name)
        if isinstance(default, bool):
            shown = "on" if default else "off"
        else:
            shown = f"{default:g} {about.unit}".strip()
        found.append((name, shown, about.meaning, about.source))
    return found


def _run(options: argparse.Namespace) -> int:
    table = [(*row[:2], f"{row[2]} [{row[3]}]") for row in rows()]
    print("\n".join(text.columns([("effect", "default", "meaning [source]"), *table])))
    return 0
