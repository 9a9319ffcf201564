"""The exceptions and warnings that are ours; bad arguments raise ValueError or TypeError."""

from __future__ import annotations


class UnknownName(LookupError):
    """A name that nothing installed provides."""


class AmbiguousName(LookupError):
    """A name that two distributions provide; the message has the qualified spellings."""


class MissingNeed(ImportError):
    """A registered thing needs a module that is not installed; the message has the pip line."""


class PluginError(RuntimeError):
    """A plugin failed while it was loaded or listed, in strict mode."""


class Unsupported(ValueError):
    """A backend was asked for by name and cannot run the problem; the message is its reason."""


class PluginWarning(UserWarning):
    """A plugin failed while it was loaded or listed; everything else goes on."""


class BackendWarning(UserWarning):
    """``auto`` runs eagerly because a faster backend declined; the message has its reason."""


class NumericsWarning(UserWarning):
    """A step so long, or a decay so large, that the scheme oscillates or grows."""
