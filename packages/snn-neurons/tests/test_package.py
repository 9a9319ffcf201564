"""The package as installed: light imports, names, entries, docstrings."""

import importlib
import pathlib
import subprocess
import sys

import pytest
import snn_core as snn
import snn_neurons
from snn_core import Neuron
from snn_neurons import _plugin, functional

ENTRIES = _plugin.snn_neurons()


def test_importing_the_package_and_its_plugin_loads_no_torch():
    code = "import sys, snn_neurons, snn_neurons._plugin; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_every_public_name_is_there():
    for name in snn_neurons.__all__:
        assert getattr(snn_neurons, name) is not None
    assert set(snn_neurons.__all__) <= set(dir(snn_neurons))
    assert snn_neurons.functional is functional
    assert snn_neurons.HardwareObservables is functional.HardwareObservables
    with pytest.raises(AttributeError, match="module 'snn_neurons' has no attribute 'nothing'"):
        snn_neurons.nothing  # noqa: B018


@pytest.mark.parametrize("package", [snn_neurons, functional])
def test_no_submodule_bears_the_name_of_a_public_one(package):
    submodules = {path.stem for path in pathlib.Path(package.__file__).parent.iterdir()}
    assert not (submodules - {"functional"}) & set(package.__all__)


def test_the_functional_api_is_complete():
    assert set(functional.__all__) >= {
        "CuBaStepCode",
        "HardwareObservables",
        "IAFFeedForwardState",
        "IAFParameters",
        "IAFState",
        "SuperSpike",
        "Unterjubel",
        "batch_dropout",
        "cuba_aelif_integration",
        "cuba_li_integration",
        "cuba_lif_integration",
        "exp_cuba_li_integration",
        "exp_cuba_lif_integration",
        "iaf_feed_forward_step",
        "iaf_step",
        "input_neuron",
        "linear",
        "linear_exponential_clamp",
        "linear_sparse",
        "refractory_update",
        "threshold",
    }
    assert all(getattr(functional, name) is not None for name in functional.__all__)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_resolves_by_name_and_alias(entry):
    neuron = snn.neuron(entry.name)
    assert isinstance(neuron, Neuron)
    assert neuron.name == entry.name
    for alias in entry.aliases:
        assert snn.neuron(alias) is neuron
    home = importlib.import_module(entry.target.split(":")[0])
    for word in ("Source:", "dt") if "refractory" in entry.name else ("Source:", "Discrete", "<-"):
        assert word in home.__doc__, f"{home.__name__} says its {word}"


def test_every_parameter_and_state_variable_has_a_unit_and_a_meaning():
    for entry in ENTRIES:
        neuron = snn.neuron(entry.name)
        for record in (neuron.Params, neuron.State):
            quantities = snn.types.quantities(record)
            assert set(quantities) == set(record._fields)
            assert all(one.meaning and one.unit for one in quantities.values())


def test_every_registered_neuron_has_its_line_of_conformance():
    text = pathlib.Path(__file__).with_name("test_conformance.py").read_text()
    for entry in ENTRIES:
        assert f'test_{entry.name} = conformance("{entry.name}")' in text
