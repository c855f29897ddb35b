"""SIGTERM as an exit through the block, so that the run's status is true.

An exception that a signal's handler raises may be swallowed where it comes: in a ``__del__``, in a callback of C's, by
an ``except:``. So it is raised again, until it leaves the block; but never while it is on its way, for what the
program does in ``finally`` and ``__exit__`` is not to be broken off.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ..errors import Terminated

_AGAIN_SECONDS = 0.25


@contextlib.contextmanager
def exits_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into :class:`~tracklib.Terminated`, for the length of a block.

    Only in the main thread, and only where nobody else handles SIGTERM. No other signal is touched.
    """
    global _blocks, _arrived, _installed_by
    if not _in_main_thread() or signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, exit_on):
        yield
        return
    process = os.getpid()
    if process != _installed_by:
        _forget_the_parents_blocks()
    if not _blocks:
        _arrived = None
        _installed_by = process
        signal.signal(signal.SIGTERM, exit_on)
    _blocks += 1
    try:
        yield
    finally:
        if os.getpid() == process == _installed_by:
            _blocks -= 1
            if not _blocks and _in_main_thread() and signal.getsignal(signal.SIGTERM) is exit_on:
                _put_back()


_blocks = 0  # they need not be left in reverse order, and the last one puts the default back
_leaving = 0  # those that are being left
_arrived: Terminated | None = None
_installed_by = 0  # the process that the handler serves
_is_again = False  # whether the next one is our own
_sending = threading.Lock()


def _forget_the_parents_blocks() -> None:
    """A forked child is in none: those that it was forked in are its parent's, and the child's own is its first."""
    global _blocks, _is_again, _sending
    _blocks, _is_again, _sending = 0, False, threading.Lock()


def _put_back() -> None:
    global _arrived
    if _arrived is not None and os.getpid() == _installed_by:
        with _sending:  # from here on there is no block to send it for
            pass
        signal.sigpending()  # what was sent arrives at a system call's return: here, where it still means nothing
    _arrived = None
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def leaving() -> Iterator[None]:
    """A block is being left, by SIGTERM or not: it is not raised again meanwhile, unless it comes once more."""
    global _leaving
    counts = _in_main_thread()
    _leaving += counts
    try:
        yield
    finally:
        _leaving -= counts


def cause_of(error: BaseException | None) -> BaseException | None:
    """What a block that ``error`` leaves is left by: once SIGTERM has come, by that, whatever became of it."""
    return _arrived if _arrived is not None and _in_main_thread() else error


def exit_on(number: int, frame: FrameType | None) -> None:
    """The handler."""
    global _arrived, _is_again
    if os.getpid() != _installed_by:  # pragma: no cover  # a forked child ends as it would without us, unmeasured
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    is_again, _is_again = _is_again, False
    if is_again and (_leaving or not _blocks):
        return
    if not _leaving and _is_under_way(sys.exc_info()[1]):
        return
    is_first = _arrived is None
    _arrived = Terminated(128 + number)
    if is_first:
        with contextlib.suppress(RuntimeError):  # no more threads: the block's end tells it all the same
            _thread.start_new_thread(_send_again, (threading.get_ident(),))  # as it takes no lock
    raise _arrived


def _send_again(main: int) -> None:
    """Send it to this process until the block is left, whenever it is not on its way."""
    global _is_again
    while True:
        time.sleep(_AGAIN_SECONDS)
        with _sending:
            if not _blocks or signal.getsignal(signal.SIGTERM) is not exit_on:
                return
            if not _leaving and not _is_under_way(sys._current_exceptions().get(main)):
                _is_again = True
                os.kill(os.getpid(), signal.SIGTERM)  # which also ends a sleep


def _is_under_way(handled: Any) -> bool:
    """Whether what is being handled is SIGTERM's exception, or was raised behind it."""
    error = handled[1] if isinstance(handled, tuple) else handled  # until Python 3.12
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, Terminated):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
