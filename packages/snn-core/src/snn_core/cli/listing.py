"""``snn list``: every registered name, who provides it, what it still needs. Imports no torch."""

from __future__ import annotations

import argparse
import json
from typing import Any

from snn_core.cli import text
from snn_core.hookspecs import KINDS
from snn_core.registry import Provided, Registry, default_registry, missing_needs, need_line
from snn_core.registry.messages import qualified_spellings


def run(argv: list[str]) -> int:
    """List the names of all kinds, or of one; with ``--json`` as an array of objects."""
    parser = argparse.ArgumentParser("snn list", description=__doc__.split("\n")[0])
    parser.add_argument("--kind", choices=KINDS, help="only this kind")
    parser.add_argument("--json", action="store_true", help="for programs")
    line = parser.parse_args(argv)
    registry = default_registry()
    kinds = KINDS if line.kind is None else (line.kind,)
    if line.json:
        found = [describe(provided) for kind in kinds for provided in registry.entries(kind)]
        print(json.dumps(found, indent=2))
    else:
        print("\n\n".join(block for kind in kinds for block in _blocks(registry, kind)))
    return 0


def describe(provided: Provided) -> dict[str, Any]:
    """What is known of an entry without importing its target, ready for JSON."""
    target = provided.entry.target
    return {
        "kind": provided.kind,
        "name": provided.name,
        "aliases": list(provided.aliases),
        "summary": provided.entry.summary,
        "distribution": provided.distribution,
        "version": provided.version,
        "plugin": provided.plugin,
        "target": target if isinstance(target, str) else f"an object, {type(target).__name__}",
        "needs": list(provided.entry.needs),
        "missing": list(missing_needs(provided)),
        "install": provided.entry.install,
    }


def _blocks(registry: Registry, kind: str) -> list[str]:
    """One block of lines for each distribution that provides this kind."""
    rows: dict[str, list[tuple[str, str]]] = {}
    clashes = registry.clashes(kind)
    for provided in registry.entries(kind):
        own = rows.setdefault(provided.provider, [])
        own.append((provided.name, provided.entry.summary))
        own += [("", line) for line in _remarks(provided, clashes)]
    if not rows:
        return [f"{kind}s\n  none"]
    return [
        "\n".join([f"{kind}s of {provider}", *text.columns(rows[provider], indent=2)])
        for provider in sorted(rows)
    ]


def _remarks(provided: Provided, clashes: dict[str, tuple[Provided, ...]]) -> list[str]:
    """The lines below an entry: aliases, what is missing, and what to write where names clash."""
    remarks = []
    if provided.aliases:
        remarks.append(f"also {', '.join(provided.aliases)}")
    line = need_line(provided)
    if line is not None:
        remarks.append(line)
    for name in (provided.name, *provided.aliases):
        if name in clashes:
            spelling = qualified_spellings(name, clashes[name])[clashes[name].index(provided)]
            remarks.append(f"{name!r} is provided more than once; write {spelling}")
    return remarks
