"""The thread that a delivery is made in."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from types import BuiltinFunctionType


class Worker:
    """A thread of our own, begun when the system gives one; it tells how much it has worked.

    Args:
        name: the tracker's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._clock_id: int | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Begin.

        Args:
            work: is done in the thread; it calls :meth:`begins` first. It is not kept: who has this object is part of
                it, mostly, and would never be gone where nobody collects garbage.

        Raises:
            RuntimeError: the system gives no more threads now; it may later.
        """
        # A new one each time: from Python 3.13 on, one that the system refused cannot be started again.
        self._thread = threading.Thread(target=work, name=f"tracklib-{self._name}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._thread = None
            raise

    def begins(self) -> None:
        """The work is done by the thread that this is called in."""
        # macOS has none, and what gevent puts in a thread's place has no number that the system knows.
        if hasattr(time, "pthread_getcpuclockid") and isinstance(threading.get_ident, BuiltinFunctionType):
            self._clock_id = time.pthread_getcpuclockid(threading.get_ident())

    @property
    def has_begun(self) -> bool:
        """Whether the system gave a thread."""
        return self._thread is not None

    @property
    def is_alive(self) -> bool:
        """Whether it still does something."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def worked(self) -> float:
        """Its processor time, in tenths of a second."""
        if self._clock_id is not None:
            with contextlib.suppress(OSError):
                return time.clock_gettime(self._clock_id) // 0.1
        return 0.0

    def join(self, timeout: float) -> None:
        """Wait until it has ended, for at most ``timeout`` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
