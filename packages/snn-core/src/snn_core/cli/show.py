"""``snn show NAME``: a card about one name: equations, parameters with units, formula, provider."""

from __future__ import annotations

import argparse
import json

from snn_core.cli.cards import card
from snn_core.cli.facts import facts_about
from snn_core.hookspecs import KINDS
from snn_core.registry import default_registry


def run(argv: list[str]) -> int:
    """Show what a name stands for, in every kind that has it; with ``--json`` as an array."""
    parser = argparse.ArgumentParser("snn show", description=__doc__.split("\n")[0])
    parser.add_argument("name", metavar="NAME", help="a name, an alias, or distribution/name")
    parser.add_argument("--kind", choices=KINDS, help="look in this kind only")
    parser.add_argument("--json", action="store_true", help="for programs")
    line = parser.parse_args(argv)
    registry = default_registry()
    if line.kind is None:
        found = registry.find_anywhere(line.name)
    else:
        found = (registry.find(line.kind, line.name),)
    facts = [facts_about(provided) for provided in found]
    if line.json:
        print(json.dumps(facts, indent=2, allow_nan=False))
    else:
        print("\n\n".join("\n".join(card(one)) for one in facts))
    return 0
