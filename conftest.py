"""Runs the Python blocks of Markdown pages as tests: ``pytest README.md docs/writing-a-neuron.md``.

The blocks of a page share their names, as in a session of its reader. A block with ``>>>`` is a
doctest, any other one runs as it is.
"""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page(pytest.File):
    """A Markdown page, collected as its Python blocks."""

    def collect(self) -> Iterator[Block]:
        """Yield the blocks in order, each named after its first line."""
        text = self.path.read_text(encoding="utf-8")
        names: dict[str, Any] = {"__name__": self.path.stem}
        for found in BLOCK.finditer(text):
            line = text.count("\n", 0, found.start(1))
            yield Block.from_parent(
                self, name=f"line {line + 1}", code=found[1], line=line, names=names
            )


class Block(pytest.Item):
    """One Python block."""

    def __init__(self, *, code: str, line: int, names: dict[str, Any], **rest: Any) -> None:
        super().__init__(**rest)
        self.code, self.line, self.names = code, line, names

    def runtest(self) -> None:
        """Run the block in the names that the blocks before it left."""
        if ">>>" in self.code:
            self.run_doctest()
        else:
            source = "\n" * self.line + self.code  # so that a traceback has the page's lines
            exec(compile(source, str(self.path), "exec", dont_inherit=True), self.names)

    def run_doctest(self) -> None:
        """Run the block as a doctest; what differs becomes the message of the failure."""
        parser = doctest.DocTestParser()
        test = parser.get_doctest(self.code, self.names, self.name, str(self.path), self.line)
        report: list[str] = []
        result = doctest.DocTestRunner().run(test, out=report.append, clear_globs=False)
        self.names.update(test.globs)  # the doctest worked on a copy
        if result.failed:
            pytest.fail("".join(report), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the block stands."""
        return self.path, self.line, f"{self.path.name}, {self.name}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Page | None:
    """Collect Markdown pages that pytest is asked for or finds in a folder that it searches."""
    return Page.from_parent(parent, path=file_path) if file_path.suffix == ".md" else None
