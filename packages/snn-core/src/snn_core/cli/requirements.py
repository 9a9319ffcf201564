"""Does an installed version fit a declared requirement? Enough of PEP 508 to compare releases.

Only release numbers are compared: suffixes such as ``rc1`` or ``+cpu`` are ignored, requirements
with a marker or an address are not judged.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import NamedTuple

_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


class Requirement(NamedTuple):
    """A distribution and the bounds on its version."""

    name: str
    bounds: tuple[tuple[str, str], ...]

    def allows(self, version: str) -> bool:
        """Whether a version fits every bound.

        >>> parse("torch>=2.8,<3").allows("2.13.0+cpu"), parse("torch>=2.8,<3").allows("3.0")
        (True, False)
        """
        return all(_fits(version, compare, bound) for compare, bound in self.bounds)


def parse(text: str) -> Requirement | None:
    """Read a requirement; None if it has a marker, an address, or a form not known here.

    >>> parse("snn-core[testing]>=0.1,<0.2")
    Requirement(name='snn-core', bounds=(('>=', '0.1'), ('<', '0.2')))
    >>> parse("pytest>=8; extra == 'testing'") is None
    True
    """
    found = re.fullmatch(r"\s*([\w.-]+)\s*(?:\[[^]]*\])?\s*\(?([^;@()]*)\)?\s*", text)
    if found is None:
        return None
    bounds = []
    for part in filter(None, (part.strip() for part in found[2].split(","))):
        bound = re.fullmatch(r"(>=|<=|!=|==|<|>|~=)\s*(\d[\w.+!*-]*)", part)
        if bound is None:
            return None
        bounds.append((bound[1], bound[2]))
    return Requirement(found[1], tuple(bounds))


def _fits(version: str, compare: str, bound: str) -> bool:
    have, want = _release(version), _release(bound)
    if compare == "~=":
        return have >= want and have[: len(want) - 1] == want[:-1]
    if bound.endswith(".*"):
        same = have[: len(want)] == want
        return same if compare == "==" else not same
    length = max(len(have), len(want))
    return _COMPARE[compare](_padded(have, length), _padded(want, length))


def _release(version: str) -> tuple[int, ...]:
    """``"2.13.0+cpu"`` to ``(2, 13, 0)``."""
    digits = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in digits[0].split(".")) if digits else ()


def _padded(release: tuple[int, ...], length: int) -> tuple[int, ...]:
    return release + (0,) * (length - len(release))
