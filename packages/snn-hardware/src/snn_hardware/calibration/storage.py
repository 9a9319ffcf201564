"""Storage: a calibration as JSON and back, to the bit; nothing in a file is run."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from snn_hardware.circuits import Codes, Values
from snn_hardware.effects import Effects
from snn_hardware.figures import CIRCUITS
from snn_hardware.target import Target

FORMAT = "snn-hardware calibration 1"
FIELDS = ("seed", "target", "effects", "codes", "write", "before", "after")


def encode(fields: Mapping[str, Any]) -> str:
    """The fields of a calibration as JSON: shortest decimals that are the same numbers.

    >>> from snn_hardware.calibration import calibrate
    >>> from snn_hardware.pattern import Pattern
    >>> found = calibrate(Target(), Pattern(7), Effects.none())
    >>> encode(vars(found))[:40]
    '{"format": "snn-hardware calibration 1",'
    """
    body = {name: _plain(fields[name]) for name in FIELDS}
    return json.dumps({"format": FORMAT, "sha256": _digest(body), **body}, allow_nan=False) + "\n"


def decode(text: bytes) -> dict[str, Any]:
    """The fields of a calibration from what ``encode`` made.

    Raises:
        ValueError: what is wrong with the text.

    >>> decode(b"[1, 2]")
    Traceback (most recent call last):
    ValueError: it does not begin with "format": "snn-hardware calibration 1"
    """
    try:
        body = json.loads(text)
    except ValueError as error:  # damaged JSON and damaged UTF-8
        raise ValueError(f"it is no JSON ({error})") from error
    if not isinstance(body, dict) or body.pop("format", None) != FORMAT:
        raise ValueError(f'it does not begin with "format": "{FORMAT}"')
    digest = body.pop("sha256", None)
    if set(body) != set(FIELDS):
        missing, foreign = set(FIELDS) - set(body), set(body) - set(FIELDS)
        raise ValueError(f"it lacks {sorted(missing)} and has {sorted(foreign)} besides")
    if digest != _digest(body):
        raise ValueError("its numbers were changed after it was saved; calibrate again")
    return {
        "seed": _integer("seed", body["seed"]),
        "target": _target(body["target"]),
        "effects": _effects(body["effects"]),
        "codes": Codes(**_tensors("codes", body["codes"], Codes._fields)),
        "write": _integer("write", body["write"]),
        "before": Values(**_tensors("before", body["before"], Values._fields)),
        "after": Values(**_tensors("after", body["after"], Values._fields)),
    }


def _plain(value: Any) -> Any:
    """As JSON has it; nan, which it has not, is null."""
    if isinstance(value, Tensor):
        return [_plain(number) for number in value.tolist()]
    if isinstance(value, tuple):
        return {name: _plain(part) for name, part in zip(value._fields, value, strict=True)}  # type: ignore[attr-defined]
    return None if isinstance(value, float) and math.isnan(value) else value


def _digest(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} should be a whole number, it is {value!r}")
    return value


def _target(parts: Any) -> Target:
    _check_names("target", parts, Target._fields)
    fields: dict[str, Any] = {
        n: _tensor(n, v) if isinstance(v, list) else v for n, v in parts.items()
    }
    try:
        return Target(**fields).check()
    except TypeError as error:
        raise ValueError(str(error)) from error


def _effects(parts: Any) -> Effects:
    _check_names("effects", parts, Effects._fields)
    try:
        return Effects(**parts).check()
    except TypeError as error:
        raise ValueError(str(error)) from error


def _tensors(name: str, parts: Any, fields: tuple[str, ...]) -> dict[str, Tensor]:
    _check_names(name, parts, fields)
    return {field: _tensor(f"{name}.{field}", parts[field]) for field in fields}


def _check_names(name: str, parts: Any, fields: tuple[str, ...]) -> None:
    if not isinstance(parts, dict) or set(parts) != set(fields):
        raise ValueError(f"{name} should have the parts {', '.join(fields)}")


def _tensor(name: str, numbers: Any) -> Tensor:
    count = int(CIRCUITS.value)
    if not isinstance(numbers, list) or len(numbers) != count:
        raise ValueError(f"{name} should be {count} numbers")
    if all(isinstance(number, bool) for number in numbers):
        return torch.tensor(numbers)
    if not all(number is None or isinstance(number, float | int) for number in numbers):
        raise ValueError(f"{name} should be {count} numbers")
    filled = [math.nan if number is None else number for number in numbers]
    return torch.tensor(filled, dtype=torch.float64)
