"""What ``snn doctor`` looks at; each check returns findings, none stops another."""

from __future__ import annotations

import dataclasses
import shlex
import tomllib
import traceback
from collections import Counter
from pathlib import Path

from snn_core.cli.requirements import parse
from snn_core.hookspecs import GROUP, KINDS
from snn_core.lookup import check_record
from snn_core.registry import Provided, Registry, installed, load_target, need_line
from snn_core.registry.messages import qualified_spellings
from snn_core.registry.plugins import Failure

OK, INFORMATION, PROBLEM = "ok", "information", "problem"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One result of a check.

    Args:
        status: ``"ok"``, ``"information"`` or ``"problem"``.
        message: one sentence; for a problem, how to mend it too.
        detail: a traceback, or nothing.
    """

    status: str
    message: str
    detail: str = ""


def plugins(registry: Registry) -> list[Finding]:
    """What each plugin provides, which were left out, and which failed."""
    provided = [one for kind in KINDS for one in registry.entries(kind)]
    failed = {issue.plugin for issue in registry.issues}
    findings = []
    for plugin in registry.plugins:
        head = f"{plugin.name} {plugin.version}"
        kinds = Counter(one.kind for one in provided if one.plugin == plugin.name)
        if plugin.left_out_by is not None:
            findings.append(Finding(INFORMATION, f"{head} is left out by {plugin.left_out_by}"))
        elif plugin.name not in failed:
            findings.append(Finding(OK, f"{head}: {_counted(kinds)}"))
    return findings + [Finding(PROBLEM, str(issue), issue.traceback()) for issue in registry.issues]


def targets(registry: Registry) -> list[Finding]:
    """Import every target; what needs something missing is information, not a problem."""
    findings = []
    good: Counter[str] = Counter()
    for provided in (one for kind in KINDS for one in registry.entries(kind)):
        line = need_line(provided)
        if line is not None:
            findings.append(Finding(INFORMATION, line))
            continue
        problem = _import_problem(provided)
        if problem is None:
            good[provided.kind] += 1
        else:
            findings.append(problem)
    return [Finding(OK, f"imported {_counted(good)}"), *findings]


def names(registry: Registry) -> list[Finding]:
    """Names and aliases that more than one plugin provides."""
    findings = []
    for kind in KINDS:
        for name, providers in registry.clashes(kind).items():
            spellings = " or ".join(qualified_spellings(name, providers))
            message = f"{kind} {name!r} is provided more than once; write {spellings}"
            findings.append(Finding(PROBLEM, message))
    return findings or [Finding(OK, "every name and alias has one provider")]


def versions(registry: Registry) -> list[Finding]:
    """What the providing distributions require, against what is installed."""
    findings = []
    for name in _distributions(registry):
        for text in installed.requirements_of(name):
            wanted = parse(text)
            version = None if wanted is None else installed.version_of(wanted.name)
            if wanted is None or (version is not None and wanted.allows(version)):
                continue
            have = "which is not installed" if version is None else f"but {version} is installed"
            message = f"{name} requires {text}, {have}; pip install {shlex.quote(text)}"
            findings.append(Finding(PROBLEM, message))
    return findings or [Finding(OK, "what every distribution requires is installed")]


def editables(registry: Registry) -> list[Finding]:
    """Editable installations whose pyproject.toml says something else than was recorded."""
    findings = []
    for name in _distributions(registry):
        folder = installed.editable_source(name)
        if folder is not None:
            findings.append(_editable(name, folder))
    return findings or [Finding(OK, "no distribution is installed in place")]


def _import_problem(provided: Provided) -> Finding | None:
    try:
        check_record(provided.kind, provided.name, load_target(provided))
    except Failure as error:
        cause = traceback.format_exception_only(error)[0].strip()
        message = f"{provided.kind} {provided.name!r} of {provided.plugin} fails: {cause}"
        return Finding(PROBLEM, message, "".join(traceback.format_exception(error)))
    return None


def _editable(name: str, folder: Path) -> Finding:
    again = f"install it again: pip install --no-deps -e {shlex.quote(str(folder))}"
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        project = tomllib.loads(text).get("project", {})
    except (OSError, tomllib.TOMLDecodeError) as error:
        return Finding(PROBLEM, f"{name} is installed from {folder}, which is unreadable: {error}")
    dynamic = project.get("dynamic", [])
    points = project.get("entry-points", {}).get(GROUP, {})
    recorded = installed.recorded_entry_points(name)
    if "entry-points" not in dynamic and points != recorded:
        return Finding(
            PROBLEM, f"{name} was installed with entry points {recorded}, has {points}; {again}"
        )
    version = installed.version_of(name)
    if "version" not in dynamic and project.get("version") != version:
        return Finding(
            PROBLEM, f"{name} was installed as {version}, is {project.get('version')}; {again}"
        )
    return Finding(OK, f"{name} {version} from {folder}, up to date")


def _distributions(registry: Registry) -> list[str]:
    """The distributions that provide plugins and are installed, each once."""
    named = {plugin.distribution for plugin in registry.plugins}
    return sorted(name for name in named if installed.version_of(name) is not None)


def _counted(kinds: Counter[str]) -> str:
    """``Counter(neuron=2)`` as people say it."""
    parts = [f"{kinds[kind]} {kind}{'s' * (kinds[kind] != 1)}" for kind in KINDS if kinds[kind]]
    return ", ".join(parts) or "nothing"
