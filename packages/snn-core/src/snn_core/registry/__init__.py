"""The registry: scan entry points, keep tables by kind, resolve names. No torch in here.

installed.py reads metadata, selection.py the environment, plugins.py loads in isolation, tables.py
maps names to entries, targets.py imports what a name stands for, messages.py words the errors,
resolve.py holds it together.
"""

from __future__ import annotations

from snn_core.registry.issues import Issue
from snn_core.registry.plugins import Plugin
from snn_core.registry.resolve import Registry, default_registry
from snn_core.registry.tables import Provided
from snn_core.registry.targets import load_target, missing_needs, need_line

__all__ = [
    "Issue",
    "Plugin",
    "Provided",
    "Registry",
    "default_registry",
    "load_target",
    "missing_needs",
    "need_line",
]
