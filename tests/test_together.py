"""All packages at once: their names, the agreement of backends, what a listing imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from snn_core.hookspecs import KINDS
from snn_core.registry import default_registry
from snn_core.registry.catalogue import CATALOGUE
from snn_core.testing import check_agreement

REGISTRY = default_registry()
ROOT = Path(__file__).resolve().parents[1]
OURS = {path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")}


def ours(kind: str) -> dict[str, tuple[str, ...]]:
    """The names of a kind by package, without those of snn-core."""
    names: dict[str, tuple[str, ...]] = {}
    for one in REGISTRY.entries(kind):
        if one.distribution in OURS - {"snn-core"}:
            names[one.distribution] = (*names.get(one.distribution, ()), one.name)
    return names


@pytest.mark.parametrize("kind", KINDS)
def test_the_catalogue_holds_what_the_packages_register(kind):
    assert {package: set(names) for package, names in CATALOGUE.get(kind, {}).items()} == {
        package: set(names) for package, names in ours(kind).items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_packages_take_one_name(kind):
    assert not REGISTRY.clashes(kind)


def test_every_package_registers_something():
    registered = {one.distribution for kind in KINDS for one in REGISTRY.entries(kind)}
    assert registered >= OURS


@pytest.mark.parametrize("neuron", REGISTRY.names("neuron"))
@pytest.mark.parametrize("backend", REGISTRY.names("backend"))
def test_every_backend_agrees_with_eager(backend, neuron):
    record = REGISTRY.resolve("backend", backend)
    check_agreement(record, REGISTRY.resolve("neuron", neuron), ulps=1e3)


def test_a_listing_of_everything_imports_nothing_heavy():
    code = (
        "import sys; from snn_core.cli.main import main; main(['list', '--json']); "
        "sys.exit(str({'torch', 'numpy', 'numba', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "set()"
    assert '"lif"' in done.stdout
