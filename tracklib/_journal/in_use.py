"""The error's words for a run's directory that another live process has, with what to do."""

from __future__ import annotations

import contextlib
import os
import socket
import time

from ..errors import RunDirectoryError
from .records import Begin
from .state import load_begin


def still_owned(directory: str, pid: int) -> RunDirectoryError:
    """The error that says whose the directory is, and how to mend it.

    Args:
        pid: the process that holds its lock; 0 or less where the system does not tell.
    """
    return RunDirectoryError(
        f"{directory} belongs to a run that is still going on: choose another output_run, or end that run first"
        f"{_by_whom(directory, pid)}",
        in_use=True,
    )


def _by_whom(directory: str, pid: int) -> str:
    begin: Begin | None = None
    with contextlib.suppress(OSError):  # a newer tracklib's
        begin = load_begin(directory)
    host = socket.gethostname()
    if pid > 0 and (begin is None or (begin.host == host and begin.pid != pid)):  # it has just begun, or is a sync
        return f" ({_process(pid)} on {host} has it)"
    if begin is None:
        return ""
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(begin.time / 1000))
    return f" ({_process(begin.pid)} on {begin.host} has had it since {since})"


def _process(pid: int) -> str:
    return f"this process, {pid}," if pid == os.getpid() else f"process {pid}"
