"""What exchange needs: said with the line that installs it, and read from a file in plain words."""

import os
import subprocess
import sys

import h5py
import pytest
from snn_nodes.exchange import ExchangeError, from_nir

WITHOUT = """
import sys
sys.modules[{need!r}] = None  # as if it were not installed
from importlib import import_module
import snn_core, snn_nodes, snn_nodes.recording
for use in (lambda: import_module("snn_nodes.exchange"), lambda: snn_nodes.to_nir):
    try:
        use()
    except snn_core.MissingNeed as error:
        print(error.name, error, sep="; ")
"""


@pytest.mark.parametrize("need", ["nir", "snn_neurons"])
def test_without_it_it_says_what_to_install(need):
    code = WITHOUT.format(need=need)
    line = [sys.executable, "-W", "ignore", "-c", code]  # hidden, a plugin does not load
    lenient = {k: v for k, v in os.environ.items() if k != "SNN_STRICT_PLUGINS"}
    done = subprocess.run(line, capture_output=True, text=True, env=lenient)
    assert done.stderr == ""
    expected = f"{need}; snn_nodes.exchange needs {need}: pip install 'snn-nodes[nir]'"
    assert done.stdout.splitlines() == [expected, expected]


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_file_that_is_not_there(tmp_path, kind):
    with pytest.raises(
        FileNotFoundError, match=r"no.nir cannot be read: No such file or directory"
    ):
        from_nir(kind(tmp_path / "no.nir"), dt=1e-3)
    with pytest.raises(IsADirectoryError, match=r"cannot be read: Is a directory"):
        from_nir(kind(tmp_path), dt=1e-3)


def test_a_file_of_something_else(tmp_path):
    (tmp_path / "text.nir").write_text("no graph")
    with pytest.raises(
        OSError, match=r"text.nir cannot be read: no HDF5 file, as nir.write writes"
    ):
        from_nir(tmp_path / "text.nir", dt=1e-3)


def test_a_file_with_a_kind_that_nir_does_not_know(tmp_path):
    with h5py.File(tmp_path / "a.nir", "w") as file:
        file["node/type"] = "Wonder"
    with pytest.raises(
        ExchangeError, match=r"a.nir holds no graph that nir .* can read: Assertion"
    ):
        from_nir(tmp_path / "a.nir", dt=1e-3)
