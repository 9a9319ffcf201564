"""The results as Markdown: every entry of every row, then ours against what is promised."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rows import FIRST_CALL, Row

SCALE = {"ms": 1e3, "MB": 1e-6}


@dataclass
class Entry:
    """What one variant of a library did in a row; refused says why it did not."""

    library: str
    variant: str
    values: list[float] = field(default_factory=list)  # seconds, one a round; or bytes
    rate: float | None = None
    note: str = ""
    refused: str = ""


@dataclass
class Result:
    """All entries of a row; the unit is that of the values as printed."""

    title: str
    row: Row
    unit: str
    entries: list[Entry]

    def ours(self) -> Entry | None:
        return next((e for e in self.there() if (e.library, e.variant) == ("ours", "auto")), None)

    def there(self) -> list[Entry]:
        return [entry for entry in self.entries if not entry.refused]

    def rivals(self) -> list[Entry]:
        """The best of the libraries; and torch.compile, where it was tried, after its compiling."""
        there = [e for e in self.there() if self.row.rivals == "eager" or e.library != "ours"]
        compiled = [e for e in there if e.library == "torch.compile"]
        others = [e for e in there if e not in compiled and e is not self.ours()]
        return sorted(others, key=lambda e: statistics.median(e.values))[:1] + compiled


def ratio(entry: Entry, ours: Entry) -> float:
    """How many times as much as ours: the median over the rounds."""
    return statistics.median(a / b for a, b in zip(entry.values, ours.values, strict=True))


def head() -> str:
    return "\n".join(table("work", "who", "median", "times ours", "spikes", ""))


def details(result: Result) -> str:
    return "\n".join(line(result, entry) for entry in result.entries)


def line(result: Result, entry: Entry) -> str:
    who = f"{entry.library} {entry.variant}"
    if entry.refused:
        return cells(result.title, who, "", "", "", entry.refused)
    median = SCALE[result.unit] * statistics.median(entry.values)
    ours = result.ours()
    times = f"{ratio(entry, ours):.2f}" if ours else ""
    rate = f"{100 * entry.rate:.1f} %" if entry.rate is not None else ""
    return cells(result.title, who, f"{median:.2f} {result.unit}", times, rate, entry.note)


def summary(results: Iterable[Result]) -> str:
    lines = table("work", "ours", "beside", "ratio", "promised")
    for result in results:
        ours = result.ours()
        if ours:
            lines += [verdict(result, ours, rival) for rival in result.rivals()]
    return "\n".join(lines)


def verdict(result: Result, ours: Entry, rival: Entry) -> str:
    """How many times faster ours is; beside the moving of arrays, how many times slower."""
    median = SCALE[result.unit] * statistics.median(ours.values)
    times, promise, sign = ratio(rival, ours), result.row.promise, "at least"
    if result.row.rivals == "moving":
        times, sign = ratio(ours, rival), "at most"
    kept = times <= promise if sign == "at most" else times >= promise
    beside = f"{rival.library} {rival.variant}"
    said = f"{sign} {promise:g}: {'yes' if kept else 'no'}"
    return cells(result.title, f"{median:.2f} {result.unit}", beside, f"{times:.2f}", said)


def first_calls(times: Mapping[str, Mapping[str, float]]) -> str:
    lines = table("first call in a new process", "call", "with imports", "promised")
    for name, parts in times.items():
        most = FIRST_CALL.get(name.partition(", ")[2])
        said = f"at most {most:g} s: {'yes' if parts['call'] <= most else 'no'}" if most else ""
        lines.append(cells(name, f"{parts['call']:.2f} s", f"{parts['with imports']:.2f} s", said))
    return "\n".join(lines)


def table(*head: str) -> list[str]:
    return [cells(*head), cells(*("---" for _ in head))]


def cells(*texts: str) -> str:
    return f"| {' | '.join(texts)} |"
