"""The rows of the benchmark: what is timed, at which shapes, and what the package promises."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One line of the result.

    Attributes:
        work: as the workers know it.
        shape: ``(T, B, N)``, for a network N is that of its input.
        rivals: "peers", "eager" or "moving": whom the promise speaks of.
        promise: ours is to be so many times faster than the fastest rival; for "moving", ours may
            take so many times as long.
        cold: whether the caches are emptied before each run, so that memory is the limit.
    """

    work: str
    shape: tuple[int, int, int]
    rivals: str
    promise: float
    cold: bool = False

    def title(self) -> str:
        return f"{self.work} {self.shape}{', cold caches' if self.cold else ''}"


SMALL, LONG, BIG, WIDE = (100, 32, 128), (1000, 1, 128), (100, 128, 512), (20, 64, 1024)

TIMED = [
    Row("lif", SMALL, "peers", 15),
    Row("lif", LONG, "peers", 300),
    Row("lif", BIG, "peers", 8),
    Row("lif", WIDE, "peers", 8),
    *(Row("moving", shape, "moving", 1.6, cold) for shape in (BIG, WIDE) for cold in (False, True)),
    *(Row("adex", shape, "eager", 20) for shape in (SMALL, LONG, BIG, WIDE)),
    Row("feed-forward", (100, 64, 700), "peers", 8),
    Row("recurrent", (100, 64, 700), "peers", 10),
]
MEMORY = Row("feed-forward", (1000, 64, 700), "peers", 3)

# How many new processes take the memory, and with which settings. As it comes, memory that was
# freed but not returned counts too: it differs from one process to the next by as much as a half.
ALLOCATORS = {
    "as it comes": (3, {}),
    "freed memory returned": (1, {"MALLOC_MMAP_THRESHOLD_": "32768"}),
}
FIRST_CALL = {"empty cache": 8.0, "filled cache": 1.0}  # promised seconds, at most
