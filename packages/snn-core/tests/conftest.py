"""Fake distributions: a plugin module and its metadata, as an installer would leave them."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from snn_core.registry import Registry, default_registry

HEADER = "from snn_core.hookspecs import Entry, hookimpl\n"


class Site:
    """A folder on the import path into which fake distributions are written."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.names: list[str] = []

    def add(self, name: str, plugin: str, version: str = "1.0", points: str = "", more: str = ""):
        """Write a distribution whose entry point ``p`` is the module ``<name>_plugin``."""
        underscored = name.replace("-", "_")
        module = f"{underscored}_plugin"
        source = HEADER + textwrap.dedent(plugin)
        (self.folder / f"{module}.py").write_text(source, encoding="utf-8")
        metadata = self.folder / f"{underscored}-{version}.dist-info"
        metadata.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}"
        (metadata / "METADATA").write_text(text, encoding="utf-8")
        text = f"[snn]\n{points or f'p = {module}'}\n"
        (metadata / "entry_points.txt").write_text(text, encoding="utf-8")
        self.names.append(name)
        importlib.invalidate_caches()
        return metadata

    def add_module(self, name: str, source: str) -> None:
        """Write a module beside the plugins."""
        (self.folder / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()

    def registry(self, **environ: str) -> Registry:
        """A registry that sees these distributions, and snn-core, which always loads."""
        return Registry({"SNN_PLUGINS": ",".join(self.names), **environ})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def fresh_default_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The default registry scans anew, in an environment that leaves nothing out."""
    for name in ("SNN_PLUGINS", "SNN_DISABLED_PLUGINS", "SNN_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    default_registry.cache_clear()
    yield
    default_registry.cache_clear()


@pytest.fixture
def core_alone(fresh_default_registry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default registry sees snn-core and nothing else that is installed."""
    monkeypatch.setenv("SNN_PLUGINS", "")
