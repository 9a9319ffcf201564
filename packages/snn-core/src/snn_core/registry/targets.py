"""From an entry to its object: are the needed modules there, then import the target."""

from __future__ import annotations

import functools
import shlex
import sys
from importlib import import_module
from typing import Any

from snn_core.errors import MissingNeed
from snn_core.registry.tables import Provided


def missing_needs(provided: Provided) -> tuple[str, ...]:
    """The needed modules that are not installed. Nothing is imported to find out."""
    return tuple(module for module in provided.entry.needs if not _is_installed(module))


def need_line(provided: Provided) -> str | None:
    """One line that says what is missing and what to pip install, or None.

    For instance ``backend 'triton' needs triton: pip install 'snn-fused[triton]'``.
    """
    missing = missing_needs(provided)
    if not missing:
        return None
    head = f"{provided.kind} {provided.name!r} needs {' and '.join(missing)}"
    packages = [shlex.quote(package) for package in provided.entry.install.split()]
    if not packages:
        return f"{head}, not installed; {provided.distribution} does not say how to install it"
    return f"{head}: pip install {' '.join(packages)}"


def load_target(provided: Provided) -> Any:
    """The object that an entry stands for.

    Raises:
        MissingNeed: a needed module is not installed; nothing was imported.
        Exception: whatever the import of the target raises, with a note on whose it is.
    """
    line = need_line(provided)
    if line is not None:
        raise MissingNeed(line, name=missing_needs(provided)[0])
    target = provided.entry.target
    if not isinstance(target, str):
        return target
    module, _, attribute = target.partition(":")
    try:
        return functools.reduce(getattr, attribute.split("."), import_module(module))
    except Exception as error:
        error.add_note(
            f"while importing {target!r}, the {provided.kind} {provided.name!r} "
            f"of plugin {provided.plugin}"
        )
        raise


def _is_installed(module: str) -> bool:
    """Whether a module can be found, its parents included, without importing any of them."""
    if module in sys.modules:
        return sys.modules[module] is not None
    name, path = "", None
    for part in module.split("."):
        name = f"{name}.{part}".lstrip(".")
        found = (finder.find_spec(name, path) for finder in sys.meta_path)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is None:
            return False
        path = list(spec.submodule_search_locations or ())
    return True
