"""snn itself: its help, commands of other packages, unknown commands, failed plugins."""

from __future__ import annotations

import subprocess
import sys

import pytest
from snn_core.cli.main import main

pytestmark = pytest.mark.usefixtures("fresh_default_registry")

COMMANDS = """
import sys

def greet(argv):
    print("hello", *argv)
    return 3

@hookimpl
def snn_commands():
    return [
        Entry("greet", greet, "say hello"),
        Entry("raising", "snn_hello_plugin:missing", "not there"),
        Entry("needy", "m:run", "needs more", needs=("not_there_at_all",), install="snn-more"),
    ]
"""


def test_help_lists_the_commands_of_all_packages_with_their_summaries(site, capsys):
    site.add("snn-hello", COMMANDS)
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "usage: snn [-h] [--version] COMMAND ..."
    listed = [line.split()[0] for line in lines[lines.index("commands:") + 1 :] if line[:1] == " "]
    for name in ("doctor", "greet", "list", "show"):
        assert name in listed
    assert any(
        "greet" in line and "snn-hello 1.0" in line and "say hello" in line for line in lines
    )


def test_without_a_command_it_prints_its_help(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: snn")


def test_a_registered_command_gets_the_rest_of_the_line_and_gives_the_exit_code(site, capsys):
    site.add("snn-hello", COMMANDS)
    assert main(["greet", "--loud", "-h", "world"]) == 3
    assert capsys.readouterr().out == "hello --loud -h world\n"


def test_an_unknown_command_says_which_was_meant(capsys):
    assert main(["lst"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "UnknownName: unknown command 'lst'; did you mean 'list'?\n"


def test_a_command_that_needs_something_says_what_to_install(site, capsys):
    site.add("snn-hello", COMMANDS)
    assert main(["needy"]) == 2
    assert capsys.readouterr().err == (
        "MissingNeed: command 'needy' needs not_there_at_all: pip install snn-more\n"
    )


def test_a_failed_plugin_is_one_note_on_the_error_stream(site, capsys):
    site.add("snn-bad", "1 / 0")
    assert main(["list", "--kind", "backend"]) == 0
    said = capsys.readouterr()
    assert said.err == (
        "note: plugin snn-bad:p failed to load: ZeroDivisionError: division by zero\n"
    )
    assert "snn-bad" not in said.out


def test_strict_mode_stops_with_the_failure(site, capsys, monkeypatch):
    site.add("snn-bad", "1 / 0")
    monkeypatch.setenv("SNN_STRICT_PLUGINS", "1")
    assert main(["list"]) == 2
    assert capsys.readouterr().err == (
        "PluginError: plugin snn-bad:p failed to load: ZeroDivisionError: division by zero "
        "(SNN_STRICT_PLUGINS=1 makes this an error)\n"
    )


def test_the_commands_of_snn_core_cannot_be_left_out(capsys, monkeypatch):
    monkeypatch.setenv("SNN_PLUGINS", "nope")
    assert main(["list", "--kind", "backend"]) == 0
    said = capsys.readouterr()
    assert "eager" in said.out
    assert said.err == (
        "note: plugin nope failed to load: LookupError: SNN_PLUGINS names it, "
        "but nothing installed announces it\n"
    )


def test_the_version_is_that_of_snn_core(capsys):
    import snn_core

    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"snn-core {snn_core.__version__}\n"


def test_a_reader_who_stops_early_causes_no_traceback():
    line = f"{sys.executable} -m snn_core list | true"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_a_terminal_without_the_characters_gets_plain_ones():
    done = subprocess.run(
        [sys.executable, "-m", "snn_core", "show", "tanh"],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert done.stderr == b""
    assert b"-" * 80 in done.stdout
    assert b"Slope over x" not in done.stdout
