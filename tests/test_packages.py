"""The packages agree with each other and with what they declare."""

from __future__ import annotations

import ast
import importlib.metadata
import itertools
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
each_package = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(folder: Path) -> list[Requirement]:
    """What a package declares, extras included."""
    extras = project(folder).get("optional-dependencies", {}).values()
    return [
        Requirement(text) for text in [*project(folder)["dependencies"], *itertools.chain(*extras)]
    ]


def source(folder: Path) -> Path:
    return folder / "src" / folder.name.replace("-", "_")


def imported(path: Path) -> Iterator[str]:
    """The top-level modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


def distributions_imported(folder: Path) -> dict[str, str]:
    """The distributions that a package imports, each with the module that does."""
    providers = importlib.metadata.packages_distributions()
    found = {}
    for path in source(folder).rglob("*.py"):
        for module in imported(path):
            if module not in sys.stdlib_module_names:
                found[canonicalize_name(providers.get(module, [module])[0])] = path.name
    found.pop(folder.name, None)
    return found


def test_there_are_packages():
    assert {"snn-core", "snn-neurons", "snn-train"} <= {folder.name for folder in FOLDERS}


def test_versions_move_in_lockstep():
    versions = {folder.name: project(folder)["version"] for folder in FOLDERS}
    assert len(set(versions.values())) == 1, versions


def test_the_version_of_the_module_is_that_of_the_package():
    import snn_core

    assert snn_core.__version__ == project(ROOT / "packages" / "snn-core")["version"]


@each_package
def test_siblings_are_pinned_to_this_minor_version(folder):
    names = {other.name for other in FOLDERS}
    major, minor, *_ = map(int, project(folder)["version"].split("."))
    pins = {str(one.specifier) for one in requirements(folder) if one.name in names}
    assert pins <= {f"<{major}.{minor + 1},>={major}.{minor}"}


@each_package
def test_everyone_asks_for_the_same_python_and_torch(folder):
    first = project(FOLDERS[0])
    assert project(folder)["requires-python"] == first["requires-python"]
    torches = {str(one) for one in requirements(folder) if one.name == "torch"}
    assert torches == {str(one) for one in requirements(FOLDERS[0]) if one.name == "torch"}


@each_package
def test_the_name_of_the_folder_is_that_of_the_package(folder):
    assert project(folder)["name"] == folder.name
    assert (source(folder) / "__init__.py").is_file()
    assert (source(folder) / "py.typed").is_file()


@each_package
def test_the_plugin_is_announced_in_one_light_module(folder):
    modules = list(project(folder)["entry-points"]["snn"].values())
    assert modules == [f"{source(folder).name}._plugin"]
    heavy = set(imported(source(folder) / "_plugin.py")) - sys.stdlib_module_names - {"snn_core"}
    assert heavy <= {source(folder).name}


@each_package
def test_what_is_imported_is_declared(folder):
    undeclared = set(distributions_imported(folder)) - {
        canonicalize_name(one.name) for one in requirements(folder)
    }
    assert not undeclared, {name: distributions_imported(folder)[name] for name in undeclared}


@each_package
def test_what_is_declared_is_imported(folder):
    names = {canonicalize_name(Requirement(text).name) for text in project(folder)["dependencies"]}
    siblings = {other.name for other in FOLDERS}  # these may be used by name, through the registry
    assert names - siblings <= set(distributions_imported(folder))


@each_package
def test_no_import_is_tried(folder):
    tried = [
        f"{path.name}:{node.lineno}"
        for path in source(folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Try)
        and any(isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(node))
    ]
    assert not tried


def test_the_workspace_names_every_package():
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(root["tool"]["uv"]["sources"]) == {folder.name for folder in FOLDERS}


def test_the_example_stands_outside_and_fits():
    example = ROOT / "examples" / "snn-izhikevich"
    core = project(ROOT / "packages" / "snn-core")
    siblings = {one.name: one for one in requirements(example) if one.name.startswith("snn-")}
    assert set(siblings) == {"snn-core"}
    assert core["version"] in siblings["snn-core"].specifier
