"""Waiting for a thread, in a way that an exception of a signal's handler may interrupt."""

from __future__ import annotations

import contextlib
import threading


class Bell:
    """Says that something happened, to one thread that waits.

    ``threading.Event`` will not do: a handler that raises, as Ctrl-C's, may find it between giving its lock
    away and taking it back, and what leaves ``wait`` is then a ``RuntimeError`` about that lock. Here both
    calls are one step of the interpreter's.
    """

    def __init__(self) -> None:
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """Wake who waits, or the next who will."""
        with contextlib.suppress(RuntimeError):  # it rang already, and nobody heard it yet
            self._silence.release()

    def wait(self, timeout: float) -> None:
        """Return once it has rung, or after ``timeout`` seconds."""
        self._silence.acquire(timeout=max(0.0, min(timeout, threading.TIMEOUT_MAX)))
