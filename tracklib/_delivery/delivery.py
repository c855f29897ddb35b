"""Delivery: one tracker, one thread, one offset in the journal.

It reads the same file that the training process writes; nothing else passes between them but a wake-up. So the
same object serves in a thread of the training process and in the foreground of ``tracklib sync``.

Guarantees:
    - The training thread never waits for a tracker, and no tracker for another.
    - A record is passed over only when its tracker took it or refused it for good; what was refused is
      in ``rejected.jsonl`` with the reason.
    - After :meth:`Delivery.abandon` no further record is handed to the tracker, and nothing more is
      written into the run's directory, which may be another run's by then.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from .._common.wakeup import Bell
from .._journal.records import Begin
from ..trackers.base import BaseTracker
from .delivering import Delivering
from .loop import Loop, Onlooker
from .route import Route
from .standing import Progress, Standing
from .worker import Worker


class Delivery(Delivering):
    """Hands one journal's records to one tracker, in order.

    Args:
        tracker: not yet connected.
        name: how messages and the state file call it.
        directory: the run's directory, with the journal.
        begin: how the attempt began.
        journal: the journal's path.
        heartbeat: called between the records; it must not raise.
        connected: called each time that the tracker has connected; it must not raise.
        config: tells the tracker's config from others (see ``fingerprints``). With another one than in an
            earlier attempt, it gets the run from the start.
        imports: whether it may import what the tracker needs. A thread of the training process may not.
        again: whether what the tracker refused for good is sent once more.
        changed: rings at each step forward.
    """

    def __init__(
        self,
        tracker: BaseTracker,
        name: str,
        directory: str,
        begin: Begin,
        journal: str,
        heartbeat: Callable[[], None] = lambda: None,
        connected: Callable[[], None] = lambda: None,
        config: str = "",
        imports: bool = True,
        again: bool = False,
        changed: Bell | None = None,
    ) -> None:
        super().__init__(tracker, name, journal, changed)
        route = Route(tracker, name, directory, begin, journal, config)
        self._loop = Loop(route, self._condition, heartbeat, connected, imports, again)
        self._worker = Worker(name)

    def run(self) -> None:
        """Deliver in this thread, until the run's end or until abandoned."""
        self._worker.begins()
        self._loop.run()

    def show_to(self, onlooker: Onlooker) -> None:
        """Have ``onlooker`` see what is read, from the beginning on; before the start."""
        self._loop.onlooker = onlooker

    def start(self) -> None:
        """Begin to deliver, in a thread of its own."""
        try:
            self._worker.start(self.run)
        except RuntimeError as error:  # the system gives no more threads now; the journal has it all
            self._condition.report(error, Standing.BLOCKED)

    def hurry(self) -> None:
        """The run is over: try now, and soon again."""
        self._condition.hurry()
        self.wake()

    def wake(self) -> None:
        """Somebody waits: deliver without a rest what there is now, and try once more where the tracker is blocked."""
        with contextlib.suppress(OSError):  # the user may have deleted the directory
            self._loop.awaited = max(self._loop.awaited, self.size)
        self._loop.aside.soon()
        if self.standing is Standing.BLOCKED:
            if self._worker.is_alive:
                self._condition.asked += 1
            elif not self._worker.has_begun:
                self._condition.stand(Standing.CONNECTING)
                self.start()
        self._loop.calls.wake()

    def cease(self) -> None:
        """Make no further call. What the one that is under way brings is still kept, where the directory is the run's:
        for who goes on and waits until no call is under way."""
        self._loop.cursor.cease()
        self._loop.calls.wake()
        self.tracker.is_abandoned = True

    def abandon(self) -> None:
        """Deliver no more. A call that the tracker is in goes on; nothing comes after it."""
        self._loop.cursor.seal()
        self._loop.calls.wake()
        self.tracker.is_abandoned = True

    def settle(self) -> None:
        """:meth:`abandon` has seen to it."""

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended, for at most ``timeout`` seconds."""
        self._worker.join(timeout)

    @property
    def is_alive(self) -> bool:
        """Whether the thread still does something."""
        return self._worker.is_alive

    @property
    def is_answered(self) -> bool:
        """Whether a blocked tracker was tried since somebody waits."""
        return self._condition.is_answered

    @property
    def delivered(self) -> int:
        """How many records the tracker took since this delivery began."""
        return self._loop.cursor.delivered

    @property
    def rejected(self) -> int:
        """How many records the tracker refused for good."""
        return self._loop.cursor.saved.rejected

    @property
    def aside(self) -> int:
        """How many artifacts could not be written yet, and were passed."""
        return len(self._loop.cursor.saved.aside)

    @property
    def offset(self) -> int:
        """The tracker has all records before this byte of the journal."""
        return self._loop.cursor.saved.offset

    @property
    def size(self) -> int:
        """The journal's length in bytes."""
        return os.path.getsize(self._journal)

    @property
    def damaged(self) -> int:
        """How many lines of the journal were no records."""
        return self._loop.damaged

    def progress(self) -> Progress:
        """How far it is. Importing an SDK and setting a database up take seconds and hand no record over, so while the
        tracker connects, its thread's processor time counts."""
        work = self._worker.worked if self.standing is Standing.CONNECTING else 0.0
        return Progress(self._loop.cursor.saved.ordinal, self._loop.cursor.within, work)
