"""Runs one command of this workspace from nothing: makes .venv, installs what is needed, runs it.

    python run.py snn train digits            train a network on real data
    python run.py nox                         all tests, in fresh environments
    python run.py pytest packages/snn-core    the tests of one package
    python run.py python my_script.py         a script of your own

It needs Python 3.11 or newer, pip and a network, and writes to .venv only. torch is chosen before
everything else: what SNN_TORCH says (such as ``SNN_TORCH=torch==2.13.0+cpu``), else the CPU build
where there is no NVIDIA GPU. noxfile.py imports this file, so that both choose alike.
"""

import ast
import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from pathlib import Path

if sys.version_info < (3, 11):
    sys.exit(f"run.py needs Python 3.11 or newer, this is {sys.version.split()[0]}; try python3.11")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
UV = "uv>=0.8"
TORCH = "torch>=2.8,<3"
TORCH_CPU = "torch==2.13.0+cpu"
TAIL = 30

# uv reads none of pip's settings; each of pip's is handed to it under uv's own name.
UV_NAMES = {
    "find-links": "UV_FIND_LINKS",
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "cert": "SSL_CERT_FILE",
}


class Failure(Exception):
    """Something that the user can mend; the message says how."""


def main(argv: Sequence[str]) -> int:
    """Prepare the environment that ``argv`` needs, run it there, return its exit code."""
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if argv else 2
    try:
        prepare(argv[0])
        return run(argv)
    except Failure as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130


def prepare(program: str) -> None:
    """Bring .venv up to date for ``program``: nox makes its own environments, the rest use ours."""
    start = time.monotonic()
    changed = install_tools()
    if program == "nox":
        os.environ.update(uv_settings())
    else:
        changed = install_workspace() or changed
    if changed:
        say(f"ready after {time.monotonic() - start:.0f} s")


