"""Cards: the facts about a name, laid out for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from snn_core.cli import text
from snn_core.cli.plot import curve

Facts = dict[str, Any]


def card(facts: Facts) -> list[str]:
    """The lines of a card; a name whose needs are missing has only its head."""
    lines = [
        *text.heading(facts["name"], facts["kind"]),
        *text.paragraphs(facts["summary"]),
        "",
        *text.columns(_head(facts), indent=2),
    ]
    if facts["missing_line"] is not None:
        return [*lines, "", *text.paragraphs(facts["missing_line"])]
    body: dict[str, Callable[[Facts], list[str]]] = {
        "neuron": _neuron,
        "threshold": _threshold,
        "backend": _backend,
        "command": _command,
    }
    return lines + body[facts["kind"]](facts)


def _head(facts: Facts) -> list[tuple[str, str]]:
    rows = [
        ("aliases", ", ".join(facts["aliases"])),
        ("from", f"{facts['distribution']} {facts['version']}".strip()),
        ("target", facts["target"]),
        ("auto", _chosen(facts["rank"]) if "rank" in facts else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _neuron(facts: Facts) -> list[str]:
    lines: list[str] = []
    for found in facts["equations"]:
        title = found["title"] or f"{found['module']} has no docstring"
        lines += ["", *text.paragraphs(title)]
        if found["text"]:
            lines += ["", *text.paragraphs(found["text"], indent=2)]
    return [
        *lines,
        "",
        "Parameters",
        *_fields(facts["parameters"], ("name", "default", "unit", "constraint", "meaning")),
        "",
        "State",
        *_fields(facts["state"], ("name", "unit", "meaning")),
    ]


def _fields(fields: list[Facts], wanted: tuple[str, ...]) -> list[str]:
    if not fields:
        return ["  none"]
    used = [name for name in wanted if any(_cell(field, name) for field in fields)]
    rows = [[_cell(field, name) for name in used] for field in fields]
    return text.columns([used, *rows], indent=2)


def _cell(field: Facts, name: str) -> str:
    value = field.get(name, "")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _threshold(facts: Facts) -> list[str]:
    rows = [
        ("fires", "where x > 0" if facts["strict"] else "where x >= 0"),
        ("slope", facts["derivative"]),
        ("primitive", facts["primitive"]),
        ("alpha", f"a = {facts['alpha']:g} by default"),
    ]
    lines = ["", "With x = v - v_th", *text.columns(rows, indent=2)]
    if not text.prints("⣿─│"):
        return lines
    slope = facts["slope"]
    drawn = [f"    {line}" for line in curve(slope["values"], slope["reach"])]
    return [*lines, "", f"Slope over x, a = {facts['alpha']:g}", *drawn]


def _backend(facts: Facts) -> list[str]:
    found = facts["about"]
    lines = ["", *text.paragraphs(found["title"])]
    return [*lines, "", *text.paragraphs(found["text"], indent=2)] if found["text"] else lines


def _chosen(rank: int | None) -> str:
    return "never takes it" if rank is None else f"tries the highest rank first; this has {rank}"


def _command(facts: Facts) -> list[str]:
    return ["", *text.paragraphs(f"`snn {facts['name']} --help` says how to use it.")]
