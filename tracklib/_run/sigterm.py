"""SIGTERM as an exit through the block, so that the run's status is true."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from ..errors import Terminated


@contextlib.contextmanager
def exits_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into :class:`~tracklib.Terminated`, for the length of a block.

    Only in the main thread, and only where nobody else handles SIGTERM. No other signal is touched.
    """
    global _blocks, _arrived, _installed_by
    if not _in_main_thread() or signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, _exit):
        yield
        return
    if not _blocks:
        _arrived = None
        _installed_by = os.getpid()
        signal.signal(signal.SIGTERM, _exit)
    _blocks += 1
    try:
        yield
    finally:
        _blocks -= 1
        if not _blocks and _in_main_thread() and signal.getsignal(signal.SIGTERM) is _exit:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


_blocks = 0  # they need not be left in reverse order, and the last one puts the default back
_arrived: Terminated | None = None
_installed_by = 0  # the process that the handler serves


def cause_of(error: BaseException | None) -> BaseException | None:
    """``error``, or the SIGTERM behind it: an event loop that is left by it cancels its tasks."""
    return _arrived if _arrived is not None and isinstance(error, asyncio.CancelledError) else error


def _exit(number: int, frame: FrameType | None) -> None:
    global _arrived
    if os.getpid() != _installed_by:  # pragma: no cover  # a forked child ends as it would without us, unmeasured
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    _arrived = Terminated(128 + number)
    raise _arrived


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
