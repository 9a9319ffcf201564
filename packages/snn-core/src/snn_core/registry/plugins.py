"""Load plugins and call their hooks, each in a try of its own, so that one spoils only itself."""

from __future__ import annotations

import dataclasses
import difflib

import pluggy

from snn_core import hookspecs
from snn_core.hookspecs import GROUP, KINDS
from snn_core.registry.installed import Announcement, announcements
from snn_core.registry.issues import Issue
from snn_core.registry.selection import CORE, ONLY, WITHOUT, Selection
from snn_core.registry.tables import Provided, check_entries

Failure = (Exception, SystemExit)
"""What may come out of a plugin's code; only the user's own interrupt passes through."""

HOOKS = tuple(f"snn_{kind}s" for kind in KINDS)


@dataclasses.dataclass(frozen=True)
class Plugin:
    """One announced plugin.

    Args:
        name: ``"distribution:entry_point"``.
        distribution: its name, normalised.
        version: its version.
        left_out_by: the environment variable that keeps it from loading, or None.
    """

    name: str
    distribution: str
    version: str
    left_out_by: str | None = None


@dataclasses.dataclass(frozen=True)
class Loaded:
    """The outcome of one scan: what is registered in pluggy, what was announced, what failed."""

    manager: pluggy.PluginManager
    plugins: dict[str, Plugin]
    issues: tuple[Issue, ...]


def load_plugins(selection: Selection) -> Loaded:
    """Scan the entry points once and register every plugin that the selection lets in."""
    found, issues = announcements()
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    plugins = {}
    for announced in found:
        left_out_by = selection.left_out_by(announced.distribution)
        plugins[announced.plugin] = Plugin(
            announced.plugin, announced.distribution, announced.version, left_out_by
        )
        if left_out_by is None:
            issues += _load(manager, announced)
    issues += _not_installed(selection, {plugin.distribution for plugin in plugins.values()})
    if CORE in selection.without:
        error = ValueError(f"{WITHOUT} names it, but nothing works without it; remove it there")
        issues.append(Issue(CORE, "be left out", error))
    return Loaded(manager, plugins, tuple(issues))


def register(manager: pluggy.PluginManager, plugin: object, name: str) -> None:
    """Register a plugin under ``name``, or leave the manager as it was and raise.

    Raises:
        ValueError: a hook has no specification, or lacks its marker.
        pluggy.PluginValidationError: a hook has wrong arguments.
    """
    try:
        manager.register(plugin, name=name)
        _check_hooks(manager, plugin)
    except Failure:
        # pluggy up to 1.6 leaves a plugin with wrong arguments half registered
        if manager.get_plugin(name) is plugin:
            manager.unregister(name=name)
        raise


def implementations(manager: pluggy.PluginManager, kind: str) -> list[pluggy.HookImpl]:
    """The registered implementations of the hook of a kind, in no promised order."""
    caller: pluggy.HookCaller = getattr(manager.hook, f"snn_{kind}s")
    return caller.get_hookimpls()


def call(implementation: pluggy.HookImpl, kind: str, plugin: Plugin) -> tuple[Provided, ...]:
    """What one hook implementation lists; raises whatever it raises, or what is wrong with it."""
    entries = check_entries(implementation.function())
    return tuple(
        Provided(kind, plugin.name, plugin.distribution, plugin.version, entry) for entry in entries
    )


def _load(manager: pluggy.PluginManager, announced: Announcement) -> list[Issue]:
    try:
        plugin = announced.load()
    except Failure as error:
        return [Issue(announced.plugin, "load", error)]
    try:
        register(manager, plugin, announced.plugin)
    except Failure as error:
        return [Issue(announced.plugin, "register", error)]
    return []


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    for caller in manager.get_hookcallers(plugin) or ():
        own = [one for one in caller.get_hookimpls() if one.plugin is plugin]
        if not caller.has_spec() and not all(one.optionalhook for one in own):
            near = difflib.get_close_matches(caller.name, HOOKS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the hooks are {', '.join(HOOKS)}"
            raise ValueError(f"there is no hook {caller.name!r}; {hint}")
    for hook in HOOKS:
        if hook not in dir(plugin) or getattr(plugin, hook) is getattr(hookspecs, hook):
            continue
        if manager.parse_hookimpl_opts(plugin, hook) is None:
            raise ValueError(f"{hook!r} is not marked; write @snn_core.hookimpl above it")


def _not_installed(selection: Selection, installed: set[str]) -> list[Issue]:
    asked = sorted((selection.only or frozenset()) - installed)
    return [
        Issue(name, "load", LookupError(f"{ONLY} names it, but nothing installed announces it"))
        for name in asked
    ]
