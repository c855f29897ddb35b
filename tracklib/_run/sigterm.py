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
from .handling import Handling, in_main_thread

_AGAIN_SECONDS = 0.25


@contextlib.contextmanager
def exits_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into :class:`~tracklib.Terminated`, for the length of a block.

    Only in the main thread, and only where nobody else handles SIGTERM. No other signal is touched.
    """
    is_free = in_main_thread() and signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, exit_on)
    with _handling.block() if is_free else contextlib.nullcontext():
        yield


_leaving = 0  # the blocks that are being left
_arrived: Terminated | None = None
_is_again = False  # whether the next one is our own
_sending = threading.Lock()


def _forget() -> None:
    """Before the first block: a forked child's may begin while its parent's thread sends."""
    global _arrived, _is_again, _sending
    _arrived, _is_again, _sending = None, False, threading.Lock()


def _stop_sending() -> None:
    """Before the last block is over."""
    global _arrived
    if _arrived is not None:
        with _sending:  # from here on there is no block to send it for
            pass
        signal.sigpending()  # what was sent arrives at a system call's return: here, where it still means nothing
    _arrived = None


@contextlib.contextmanager
def leaving() -> Iterator[None]:
    """A block is being left, by SIGTERM or not: it is not raised again meanwhile, unless it comes once more."""
    global _leaving
    counts = in_main_thread()
    _leaving += counts
    try:
        yield
    finally:
        _leaving -= counts


def cause_of(error: BaseException | None) -> BaseException | None:
    """What really ends a block that ``error`` leaves: once SIGTERM has come, that, even if its exception was caught."""
    return _arrived if _arrived is not None and in_main_thread() else error


# In two cases it raises nothing: when a repeated signal of our own comes too late, as the block is being left or over;
# and when any SIGTERM comes while the exception of the first one is on its way out, as raised again it would break off
# the program's own `finally`. A second SIGTERM from outside while the block is being left does raise: it ends the wait
# for trackers.
def exit_on(number: int, frame: FrameType | None) -> None:
    """The handler of SIGTERM."""
    global _arrived, _is_again
    if _handling.is_inherited:  # pragma: no cover  # a forked child, signalled before it had back what was there
        _handling.go_without(number)
        return
    is_again, _is_again = _is_again, False
    if is_again and (_leaving or not _handling.blocks):
        return
    if not _leaving and _is_under_way(sys.exc_info()[1]):
        return
    is_first = _arrived is None
    _arrived = Terminated(128 + number)
    if is_first:
        with contextlib.suppress(RuntimeError):  # no more threads: the block's end tells it all the same
            _thread.start_new_thread(_send_again, (threading.get_ident(),))  # as it takes no lock
    raise _arrived


def _send_again(main: int) -> None:  # pragma: no cover  # threading starts other threads, which alone are measured
    """Send SIGTERM to this process again and again until the block is left, but not while its exception is on its
    way."""
    global _is_again
    while True:
        time.sleep(_AGAIN_SECONDS)
        with _sending:
            is_over = _arrived is None  # a block that was begun since has nothing to do with it
            if is_over or not _handling.blocks or signal.getsignal(signal.SIGTERM) is not exit_on:
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


_handling = Handling((signal.SIGTERM,), exit_on, _forget, _stop_sending)
