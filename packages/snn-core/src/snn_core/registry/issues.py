"""Issue: one failure of one plugin, kept so that everything else can go on."""

from __future__ import annotations

import dataclasses
import traceback


@dataclasses.dataclass(frozen=True)
class Issue:
    """What went wrong with a plugin.

    Args:
        plugin: ``"distribution:entry_point"``, or the distribution where no entry point was read.
        stage: what it was to do: ``"load"``, ``"register"``, ``"list neurons"``, ``"be left out"``.
        error: the exception, with its traceback.

    >>> str(Issue("snn-broken:p", "load", ModuleNotFoundError("No module named 'foo'")))
    "plugin snn-broken:p failed to load: ModuleNotFoundError: No module named 'foo'"
    """

    plugin: str
    stage: str
    error: BaseException

    def __str__(self) -> str:
        """One line for a warning or a note."""
        cause = " ".join(str(self.error).split())
        name = type(self.error).__name__
        return f"plugin {self.plugin} failed to {self.stage}: {name}: {cause}"

    def traceback(self) -> str:
        """The error with its traceback, as Python prints it."""
        return "".join(traceback.format_exception(self.error))
