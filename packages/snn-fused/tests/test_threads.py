"""Work on several threads: every part done once, whichever way, even in a forked child."""

import itertools
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
import torch
from snn_fused.cpu import threads
from snn_fused.cpu.compiling import Kernel, load

HERE = Path(__file__).parent

# Adds 1 to counts[i], writes lo to begins[i] and the scratch memory's address to places[i].
NOTE = f"""
define void @kernel(ptr %table, i64 %lo, i64 %hi, ptr %scratch) {{
entry:
{threads.reading(counts="ptr", begins="ptr", places="ptr")}
  %place = ptrtoint ptr %scratch to i64
  br label %head
head:
  %i = phi i64 [%lo, %entry], [%next, %head]
  %next = add i64 %i, 1
  %count.at = getelementptr i64, ptr %counts, i64 %i
  %count = load i64, ptr %count.at
  %more = add i64 %count, 1
  store i64 %more, ptr %count.at
  %begin.at = getelementptr i64, ptr %begins, i64 %i
  store i64 %lo, ptr %begin.at
  %place.at = getelementptr i64, ptr %places, i64 %i
  store i64 %place, ptr %place.at
  %again = icmp slt i64 %next, %hi
  br i1 %again, label %head, label %exit
exit:
  ret void
}}
"""

IN_A_CHILD = """
import os, sys
import torch
sys.path.insert(0, {tests!r})
from test_threads import noted
torch.set_num_threads(3)
assert noted(1000).shares == 3
child = os.fork()
if child == 0:
    print(noted(1000), flush=True)
    os._exit(0)
_, status = os.waitpid(child, 0)
assert noted(1000).shares == 3
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Noted:
    """What a run of the kernel did to its parts."""

    def __init__(self, counts, begins, places):
        self.once = bool((counts == 1).all())
        self.begins = sorted(set(begins.tolist()))
        self.places = sorted(set(places.tolist()))
        self.shares = len(self.begins)

    def __repr__(self):
        return f"{self.once} {self.begins}"


def noted(total, *, grain=1, scratch_bytes=100, cost=1e9):
    counts, begins, places = (torch.zeros(max(total, 1), dtype=torch.int64) for _ in range(3))
    given = threads.table(counts.data_ptr(), begins.data_ptr(), places.data_ptr())
    threads.run(load(NOTE), given, total, grain=grain, scratch_bytes=scratch_bytes, cost=cost)
    return Noted(counts[:total], begins[:total], places[:total])


@pytest.fixture(autouse=True, params=["team", "pool"])
def way(request, monkeypatch):
    """Three threads, of OpenMP or of Python."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    if request.param == "pool":
        monkeypatch.setattr(threads, "_team", lambda: None)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("grain", [1, 8, 16])
@pytest.mark.parametrize("total", [1, 2, 3, 4, 16, 17, 47, 48, 49, 1000])
def test_every_part_is_done_once_and_ranges_begin_at_grains(total, grain):
    result = noted(total, grain=grain)
    assert result.once
    assert all(begin % grain == 0 for begin in result.begins)
    assert result.shares <= 3


def test_large_work_is_shared_and_small_is_not():
    assert noted(1000).begins == [0, 334, 668]
    assert noted(1000, cost=100.0).begins == [0]
    assert noted(17, grain=16).begins == [0, 16]


def test_no_work_calls_nothing():
    assert noted(0).begins == []


def test_one_thread_takes_all():
    torch.set_num_threads(1)
    assert noted(1000).begins == [0]


def test_each_share_has_scratch_memory_of_its_own():
    places = noted(1000, scratch_bytes=100).places
    assert all(place % 64 == 0 for place in places)
    assert [after - before for before, after in itertools.pairwise(places)] == [128] * 2
    assert noted(1000, scratch_bytes=0, cost=0.0).places == [0]
    large = noted(1000, scratch_bytes=10_000).places
    assert large[1] - large[0] >= 10_000


def test_several_python_threads_at_once():
    results = []

    def work():
        results.extend(noted(500) for _ in range(20))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Counter(result.once for result in results) == {True: 80}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
@pytest.mark.parametrize("way", ["team"], indirect=True)
def test_a_forked_child_works_too(way):
    code = IN_A_CHILD.format(tests=str(HERE))
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, "True [0, 334, 668]\n"), found.stderr


@pytest.mark.parametrize("way", ["team"], indirect=True)
def test_fewer_threads_than_asked_for_do_all_the_work(way):
    code = "import torch; from test_threads import noted; torch.set_num_threads(3)\n"
    found = subprocess.run(
        [sys.executable, "-c", code + "print(noted(1000))"],
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        cwd=HERE,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("True")


def test_an_error_in_any_share_is_raised_when_all_are_done(monkeypatch):
    monkeypatch.setattr(threads, "_team", lambda: None)
    calls = []

    def failing(table, lo, hi, scratch):
        calls.append(lo)
        if lo == 334:
            raise OSError("no memory")

    with pytest.raises(OSError, match="no memory"):
        threads.run(
            Kernel(failing, 0, None), threads.table(), 1000, grain=1, scratch_bytes=0, cost=1e9
        )
    assert sorted(calls) == [0, 334, 668]


def test_interrupting_the_wait_does_not_end_it(monkeypatch):
    monkeypatch.setattr(threads, "_team", lambda: None)
    waits, wait = [], threads.wait

    def interrupted(calls):
        waits.append(len(calls))
        if len(waits) == 1:
            raise KeyboardInterrupt
        return wait(calls)

    monkeypatch.setattr(threads, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        noted(1000)
    assert waits == [2, 2]
