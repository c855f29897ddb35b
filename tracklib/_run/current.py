"""Which run is current: the innermost block of this context."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._common.warn import OURS

if TYPE_CHECKING:
    from .run import Trackers

_here: contextvars.ContextVar[Trackers | None] = contextvars.ContextVar("tracklib_run")
_active: list[Trackers] = []  # the blocks that are open in this process, in order of entry


def current() -> Trackers | None:
    """The active run, or None.

    It is the one of the innermost block around this code, in this task or thread. A plain
    thread, which starts without a context, takes the process's active run if there is just one.
    """
    if not _active:
        return None
    run = _here.get(None)
    if run is None and len(_active) == 1 and _in_plain_thread():
        run = _active[0]
    return run if run is not None and run.is_init else None


def _in_plain_thread() -> bool:
    thread = threading.current_thread()
    if thread is threading.main_thread() or thread.name.startswith(OURS):  # a tracker's own thread
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return True
    return False


@contextlib.contextmanager
def open_run(run: Trackers) -> Iterator[None]:
    """Count ``run`` among the process's active ones."""
    _active.append(run)
    try:
        yield
    finally:
        _active.remove(run)


@contextlib.contextmanager
def current_run(run: Trackers) -> Iterator[None]:
    """Make ``run`` the current one; afterwards, it is the outer one again.

    No token is kept: a generator may be closed in another context than it was started in.
    """
    outer = _here.get(None)
    _here.set(run)
    try:
        yield
    finally:
        if _here.get(None) is run:
            _here.set(outer)
