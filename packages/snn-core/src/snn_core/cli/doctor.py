"""``snn doctor``: import everything that is registered, report what is wrong and how to mend it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import textwrap

import torch

from snn_core.cli import checks, text
from snn_core.cli.checks import INFORMATION, OK, PROBLEM, Finding
from snn_core.registry import default_registry

CHECKS = {
    "plugins": checks.plugins,
    "targets": checks.targets,
    "names": checks.names,
    "versions": checks.versions,
    "editable installations": checks.editables,
}
MARKS = {OK: "ok", INFORMATION: "note", PROBLEM: "PROBLEM"}


def run(argv: list[str]) -> int:
    """Examine the installation; 1 if there is any problem, else 0."""
    parser = argparse.ArgumentParser("snn doctor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="for programs")
    line = parser.parse_args(argv)
    registry = default_registry()
    found = {"environment": environment()}
    found |= {name: check(registry) for name, check in CHECKS.items()}
    problems = sum(one.status == PROBLEM for findings in found.values() for one in findings)
    if line.json:
        print(json.dumps(_plain(found, problems), indent=2))
    else:
        print("\n\n".join("\n".join(_block(*item)) for item in found.items()))
        print("\n" + verdict(problems))
    return 1 if problems else 0


def environment() -> list[Finding]:
    """Python, torch and the devices that torch can use."""
    python = f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})"
    devices = ["cpu"]
    devices += [
        f"cuda:{number} ({torch.cuda.get_device_name(number)})"
        for number in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [
        Finding(OK, python),
        Finding(OK, f"torch {torch.__version__}, devices: {', '.join(devices)}"),
    ]


def verdict(problems: int) -> str:
    """The last line.

    >>> verdict(0), verdict(1), verdict(2)
    ('no problems found', '1 problem found', '2 problems found')
    """
    return f"{problems or 'no'} problem{'s' * (problems != 1)} found"


def _block(name: str, findings: list[Finding]) -> list[str]:
    lines = [name]
    for one in findings:
        lines += text.columns([(MARKS[one.status].ljust(len(MARKS[PROBLEM])), one.message)], 2)
        lines += textwrap.indent(one.detail.rstrip(), " " * 4).splitlines()
    return lines


def _plain(found: dict[str, list[Finding]], problems: int) -> dict[str, object]:
    findings = {
        name: [dataclasses.asdict(one) for one in findings] for name, findings in found.items()
    }
    return {"problems": problems, "python": sys.version, "torch": torch.__version__, **findings}
