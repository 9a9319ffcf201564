"""snn doctor: what is wrong with an installation, and how to mend it."""

from __future__ import annotations

import json

import pytest
from snn_core.cli.main import main

GOOD = "@hookimpl\ndef snn_commands():\n    return [Entry('greet', print, 'say hello')]\n"


@pytest.fixture(autouse=True)
def only_ours(fresh_default_registry, monkeypatch):
    """The other packages of the installation have their own troubles."""
    monkeypatch.setenv("SNN_PLUGINS", "snn-core,snn-a")


def examine(capsys):
    """Its exit code, its lines, and the messages of its problems by check."""
    code = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    problems = [
        one["message"]
        for findings in found.values()
        if isinstance(findings, list)
        for one in findings
        if one["status"] == "problem"
    ]
    assert found["problems"] == len(problems)
    assert main(["doctor"]) == code == (1 if problems else 0)
    return capsys.readouterr().out.splitlines(), problems


def test_a_sound_installation_has_no_problems(site, capsys):
    site.add("snn-a", GOOD)
    lines, problems = examine(capsys)
    assert problems == []
    assert lines[-1] == "no problems found"
    assert any("torch" in line and "devices: cpu" in line for line in lines)
    assert any(line.endswith("snn-a:p 1.0: 1 command") for line in lines)
    assert any("imported 16 thresholds, 1 backend, 4 commands" in line for line in lines)


def test_a_failed_plugin_is_a_problem_with_its_traceback(site, capsys):
    site.add("snn-a", "1 / 0")
    lines, problems = examine(capsys)
    assert problems == [
        "plugin snn-a:p failed to load: ZeroDivisionError: division by zero",
    ]
    assert lines[-1] == "1 problem found"
    assert any(line.strip().startswith("Traceback") for line in lines)
    assert any("snn_a_plugin.py" in line for line in lines)


def test_a_target_that_cannot_be_imported_or_is_no_such_thing_is_a_problem(site, capsys):
    site.add(
        "snn-a",
        """
        @hookimpl
        def snn_neurons():
            return [
                Entry("gone", "gone_module:GONE", ""),
                Entry("wrong", "math:pi", ""),
                Entry("exiting", "exiting_module:X", ""),
            ]
        """,
    )
    site.add_module("exiting_module", "raise SystemExit(1)")
    lines, problems = examine(capsys)
    assert problems == [
        "neuron 'exiting' of snn-a:p fails: SystemExit: 1",
        "neuron 'gone' of snn-a:p fails: ModuleNotFoundError: No module named 'gone_module'",
        "neuron 'wrong' of snn-a:p fails: TypeError: neuron 'wrong' is registered as float, "
        "expected a snn_core.Neuron; its plugin must name another target",
    ]
    assert lines[-1] == "3 problems found"


def test_a_missing_need_is_information_and_no_problem(site, capsys):
    site.add(
        "snn-a",
        "@hookimpl\ndef snn_backends():\n"
        "    return [Entry('fast', 'm:F', '', needs=('no_such_module',), install='snn-a[fast]')]\n",
    )
    lines, problems = examine(capsys)
    assert problems == []
    line = "  note     backend 'fast' needs no_such_module: pip install 'snn-a[fast]'"
    assert line in lines


def test_a_clash_is_a_problem_with_its_spellings(site, capsys):
    site.add(
        "snn-a",
        "@hookimpl\ndef snn_commands():\n"
        "    return [Entry('mine', print, '', aliases=('List',))]\n",
    )
    assert examine(capsys)[1] == [
        "command 'list' is provided more than once; write snn-a/list or snn-core/list"
    ]


def test_a_left_out_distribution_is_information(site, capsys, monkeypatch):
    site.add("snn-a", "1 / 0")
    monkeypatch.setenv("SNN_DISABLED_PLUGINS", "snn-a")
    lines, problems = examine(capsys)
    assert problems == []
    assert "  note     snn-a:p 1.0 is left out by SNN_DISABLED_PLUGINS" in lines


def test_versions_that_do_not_fit_what_is_declared_are_problems(site, capsys):
    needs = [
        "snn-core>=0.1,<99",
        "snn-core>=99",
        "snn-nowhere>=1",
        "torch<1",
        "pytest>=99; extra == 'testing'",
    ]
    site.add("snn-a", GOOD, more="".join(f"Requires-Dist: {need}\n" for need in needs))
    problems = examine(capsys)[1]
    assert len(problems) == 3
    assert problems[0].startswith("snn-a requires snn-core>=99, but ")
    assert problems[0].endswith(" is installed; pip install 'snn-core>=99'")
    assert problems[1] == (
        "snn-a requires snn-nowhere>=1, which is not installed; pip install 'snn-nowhere>=1'"
    )
    assert problems[2].startswith("snn-a requires torch<1, but ")


def editable(site, tmp_path, text: str, name: str = "a checkout"):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "pyproject.toml").write_text(text)
    metadata = site.add("snn-a", GOOD)
    origin = {"url": folder.as_uri(), "dir_info": {"editable": True}}
    (metadata / "direct_url.json").write_text(json.dumps(origin))
    return folder


SOUND = """
[project]
version = "1.0"
[project.entry-points.snn]
p = "snn_a_plugin"
"""


def test_an_editable_installation_that_agrees_with_its_project_is_fine(site, capsys, tmp_path):
    folder = editable(site, tmp_path, SOUND)
    lines, problems = examine(capsys)
    assert problems == []
    assert f"snn-a 1.0 from {folder}, up to date" in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("length", [5, 60, 100])
def test_a_path_is_never_broken_however_long(site, capsys, tmp_path, length, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    folder = editable(site, tmp_path, SOUND, "a-long-name-" + "x" * length)
    lines, _ = examine(capsys)
    assert any(f"{folder}," in line for line in lines)


def test_an_editable_installation_with_new_entry_points_is_stale(site, capsys, tmp_path):
    folder = editable(site, tmp_path, SOUND + 'q = "snn_a_more"\n')
    (problem,) = examine(capsys)[1]
    assert problem == (
        "snn-a was installed with entry points {'p': 'snn_a_plugin'}, "
        "has {'p': 'snn_a_plugin', 'q': 'snn_a_more'}; "
        f"install it again: pip install --no-deps -e '{folder}'"
    )


def test_an_editable_installation_with_a_new_version_is_stale(site, capsys, tmp_path):
    editable(site, tmp_path, SOUND.replace("1.0", "1.1"))
    (problem,) = examine(capsys)[1]
    assert problem.startswith("snn-a was installed as 1.0, is 1.1; install it again")


def test_dynamic_fields_of_an_editable_installation_are_not_judged(site, capsys, tmp_path):
    editable(site, tmp_path, '[project]\ndynamic = ["version", "entry-points"]\n')
    assert examine(capsys)[1] == []


def test_an_editable_installation_whose_folder_is_gone_is_a_problem(site, capsys, tmp_path):
    folder = editable(site, tmp_path, SOUND)
    (folder / "pyproject.toml").unlink()
    (problem,) = examine(capsys)[1]
    assert problem.startswith(f"snn-a is installed from {folder}, which is unreadable: ")
