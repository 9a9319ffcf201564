"""One library in a process of its own: takes work as JSON lines on stdin, answers on stdout.

    python worker.py jaxsnn_peer 1        its module, and on how many processors it may run

It waits without computing until it is asked, so that only one worker is busy at a time.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

from problem import Problem, Variant, deviations

LONG = 1.0  # seconds; beside it caches and clocks that are cold do not count


class Worker:
    """Answers the driver's questions about the variants and works of one library."""

    def __init__(self, library: str) -> None:
        module = importlib.import_module(library)
        self.version: str = module.VERSION
        self.variants: dict[str, Variant] = module.VARIANTS
        self.works: dict[str, Callable[[Problem], Callable[[], object]]]
        self.works = getattr(module, "WORKS", {})
        self.runs: dict[str, Callable[[], object]] = {}  # by variant or work

    def offer(self) -> dict[str, Any]:
        variants = {
            name: {"nets": variant.nets, "note": variant.note, "most": variant.most}
            for name, variant in self.variants.items()
        }
        return {"version": self.version, "variants": variants}

    def prepare(self, variant: str, path: str) -> dict[str, Any]:
        """Make a net and compute it once, which compiles it; say how far it is from ours."""
        problem = Problem.load(path)
        run = self.variants[variant].prepare(problem)
        found = deviations(run(), problem)
        self.runs[variant] = run
        return found

    def prepare_work(self, work: str, path: str) -> dict[str, Any]:
        """Make a work, which may take weights from the problem, and do it once."""
        run = self.runs[work] = self.works[work](Problem.load(path))
        run()
        return {}

    def time(self, of: str, at_least: float) -> dict[str, Any]:
        """Seconds of one run, the median of those that fit into ``at_least`` seconds, one or more.

        One comes before, untimed, to bring caches back; a long one needs none.
        """
        run = self.runs[of]
        first = seconds_of(run)
        times = [first] if first > LONG else []
        while not times or sum(times) < at_least:
            times.append(seconds_of(run))
        return {"seconds": statistics.median(times)}


def seconds_of(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def own_stdout() -> TextIO:
    """The pipe to the driver; what libraries print goes to stderr from here on."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return pipe


def bind(processors: int) -> None:
    """Keep this process on so many processors: every library takes its number of threads from it.

    Raises:
        SystemExit: there are fewer.
    """
    there = sorted(os.sched_getaffinity(0))
    if len(there) < processors:
        raise SystemExit(f"{processors} processors are asked for, there are {len(there)}")
    os.sched_setaffinity(0, there[:processors])


def main(library: str, processors: str) -> None:
    pipe = own_stdout()
    bind(int(processors))  # before the libraries are imported
    worker = Worker(library)
    questions: dict[str, Callable[..., dict[str, Any]]] = {
        "offer": worker.offer,
        "prepare": worker.prepare,
        "prepare_work": worker.prepare_work,
        "time": worker.time,
    }
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = questions[question.pop("do")](**question)
        except Exception as error:  # the driver goes on without this entry and says why
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=pipe, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
