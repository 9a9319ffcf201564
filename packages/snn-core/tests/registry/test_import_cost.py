"""What importing snn_core and listing names may load: no torch, nothing that compiles."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "numpy", "numba", "triton", "matplotlib", "sklearn"}

REPORT = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_snn_core_loads_itself_and_little_of_the_standard_library():
    added = modules_after("import snn_core") - modules_after("pass")
    assert {name for name in added if name.startswith("snn_")} == {"snn_core"}
    assert {name.partition(".")[0] for name in added} & (
        HEAVY | {"pluggy", "importlib_metadata"}
    ) == (set())
    assert len(added) < 40


@pytest.mark.parametrize(
    "code",
    [
        "import snn_core as snn; snn.default_registry().issues",
        "from snn_core.cli.main import main; main(['list'])",
        "from snn_core.cli.main import main; main(['list', '--json'])",
        "from snn_core.cli.main import main; main(['--help'])",
        "import runpy, sys; sys.argv = ['snn', 'list', '--json']\n"
        "try: runpy.run_module('snn_core', run_name='__main__')\n"
        "except SystemExit as done: assert done.code == 0",
    ],
    ids=["scan", "list", "list --json", "--help", "python -m snn_core list --json"],
)
def test_listing_loads_nothing_heavy(code):
    assert modules_after(code) & HEAVY == set()


def test_importing_the_registry_scans_nothing():
    loaded = modules_after("import snn_core.registry")
    assert "snn_core._plugin" not in loaded
    assert "torch" not in loaded


def test_every_public_name_is_there_twice_and_none_is_a_module():
    code = (
        "import types, snn_core\n"
        "for name in snn_core.__all__:\n"
        "    first, second = getattr(snn_core, name), getattr(snn_core, name)\n"
        "    assert first is second and not isinstance(first, types.ModuleType), name\n"
    )
    assert "torch" in modules_after(code)
