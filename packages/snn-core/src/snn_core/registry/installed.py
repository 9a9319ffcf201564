"""What the metadata of installed distributions says. The one file that imports importlib_metadata.

The backport replaces the standard library's finder as soon as it is imported, so nothing else
may import it, and nothing compares against its types.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import importlib_metadata

from snn_core.hookspecs import GROUP
from snn_core.registry.issues import Issue
from snn_core.registry.spelling import normalise_distribution


@dataclasses.dataclass(frozen=True)
class Announcement:
    """A plugin module that a distribution announces, not imported yet.

    Args:
        distribution: its name, normalised.
        version: its version, as installed.
        entry_point: the name left of the equals sign in ``[project.entry-points.snn]``.
        value: what stands right of it, such as ``"snn_core._plugin"``.
        load: imports the plugin and returns it; raises what the import raises.
    """

    distribution: str
    version: str
    entry_point: str
    value: str
    load: Callable[[], object]

    @property
    def plugin(self) -> str:
        """The plugin's name in the registry, ``"distribution:entry_point"``."""
        return f"{self.distribution}:{self.entry_point}"


def announcements() -> tuple[list[Announcement], list[Issue]]:
    """Every entry point of group ``snn``, sorted by distribution and name, and what is unreadable.

    A distribution that stands twice on the path counts once, as an import would find it.
    """
    names, issues = _announcing()
    found: list[Announcement] = []
    for name in sorted(names):
        try:
            found += _announced_by(name)
        except Exception as error:  # unreadable metadata spoils only its own distribution
            issues.append(Issue(name, "load", error))
    return found, issues


def version_of(distribution: str) -> str | None:
    """The installed version, None if the distribution is not installed."""
    try:
        return importlib_metadata.distribution(distribution).version
    except importlib_metadata.PackageNotFoundError:
        return None


def requirements_of(distribution: str) -> tuple[str, ...]:
    """The requirements that an installed distribution declares, extras included."""
    return tuple(importlib_metadata.distribution(distribution).requires or ())


def recorded_entry_points(distribution: str) -> dict[str, str]:
    """The entry points of group ``snn`` as recorded when the distribution was installed."""
    recorded = importlib_metadata.distribution(distribution).entry_points.select(group=GROUP)
    return {point.name: point.value for point in recorded}


def editable_source(distribution: str) -> Path | None:
    """The folder of an editable installation (PEP 610), None for any other."""
    text = importlib_metadata.distribution(distribution).read_text("direct_url.json") or "{}"
    origin = json.loads(text)
    if not origin.get("dir_info", {}).get("editable", False):
        return None
    return Path(url2pathname(urlsplit(origin["url"]).path))


def _announcing() -> tuple[set[str], list[Issue]]:
    """The distributions that have the group in their metadata, by a look at the text alone."""
    names: set[str] = set()
    issues: list[Issue] = []
    for distribution in importlib_metadata.distributions():
        text = distribution.read_text("entry_points.txt") or ""
        if f"[{GROUP}]" not in text:
            continue
        try:
            names.add(normalise_distribution(distribution.name))
        except Exception as error:  # entry points without a readable name
            place = distribution.locate_file("")
            issues.append(Issue(f"of a nameless distribution in {place}", "load", error))
    return names, issues


def _announced_by(name: str) -> list[Announcement]:
    distribution = importlib_metadata.distribution(name)
    points = distribution.entry_points.select(group=GROUP)
    version = distribution.version
    return [
        Announcement(name, version, point.name, point.value, point.load)
        for point in sorted(points, key=lambda point: point.name)
    ]
