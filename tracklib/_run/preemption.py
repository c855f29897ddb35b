"""Preemption as a word, not an exception: what a scheduler's signal means where a block is ``preemptible``.

The first SIGTERM, SIGUSR1 or SIGUSR2 is noted, and the epoch that is going on is trained to its end. A second SIGTERM
leaves the block as it does elsewhere. Who handled such a signal before is called first (submitit, Lightning).
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from .sigterm import exit_on

_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)

_before: dict[int, Any] = {}  # who handled each before the outermost block
_blocks = 0
_installed_by = 0
_terms = 0
_has_come = False


def has_come() -> bool:
    """Whether this process was told, in a block that is open, that it is to make room."""
    return _has_come and os.getpid() == _installed_by


@contextlib.contextmanager
def hears_preemption() -> Iterator[None]:
    """Take the signals for the length of a block. Only in the main thread, where signals arrive."""
    global _blocks, _installed_by, _terms, _has_come
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process = os.getpid()
    if process != _installed_by:
        _blocks, _installed_by = 0, process  # a forked child is in none of its parent's
    if not _blocks:
        _terms, _has_come = 0, False
        _before.clear()
        for number in _SIGNALS:
            _before[number] = signal.signal(number, _hear)
    _blocks += 1
    try:
        yield
    finally:
        if os.getpid() == process == _installed_by:
            _blocks -= 1
            if not _blocks:
                _put_back()


def _put_back() -> None:
    global _has_come
    _has_come = False
    for number, handler in _before.items():
        if signal.getsignal(number) is _hear:
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: set by another language


def _hear(number: int, frame: FrameType | None) -> None:
    global _has_come, _terms
    if os.getpid() != _installed_by:  # pragma: no cover  # a forked child ends as it would without us, unmeasured
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    _has_come = True
    before = _before.get(number)
    _terms += number == signal.SIGTERM
    if callable(before) and before is not exit_on:
        before(number, frame)
    elif number == signal.SIGTERM and _terms > 1:
        exit_on(number, frame)
