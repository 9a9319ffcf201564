"""The results as Markdown: every entry of every row, then ours against what is promised."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rows import MICROSECONDS, OWN, SILENT, TIMES_FASTER, TWO_PROCESSORS, Row


@dataclass
class Entry:
    """What one variant of a library did in a row; refused says why it did not.

    Attributes:
        seconds: of one run, one value for each round.
        deviations: from ours, by name.
    """

    library: str
    variant: str
    processors: int
    note: str = ""
    seconds: list[float] = field(default_factory=list)
    deviations: Mapping[str, float] = field(default_factory=dict)
    refused: str = ""

    def name(self) -> str:
        return f"{self.library} {self.variant}".strip()


@dataclass
class Result:
    """All entries of a row; ours on one processor is the first."""

    row: Row
    entries: Sequence[Entry]

    def ours(self) -> Entry:
        return self.entries[0]

    def others(self) -> list[Entry]:
        return [entry for entry in self.entries[1:] if not entry.refused]


def ratio(entry: Entry, ours: Entry) -> float:
    """How many times as long as ours: the median over the rounds."""
    return statistics.median(a / b for a, b in zip(entry.seconds, ours.seconds, strict=True))


def microseconds(entry: Entry, row: Row) -> float:
    """Of one sample."""
    return 1e6 * statistics.median(entry.seconds) / row.batch


def head() -> str:
    columns = ("work", "who", "processors", "µs a sample", "times ours", "loss off", "gradient off")
    return "\n".join(table(*columns, "cosine", ""))


def details(result: Result) -> str:
    return "\n".join(line(result, entry) for entry in result.entries)


def line(result: Result, entry: Entry) -> str:
    front = (result.row.name(), entry.name(), str(entry.processors))
    if entry.refused:
        return cells(*front, "", "", "", "", "", entry.refused)
    ours = result.ours()
    times = "" if entry is ours or ours.refused else f"{ratio(entry, ours):.2f}"
    off = entry.deviations
    offs = [f"{off[name]:.0e}" if name in off else "" for name in ("loss", "gradient")]
    cosine = f"{off['cosine']:.4f}" if "cosine" in off else ""
    return cells(*front, f"{microseconds(entry, result.row):.1f}", times, *offs, cosine, entry.note)


def summary(results: Iterable[Result]) -> str:
    """Ours against the promises, as far as the rows were run."""
    lines = table("work", "ours", "beside", "", "promised")
    silent: Entry | None = None
    for result in results:
        if result.ours().refused:
            continue
        if result.row == SILENT:
            silent = result.ours()
        lines += [*against_peers(result), *on_two(result)]
        if result.row in OWN:
            lines += speed(result)
            lines += kernels(result, silent) if silent else []
    return "\n".join(lines)


def speed(result: Result) -> list[str]:
    """What the sample of the trained net may take."""
    if result.row.weights != "trained":
        return []
    found = microseconds(result.ours(), result.row)
    kept = "yes" if found <= MICROSECONDS else "no"
    return [cells(*start(result), "", "", f"at most {MICROSECONDS:g} µs: {kept}")]


def against_peers(result: Result) -> list[str]:
    peers = [entry for entry in result.others() if entry.library != "ours"]
    if not peers:
        return []
    best = min(peers, key=lambda entry: statistics.median(entry.seconds))
    times = ratio(best, result.ours())
    kept = "yes" if times >= TIMES_FASTER else "no"
    found = f"{times:.1f} times as long"
    return [cells(*start(result), best.name(), found, f"at least {TIMES_FASTER:g}: {kept}")]


def on_two(result: Result) -> list[str]:
    lines = []
    for entry in result.others():
        if entry.library == "ours":
            times = 1.0 / ratio(entry, result.ours())
            kept = "yes" if times >= TWO_PROCESSORS else "no"
            found = f"{times:.2f} times as fast"
            said = f"at least {TWO_PROCESSORS:g}: {kept}"
            lines.append(cells(*start(result), f"{entry.processors} processors", found, said))
    return lines


def kernels(result: Result, silent: Entry) -> list[str]:
    """What is left without Python and autograd, that is, without what a silent sample costs."""
    share = 1.0 - statistics.median(silent.seconds) / statistics.median(result.ours().seconds)
    return [cells(*start(result), "a silent sample", f"{share:.0%} are kernels", "")]


def start(result: Result) -> tuple[str, str]:
    return result.row.name(), f"{microseconds(result.ours(), result.row):.1f} µs"


def table(*columns: str) -> list[str]:
    return [cells(*columns), cells(*("---" for _ in columns))]


def cells(*texts: str) -> str:
    return f"| {' | '.join(texts)} |"
