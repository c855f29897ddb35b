"""A fork meets no thread of ours inside a call that may hold a lock of somebody else's.

A child that is forked while another thread holds a lock inherits it held, and nobody there lets it go: a log
handler's, that of ``sys.stderr``, a progress bar's. Our threads make such calls in :func:`apart_from_forks`, and a
fork waits for them: for a second at most, or for ten while the thread imports, as a tracker of the user's may. A call
that a fork has waited for in vain is waited for by no other. There is no lock in it: all rests on single steps of the
interpreter.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

_PATIENCE = 1.0
_IMPORT_PATIENCE = 10.0
_MOMENT = 0.001
_IMPORTING = "<frozen importlib._bootstrap>"

_inside: set[int] = set()  # threads that are in such a call
_too_long: set[int] = set()  # of these, those that a fork has waited for in vain
_forking: set[int] = set()  # threads that are about to fork


@contextlib.contextmanager
def apart_from_forks() -> Iterator[None]:
    """Make a call while no thread forks."""
    me = threading.get_ident()
    if me in _inside:
        yield
        return
    for _ in range(int(_IMPORT_PATIENCE / _MOMENT)):
        _inside.add(me)  # before looking: of two threads that do so, at least one sees the other
        if not _forking - {me}:
            break
        _inside.discard(me)
        time.sleep(_MOMENT)
    _too_long.discard(me)  # a fork may have seen it a moment ago
    try:
        yield
    finally:
        _inside.discard(me)
        _too_long.discard(me)


def before_fork() -> None:
    """Wait until no other thread is in such a call."""
    me = threading.get_ident()
    _forking.add(me)
    for moment in range(int(_IMPORT_PATIENCE / _MOMENT)):
        awaited = _inside - _too_long - {me}
        if moment * _MOMENT >= _PATIENCE:
            awaited = {thread for thread in awaited if _imports(thread)}
        if not awaited:
            break
        time.sleep(_MOMENT)
    _too_long.update(_inside - {me})


def _imports(thread: int) -> bool:
    """Whether it is inside an import, whose locks a child would wait for at its own."""
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_code.co_filename != _IMPORTING:
        frame = frame.f_back
    return frame is not None


def after_fork_in_parent() -> None:
    """They may go on."""
    _forking.discard(threading.get_ident())


def after_fork_in_child() -> None:
    """Here is one thread only."""
    _forking.clear()
    _inside.clear()
    _too_long.clear()
