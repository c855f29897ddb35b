"""A worker that was spawned has no run, though the process that began it may be in one: it says so once.

How it knows: the parent has the run's journal open. Nothing is set in the environment for it, nothing is left on disk.
Where a system does not show a process's open files (other than Linux), nothing is said.
"""

from __future__ import annotations

import os
import sys

from .._common.warn import warn
from .._journal.layout import journal_path

asks = True  # whether there is anything to look for
_calls = 0


def say_that_the_parent_has_a_run(function: str) -> None:
    """Called where a tracked function returned metrics and found no run; looks on the 1st, 2nd, 4th, 8th ... call, as
    the parent's run may begin later than the worker."""
    global asks, _calls
    if not asks:
        return
    parent = getattr(sys.modules.get("multiprocessing.process"), "parent_process", lambda: None)()
    if parent is None:
        asks = False
        return
    _calls += 1
    if _calls & (_calls - 1):
        return
    directory = _run_of(parent.pid)
    if directory:
        asks = False
        warn(
            f"{function} returned metrics in a worker process, where no run is going on, and they are not logged: a "
            f"process that was spawned does not inherit the run of its parent, {directory}. Send it "
            f"along, as in pool.map(t.inside(work), items), or return the metrics to the parent and log them there"
        )


def _run_of(pid: int) -> str:
    """The directory of a run that the process has open; empty if there is none, or nobody says."""
    folder = f"/proc/{pid}/fd"
    try:
        for descriptor in os.listdir(folder):
            path = os.readlink(os.path.join(folder, descriptor))
            if path == journal_path(os.path.dirname(path)):
                return os.path.dirname(path)
    except OSError:
        pass
    return ""
