"""The package: light to import, complete, without global state of matplotlib."""

import subprocess
import sys
from importlib import import_module, util

import pytest
import snn_train


def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_the_package_and_its_plugin_loads_nothing_heavy():
    heavy = "{'torch', 'numpy', 'sklearn', 'matplotlib', 'tqdm'}"
    code = f"import sys, snn_train._plugin; print(*({heavy} & set(sys.modules)))"
    assert python(code) == []


def test_pictures_leave_pyplot_alone():
    assert python("import sys, snn_train.command; print('matplotlib.pyplot' in sys.modules)") == [
        "False"
    ]


@pytest.mark.parametrize("name", snn_train.__all__)
def test_a_public_name_is_what_its_home_defines(name):
    found = getattr(snn_train, name)
    assert getattr(import_module(found.__module__), name) is found
    assert util.find_spec(f"snn_train.{name}") is None
    assert name in dir(snn_train)


def test_another_name_is_refused():
    with pytest.raises(AttributeError, match="module 'snn_train' has no attribute 'digit'"):
        snn_train.digit  # noqa: B018
