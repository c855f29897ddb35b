"""What a delivery's thread does: connect, hand over the journal piece by piece, and finish when the run has ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from .._common import clock
from .._journal.last_attempt import superseded_in
from .._journal.reader import Entry, Reader
from .._journal.records import Artifact, Checkpoint, Superseded
from ..errors import TrackerLost
from . import rejected
from .artifacts_aside import ArtifactsAside
from .calls import Calls
from .cursor import Abandoned, Cursor
from .giving_way import rest_after
from .handing import Handing, batches
from .packages import need_packages
from .route import Route
from .standing import Condition, Connection, Standing


class _FromTheStart(Exception):
    """Something that the tracker has is superseded: it builds its output anew, without that."""


class Onlooker(Protocol):
    """Sees what a delivery reads, so that nobody need read it once more."""

    def take(self, entries: Sequence[Entry], reader: Reader, superseded: Sequence[Superseded] = ()) -> None:
        """``reader`` has just read ``entries``, which follow on those of the last call. There may be none; and after
        ``superseded`` has grown, or the tracker began anew, they begin at the journal's start again."""


class Loop:
    """Delivers along one route, in the one thread that calls :meth:`run`.

    Args:
        route: what is delivered, and to whom.
        condition: says whether to go on, and is told how it goes.
        heartbeat: called between the records; it must not raise.
        connected: called each time that the tracker has connected; it must not raise.
        imports: whether this thread may import what the tracker needs.
        again: whether what the tracker refused for good is sent once more.

    Attributes:
        cursor: how far the tracker is.
        calls: made to the tracker.
        aside: the artifacts that were passed.
        awaited: the offset that somebody waits for: up to there it does not rest.
        onlooker: sees what is read.
    """

    def __init__(
        self,
        route: Route,
        condition: Condition,
        heartbeat: Callable[[], None],
        connected: Callable[[], None],
        imports: bool,
        again: bool,
    ) -> None:
        self.awaited = 0
        self.onlooker: Onlooker | None = None
        self.cursor = Cursor(route, condition)
        self.calls = Calls(route.tracker, condition, heartbeat, meets_forks=not imports)
        self._handing = Handing(route, self.cursor, self.calls, condition, heartbeat)
        self.aside = ArtifactsAside(route, self.cursor, self.calls, self._handing, condition)
        self._route = route
        self._tracker = route.tracker
        self._condition = condition
        self._heartbeat = heartbeat
        self._connected = connected
        self._imports = imports
        self._reader = Reader(route.journal, self.cursor.saved.offset, self.cursor.saved.ordinal)
        self._again = rejected.refused_by(route.directory, route.name) if again else {}
        if self._tracker.reads_whole_journal and (self._again or not self._is_over):
            self._rewind()

    @property
    def damaged(self) -> int:
        """How many lines of the journal were no records."""
        return self._reader.damaged

    def run(self) -> None:
        """Connect and deliver until the run's end, or until abandoned."""
        self._tracker.acknowledge = self._handing.acknowledged  # type: ignore[method-assign]  # to this manager
        try:
            with contextlib.suppress(Abandoned):
                if self._again or not self._is_over:
                    self._handing.superseded = superseded_in(self._route.journal)
                    self._deliver_all()
                self._condition.stand(Standing.DONE)
                return
            self.cursor.save()  # where it only ceased
            self._condition.stand(Standing.ABANDONED)
        except Exception as error:  # the journal cannot be read, say
            self._condition.report(error, Standing.BLOCKED)
        finally:
            self._reader.close()
            if self._tracker.acknowledge == self._handing.acknowledged:  # unless it has another run by now
                del self._tracker.acknowledge  # which held this object, as this one holds the tracker

    @property
    def _is_over(self) -> bool:
        """Whether the tracker has it all and was told the end of this attempt, now or by an earlier process."""
        saved = self.cursor.saved
        has_all = saved.ended == self._route.begin.attempt and saved.offset >= self._reader.size
        return has_all and not saved.aside and self._tracker.is_intact()

    def _deliver_all(self) -> None:
        while True:
            self._condition.connection = Connection.CLOSED
            try:
                self.calls.insist(self._connect, always=True)
                self._deliver_again()
                while not self._deliver_next():
                    pass
                self.cursor.save()
                return
            except _FromTheStart:
                self._rewind()
            except TrackerLost as lost:
                if lost.from_the_start or self._tracker.reads_whole_journal:
                    self._rewind()
                else:
                    self._reader.go_to(self.cursor.saved.offset, self.cursor.saved.ordinal)

    def _rewind(self) -> None:
        with self.cursor.unsealed():
            with contextlib.suppress(OSError):  # there may be two lines for one record then
                rejected.forget(self._route.directory, rejected.refused_by(self._route.directory, self._route.name))
            self.cursor.rewind()
        self._again = {}  # it comes with all the others
        self._reader.go_to(0, 0)

    def _connect(self) -> None:
        need_packages(self._tracker, self._imports)
        self._tracker.init()
        self._condition.connection = Connection.OPEN
        self.cursor.within = max(1, self.cursor.within)
        self._connected()
        self.cursor.save()

    def _deliver_next(self) -> bool:
        """Deliver a piece of the journal, and give way; where there is none: whether the run has ended."""
        begun, worked, start = clock.steady(), time.thread_time(), self._reader.offset
        entries = self._reader.read()
        self._know_superseded(entries)
        self._show(entries)
        self._hand_over(entries)
        self.aside.retry()
        if entries:
            self.cursor.save()
        else:
            self._pass_damage()
            self._heartbeat()
            if self._finish():
                return True
            self._be_idle()
        if not entries or not (self.calls.hurries or self.cursor.saved.offset < self.awaited):
            took, moved = clock.steady() - begun, self._reader.offset - start
            latency = self.calls.latency if entries else 0.0
            self.calls.rest(rest_after(self._reader, time.thread_time() - worked, took, moved, latency))
        return False

    def _be_idle(self) -> None:
        try:
            self.calls.once(self._tracker.idle)
        except Abandoned:
            raise
        except Exception:  # nothing of the run is in it
            pass

    def _hand_over(self, entries: Sequence[Entry]) -> None:
        for batch in batches(entries, self._tracker.batch_size):
            if isinstance(batch[0].record, Artifact | Checkpoint):
                self.aside.hand_over(batch[0])
            else:
                self._handing.hand_over(batch)
            self._heartbeat()
            self.cursor.save_now_and_then()

    def _deliver_again(self) -> None:
        """Deliver once more what was refused. A line is taken out when its record was taken, or has a new one."""
        lines = [(line, entry) for line, entries in self._again.items() for entry in entries]
        for batch in batches([entry for _, entry in lines], self._tracker.batch_size):
            self._handing.hand_over(batch)
            done, lines = lines[: len(batch)], lines[len(batch) :]
            with contextlib.suppress(OSError):
                rejected.forget(self._route.directory, [line for line, _ in done])
            self.cursor.saved.rejected = max(0, self.cursor.saved.rejected - len(done))
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
            if self._tracker.builds_anew:
                raise _FromTheStart

    def _show(self, entries: Sequence[Entry]) -> None:
        """Have the onlooker see what was read. It may write into the run's directory, so it sees nothing once the
        delivery was abandoned. If it fails, it sees nothing more; the delivery goes on."""
        if self.onlooker is not None:
            try:
                with self.cursor.unsealed():
                    self.onlooker.take(entries, self._reader, self._handing.superseded)
            except Exception:
                self.onlooker = None

    def _pass_damage(self) -> None:
        """Move the tracker's offset beyond damaged lines at the journal's end: else ``flush``, which waits until the
        offset is at the end, would wait for ever."""
        if self.cursor.pass_damage(self._reader.offset, self._reader.ordinal):
            self.cursor.save()
            self._condition.changed.ring()

    def _finish(self) -> bool:
        """Finish the tracker if the attempt has ended. It is called when nothing is left to read: so records that a
        thread or a forked child wrote after the end were delivered before."""
        saved = self.cursor.saved
        end = saved.end
        if end is None or end.time < self._route.begin.time:  # of an attempt that was resumed
            return False
        if self._condition.connection is not Connection.ENDED:
            self._tracker.ended_at = end.time
            self._tracker.ended_with = ": ".join(filter(None, [end.error, end.message]))
            self.calls.insist(lambda: self._tracker.finish(end.status), always=True)
            self._condition.connection = Connection.ENDED
            saved.ended = self._route.begin.attempt
            self.cursor.save()
        if saved.aside:
            self._condition.trouble = self.aside.trouble
            self._condition.stand(Standing.RETRYING)
        return not saved.aside
