"""The companion processes of a process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tracklib._delivery.process import START


def companions_of(pid: int) -> list[int]:
    """The living companions that a process began."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            command = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            state = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[0]
            is_begun = command[1:3] == [b"-I", b"-S"] and command[-4:-2] == [os.fsencode(START), b"%d" % pid]
            if is_begun and state not in "ZX":
                found.append(int(name))
    return found
