"""Registry: names to entries to objects. Scanned at the first question, never at import."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import threading
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, TypeVar

import pluggy

from snn_core.errors import PluginError, PluginWarning
from snn_core.hookspecs import KINDS
from snn_core.registry import messages
from snn_core.registry.issues import Issue
from snn_core.registry.plugins import (
    Failure,
    Loaded,
    Plugin,
    call,
    implementations,
    load_plugins,
    register,
)
from snn_core.registry.selection import STRICT, Selection
from snn_core.registry.spelling import normalise, normalise_distribution
from snn_core.registry.tables import Provided, Table
from snn_core.registry.targets import load_target

Made = TypeVar("Made")


class Registry:
    """Everything that installed plugins provide, by kind and name.

    Entry points of group ``snn`` are scanned once, at the first question. A plugin that fails is
    an Issue and one PluginWarning; with ``SNN_STRICT_PLUGINS=1`` it raises PluginError.
    What a process registers with ``temporary`` does not reach the workers that it spawns.

    Args:
        environ: where ``SNN_PLUGINS``, ``SNN_DISABLED_PLUGINS`` and ``SNN_STRICT_PLUGINS`` are
            read; the process environment if not given.

    >>> registry = Registry()
    >>> registry.find("threshold", "Super-Spike").name
    'super_spike'
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Nothing is scanned yet."""
        self._environ = os.environ if environ is None else environ
        self._lock = threading.RLock()
        self._state: Loaded | None = None
        self._strict = False
        self._issues: list[Issue] = []
        self._listed: dict[pluggy.HookImpl, tuple[Provided, ...]] = {}
        self._tables: dict[str, Table] = {}
        self._memory: dict[Hashable, Any] = {}
        self._count = itertools.count(1)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Every failure of a plugin, after all kinds have been listed.

        >>> Registry({"SNN_PLUGINS": ""}).issues
        ()
        """
        for kind in KINDS:
            self._table(kind)
        return tuple(self._issues)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Every announced plugin, whether it failed, was left out, or works.

        >>> plugins = Registry({"SNN_PLUGINS": ""}).plugins
        >>> [one.name for one in plugins if one.left_out_by is None]
        ['snn-core:core']
        """
        return tuple(self._loaded().plugins.values())

    def entries(self, kind: str) -> tuple[Provided, ...]:
        """All entries of a kind with their providers, sorted by name and distribution.

        Raises:
            ValueError: no such kind; so do ``names`` and ``clashes``.

        >>> [one.entry.target for one in Registry({"SNN_PLUGINS": ""}).entries("backend")]
        ['snn_core.eager:EAGER']
        """
        return self._table(kind).provided

    def names(self, kind: str) -> tuple[str, ...]:
        """The canonical names of a kind, sorted, each once.

        >>> Registry({"SNN_PLUGINS": ""}).names("command")
        ('doctor', 'list', 'show')
        """
        return tuple(sorted({provided.name for provided in self.entries(kind)}))

    def clashes(self, kind: str) -> dict[str, tuple[Provided, ...]]:
        """The names and aliases of a kind that more than one plugin provides.

        >>> Registry({"SNN_PLUGINS": ""}).clashes("threshold")
        {}
        """
        spellings = self._table(kind).spellings
        return {name: found for name, found in sorted(spellings.items()) if len(found) > 1}

    def resolve(self, kind: str, name: object) -> Any:
        """The object behind a name; what is not a string passes through.

        Args:
            kind: ``"neuron"``, ``"threshold"``, ``"backend"`` or ``"command"``.
            name: a name or an alias in any spelling, or ``"distribution/name"``.

        Raises:
            UnknownName: nothing installed provides it.
            AmbiguousName: two plugins do; the message has the qualified spellings.
            MissingNeed: it needs a module that is not installed.

        >>> Registry().resolve("threshold", "Arctan").name
        'atan'
        """
        if not isinstance(name, str):
            return name
        return self.remembered((kind, name), lambda: load_target(self.find(kind, name)))

    def remembered(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What ``make`` gave for this key the last time, if no plugin has come or gone since.

        >>> registry = Registry({"SNN_PLUGINS": ""})
        >>> registry.remembered("key", lambda: 1), registry.remembered("key", lambda: 2)
        (1, 1)
        """
        if key not in self._memory:
            self._memory[key] = make()
        made: Made = self._memory[key]
        return made

    def find(self, kind: str, name: str) -> Provided:
        """The one entry behind a name, without importing its target; raises as ``resolve``."""
        candidates = self._candidates(kind, name)
        if not candidates:
            raise messages.unknown(kind, name, self._surroundings())
        if len(candidates) > 1:
            raise messages.ambiguous(kind, name, candidates)
        return candidates[0]

    def find_anywhere(self, name: str) -> tuple[Provided, ...]:
        """The entries behind a name in all kinds, at least one; raises as ``resolve``.

        >>> [one.kind for one in Registry().find_anywhere("eager")]
        ['backend']
        """
        found = tuple(self.find(kind, name) for kind in KINDS if self._candidates(kind, name))
        if not found:
            raise messages.unknown_anywhere(name, self._surroundings())
        return found

    @contextlib.contextmanager
    def temporary(self, plugin: object, distribution: str = "temporary") -> Iterator[Registry]:
        """Register a plugin (a module or an object with hooks) inside a ``with`` block.

        It is made for tests. A failure raises PluginError at once, strict mode or not.

        >>> from types import SimpleNamespace
        >>> from snn_core import Entry, hookimpl
        >>> plugin = SimpleNamespace(snn_neurons=hookimpl(lambda: [Entry("mine", "m:MINE", "one")]))
        >>> with Registry({"SNN_PLUGINS": ""}).temporary(plugin) as registry:
        ...     registry.names("neuron")
        ('mine',)
        """
        loaded = self._loaded()
        distribution = normalise_distribution(distribution)
        name = f"{distribution}:{next(self._count)}"
        with self._lock:
            self._add(loaded, plugin, Plugin(name, distribution, ""))
        try:
            yield self
        finally:
            with self._lock:
                self._remove(loaded, name)

    def _add(self, loaded: Loaded, plugin: object, described: Plugin) -> None:
        """Register a plugin and list what it provides, or raise PluginError and leave no trace."""
        stage = "register"
        try:
            register(loaded.manager, plugin, described.name)
            loaded.plugins[described.name] = described
            for kind in KINDS:
                stage = f"list {kind}s"
                for one in implementations(loaded.manager, kind):
                    if one.plugin_name == described.name:
                        self._listed[one] = call(one, kind, described)
        except Failure as error:
            self._remove(loaded, described.name)
            raise PluginError(str(Issue(described.name, stage, error))) from error
        self._forget()

    def _forget(self) -> None:
        """Plugins have come or gone."""
        self._tables.clear()
        self._memory.clear()

    def _remove(self, loaded: Loaded, name: str) -> None:
        loaded.manager.unregister(name=name)
        loaded.plugins.pop(name, None)
        for one in [one for one in self._listed if one.plugin_name == name]:
            del self._listed[one]
        self._forget()

    def _loaded(self) -> Loaded:
        with self._lock:
            if self._state is not None:
                return self._state
            selection = Selection.from_environ(self._environ)
            loaded = load_plugins(selection)
            self._strict = selection.strict
            for issue in loaded.issues:
                self._raise_if_strict(issue)
            self._state = loaded
            self._issues.extend(loaded.issues)
        for issue in loaded.issues:
            _warn(issue)
        return loaded

    def _table(self, kind: str) -> Table:
        if kind not in KINDS:
            raise ValueError(f"unknown kind {kind!r}; the kinds are {', '.join(KINDS)}")
        loaded = self._loaded()
        with self._lock:
            if kind not in self._tables:
                hooks = implementations(loaded.manager, kind)
                found = [self._entries_of(loaded, one, kind) for one in hooks]
                self._tables[kind] = Table.of(itertools.chain.from_iterable(found))
            return self._tables[kind]

    def _entries_of(
        self, loaded: Loaded, implementation: pluggy.HookImpl, kind: str
    ) -> tuple[Provided, ...]:
        """What one implementation lists; it is called once, also if it fails."""
        if implementation not in self._listed:
            plugin = loaded.plugins[implementation.plugin_name]
            try:
                self._listed[implementation] = call(implementation, kind, plugin)
            except Failure as error:
                issue = Issue(plugin.name, f"list {kind}s", error)
                self._raise_if_strict(issue)
                self._listed[implementation] = ()
                self._issues.append(issue)
                _warn(issue)
        return self._listed[implementation]

    def _candidates(self, kind: str, name: str) -> tuple[Provided, ...]:
        qualifier, _, bare = name.rpartition("/")
        found = self._table(kind).spellings.get(normalise(bare), ())
        return tuple(one for one in found if not qualifier or one.is_from(qualifier))

    def _surroundings(self) -> messages.Surroundings:
        tables = {kind: self._table(kind) for kind in KINDS}
        return messages.Surroundings(tables, self.plugins, self.issues)

    def _raise_if_strict(self, issue: Issue) -> None:
        if self._strict:
            raise PluginError(f"{issue} ({STRICT}=1 makes this an error)") from issue.error


@functools.cache
def default_registry() -> Registry:
    """The registry of this process, which every public function uses unless given another."""
    return Registry()


def _warn(issue: Issue) -> None:
    warnings.warn(f"{issue}; run `snn doctor`", PluginWarning, stacklevel=2)
