"""run.py: which torch it takes, what it tells uv, how it fails."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
CPU_WHEEL = "torch==2.13.0+cpu"
RANGE = "torch>=2.8,<3"


@pytest.fixture
def run(monkeypatch):
    """run.py as a module, on a Linux machine without a GPU and without a CPU wheel at hand."""
    spec = importlib.util.spec_from_file_location("run", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("SNN_TORCH", raising=False)
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module, "has_gpu", lambda: False)
    monkeypatch.setattr(module, "is_found", lambda requirement, python: False)
    return module


def test_without_a_gpu_the_cpu_build_is_taken(run):
    assert run.torch_arguments("python") == ["--torch-backend=cpu", RANGE]


def test_without_a_gpu_a_cpu_wheel_at_hand_comes_first(run, monkeypatch):
    monkeypatch.setattr(run, "is_found", lambda requirement, python: requirement == CPU_WHEEL)
    assert run.torch_arguments("python") == [CPU_WHEEL]


def test_with_a_gpu_the_build_fits_its_driver(run, monkeypatch):
    monkeypatch.setattr(run, "has_gpu", lambda: True)
    assert run.torch_arguments("python") == ["--torch-backend=auto", RANGE]


def test_elsewhere_than_on_linux_the_usual_build_has_no_cuda(run, monkeypatch):
    monkeypatch.setattr(run.sys, "platform", "darwin")
    assert run.torch_arguments("python") == [RANGE]


def test_snn_torch_decides_before_everything_else(run, monkeypatch):
    monkeypatch.setattr(run, "has_gpu", lambda: True)
    monkeypatch.setenv("SNN_TORCH", "torch==2.9.0+rocm")
    assert run.torch_arguments("python") == ["torch==2.9.0+rocm"]


def test_the_environment_wins_over_pips_files(run):
    listed = ":env:.find-links='mine'\nglobal.find-links='everyones'\ninstall.cert='c.pem'\n"
    assert run.translate(listed) == {"UV_FIND_LINKS": "mine", "SSL_CERT_FILE": "c.pem"}


def test_uv_compares_several_indexes_as_pip_does(run):
    assert run.translate("global.extra-index-url='file:///a\\nfile:///b'\n") == {
        "UV_INDEX": "file:///a file:///b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_a_failed_installation_shows_the_end_of_its_output(run, monkeypatch):
    monkeypatch.setattr(run, "uv_settings", dict)
    code = "import sys; print('\\n'.join(f'line {k}' for k in range(100))); sys.exit(1)"
    with pytest.raises(run.Failure, match="line 99\nis the network there") as caught:
        run.quietly([sys.executable, "-c", code])
    assert "line 10\n" not in str(caught.value)


def test_an_unknown_program_is_named(run):
    with pytest.raises(run.Failure, match=r"no program 'pyttest' in .*; try one of: snn, nox"):
        run.run(["pyttest"])


def test_the_exit_code_is_passed_on(run):
    assert run.run([sys.executable, "-c", "raise SystemExit(7)"]) == 7


def test_a_venv_that_was_moved_is_noticed(run, tmp_path):
    stamp = tmp_path / "stamp"
    assert not run.is_moved(stamp)
    stamp.write_text(f"{run.VENV} abc")
    assert not run.is_moved(stamp)
    stamp.write_text("/elsewhere/.venv abc")
    assert run.is_moved(stamp)


def test_without_a_command_it_says_how_it_is_used():
    done = subprocess.run([sys.executable, ROOT / "run.py"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "python run.py snn train digits" in done.stdout


def test_its_torch_is_one_that_the_packages_take(run):
    core = tomllib.loads((ROOT / "packages" / "snn-core" / "pyproject.toml").read_text())
    assert run.TORCH in core["project"]["dependencies"]
    (pin,) = Requirement(run.TORCH_CPU).specifier
    assert pin.version in Requirement(run.TORCH).specifier
