"""The process's open runs: what a fork and the interpreter's exit mean to them."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from typing import TYPE_CHECKING

from ._leaving import PATIENCE_AFTER_ERROR, status_of
from ._records import Status

if TYPE_CHECKING:
    from ._trackers import Trackers

open_runs: set[Trackers] = set()  # begun and not let go
_watching = False


def watch(run: Trackers) -> None:
    """Count ``run`` among the open ones; from the first one on, know of forks and of the exit."""
    global _watching
    if not _watching:
        _watching = True
        os.register_at_fork(after_in_child=_after_fork_in_child)
        atexit.register(_finish_all)
    open_runs.add(run)


def _after_fork_in_child() -> None:
    for run in open_runs:
        run.after_fork_in_child()


def _finish_all() -> None:
    """The interpreter exits inside a run: nobody finished it, so it failed or was killed."""
    error = getattr(sys, "last_value", None)
    status = status_of(error) if error else Status.KILLED
    for run in list(open_runs):
        run.end(status, error)
        run.leave(PATIENCE_AFTER_ERROR)
        if run.left:
            logging.getLogger("tracklib").warning(run.left)
