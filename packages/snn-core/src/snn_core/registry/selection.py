"""Which distributions may load plugins, as the environment says; decided before any import."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from snn_core.registry.spelling import normalise_distribution

ONLY = "SNN_PLUGINS"
WITHOUT = "SNN_DISABLED_PLUGINS"
STRICT = "SNN_STRICT_PLUGINS"
CORE = "snn-core"
"""The one distribution that is never left out: ``eager``, the thresholds and ``snn list`` are its.
"""


@dataclasses.dataclass(frozen=True)
class Selection:
    """The three variables, read.

    Args:
        only: distributions to load beside snn-core (``SNN_PLUGINS``; empty loads no other), None
            for all.
        without: distributions not to load (``SNN_DISABLED_PLUGINS``); snn-core is loaded anyway.
        strict: raise instead of keeping an Issue (``SNN_STRICT_PLUGINS=1``).

    >>> chosen = Selection.from_environ({"SNN_DISABLED_PLUGINS": "Snn_Neurons"})
    >>> chosen.left_out_by("snn-neurons"), chosen.left_out_by("snn-train")
    ('SNN_DISABLED_PLUGINS', None)
    >>> Selection.from_environ({"SNN_PLUGINS": "snn-neurons"}).left_out_by("snn-core")
    """

    only: frozenset[str] | None
    without: frozenset[str]
    strict: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Selection:
        """Read the variables; ValueError if ``SNN_STRICT_PLUGINS`` is neither 0 nor 1."""
        strict = environ.get(STRICT, "")
        if strict not in ("", "0", "1"):
            raise ValueError(f"{STRICT} must be 0 or 1, got {strict!r}; set {STRICT}=1")
        only = environ.get(ONLY)
        return cls(
            only=None if only is None else _distributions(only),
            without=_distributions(environ.get(WITHOUT, "")),
            strict=strict == "1",
        )

    def left_out_by(self, distribution: str) -> str | None:
        """The variable that leaves this distribution out, or None."""
        if distribution == CORE:
            return None
        if distribution in self.without:
            return WITHOUT
        if self.only is not None and distribution not in self.only:
            return ONLY
        return None


def _distributions(text: str) -> frozenset[str]:
    return frozenset(normalise_distribution(name) for name in text.split(",") if name.strip())
