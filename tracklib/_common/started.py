"""When this process was started."""

from __future__ import annotations

import os

from . import clock

_imported = clock.wall()


def process_started() -> int:
    """Milliseconds since 1970, UTC; where the system does not tell, when this module was imported."""
    try:
        with open("/proc/self/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        return clock.wall() - clock.since_boot() + 1000 * ticks // os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return _imported
