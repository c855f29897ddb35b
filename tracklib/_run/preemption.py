"""Preemption as a flag, not an exception: what a scheduler's signal does in a block that is ``preemptible``.

The first SIGTERM, SIGUSR1 or SIGUSR2 only sets ``t.preempted``, so that the current epoch is trained to its end. A
second SIGTERM leaves the block as it does elsewhere. A handler that was there before (submitit's, Lightning's) is
called first.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from .handling import Handling, in_main_thread
from .sigterm import exit_on

_terms = 0
_has_come = False


def has_come() -> bool:
    """Whether such a signal has come to this process in a block that is open."""
    return _has_come and not _handling.is_inherited


@contextlib.contextmanager
def hears_preemption() -> Iterator[None]:
    """Take the signals for the length of a block. Only in the main thread, where signals arrive."""
    with _handling.block() if in_main_thread() else contextlib.nullcontext():
        yield


def _forget() -> None:
    global _terms, _has_come
    _terms, _has_come = 0, False


def _hear(number: int, frame: FrameType | None) -> None:
    global _has_come, _terms
    if _handling.is_inherited:  # pragma: no cover  # a forked child, signalled before it had back what was there
        _handling.go_without(number)
        return
    _has_come = True
    before = _handling.before(number)
    _terms += number == signal.SIGTERM
    if callable(before) and before is not exit_on:
        before(number, frame)
    elif number == signal.SIGTERM and _terms > 1:
        exit_on(number, frame)


_handling = Handling((signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2), _hear, _forget, _forget)
