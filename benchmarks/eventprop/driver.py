"""The times of ours beside those of its peers, each in a process and environment of its own.

    python benchmarks/eventprop/driver.py ours=PYTHON jaxsnn=PYTHON eventax=PYTHON \
        exact-event-adjoint=PYTHON exact-snn-nn=PYTHON

Workers take turns, one computing while the others wait; a ratio is the median of those of the
rounds. Beside peers everybody has one processor. Prints Markdown. ``--only full,mnist`` takes some
nets and works, ``--rounds`` sets how many rounds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TextIO

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "fused"))

import process  # noqa: E402  (lies in the folder of the other benchmark)
from process import Refused, environment  # noqa: E402
from report import Entry, Result, details, head, summary  # noqa: E402
from rows import AGAINST_PEERS, GIVEN, NETS, OWN, SILENT, WORKS, Row  # noqa: E402

MODULES = {
    "ours": "ours",
    "jaxsnn": "jaxsnn_peer",
    "eventax": "eventax_peer",
    "exact-event-adjoint": "adjoint_peer",
    "exact-snn-nn": "exact_snn_peer",
}
PATIENCE = 600.0  # seconds for an answer
AT_LEAST = 0.2  # seconds of timed runs in one turn


class Process(process.Process):
    """A worker of this benchmark, on some processors."""

    def __init__(self, library: str, python: str, log: TextIO, processors: int) -> None:
        threads = {"OMP_NUM_THREADS": str(processors), "JAX_PLATFORMS": "cpu"}
        super().__init__(library, python, log, threads)
        self.processors = processors

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, "worker.py", MODULES[self.library], str(self.processors)],
            cwd=HERE,
            env=environment(self.settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            start_new_session=True,
        )


class Player(NamedTuple):
    """A variant of a library in a process that it shares with the library's others."""

    process: Process
    variant: str
    nets: tuple[str, ...]
    most: int
    note: str

    def plays(self, row: Row) -> bool:
        return row.net in self.nets and row.batch <= self.most

    def entry(self) -> Entry:
        return Entry(self.process.library, self.variant, self.process.processors, self.note)


def main() -> None:
    options = parse()
    pairs = [pair.split("=", 1) for pair in options.pythons]
    pythons = {name: str(Path(path).absolute()) for name, path in pairs}  # workers start elsewhere
    with ExitStack() as stack:
        log = stack.enter_context(options.log.open("w", encoding="utf-8"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make(pythons["ours"], folder, options)
        ours = [Process("ours", pythons["ours"], log, n) for n in (1, 2)]
        peers = [Process(name, pythons[name], log, 1) for name in pythons if name != "ours"]
        for one in (*ours, *peers):
            stack.callback(one.close)
        offers = {one.library: told(one) for one in (ours[0], *peers)}
        print(f"\n{head()}")
        results = []
        for result in played(ours, peers, offers, folder, options):
            print(details(result), flush=True)  # at once: the whole takes long
            results.append(result)
    print(f"\n{summary(results)}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Times of ours beside those of its peers.")
    parser.add_argument("pythons", nargs="+", metavar="NAME=PYTHON", help="ours is needed")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", help="some nets and works, comma between")
    parser.add_argument("--epochs", type=int, default=30, help="of the training beforehand")
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="what workers print")
    options = parser.parse_args()
    given = {pair.partition("=")[0] for pair in options.pythons}
    if "ours" not in given or given - set(MODULES):
        parser.error(f"NAME is ours (always) or one of {', '.join(MODULES)}, got {sorted(given)}")
    known = {*NETS, *(row.net for row in (SILENT, *WORKS))}
    if options.only is not None and not set(options.only.split(",")) <= known:
        parser.error(f"--only takes some of {', '.join(sorted(known))}, got {options.only}")
    return options


def make(python: str, folder: Path, options: argparse.Namespace) -> None:
    """The problems, in a process of our environment."""
    command = [python, "make.py", str(folder), "--epochs", str(options.epochs)]
    subprocess.run(command, cwd=HERE, env=environment({}), check=True)


def told(process: Process) -> dict[str, Any]:
    """What a library offers; nothing, if it does not start."""
    try:
        offer = process.ask(PATIENCE, "offer")
    except Refused as refused:
        print(f"{process.library}: {refused}  ")
        return {}
    print(f"{process.library} {offer['version']}  ")
    variants: dict[str, Any] = offer["variants"]
    return variants


def players(process: Process, variants: dict[str, Any]) -> list[Player]:
    return [
        Player(process, name, tuple(one["nets"]), one["most"], one["note"])
        for name, one in variants.items()
    ]


def played(
    ours: list[Process],
    peers: list[Process],
    offers: dict[str, Any],
    folder: Path,
    options: argparse.Namespace,
) -> Iterator[Result]:
    """The results of the rows asked for; a silent sample first, since others refer to it."""
    own = [player for one in ours for player in players(one, offers["ours"])]
    rivals = [player for one in peers for player in players(one, offers[one.library])]
    works = [Player(one, "", (), 0, "") for one in ours]
    plan = [(SILENT, works[:1])]
    plan += [(row, own) for row in OWN]
    plan += [(row, works) for row in WORKS]
    for row in AGAINST_PEERS:
        beside = [one for one in rivals if one.plays(row)]
        plan += [(row, [own[0], *beside])] if beside else []
    for row, taking_part in plan:
        if options.only is None or row.net in options.only.split(","):
            yield play(row, taking_part, folder, options.rounds)


def play(row: Row, taking_part: list[Player], folder: Path, rounds: int) -> Result:
    """The row in rounds: in each every player has a turn, and each begins with another one."""
    entries = [prepared(row, player, folder) for player in taking_part]
    for turn in range(rounds):
        fit = [number for number, entry in enumerate(entries) if not entry.refused]
        first = turn % len(fit) if fit else 0
        for number in fit[first:] + fit[:first]:
            take_turn(row, taking_part[number], entries[number])
    return Result(row, entries)


def prepared(row: Row, player: Player, folder: Path) -> Entry:
    entry = player.entry()
    report(f"{row.name()}: {entry.name()}, {entry.processors} processors")
    try:
        if player.variant:
            path = str(folder / f"{row.name()}.npz")
            entry.deviations = player.process.ask(
                PATIENCE, "prepare", variant=player.variant, path=path
            )
        else:
            path = str(folder / f"{GIVEN.name()}.npz")
            player.process.ask(PATIENCE, "prepare_work", work=row.net, path=path)
    except Refused as refused:
        entry.refused = str(refused)
    return entry


def take_turn(row: Row, player: Player, entry: Entry) -> None:
    try:
        answer = player.process.ask(
            PATIENCE, "time", of=player.variant or row.net, at_least=AT_LEAST
        )
        entry.seconds.append(answer["seconds"])
    except Refused as refused:
        entry.refused = str(refused)


def report(text: str) -> None:
    """Progress, apart from the result."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
