"""``snn COMMAND ...``: find the command in the registry and hand it the rest of the line."""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence

import snn_core
from snn_core.cli import text
from snn_core.errors import AmbiguousName, MissingNeed, PluginError, PluginWarning, UnknownName
from snn_core.registry import Registry, default_registry

DESCRIPTION = "Spiking neural networks in PyTorch: what is installed, and what it can do."
EPILOG = (
    "`snn COMMAND --help` says more about a command. SNN_PLUGINS and SNN_DISABLED_PLUGINS choose "
    "the distributions to load beside snn-core, separated by commas; SNN_STRICT_PLUGINS=1 makes a "
    "failing one an error."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the line after ``snn``; that of the process if not given.

    Returns:
        The exit code of the command; 2 if there is no such command or name.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal without a character shows a question mark instead of a traceback
            stream.reconfigure(errors="replace")
    try:
        with warnings.catch_warnings():
            # torch says so on its first import where there is no NumPy, and snn-core needs none
            warnings.filterwarnings("ignore", "Failed to initialize NumPy")
            code = _run(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()
        return code
    except (UnknownName, AmbiguousName, MissingNeed, PluginError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # the reader, say `head`, has seen enough; Python must not flush into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(argv: list[str]) -> int:
    registry = default_registry()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        issues = registry.issues
    for issue in issues:
        print(f"note: {issue}", file=sys.stderr)
    parser = _parser()
    line = parser.parse_args(argv)
    if line.help or line.command is None:
        print(parser.format_help() + "\n" + _commands(registry) + "\n")
        print("\n".join(text.paragraphs(EPILOG)))
        return 0
    command = registry.resolve("command", line.command)
    code: int = command(line.arguments)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "snn", "snn [-h] [--version] COMMAND ...", DESCRIPTION, add_help=False
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this page")
    version = f"snn-core {snn_core.__version__}"
    parser.add_argument("--version", action="version", version=version, help="show the version")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _commands(registry: Registry) -> str:
    rows = [(one.name, one.provider, one.entry.summary) for one in registry.entries("command")]
    return "\n".join(["commands:", *text.columns(rows, indent=2)])
