"""in_seconds: the step size of a translation."""

from __future__ import annotations

from snn_core import checking


def in_seconds(dt: float | None) -> float:
    """dt as a float; a translation needs one, which a backend may do without.

    Raises:
        TypeError: it is no number, or None.
        ValueError: it is not above 0 and finite.

    >>> in_seconds(None)
    Traceback (most recent call last):
    TypeError: dt must be a number of seconds, got NoneType; pass dt=1e-3
    """
    checking.check_step_size(dt)
    if dt is None:
        raise TypeError("dt must be a number of seconds, got NoneType; pass dt=1e-3")
    return float(dt)
