"""The errors for names: what was asked, the nearest thing, how to get it, what is installed."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence

from snn_core.errors import AmbiguousName, UnknownName
from snn_core.registry.catalogue import homes
from snn_core.registry.issues import Issue
from snn_core.registry.plugins import Plugin
from snn_core.registry.spelling import normalise, normalise_distribution
from snn_core.registry.tables import Provided, Table


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What a registry knows when a name is not found: tables by kind, plugins, failures."""

    tables: Mapping[str, Table]
    plugins: Sequence[Plugin]
    issues: Sequence[Issue]


def ambiguous(kind: str, name: str, providers: Sequence[Provided]) -> AmbiguousName:
    """The error for a name that several plugins provide, with a spelling for each."""
    return AmbiguousName(
        f"{kind} {name!r} is provided more than once; "
        f"write {_alternatives(qualified_spellings(normalise(name), providers))}"
    )


def qualified_spellings(name: str, providers: Sequence[Provided]) -> list[str]:
    """A spelling for each provider that only it answers to.

    The distribution tells them apart; two plugins of one distribution are told apart by name.
    """
    bare = name.rpartition("/")[2]
    distributions = [one.distribution for one in providers]
    return [
        f"{one.plugin if distributions.count(one.distribution) > 1 else one.distribution}/{bare}"
        for one in providers
    ]


def unknown(kind: str, name: str, around: Surroundings) -> UnknownName:
    """The error for a name of a kind that nothing installed provides."""
    hint, home = _nearest_thing(kind, name, around.tables)
    lines = [f"unknown {kind} {name!r}{hint}"]
    if home is not None:
        lines.append(_how_to_get(home, around))
    if home is not None or not hint:
        lines.append(f"installed: {', '.join(_canonical(around.tables[kind])) or 'none'}")
    return UnknownName("\n  ".join(lines + _notes(around)))


def unknown_anywhere(name: str, around: Surroundings) -> UnknownName:
    """The error for a name that nothing installed provides under any kind."""
    catalogued = {kind: homes(kind) for kind in around.tables}
    lines = [f"unknown name {name!r}"]
    lines += [
        f"the {kind}: {_how_to_get(packages[normalise(name)], around)}"
        for kind, packages in catalogued.items()
        if normalise(name) in packages
    ]
    if len(lines) == 1:
        spellings: dict[str, str] = {}
        for kind, table in around.tables.items():
            spellings |= {
                own: f"{own!r} (a {kind} of {catalogued[kind][own]})" for own in catalogued[kind]
            }
            shown = _spellings(name, table)
            spellings |= {spelling: f"{shown[spelling]!r} (a {kind})" for spelling in shown}
        near = _nearest(name, spellings)
        lines[0] += f"; did you mean {near}?" if near else "; `snn list` shows every name"
    return UnknownName("\n  ".join(lines + _notes(around)))


def _nearest_thing(kind: str, name: str, tables: Mapping[str, Table]) -> tuple[str, str | None]:
    """A half sentence that points to something else, and the package to install, if either."""
    catalogued = homes(kind)
    if normalise(name) in catalogued:
        return "", catalogued[normalise(name)]
    others = _other_kinds(kind, name, tables)
    if others:
        return f"; it is {' and '.join(f'a {other}' for other in others)}, not a {kind}", None
    near = _nearest(name, {own: own for own in catalogued} | _spellings(name, tables[kind]))
    if near is None:
        return "", None
    home = None if near in tables[kind].spellings else catalogued.get(near)
    return f"; did you mean {near!r}?", home


def _canonical(table: Table) -> list[str]:
    return sorted({one.name for one in table.provided})


def _spellings(name: str, table: Table) -> dict[str, str]:
    """Every spelling that could have been meant, and the canonical name to show for it."""
    if "/" not in name:
        return {spelling: found[0].name for spelling, found in table.spellings.items()}
    return {
        f"{one.distribution}/{spelling}": f"{one.distribution}/{one.name}"
        for spelling, found in table.spellings.items()
        for one in found
    }


def _nearest(name: str, spellings: Mapping[str, str]) -> str | None:
    qualifier, slash, bare = name.rpartition("/")
    asked = f"{normalise_distribution(qualifier)}{slash}{normalise(bare)}"
    near = difflib.get_close_matches(asked, spellings, n=1)
    return spellings[near[0]] if near else None


def _other_kinds(kind: str, name: str, tables: Mapping[str, Table]) -> list[str]:
    bare = normalise(name.rpartition("/")[2])
    return [
        other
        for other, table in tables.items()
        if other != kind and (bare in table.spellings or bare in homes(other))
    ]


def _how_to_get(home: str, around: Surroundings) -> str:
    """Where a catalogued name lives, and what keeps it away."""
    failed = {issue.plugin.partition(":")[0] for issue in around.issues}
    for plugin in around.plugins:
        if plugin.distribution == home and plugin.left_out_by:
            return f"it is in {home}, which {plugin.left_out_by} leaves out"
    if home in failed:
        return f"it is in {home}, which failed"
    if any(plugin.distribution == home for plugin in around.plugins):
        return f"it is in another version of {home}: pip install --upgrade {home}"
    return f"it is in {home}: pip install {home}"


def _notes(around: Surroundings) -> list[str]:
    left_out: dict[str, list[str]] = {}
    for plugin in around.plugins:
        if plugin.left_out_by:
            left_out.setdefault(plugin.left_out_by, []).append(plugin.distribution)
    notes = [f"note: {issue}" for issue in around.issues]
    for variable, distributions in sorted(left_out.items()):
        notes.append(f"note: {variable} leaves out {', '.join(sorted(set(distributions)))}")
    return notes


def _alternatives(spellings: Sequence[str]) -> str:
    *others, last = spellings
    return f"{', '.join(others)} or {last}" if others else last
