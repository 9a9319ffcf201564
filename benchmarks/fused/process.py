"""A worker as the driver sees it: questions go out and answers come back as JSON lines (Linux)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

HERE = Path(__file__).resolve().parent


UNUSUAL = ("PYTHONDONTWRITEBYTECODE", "PYTHONPROFILEIMPORTTIME")


class Refused(Exception):
    """The worker could not do this; the message says why."""


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """That of a new process: with these variables, and with bytecode kept, as is usual."""
    usual = {name: value for name, value in os.environ.items() if name not in UNUSUAL}
    return usual | dict(settings)


class Process:
    """One library's worker, started at the first question and again after it was stopped."""

    def __init__(
        self, library: str, python: str, log: TextIO, settings: Mapping[str, str] | None = None
    ) -> None:
        self.library, self.python, self.log = library, python, log
        self.settings = settings or {}
        self.process: subprocess.Popen[str] | None = None

    def ask(self, limit: float, do: str, **question: Any) -> dict[str, Any]:
        """The answer; Refused if the worker reports an error, dies, or takes over limit seconds."""
        process = self.process = self.process or self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps({"do": do, **question}), file=process.stdin, flush=True)
        if not select.select([process.stdout], [], [], limit)[0]:
            self.close()
            raise Refused(f"not done after {limit:.0f} s")
        line = process.stdout.readline()
        if not line:
            self.close()
            raise Refused("the process ended; see the log")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, "worker.py", self.library],
            cwd=HERE,
            env=environment(self.settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            start_new_session=True,  # torch.compile has processes of its own, to be stopped too
        )

    def close(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
