"""Spreads the lanes, samples, rows or columns of a kernel over the threads torch computes with.

Where torch computes with OpenMP, so do the kernels, in the same team of threads: after each
parallel operation its threads spin for a while, and threads of our own would have to share the
cores with them. It is also ten times faster to hand work to threads that spin. Elsewhere, and in
forked children, where the team of the parent is gone, they run in a pool of Python's threads.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

import torch

from snn_fused.cpu.compiling import Kernel, load

Table = ctypes.Array[ctypes.c_int64]

# Where this module was imported: OpenMP's threads do not follow a fork.
_HOME = os.getpid()

# Work that takes less than this, in nanoseconds, is faster on the calling thread alone. Measured:
# a team takes 1.5 us to start where it still spins and 10 us where it sleeps, a pool takes 60 us.
_WORTH_A_TEAM = 15_000.0
_WORTH_A_POOL = 150_000.0

_LINE = 128
"""Bytes between what two threads write: two cache lines, since they are fetched in pairs."""


class _Split(NamedTuple):
    """How a range is shared out; the last share may be short."""

    total: int
    share: int
    shares: int


class _OpenMP(NamedTuple):
    """What it takes to run a function in a team of OpenMP's threads.

    Args:
        start: its function ``GOMP_parallel``, which GNU's and LLVM's OpenMP have.
        shares: the function that each thread runs.
        thread, threads: addresses of the functions that a thread asks for its number, and theirs.
    """

    start: ctypes._CFuncPtr  # type: ignore[name-defined]  # the stubs hide it
    shares: Kernel
    thread: int
    threads: int


def table(*numbers: int) -> Table:
    """The table that a kernel reads: sizes and addresses.

    >>> list(table(1, 2))
    [1, 2]
    """
    return (ctypes.c_int64 * len(numbers))(*numbers)


def reading(**entries: str) -> str:
    """The lines of a kernel that read its table: the type of each entry, in order, by name.

    >>> print(reading(size="i64"))
      %size.at = getelementptr i64, ptr %table, i64 0
      %size = load i64, ptr %size.at
    """
    return "\n".join(
        f"  %{name}.at = getelementptr i64, ptr %table, i64 {place}\n"
        f"  %{name} = load {kind}, ptr %{name}.at"
        for place, (name, kind) in enumerate(entries.items())
    )


def run(
    kernel: Kernel, table: Table, total: int, *, grain: int, scratch_bytes: int, cost: float
) -> None:
    """Call a kernel on the whole of [0, total), in ranges side by side; returns when all are done.

    Every range but the last ends at a multiple of ``grain``. There are at most
    ``torch.get_num_threads()``, and one where the work is not worth a second thread. Each has its
    own scratch memory, aligned to 64 bytes, which holds whatever the call before left there.
    What the addresses in the table point to must live until this returns.

    Args:
        cost: about how many nanoseconds one thread would take for all.
    """
    if total <= 0:
        return
    n_threads = torch.get_num_threads()
    share = -(-total // (grain * n_threads)) * grain
    split = _Split(total, share, -(-total // share))
    team = _team() if os.getpid() == _HOME else None
    if split.shares == 1 or cost < (_WORTH_A_POOL if team is None else _WORTH_A_TEAM):
        kernel.call(ctypes.addressof(table), 0, total, _scratch(scratch_bytes))
    elif team is None:
        _run_in_pool(kernel, table, split, scratch_bytes)
    else:
        _run_in_team(team, n_threads, kernel, table, split, scratch_bytes)


def _run_in_team(
    team: _OpenMP, n_threads: int, kernel: Kernel, given: Table, split: _Split, scratch_bytes: int
) -> None:
    """Always with all threads: OpenMP ends those that a smaller team has no use for."""
    distance = -(-scratch_bytes // _LINE) * _LINE
    scratch = _scratch(distance * split.shares)
    place = ctypes.addressof(given)
    orders = table(team.thread, team.threads, kernel.address, place, scratch, distance, *split)
    team.start(team.shares.address, ctypes.addressof(orders), n_threads, 0)


def _run_in_pool(kernel: Kernel, given: Table, split: _Split, scratch_bytes: int) -> None:
    distance = -(-scratch_bytes // _LINE) * _LINE
    scratch = _scratch(distance * split.shares)
    place = ctypes.addressof(given)
    calls = []
    for number in range(split.shares):
        lo = number * split.share
        hi = min(lo + split.share, split.total)
        calls.append((place, lo, hi, scratch + number * distance))
    pool = _pool(os.getpid(), split.shares - 1)
    others = [pool.submit(kernel.call, *call) for call in calls[1:]]
    try:
        kernel.call(*calls[0])
    finally:
        _wait(others)
    for other in others:
        other.result()


def _wait(calls: Sequence[Future[None]]) -> None:
    """Until all have returned: an interruption comes after, since they write to the memory."""
    try:
        wait(calls)
    except BaseException:
        _wait(calls)
        raise


@functools.cache
def _pool(process: int, n_workers: int) -> ThreadPoolExecutor:
    """Threads of this process; those of a parent did not follow the fork."""
    return ThreadPoolExecutor(n_workers, thread_name_prefix="snn-fused")


@functools.cache
def _team() -> _OpenMP | None:
    """The OpenMP that torch computes with; None where torch has another way."""
    library = ctypes.CDLL(torch._C.__file__)  # a search in it goes on in what it was linked to
    names = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
    if not all(hasattr(library, name) for name in names):
        return None
    start, *asked = (getattr(library, name) for name in names)
    start.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    start.restype = None
    thread, threads = (ctypes.cast(one, ctypes.c_void_p).value or 0 for one in asked)
    return _OpenMP(start, load(_shares_source()), thread, threads)


def _shares_source() -> str:
    """What each thread of the team runs. OpenMP may give fewer threads than were asked for."""
    pointers = dict.fromkeys(("thread", "threads", "kernel", "inner", "memory"), "ptr")
    numbers = dict.fromkeys(("distance", "total", "share", "shares"), "i64")
    return f"""
define void @kernel(ptr %table) {{
entry:
{reading(**pointers, **numbers)}
  %mine = call i32 %thread()
  %first = sext i32 %mine to i64
  %all = call i32 %threads()
  %step = sext i32 %all to i64
  br label %head
head:
  %k = phi i64 [%first, %entry], [%next, %inside]
  %more = icmp slt i64 %k, %shares
  br i1 %more, label %inside, label %exit
inside:
  %lo = mul i64 %k, %share
  %end = add i64 %lo, %share
  %hi = call i64 @llvm.smin.i64(i64 %end, i64 %total)
  %skipped = mul i64 %k, %distance
  %scratch = getelementptr i8, ptr %memory, i64 %skipped
  call void %kernel(ptr %inner, i64 %lo, i64 %hi, ptr %scratch)
  %next = add i64 %k, %step
  br label %head
exit:
  ret void
}}

declare i64 @llvm.smin.i64(i64, i64)
"""


@functools.cache
def _cabinet() -> threading.local:
    """Where each thread keeps its scratch memory."""
    return threading.local()


def _scratch(size: int) -> int:
    """The address of so many bytes that only this thread and its helpers use."""
    if size == 0:
        return 0
    cabinet = _cabinet()
    kept: torch.Tensor | None = getattr(cabinet, "memory", None)
    if kept is None or len(kept) < size + _LINE:
        cabinet.memory = None  # free the old before taking the new
        kept = cabinet.memory = torch.empty(size + _LINE, dtype=torch.uint8, device="cpu")
    return -(-kept.data_ptr() // _LINE) * _LINE
