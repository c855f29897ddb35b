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
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from .._common import clock
from .._common.wakeup import Bell
from .._journal.last_attempt import superseded_in
from .._journal.reader import Entry, Reader
from .._journal.records import Artifact, Begin, Superseded
from ..errors import TrackerLost
from ..trackers.base import BaseTracker
from . import rejected
from .artifacts_aside import ArtifactsAside
from .calls import Calls
from .cursor import Abandoned, Cursor
from .delivering import Delivering
from .giving_way import rest_after
from .handing import Handing, batches
from .packages import need_packages
from .standing import Connection, Progress, Standing
from .worker import Worker


class _FromTheStart(Exception):
    """What the tracker has counts no more: it builds its output anew."""


class Onlooker(Protocol):
    """Sees what a delivery reads, so that nobody need read it once more."""

    def take(self, entries: Sequence[Entry], reader: Reader, superseded: Sequence[Superseded] = ()) -> None:
        """``reader`` has just read ``entries``, from the journal's start on; there may be none, or some once more.
        With more that is ``superseded`` it begins at the start again."""


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
        self.onlooker: Onlooker | None = None
        self._directory = directory
        self._begin = begin
        self._heartbeat = heartbeat
        self._connected = connected
        self._imports = imports
        self._cursor = Cursor(tracker, name, directory, begin, journal, config, self._condition)
        self._calls = Calls(tracker, self._condition, heartbeat, meets_forks=not imports)
        self._handing = Handing(tracker, name, directory, self._cursor, self._calls, self._condition, heartbeat)
        self._aside = ArtifactsAside(
            tracker, name, directory, self._cursor, self._calls, self._handing, self._condition
        )
        self._reader = Reader(journal, self._cursor.saved.offset, self._cursor.saved.ordinal)
        self._again = rejected.refused_by(directory, name) if again else {}
        if tracker.reads_whole_journal and (self._again or not self._is_over):
            self._rewind()
        self._awaited = 0  # the offset that somebody waits for
        self._worker = Worker(name, self.run)

    # For the owner's thread ---------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver, in a thread of its own."""
        try:
            self._worker.start()
        except RuntimeError as error:  # the system gives no more threads now; the journal has it all
            self._condition.report(error, Standing.BLOCKED)

    def hurry(self) -> None:
        """The run is over: try now, and soon again."""
        self._condition.hurry()
        self.wake()

    def wake(self) -> None:
        """Somebody waits: deliver without a rest what there is now, and try once more where the tracker is blocked."""
        with contextlib.suppress(OSError):  # the user may have deleted the directory
            self._awaited = max(self._awaited, self.size)
        self._aside.soon()
        if self.standing is Standing.BLOCKED:
            if self._worker.is_alive:
                self._condition.asked += 1
            elif not self._worker.has_begun:
                self._condition.stand(Standing.CONNECTING)
                self.start()
        self._calls.wake()

    def abandon(self) -> None:
        """Deliver no more. A call that the tracker is in goes on; nothing comes after it."""
        self._cursor.seal()
        self._calls.wake()
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
        return self._cursor.delivered

    @property
    def rejected(self) -> int:
        """How many records the tracker refused for good."""
        return self._cursor.saved.rejected

    @property
    def aside(self) -> int:
        """How many artifacts could not be written yet, and were passed."""
        return len(self._cursor.saved.aside)

    @property
    def offset(self) -> int:
        """The tracker has all records before this byte of the journal."""
        return self._cursor.saved.offset

    @property
    def size(self) -> int:
        """The journal's length in bytes."""
        return os.path.getsize(self._journal)

    @property
    def damaged(self) -> int:
        """How many lines of the journal were no records."""
        return self._reader.damaged

    def progress(self) -> Progress:
        """How far it is. Importing an SDK and setting a database up take seconds and hand no record over, so while the
        tracker connects, its thread's processor time counts."""
        work = self._worker.worked if self.standing is Standing.CONNECTING else 0.0
        return Progress(self._cursor.saved.ordinal, self._cursor.within, work)

    # The delivery itself ------------------------------------------------------------------------

    def run(self) -> None:
        """Connect and deliver until the run's end, or until abandoned."""
        self._worker.begins()
        self.tracker.acknowledge = self._handing.acknowledged  # type: ignore[method-assign]  # to this manager
        try:
            with contextlib.suppress(Abandoned):
                if self._again or not self._is_over:
                    self._handing.superseded = superseded_in(self._journal)
                    self._deliver_all()
                self._condition.stand(Standing.DONE)
                return
            self._condition.stand(Standing.ABANDONED)
        except Exception as error:  # the journal cannot be read, say
            self._condition.report(error, Standing.BLOCKED)
        finally:
            self._reader.close()
            del self.tracker.acknowledge  # which held this object, as this one holds the tracker

    @property
    def _is_over(self) -> bool:
        """Whether the tracker has it all and was told the end of this attempt, now or by an earlier process."""
        saved = self._cursor.saved
        has_all = saved.ended == self._begin.attempt and saved.offset >= self._reader.size
        return has_all and not saved.aside and self.tracker.is_intact()

    def _deliver_all(self) -> None:
        while True:
            self._condition.connection = Connection.CLOSED
            try:
                self._calls.insist(self._connect, always=True)
                self._deliver_again()
                while not self._deliver_next():
                    pass
                self._cursor.save()
                return
            except _FromTheStart:
                self._rewind()
            except TrackerLost as lost:
                if lost.from_the_start or self.tracker.reads_whole_journal:
                    self._rewind()
                else:
                    self._reader.go_to(self._cursor.saved.offset, self._cursor.saved.ordinal)

    def _rewind(self) -> None:
        with self._cursor.unsealed():
            with contextlib.suppress(OSError):  # there may be two lines for one record then
                rejected.forget(self._directory, rejected.refused_by(self._directory, self.name))
            self._cursor.rewind()
        self._again = {}  # it comes with all the others
        self._reader.go_to(0, 0)

    def _connect(self) -> None:
        need_packages(self.tracker, self._imports)
        self.tracker.init()
        self._condition.connection = Connection.OPEN
        self._cursor.within = max(1, self._cursor.within)
        self._connected()
        self._cursor.save()

    def _deliver_next(self) -> bool:
        """Deliver a piece of the journal, and give way; where there is none: whether the run has ended."""
        begun, worked, start = clock.steady(), time.thread_time(), self._reader.offset
        entries = self._reader.read()
        self._know_superseded(entries)
        self._show(entries)
        self._hand_over(entries)
        self._aside.retry()
        if entries:
            self._cursor.save()
        else:
            self._pass_damage()
            self._heartbeat()
            if self._finish():
                return True
            self._be_idle()
        if not entries or not (self._calls.hurries or self.offset < self._awaited):
            took, moved = clock.steady() - begun, self._reader.offset - start
            self._calls.rest(rest_after(self._reader, time.thread_time() - worked, took, moved))
        return False

    def _be_idle(self) -> None:
        try:
            self._calls.once(self.tracker.idle)
        except Abandoned:
            raise
        except Exception:  # nothing of the run is in it
            pass

    def _hand_over(self, entries: Sequence[Entry]) -> None:
        for batch in batches(entries, self.tracker.batch_size):
            if isinstance(batch[0].record, Artifact):
                self._aside.hand_over(batch[0], batch[0].record.name)
            else:
                self._handing.hand_over(batch)
            self._heartbeat()
            self._cursor.save_now_and_then()

    def _deliver_again(self) -> None:
        """Deliver once more what was refused. A line is taken out when its record was taken, or has a new one."""
        lines = [(line, entry) for line, entries in self._again.items() for entry in entries]
        for batch in batches([entry for _, entry in lines], self.tracker.batch_size):
            self._handing.hand_over(batch)
            done, lines = lines[: len(batch)], lines[len(batch) :]
            with contextlib.suppress(OSError):
                rejected.forget(self._directory, [line for line, _ in done])
            self._cursor.saved.rejected = max(0, self._cursor.saved.rejected - len(done))
            self._heartbeat()
        self._again = {}

    def _know_superseded(self, entries: Sequence[Entry]) -> None:
        """What a piece supersedes is not handed over any more, also where it is in the piece itself.

        Raises:
            _FromTheStart: the tracker can leave out what it has of it.
        """
        said = [entry.record for entry in entries if isinstance(entry.record, Superseded)]
        if new := [each for each in said if each not in self._handing.superseded]:
            self._handing.superseded += new
            if self.tracker.builds_anew:
                raise _FromTheStart

    def _show(self, entries: Sequence[Entry]) -> None:
        """Have the onlooker see what was read. It may write into the run's directory, so never once abandoned; what
        fails in it is no trouble of the tracker's."""
        if self.onlooker is not None:
            try:
                with self._cursor.unsealed():
                    self.onlooker.take(entries, self._reader, self._handing.superseded)
            except Exception:
                self.onlooker = None

    def _pass_damage(self) -> None:
        """Lines at the end that are no records are passed, too: somebody may wait until all is."""
        if self._cursor.pass_damage(self._reader.offset, self._reader.ordinal):
            self._cursor.save()
            self.changed.ring()

    def _finish(self) -> bool:
        """Finish the tracker if the attempt has ended. What a thread or a child said behind the end came first."""
        saved = self._cursor.saved
        end = saved.end
        if end is None or end.time < self._begin.time:  # of an attempt that was resumed
            return False
        if self._condition.connection is not Connection.ENDED:
            self.tracker.ended_at = end.time
            self._calls.insist(lambda: self.tracker.finish(end.status), always=True)
            self._condition.connection = Connection.ENDED
            saved.ended = self._begin.attempt
            self._cursor.save()
        if saved.aside:
            self._condition.trouble = self._aside.trouble
            self._condition.stand(Standing.RETRYING)
        return not saved.aside
