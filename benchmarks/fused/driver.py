"""The times of ours beside those of other libraries, each in a process and environment of its own.

    python benchmarks/fused/driver.py ours=PYTHON norse=PYTHON snntorch=PYTHON spikingjelly=PYTHON

Workers take turns, one computing while the others wait; a ratio is the median of those of the
rounds. Prints Markdown. ``--only lif,memory`` takes some rows, ``--rounds`` sets how many rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple, TextIO

from process import HERE, Process, Refused, environment
from rows import ALLOCATORS, MEMORY, TIMED, Row
from table import Entry, Result, details, first_calls, head, summary

LIBRARIES = {
    "norse": "norse_peer",
    "snntorch": "snntorch_peer",
    "spikingjelly": "spikingjelly_peer",
}
OWN = {"ours": "ours", "moving": "traffic", "torch.compile": "compiled_peer"}  # in our environment
PATIENCE = 600.0  # seconds for an answer
AT_LEAST = 0.1  # seconds of timed runs in one turn
STARTS = 3  # new processes for a first call


class Player(NamedTuple):
    """A variant of a library, and the worker that runs it."""

    library: str
    variant: str
    works: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...] | None  # None for all
    process: Process

    def plays(self, row: Row) -> bool:
        """Whether it is in the row; beside the moving of arrays stands our layer."""
        if row.rivals == "moving" and self.library == "ours":
            return self.variant == "auto"
        return row.work in self.works and (self.shapes is None or row.shape in self.shapes)

    def work(self, row: Row) -> str:
        return row.work if row.work in self.works else "lif"


def main() -> None:
    options = parse()
    pairs = [pair.split("=", 1) for pair in options.pythons]
    pythons = {name: str(Path(path).absolute()) for name, path in pairs}  # workers start elsewhere
    with ExitStack() as stack:
        log = stack.enter_context(options.log.open("w", encoding="utf-8"))
        players = list(meet(pythons, log, stack))
        print(f"\n{head()}")
        results = []
        for result in played(players, options):
            print(details(result), flush=True)  # at once: the whole takes long
            results.append(result)
    print(f"\n{summary(results)}")
    if asked_for("first", options):
        print(f"\n{first_calls(first_times(pythons['ours']))}")


def played(players: list[Player], options: argparse.Namespace) -> Iterator[Result]:
    for row in TIMED:
        if asked_for(row.work, options):
            yield play(row, players, options)
    if asked_for("memory", options):
        for how in ALLOCATORS:
            yield remember(how, players)


def asked_for(work: str, options: argparse.Namespace) -> bool:
    return options.only is None or work in options.only.split(",")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Times of ours beside those of other libraries.")
    parser.add_argument("pythons", nargs="+", metavar="NAME=PYTHON", help="ours is needed")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", help="some works, comma between; also memory, first")
    parser.add_argument("--compile-limit", type=float, default=PATIENCE, help="seconds")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="what workers print")
    options = parser.parse_args()
    given = {pair.partition("=")[0] for pair in options.pythons}
    if "ours" not in given or given - {"ours", *LIBRARIES}:
        parser.error(f"NAME is ours (always) or one of {', '.join(LIBRARIES)}, got {sorted(given)}")
    return options


def meet(pythons: dict[str, str], log: TextIO, stack: ExitStack) -> Iterator[Player]:
    """Start a worker for each library and hear what it offers."""
    modules = OWN | {name: LIBRARIES[name] for name in pythons if name != "ours"}
    for library, module in modules.items():
        process = Process(module, pythons.get(library, pythons["ours"]), log)
        stack.callback(process.close)
        answer = process.ask(PATIENCE, "offer")
        print(f"{library} {answer['version']}, torch {answer['torch']}  ", flush=True)
        for variant, offer in answer["offers"].items():
            shapes = offer["shapes"] and tuple(map(tuple, offer["shapes"]))
            yield Player(library, variant, tuple(offer["works"]), shapes, process)


def play(row: Row, players: list[Player], options: argparse.Namespace) -> Result:
    """The row in rounds: in each every player has a turn, and each begins with another one."""
    entries = {player: prepare(row, player, options) for player in players if player.plays(row)}
    for turn in range(options.rounds):
        fit = [player for player, entry in entries.items() if not entry.refused]
        first = turn % len(fit) if fit else 0
        for player in fit[first:] + fit[:first]:
            try:
                answer = player.process.ask(
                    PATIENCE, "time", variant=player.variant, at_least=AT_LEAST, cold=row.cold
                )
                entries[player].values.append(answer["seconds"])
            except Refused as refused:
                entries[player].refused = str(refused)
    for player, entry in entries.items():
        leave(player, entry)
    return Result(row.title(), row, "ms", list(entries.values()))


def prepare(row: Row, player: Player, options: argparse.Namespace) -> Entry:
    report(f"{row.title()}: {player.library} {player.variant}")
    entry = Entry(player.library, player.variant)
    compiled = player.library == "torch.compile"
    limit = options.compile_limit if compiled else PATIENCE
    question = {"variant": player.variant, "work": player.work(row), "shape": row.shape}
    try:
        answer = player.process.ask(limit, "prepare", **question)
        entry.rate = answer["rate"]
        entry.note = f"compiled in {answer['first']:.0f} s" if compiled else ""
    except Refused as refused:
        entry.refused = str(refused)
    return entry


def leave(player: Player, entry: Entry) -> None:
    """Free the work of a player that took part to the end."""
    if not entry.refused:
        try:
            player.process.ask(PATIENCE, "drop", variant=player.variant)
        except Refused as refused:
            entry.refused = str(refused)


def remember(how: str, players: list[Player]) -> Result:
    """The memory of a training step, each time in a new process."""
    starts, settings = ALLOCATORS[how]
    title = f"memory of {MEMORY.title()}, {how}"
    entries = []
    for player in [player for player in players if player.plays(MEMORY)]:
        report(f"{title}: {player.library} {player.variant}")
        entry = Entry(player.library, player.variant)
        try:
            entry.values += [peak(player, settings) for _ in range(starts)]
        except Refused as refused:
            entry.refused = str(refused)
        entries.append(entry)
    return Result(title, MEMORY, "MB", entries)


def peak(player: Player, settings: dict[str, str]) -> float:
    known = player.process
    with closing(Process(known.library, known.python, known.log, settings)) as process:
        question = {"variant": player.variant, "work": MEMORY.work, "shape": MEMORY.shape}
        return float(process.ask(PATIENCE, "memory", **question)["bytes"])


def first_times(python: str) -> dict[str, dict[str, float]]:
    """Medians of new processes' first calls, by work and state of the cache."""
    times = {}
    for work in ("layer", "feed-forward"):
        with tempfile.TemporaryDirectory() as folder:
            empty = [start_anew(python, "auto", work, f"{folder}/{n}") for n in range(STARTS)]
            filled = [start_anew(python, "auto", work, f"{folder}/{n}") for n in range(STARTS)]
            eager = [start_anew(python, "eager", work, folder) for _ in range(STARTS)]
        for name, runs in (("empty cache", empty), ("filled cache", filled), ("eager", eager)):
            times[f"{work}, {name}"] = {
                part: statistics.median(run[part] for run in runs) for part in runs[0]
            }
    return times


def start_anew(python: str, backend: str, work: str, folder: str) -> dict[str, float]:
    report(f"first call: {work}, {backend}")
    Path(folder).mkdir(exist_ok=True)
    done = subprocess.run(
        [python, "first_call.py", backend, work],
        cwd=HERE,
        env=environment({"SNN_FUSED_CACHE": folder}),
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    times: dict[str, float] = json.loads(done.stdout)
    return times


def report(text: str) -> None:
    """Progress, apart from the result."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
