"""All checks of the workspace; the packages and their siblings are read, nothing is listed here.

python run.py nox                            lint, alone, together, third_party
python run.py nox -s "alone(snn-core)"       one package, in an environment of its own
python run.py nox -R -s together -- -k pins  the same environment again; pytest's options
"""

from __future__ import annotations

import configparser
import functools
import os
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import nox
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

import run  # noqa: E402  (lies beside this file, which nox does not look for)

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "alone", "together", "third_party"]
os.environ.update(run.uv_settings())
os.environ["SNN_STRICT_PLUGINS"] = "1"

PROJECTS: dict[str, dict[str, Any]] = {
    path.parent.name: tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
}
PACKAGES = list(PROJECTS)
EXAMPLE = "examples/snn-izhikevich"
each_package = nox.parametrize("package", [nox.param(name, id=name) for name in PACKAGES])

# Published or measured accuracies that a change must not lose, in per cent, with seed 0.
ACCURACY = {
    ("digits", "surrogate"): 96.0,
    ("digits", "eventprop_exact"): 96.0,
    ("yinyang", "surrogate"): 95.0,
    ("yinyang", "eventprop_exact"): 97.5,
    ("yinyang", "chip"): 95.0,
    ("yinyang", "chip_eventprop"): 95.0,
    ("yinyang-delays", "eventprop_exact"): 97.5,
}

REFUSE = """
import sys
from importlib.util import find_spec
found = [name for name in sys.argv[1:] if find_spec(name)]
sys.exit(f"importable here, but not declared: {found}" if found else 0)
"""


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format and types of everything."""
    install(session, *editable(*PACKAGES), *group("dev"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    sources = [f"packages/{name}/src" for name in PACKAGES]
    session.run("mypy", *sources, "run.py", "noxfile.py", "conftest.py")


@nox.session
@each_package
def alone(session: nox.Session, package: str) -> None:
    """The tests of one package with only what it declares: an undeclared import fails."""
    present = with_siblings(package)
    install(session, *editable(*present))
    refuse(session, set(PACKAGES) - present)
    session.run("pytest", f"packages/{package}", *session.posargs)


@nox.session
def together(session: nox.Session) -> None:
    """All packages at once: the tests that need several, pages, short trainings."""
    install(session, *editable(*PACKAGES))
    session.run("snn", "doctor")
    run_folder = empty_folder(session) / "digits"
    session.run("snn", "train", "digits", "--epochs", "1", "--out", run_folder)
    session.run("python", "examples/digits_by_nodes.py", "--epochs", "1")
    session.run("pytest", "tests", "README.md", "docs/nir.md", *session.posargs)


@nox.session
def third_party(session: nox.Session) -> None:
    """A stranger's package from outside the workspace, beside snn-core and nothing else."""
    install(session, *editable("snn-core"), "--editable", f"{EXAMPLE}[testing]")
    refuse(session, set(PACKAGES) - {"snn-core"})
    session.run("snn", "show", "izhikevich")
    session.run("pytest", EXAMPLE, "docs/writing-a-neuron.md", *session.posargs)


@nox.session
@each_package
def wheel(session: nox.Session, package: str) -> None:
    """The built wheel of one package: nothing missing in it, and it works when installed."""
    folder = empty_folder(session)
    for name in sorted(with_siblings(package)):
        session.run(
            "uv", "build", "--wheel", "--out-dir", folder, f"packages/{name}", external=True
        )
    wheels = sorted(folder.glob("*.whl"))
    check_wheel(session, package, next(w for w in wheels if w.name.startswith(module(package))))
    install(session, *wheels)
    session.run("snn", "doctor")


@nox.session
@nox.parametrize(("task", "gradient"), [nox.param(*both, id="-".join(both)) for both in ACCURACY])
def accuracy(session: nox.Session, task: str, gradient: str) -> None:
    """A whole training reaches the accuracy that the README promises; takes minutes."""
    install(session, *editable(*PACKAGES))
    expected, out = ACCURACY[task, gradient], empty_folder(session) / task
    options = ("--gradient", gradient, "--seed", "0", "--out", out)
    printed = session.run("snn", "train", task, *options, silent=True)
    found = re.findall(r"^test accuracy (\d+\.\d) %$", str(printed), re.MULTILINE)
    if not found or float(found[-1]) < expected:
        session.error(f"{task} by {gradient}: expected at least {expected} %, got:\n{printed}")
    session.log(f"{task} by {gradient}: {found[-1]} % on the test, at least {expected} % expected")


@nox.session
def peers(session: nox.Session) -> None:
    """Our numbers against those of other libraries, installed side by side."""
    install(session, *editable(*with_siblings("snn-nodes")), *group("peers"))
    # Warnings of theirs are not ours.
    session.run("pytest", "peers", "--ignore", "peers/exchange", "-W", "ignore", *session.posargs)


@nox.session
def exchange(session: nox.Session) -> None:
    """Networks to other libraries and back by NIR: the same spikes, or differences as stated."""
    install(session, *editable(*with_siblings("snn-nodes")), *group("exchange"))
    session.run("pytest", "peers/exchange", "-W", "ignore", *session.posargs)


