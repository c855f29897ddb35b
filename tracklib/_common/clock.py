"""The machine's clocks, asked by number: whoever freezes time for a test replaces the functions of ``time``, and a wait
that counted by those would not end."""

from __future__ import annotations

import functools
import time

steady = functools.partial(time.clock_gettime, time.CLOCK_MONOTONIC)
"""Seconds of a clock that nobody sets."""

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # macOS's goes on


def since_boot() -> int:
    """Milliseconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime_ns(_STEADY) // 1_000_000


def wall() -> int:
    """Milliseconds since 1970, UTC, by the clock that somebody may set."""
    return time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000_000
