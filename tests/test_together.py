"""All packages at once: their names, the agreement of backends, what a listing imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import snn_core as snn
import torch
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


# One without a rank, which auto never takes, computes other numbers on purpose.
RANKED = [
    name for name in REGISTRY.names("backend") if REGISTRY.resolve("backend", name).rank is not None
]


@pytest.mark.parametrize("neuron", REGISTRY.names("neuron"))
@pytest.mark.parametrize("backend", RANKED)
def test_every_ranked_backend_agrees_with_eager(backend, neuron):
    record = REGISTRY.resolve("backend", backend)
    check_agreement(record, REGISTRY.resolve("neuron", neuron), ulps=1e3)


def test_the_backends_that_auto_takes():
    assert set(RANKED) == {"eager", "numba", "triton"}


def test_eventprop_tends_to_eager_as_the_step_falls():
    """Other numbers on purpose, but of the same equations: eager's spikes move to EventProp's."""
    lif, times = REGISTRY.resolve("neuron", "lif"), torch.tensor([[2e-3, 4e-3, 11e-3]])
    inputs = snn.Events.of(times.double(), torch.tensor([[0, 1, 0]]), (2,), 0.05)
    weight = torch.tensor([[3.0, 2.0], [1.5, 4.0]], dtype=torch.float64)
    exact = snn.integrate(lif, inputs, weight=weight, backend="eventprop_exact").output
    for dt in (5e-4, 1e-4, 2e-5):
        z = snn.integrate(lif, inputs, weight=weight, dt=dt, backend="eager").output
        found = snn.Events.from_grid(z, dt)
        assert found.index.tolist() == exact.index.tolist()
        assert (found.times - exact.times).abs().max().item() < 2 * dt


def test_a_listing_of_everything_imports_nothing_heavy():
    code = (
        "import sys; from snn_core.cli.main import main; main(['list', '--json']); "
        "sys.exit(str({'torch', 'numpy', 'numba', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "set()"
    assert '"lif"' in done.stdout