def run(argv: Sequence[str]) -> int:
    """Run ``argv`` with the programs of .venv first on the path; return its exit code."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    program = shutil.which(argv[0], path=path)
    if program is None:
        raise Failure(f"no program {argv[0]!r} in {BIN}; try one of: snn, nox, pytest, python")
    environment = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(VENV)}
    environment.pop("PYTHONHOME", None)
    process = subprocess.Popen([program, *argv[1:]], env=environment)
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:  # the program has it too and ends in its own way
            continue


def install_tools() -> bool:
    """Make .venv with uv and nox unless it is there; return whether anything was done."""
    stamp = VENV / ".snn-tools"
    state = f"{VENV} {fingerprint([ROOT / 'run.py', ROOT / 'pyproject.toml'])}"
    usable = PYTHON.exists() and not is_moved(stamp)
    if usable and is_current(stamp, state):
        return False
    if not usable:
        say("making .venv")
        make_venv()
    say("installing uv and nox")
    quietly([*pip(), "install", "pip", UV])
    quietly([*uv_install(), "--group", "nox"])
    stamp.write_text(state, encoding="utf-8")
    return True


def make_venv() -> None:
    """Make an empty .venv; it borrows pip from the Python that runs this file, if that has one."""
    try:
        venv.create(VENV, clear=True, with_pip=not has_pip())
    except subprocess.CalledProcessError as error:
        raise Failure(f"{sys.executable} has neither pip nor ensurepip; install one") from error


def install_workspace() -> bool:
    """Install torch, then all packages, unless nothing changed; return whether anything was done.

    All packages go into one command: installed singly, ``snn-core`` would be asked for from the
    public index, where anyone may register the name.
    """
    projects = sorted(ROOT.glob("packages/*/pyproject.toml"))
    stamp = VENV / ".snn-workspace"
    state = fingerprint([ROOT / "run.py", ROOT / "pyproject.toml", *projects])
    state = f"{os.environ.get('SNN_TORCH', '')} {state}"
    if is_current(stamp, state):
        return False
    torch = torch_arguments(str(PYTHON))
    say(f"installing {torch[-1]} (about 200 MB for a CPU, several GB for a GPU)")
    quietly([*uv_install(), *torch])
    folders = [project.parent for project in projects]
    say("installing " + ", ".join(folder.name for folder in folders))
    editables = [part for folder in folders for part in ("--editable", f"{folder}[testing]")]
    quietly([*uv_install(), *editables, "--group", "dev"])
    stamp.write_text(state, encoding="utf-8")
    return True


def uv_install() -> list[str]:
    """The beginning of a command that installs into .venv."""
    uv = shutil.which("uv", path=str(BIN))
    if uv is None:
        raise Failure(f"uv is missing in {BIN}; delete {VENV} and try again")
    return [uv, "pip", "install", "--python", str(PYTHON)]


def torch_arguments(python: str) -> list[str]:
    """What to hand to ``uv pip install`` for torch; never a CUDA build where there is no GPU."""
    chosen = os.environ.get("SNN_TORCH")
    if chosen:
        return [chosen]
    if sys.platform != "linux":
        return [TORCH]
    if has_gpu():
        return ["--torch-backend=auto", TORCH]
    if is_found(TORCH_CPU, python):
        return [TORCH_CPU]
    return ["--torch-backend=cpu", TORCH]


def has_gpu() -> bool:
    """Whether there is an NVIDIA GPU with its driver."""
    return shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia").exists()


def is_found(requirement: str, python: str) -> bool:
    """Whether uv finds a distribution for ``python`` in the places that it is told of."""
    uv = shutil.which("uv", path=os.pathsep.join([str(BIN), os.environ.get("PATH", "")]))
    if uv is None:
        raise Failure("uv is needed to find torch's CPU build: pip install uv, or set SNN_TORCH")
    command = [uv, "pip", "compile", "--quiet", "--no-deps", "--python", python, "-"]
    environment = {**os.environ, **uv_settings()}
    asked = subprocess.run(
        command, env=environment, input=requirement, text=True, capture_output=True
    )
    return asked.returncode == 0


@functools.cache
def uv_settings() -> dict[str, str]:
    """pip's settings in uv's variables, where these are not set yet."""
    command = [*pip(), "config", "list"]
    listed = subprocess.run(command, text=True, capture_output=True).stdout
    return {name: value for name, value in translate(listed).items() if name not in os.environ}


def translate(listed: str) -> dict[str, str]:
    """The output of ``pip config list`` as variables for uv.

    >>> translate("global.find-links='wheels more'")
    {'UV_FIND_LINKS': 'wheels,more'}
    """
    settings: dict[str, str] = {}
    for section in ("global", "install", ":env:"):  # the later wins, as in pip
        for line in listed.splitlines():
            key, _, value = line.partition("=")
            name = UV_NAMES.get(key.removeprefix(f"{section}."))
            if name:
                words = str(ast.literal_eval(value)).split()
                settings[name] = ("," if name == "UV_FIND_LINKS" else " ").join(words)
    if "UV_INDEX" in settings:
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip takes the best of all indexes too
    return settings


def quietly(command: Sequence[str]) -> None:
    """Run an installer in the workspace; show what it printed only if it fails."""
    environment = {**os.environ, **uv_settings()}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-TAIL:])
        hint = "is the network there? SNN_TORCH chooses another torch, PIP_FIND_LINKS its folder"
        raise Failure(f"this failed: {' '.join(command)}\n{tail}\n{hint}")


def pip() -> list[str]:
    """The pip that installs into .venv: that of the Python running this file, if it has one."""
    if has_pip():
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    return [str(PYTHON), "-m", "pip"]


def has_pip() -> bool:
    """Whether the Python that runs this file has pip."""
    return importlib.util.find_spec("pip") is not None


def fingerprint(files: Sequence[Path]) -> str:
    """A hash of the files that decide what is installed."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"\n{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def is_current(stamp: Path, state: str) -> bool:
    """Whether the stamp of the last finished installation says ``state``."""
    return stamp.exists() and stamp.read_text(encoding="utf-8") == state


def is_moved(stamp: Path) -> bool:
    """Whether .venv was made in another folder: its programs still point there."""
    return stamp.exists() and not stamp.read_text(encoding="utf-8").startswith(f"{VENV} ")


def say(text: str) -> None:
    """Print a line of progress where it does not mix with the command's own output."""
    print(f"run.py: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
