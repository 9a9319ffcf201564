"""Options that the commands share: which chip, which target, where to, with pictures or without."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import Any

from snn_hardware.effects import Effects, describe
from snn_hardware.target import RANGES, Target

_OFF = {"0": False, "off": False, "1": True, "on": True}


def add_chip(parser: argparse.ArgumentParser) -> None:
    """The serial number of a chip, and what of it is not ideal."""
    parser.add_argument("--seed", type=_seed, metavar="N", help="number of the chip (default: 0)")
    parser.add_argument(
        "--only",
        action="append",
        metavar="EFFECT",
        help="nothing but this is not ideal; may be repeated (see `snn chip effects`)",
    )
    parser.add_argument(
        "--effect",
        action="append",
        type=_assignment,
        metavar="NAME=VALUE",
        help="set a non-ideality: a number, on or off; may be repeated",
    )


def chip_options(options: argparse.Namespace) -> tuple[int, Effects]:
    """Number and effects of the chip that the line names.

    Raises:
        ValueError: an effect that there is not, or a value that it cannot have.

    >>> parser = argparse.ArgumentParser()
    >>> add_chip(parser)
    >>> seed, effects = chip_options(parser.parse_args("--seed 7 --effect leak=3".split()))
    >>> seed, effects.leak
    (7, 3.0)
    """
    effects = Effects() if options.only is None else Effects.only(*options.only)
    changes: dict[str, Any] = {}
    for name, text in options.effect or ():
        describe(name)  # raises for a name that there is not
        changes[name] = _value(name, text)
    return options.seed or 0, effects._replace(**changes).check()


def add_target(parser: argparse.ArgumentParser) -> None:
    """An option for each field of a target."""
    group = parser.add_argument_group("target", "what circuits are calibrated to")
    for name, default in Target._field_defaults.items():
        low, high, unit = RANGES[name]
        group.add_argument(
            option(name),
            type=float,
            metavar="X",
            help=f"{low:g} to {high:g} {unit} (default: {default:g})",
        )


def target_options(options: argparse.Namespace) -> Target:
    """The target that the line names.

    Raises:
        ValueError: it cannot be reached.

    >>> parser = argparse.ArgumentParser()
    >>> add_target(parser)
    >>> target_options(parser.parse_args("--tau-mem 6e-6".split())).tau_mem
    6e-06
    """
    named = {name: getattr(options, name) for name in Target._fields}
    return Target(**{name: value for name, value in named.items() if value is not None}).check()


def option(name: str) -> str:
    """A field's name as an option.

    >>> option("tau_mem")
    '--tau-mem'
    """
    return f"--{name.replace('_', '-')}"


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Whether pictures are drawn."""
    parser.add_argument("--no-pictures", action="store_true", help="draw nothing")


def pictures_wanted(options: argparse.Namespace) -> bool:
    """Whether to draw; looked at before any work.

    Raises:
        ValueError: what draws is not installed.
    """
    if options.no_pictures:
        return False
    if importlib.util.find_spec("matplotlib") is None:
        raise ValueError(
            "pictures need matplotlib: pip install 'snn-hardware[pictures]', or go without: "
            "--no-pictures"
        )
    return True


def folder_for(options: argparse.Namespace, seed: int) -> Path:
    """The folder for what is written, made if there is none."""
    folder: Path = options.out or Path(f"chip-{seed}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def say_written(paths: list[Path]) -> None:
    """Name the files that were written.

    >>> say_written([Path("chip-7/trace.png")])
    written: chip-7/trace.png
    """
    for path in paths:
        print(f"written: {path}")


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 on, got {text!r}")
    return int(text)


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, got {text!r}")
    return name.replace("-", "_"), value


def _value(name: str, text: str) -> float | bool:
    switch = _OFF.get(text.lower())
    if isinstance(Effects._field_defaults[name], bool):
        if switch is None:
            raise ValueError(f"effect {name} is on or off, got {text!r}")
        return switch
    if text.lower() == "off":
        return 0.0
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"effect {name} is a number or off, got {text!r}") from None
