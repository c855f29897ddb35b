"""Copies that are made in the background while the training goes on, one after the other."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable

from .._common import clock
from .background import thread

MOST = 2
"""Copies that may wait or go on at once: who brings a further one waits for the first."""

_PATIENCE = 10.0


class Copies:
    """Does its work in the order in which it came, in a thread that is there only while there is some."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin, or go on in a forked child: the parent's copies are the parent's."""
        self._work: collections.deque[Callable[[], None]] = collections.deque()
        self._changed = threading.Condition()
        self._progress = 0
        self.is_over = False

    def add(self, copy: Callable[[], None]) -> None:
        """Have ``copy``, which raises nothing, be done soon; at once where the system gives no more threads."""
        with self._changed:
            while len(self._work) >= MOST:
                self._changed.wait()
            self._work.append(copy)
            if len(self._work) > 1:
                return
        try:
            thread(self._do).start()
        except RuntimeError:
            self._do()

    def further(self) -> None:
        """Said by a copy that gets on."""
        self._progress += 1

    def wait(self, patience: float | None = None) -> bool:
        """Wait until all is done, or for ``patience`` seconds in which nothing gets on; whether all is done."""
        seen, until = self._progress, clock.steady() + (patience or 0.0)
        with self._changed:
            while self._work:
                if self._progress != seen:
                    seen, until = self._progress, clock.steady() + (patience or 0.0)
                if patience is not None and clock.steady() >= until:
                    return False
                self._changed.wait(0.1)
        return True

    def end(self) -> bool:
        """Wait, once, and keep nothing that is done later; whether all is done."""
        if self.is_over:
            return True
        try:
            return self.wait(_PATIENCE)
        finally:
            self.is_over = True

    def _do(self) -> None:
        while True:
            self._work[0]()
            with self._changed:
                self._work.popleft()
                self._changed.notify_all()
                if not self._work:
                    return
