"""Tables: for one kind, every spelling of a name to the entries that provide it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from snn_core.hookspecs import Entry
from snn_core.registry.spelling import normalise, normalise_distribution


@dataclasses.dataclass(frozen=True)
class Provided:
    """One entry and who provides it.

    Args:
        kind: ``"neuron"``, ``"threshold"``, ``"backend"`` or ``"command"``.
        plugin: ``"distribution:entry_point"``.
        distribution: the providing distribution, normalised.
        version: its version.
        entry: as the plugin wrote it.
    """

    kind: str
    plugin: str
    distribution: str
    version: str
    entry: Entry

    @property
    def name(self) -> str:
        """The canonical name, normalised."""
        return normalise(self.entry.name)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The other spellings, normalised, each once."""
        spellings = dict.fromkeys(normalise(alias) for alias in self.entry.aliases)
        return tuple(alias for alias in spellings if alias != self.name)

    @property
    def provider(self) -> str:
        """Distribution and version, as people read them."""
        return f"{self.distribution} {self.version}".strip()

    def is_from(self, qualifier: str) -> bool:
        """Whether ``qualifier`` names this distribution, or this plugin of it."""
        return qualifier == self.plugin or normalise_distribution(qualifier) == self.distribution


@dataclasses.dataclass(frozen=True)
class Table:
    """What is provided of one kind.

    Args:
        provided: sorted by name, then distribution, then plugin.
        spellings: normalised name or alias to those that answer to it, sorted by provider.
    """

    provided: tuple[Provided, ...]
    spellings: Mapping[str, tuple[Provided, ...]]

    @classmethod
    def of(cls, provided: Iterable[Provided]) -> Table:
        """The table of these entries, whatever their order."""
        by_provider = sorted(provided, key=lambda one: (one.distribution, one.plugin))
        spellings: dict[str, tuple[Provided, ...]] = {}
        for one in by_provider:
            for spelling in (one.name, *one.aliases):
                spellings[spelling] = (*spellings.get(spelling, ()), one)
        return cls(tuple(sorted(by_provider, key=lambda one: one.name)), spellings)


def check_entries(listed: object) -> list[Entry]:
    """What a hook returned, if it is a list of sound entries with a name each of its own.

    Raises:
        TypeError: it is no list, or holds something that is no Entry or has a wrong type in it.
        ValueError: a name, an alias or a target cannot be one, or a name stands twice.
    """
    if not isinstance(listed, list | tuple):
        raise TypeError(
            f"the hook returned {type(listed).__name__}, expected a list of snn_core.Entry; "
            f"return [Entry(...)]"
        )
    taken: dict[str, str] = {}
    for entry in listed:
        if not isinstance(entry, Entry):
            raise TypeError(
                f"the hook listed {type(entry).__name__}, expected snn_core.Entry; "
                f'write Entry("name", "module:ATTR", "summary")'
            )
        _check_entry(entry)
        for spelling in {normalise(name) for name in (entry.name, *entry.aliases)}:
            if spelling in taken:
                raise ValueError(
                    f"the name {spelling!r} stands twice, in {taken[spelling]!r} and in "
                    f"{entry.name!r}; rename one of them"
                )
            taken[spelling] = entry.name
    return list(listed)


def _check_entry(entry: Entry) -> None:
    for field in ("aliases", "needs"):
        value = getattr(entry, field)
        if not isinstance(value, tuple) or not all(isinstance(one, str) for one in value):
            raise TypeError(
                f"{field} of entry {entry.name!r} must be a tuple of strings, got {value!r}; "
                f'write {field}=("one",)'
            )
    for name in (entry.name, *entry.aliases):
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w.]*", normalise(name)):
            raise ValueError(
                f"{name!r} cannot be a name; use letters, digits, underscores, hyphens and dots"
            )
    if isinstance(entry.target, str) and not re.fullmatch(r"[\w.]+:[\w.]+", entry.target):
        raise ValueError(
            f"target of entry {entry.name!r} must be 'package.module:ATTR' or the object itself, "
            f"got {entry.target!r}"
        )
