"""One library in a process of its own: takes work as JSON lines on stdin, answers on stdout.

    python worker.py norse_peer

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
from pathlib import Path
from typing import Any, TextIO

import torch
from work import N_IN, RATES, THREADS, Item, Variant, evictor, item, seconds_of


class Worker:
    """Answers the driver's questions about the variants of one library."""

    def __init__(self, library: str) -> None:
        self.module = importlib.import_module(library)
        self.variants: dict[str, Variant] = self.module.VARIANTS
        self.items: dict[str, Item] = {}  # by variant

    def offer(self) -> dict[str, Any]:
        offers = {
            name: {"works": variant.works(), "shapes": variant.shapes}
            for name, variant in self.variants.items()
        }
        return {"offers": offers, "version": self.module.VERSION, "torch": torch.__version__}

    def prepare(self, variant: str, work: str, shape: list[int]) -> dict[str, Any]:
        """Make the work, run it once, check that its neurons fire as they should."""
        made = item(self.variants[variant], work, (shape[0], shape[1], shape[2]))
        start = time.perf_counter()
        rate = checked(made.rate(), "before the timing")
        made.run()
        self.items[variant] = made
        return {"rate": rate, "first": time.perf_counter() - start}

    def time(self, variant: str, at_least: float, cold: bool) -> dict[str, Any]:
        between = evictor() if cold else lambda: None
        times = seconds_of(self.items[variant].run, at_least, between)
        return {"seconds": statistics.median(times)}

    def drop(self, variant: str) -> dict[str, Any]:
        """Free the work; its neurons must still fire, also after the training steps."""
        return {"rate": checked(self.items.pop(variant).rate(), "after the timing")}

    def memory(self, variant: str, work: str, shape: list[int]) -> dict[str, Any]:
        """Bytes at the peak of one training step beyond those held before it.

        The process, the input, the weights and Adam's averages are there before.
        """
        item(self.variants[variant], work, (10, 2, N_IN)).run()
        step = item(self.variants[variant], work, (shape[0], shape[1], shape[2]))
        before = resident("VmRSS")
        step.run()
        peak = resident("VmHWM") - before
        checked(step.rate(), "after the step")
        return {"bytes": peak}


def checked(rate: float | None, when: str) -> float | None:
    if rate is not None and not RATES[0] <= rate <= RATES[1]:
        raise ValueError(f"{when} {100 * rate:.2f} % of the outputs are spikes, not 1 to 30 %")
    return rate


def resident(name: str) -> int:
    """A figure of this process in bytes, from Linux: VmRSS now, VmHWM at its highest."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def own_stdout() -> TextIO:
    """The pipe to the driver; what libraries print goes to stderr from here on."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return pipe


def main(library: str) -> None:
    pipe = own_stdout()
    torch.set_num_threads(THREADS)
    worker = Worker(library)
    questions: dict[str, Callable[..., dict[str, Any]]] = {
        "offer": worker.offer,
        "prepare": worker.prepare,
        "time": worker.time,
        "drop": worker.drop,
        "memory": worker.memory,
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
    main(sys.argv[1])
