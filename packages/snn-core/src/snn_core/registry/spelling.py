"""How names compare: one spelling for the names of things, one for the names of distributions."""

from __future__ import annotations

import re


def normalise(name: str) -> str:
    """The one spelling of a name: lower case, underscores for hyphens and blanks.

    >>> normalise("Super-Spike")
    'super_spike'
    """
    return re.sub(r"[-\s]+", "_", name.strip()).lower()


def normalise_distribution(name: str) -> str:
    """The one spelling of a distribution's name (PEP 503).

    >>> normalise_distribution("SNN_Core")
    'snn-core'
    """
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
