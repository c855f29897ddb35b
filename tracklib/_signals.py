"""SIGTERM as an exit through the block, so that the run's status is true."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from .errors import Terminated


@contextlib.contextmanager
def exits_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into :class:`~tracklib.Terminated`, for the length of a block.

    Only in the main thread, and only where nobody else handles SIGTERM. No other signal is touched.
    """
    if not _in_main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        if _in_main_thread() and signal.getsignal(signal.SIGTERM) is _exit:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> None:
    raise Terminated(128 + number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
