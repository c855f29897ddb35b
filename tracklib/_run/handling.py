"""A handler of signals that stands while blocks are open, and what handled them before."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

_made: list[Handling] = []


class Handling:
    """Has ``handler`` handle ``signals`` while a block of this process is open.

    Blocks are counted, as they need not be left in reverse order: the last one puts back what was there. A forked child
    is in none of its parent's blocks: it has back what was there, and its own first one is its first.

    Args:
        signals: the numbers.
        handler: called with the number and the frame; :meth:`is_inherited` tells it where it runs.
        begin: called before the first block's handler stands.
        end: called before the last block's is taken away.
    """

    def __init__(
        self,
        signals: Sequence[signal.Signals],
        handler: Callable[[int, FrameType | None], None],
        begin: Callable[[], None],
        end: Callable[[], None],
    ) -> None:
        self._signals = signals
        self._handler = handler
        self._begin, self._end = begin, end
        self._before: dict[int, Any] = {}
        self._blocks = 0
        self._process = 0
        _made.append(self)

    @property
    def is_inherited(self) -> bool:
        """Whether this process is a forked child that has opened no block of its own."""
        return os.getpid() != self._process

    @property
    def blocks(self) -> int:
        """How many are open in this process."""
        return 0 if self.is_inherited else self._blocks

    @contextlib.contextmanager
    def block(self) -> Iterator[None]:
        """One, begun in the main thread, where signals arrive."""
        process = os.getpid()
        if self.is_inherited:
            self._blocks, self._process = 0, process
        if not self._blocks:
            self._begin()
            self._take()
        self._blocks += 1
        try:
            yield
        finally:
            if os.getpid() == process == self._process:
                self._blocks -= 1
                if not self._blocks and in_main_thread():  # elsewhere it stays; the next block knows it as ours
                    self._end()
                    self._put_back()

    def before(self, number: int) -> Any:
        """What handled the signal ``number`` before the first block."""
        found = self._before.get(number)
        return signal.SIG_DFL if found is None else found  # None: another language's, which cannot be put back

    def go_without(self, number: int) -> None:
        """Have the signal do what it would do if the handler had never been there."""
        signal.signal(number, self.before(number))
        os.kill(os.getpid(), number)

    def _take(self) -> None:
        _put_back_in_forked_children()
        for number in self._signals:
            found = signal.signal(number, self._handler)
            if found is not self._handler:
                self._before[number] = found

    def _put_back(self) -> None:
        for number in self._signals:
            if signal.getsignal(number) is self._handler:  # else somebody else's came behind it
                signal.signal(number, self.before(number))


# Python runs a handler between two of its own instructions. A forked worker that kept one might be asked to end right
# before it waits in C, for a lock of multiprocessing's: it would wait on, and who ends the pool would for ever.
@functools.cache
def _put_back_in_forked_children() -> None:
    os.register_at_fork(after_in_child=_put_all_back)


def _put_all_back() -> None:
    for handling in reversed(_made):  # one that was made later may stand before an earlier one
        handling._put_back()


def in_main_thread() -> bool:
    """Whether this is the thread in which signals are handled."""
    return threading.current_thread() is threading.main_thread()
