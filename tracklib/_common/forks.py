"""A fork meets no thread of ours inside a call that may hold a lock of somebody else's.

A child that is forked while another thread holds a lock inherits it held, and nobody there lets it go: a log
handler's, that of ``sys.stderr``, a progress bar's. Our threads make such calls in :func:`apart_from_forks`, and a
fork waits for them, for a second at most. There is no lock in it: all rests on single steps of the interpreter.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

_PATIENCE = 1.0
_MOMENT = 0.001

_inside: set[int] = set()  # threads that are in such a call
_forking: set[int] = set()  # threads that are about to fork


@contextlib.contextmanager
def apart_from_forks() -> Iterator[None]:
    """Make a call while no thread forks; for short ones only."""
    me = threading.get_ident()
    if me in _inside:
        yield
        return
    for _ in _moments():
        _inside.add(me)  # before looking: of two threads that do so, at least one sees the other
        if not _forking - {me}:
            break
        _inside.discard(me)
        time.sleep(_MOMENT)
    try:
        yield
    finally:
        _inside.discard(me)


def before_fork() -> None:
    """Wait until no other thread is in such a call."""
    me = threading.get_ident()
    _forking.add(me)
    for _ in _moments():
        if not _inside - {me}:
            return
        time.sleep(_MOMENT)


def after_fork_in_parent() -> None:
    """They may go on."""
    _forking.discard(threading.get_ident())


def after_fork_in_child() -> None:
    """Here is one thread only."""
    _forking.clear()
    _inside.clear()


def _moments() -> Iterator[int]:
    return iter(range(int(_PATIENCE / _MOMENT)))