@nox.session
def benchmark(session: nox.Session) -> None:
    """The times of snn-fused and of nodes beside those of rivals, each in its own environment."""
    ours = with_siblings("snn-fused") | with_siblings("snn-nodes")
    beside_rivals(session, "benchmarks/fused/driver.py", ours, "rivals")


@nox.session
def benchmark_eventprop(session: nox.Session) -> None:
    """The times and gradients of snn-eventprop beside those of its rivals, in the same way."""
    ours = with_siblings("snn-train")
    beside_rivals(session, "benchmarks/eventprop/driver.py", ours, "rivals-eventprop")


@nox.session
def benchmark_hardware(session: nox.Session) -> None:
    """An epoch in the loop beside one in simulation."""
    install(session, *editable(*PACKAGES))
    session.run("python", "benchmarks/hardware/epoch.py", *session.posargs)


@nox.session
def ablation(session: nox.Session) -> None:
    """The table of docs/chip-in-the-loop.md: what each effect of a chip costs; half an hour."""
    install(session, *editable(*PACKAGES))
    session.run("python", "benchmarks/hardware/ablation.py", *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """Everything with the lowest versions that the packages declare; torch stays as chosen."""
    install(session)
    printed = session.run(
        "python",
        "-c",
        "from importlib.metadata import version; print(version('torch'))",
        silent=True,
    )
    constraint = empty_folder(session) / "constraint.txt"
    constraint.write_text(f"torch=={str(printed).strip()}\n", encoding="utf-8")
    session.install(
        "--resolution", "lowest-direct", "--constraint", str(constraint), *editable(*PACKAGES)
    )
    # Old versions among new ones of what they need: their deprecations are not ours.
    deprecated = ("-W", "ignore::DeprecationWarning")
    session.run("pytest", *deprecated, "packages", "tests", *session.posargs)


def install(session: nox.Session, *arguments: str | Path) -> None:
    """torch first, so that nothing fetches another build; then the rest in one command.

    One command, because a sibling installed alone is asked for from the public index.
    """
    session.install(*torch_arguments())
    if arguments:
        session.install(*map(str, arguments))


def beside_rivals(session: nox.Session, driver: str, ours: set[str], rivals: str) -> None:
    """Run a benchmark of our packages, in the session's environment, beside a dependency group."""
    install(session, *editable(*ours))
    found = session.run("python", "-c", "import sys; print(sys.executable)", silent=True)
    pythons = [f"ours={str(found).strip()}"]
    folder = empty_folder(session)
    for requirement in group(rivals):
        name = Requirement(requirement).name
        pythons.append(f"{name}={alone_with(session, folder / name, requirement)}")
    session.run("python", driver, *pythons, *session.posargs)


def alone_with(session: nox.Session, place: Path, requirement: str) -> Path:
    """The Python of a new environment that holds torch and one other package."""
    session.run("uv", "venv", "--python", sys.executable, str(place), external=True)
    python = place / "bin" / "python"  # the benchmark needs Linux
    for arguments in (torch_arguments(), [requirement]):
        session.run("uv", "pip", "install", "--python", str(python), *arguments, external=True)
    return python


@functools.cache
def torch_arguments() -> list[str]:
    """The same torch as run.py chooses."""
    return run.torch_arguments(sys.executable)


def editable(*packages: str) -> list[str]:
    """Arguments that install these packages in place, with what their tests need."""
    return [
        part for name in sorted(packages) for part in ("--editable", f"packages/{name}[testing]")
    ]


def group(name: str) -> list[str]:
    """The requirements of a dependency group of the workspace."""
    return list(nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), name))


def with_siblings(package: str) -> set[str]:
    """A package and the packages of the workspace that it declares, directly or not."""
    project = PROJECTS[package]
    declared = project["dependencies"] + project["optional-dependencies"]["testing"]
    siblings = {Requirement(text).name for text in declared} & set(PACKAGES)
    return {package}.union(*map(with_siblings, siblings - {package}))


def module(package: str) -> str:
    """The import name of a package."""
    return package.replace("-", "_")


def empty_folder(session: nox.Session) -> Path:
    """A folder for the files of a session, without those of an earlier run."""
    folder = Path(session.create_tmp())
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


def refuse(session: nox.Session, packages: set[str]) -> None:
    """Fail if one of these packages can be imported: then the session would prove nothing."""
    session.run("python", "-c", REFUSE, *sorted(map(module, packages)))


def check_wheel(session: nox.Session, package: str, path: Path) -> None:
    """Fail unless a wheel holds the files of the package, no others, and its entry points."""
    source = ROOT / "packages" / package / "src"
    files = [file for file in source.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    expected = {file.relative_to(source).as_posix() for file in files}
    points = configparser.ConfigParser()
    with zipfile.ZipFile(path) as archive:
        inside = [name for name in archive.namelist() if ".dist-info/" not in name]
        metadata = next(n for n in archive.namelist() if n.endswith("entry_points.txt"))
        points.read_string(archive.read(metadata).decode())
    if set(inside) != expected:
        session.error(f"{path.name} differs from src in {sorted(expected ^ set(inside))}")
    declared = PROJECTS[package]["entry-points"]["snn"]
    if dict(points["snn"]) != declared:
        session.error(f"{path.name} has entry points {dict(points['snn'])}, not {declared}")
