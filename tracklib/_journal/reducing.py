"""What ranks say together: each in a file of its own, and the owner makes one record of a step of it.

Nobody waits for it in the training: a step is closed when each rank said it, is past it, has left or is dead, or ten
seconds after the first. No rank is asked anything, and none takes part in a collective.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from .._common import clock
from .._common.warn import tell
from ..errors import RunDirectoryError
from . import layout
from .encoding import marker
from .journal import Journal
from .lock import Holding, holding_of
from .moments import Moments
from .reader import Reader
from .records import Begin, Contribution, End, Epoch, Log
from .shares import LATE_SECONDS, WRITER, Shares
from .tail import last_record

LOOK_SECONDS = 1.0
_PAUSE = 0.02
_ANYBODY = -1  # a rank that may still come, where nobody says how many there are


class Reducing:
    """Makes records of what the ranks of one attempt say. For who owns the run.

    Args:
        directory: the run's.
        journal: the run's, into which they go.
        begin: how the attempt began.
        size: how many ranks there are; None where nobody says.
        heard: told each record.
        told: how often something was made already, by axis, step and name.
    """

    def __init__(
        self,
        directory: str,
        journal: Journal,
        begin: Begin,
        size: int | None,
        heard: Callable[[Log], None] = lambda record: None,
        told: Counter[tuple[str, int, str]] | None = None,
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._begin = begin
        self._size = size
        self._heard = heard
        self._shares = Shares(told)
        self._files: dict[int, _Rank] = {}
        self._moments = Moments()
        self._looking = threading.Lock()
        self._looked_at = clock.steady()
        self._first_at: float | None = None
        self._is_over = False
        self._has_told = False

    def tick(self) -> None:
        """About once a second's work, for a thread that is not the caller's."""
        if clock.steady() - self._looked_at >= LOOK_SECONDS and self._looking.acquire(blocking=False):
            try:
                if not self._is_over:
                    self._look()
                self._looked_at = clock.steady()
            finally:
                self._looking.release()

    def end(self, patience: float) -> None:
        """Close all steps, and make nothing more afterwards. Ranks that are still going, and that a step waits for, are
        waited for, for so many seconds."""
        self._is_over = True
        until = clock.steady() + patience
        with self._looking:
            self._look()
            while self._shares.are_open and clock.steady() < until:
                time.sleep(_PAUSE)
                self._look()
            self._look(all_of_it=True)
        for rank, count in sorted(self._shares.late.items()):
            tell(
                f"rank {rank} said {count} value{'s' if count != 1 else ''} when their step was closed, "
                f"{LATE_SECONDS:.0f} s after the first rank's: only {layout.rank_path(self._directory, rank)} has them"
            )

    def _look(self, all_of_it: bool = False) -> None:
        """Take what was said, and make records of what is complete. What the journal cannot take now waits."""
        with contextlib.suppress(OSError):  # no further file can be opened, say
            self._take()
            if self._journal.waiting:
                return
            living = self._living()
            size = self._size or len(self._files)
            for made in self._shares.made(living, size, all_of_it):
                self._append(made.log)
                if made.ranks < size and not self._has_told:
                    self._has_told = True
                    tell(
                        f"{made.log.axis} {made.log.step} was said by {made.ranks} of {size} ranks: what is made of it "
                        "has the metric `ranks`, which says by how many"
                    )

    def _append(self, made: Log) -> None:
        now = self._journal.now()
        time = self._moments.free_from(min(made.time or now, now), made)
        made = replace(made, time=time)
        self._journal.append(made)
        self._heard(made)

    def _take(self) -> None:
        for rank, path in layout.ranks_of(self._directory).items():
            if rank not in self._files:
                self._files[rank] = _Rank(path, self._begin)
        for rank, file in self._files.items():
            for record in file.read():
                self._first_at = self._first_at or clock.steady()
                self._shares.take(rank, record)

    def _living(self) -> set[int]:
        """The ranks that more may come of. One that is found dead has been read before it died, so it counts until it
        was read once more."""
        living = {rank for rank, file in self._files.items() if not file.is_over}
        for rank in self._shares.awaited(living) - {0}:
            self._files[rank].look_whether_it_lives()
        if self._first_at is None or clock.steady() - self._first_at < LATE_SECONDS:
            living |= set(range(self._size)) - self._files.keys() if self._size else {_ANYBODY}
        return living


class _Rank:
    """A rank's file, as far as it was read. It is opened anew each time: there may be a thousand."""

    def __init__(self, path: str, begin: Begin) -> None:
        self._path = path
        self._begin = begin
        self._offset = self._ordinal = 0
        self._is_there = False  # in this attempt
        self._has_locks = False
        self.is_over = False

    def read(self) -> list[Contribution | Epoch]:
        """What it has said since."""
        try:
            if os.path.getsize(self._path) <= self._offset:
                return []
            with contextlib.closing(Reader(self._path, self._offset, self._ordinal)) as reader:
                said = [record for entry in reader.records() if (record := self._take(entry.record))]
                self._offset, self._ordinal = reader.offset, reader.ordinal
                return said
        except FileNotFoundError:  # it left, and had said nothing
            self.is_over = self._is_there
        except RunDirectoryError:  # a newer version's
            self.is_over = True
        return []

    def _take(self, record: Any) -> Contribution | Epoch | None:
        match record:
            case Begin(uid=uid, attempt=attempt, locks=locks):
                self._is_there = (uid, attempt) == (self._begin.uid, self._begin.attempt)
                self._has_locks, self.is_over = locks, False
            case End():
                self.is_over = self._is_there
            case Contribution() | Epoch() if self._is_there:
                return record
        return None

    def look_whether_it_lives(self) -> None:
        """A rank that is dead is over."""
        self.is_over = self._is_there and self._has_locks and holding_of(self._path) is Holding.FREE


def reduce_rest(directory: str, journal: Journal, begin: Begin) -> None:
    """Make what is still to be made of what the ranks said in a run that nobody owns any more."""
    if layout.ranks_of(directory):
        found = last_record(journal.path, Begin, marker(Begin))
        told = _told_in(journal.path, found[1] if found else 0)
        Reducing(directory, journal, begin, begin.ranks or None, told=told).end(patience=0.0)


def _told_in(path: str, offset: int) -> Counter[tuple[str, int, str]]:
    told: Counter[tuple[str, int, str]] = Counter()
    with contextlib.closing(Reader(path, offset)) as reader:
        for record in reader.records_with(b'"writer":"%b"' % WRITER.encode()):
            if isinstance(record, Log) and record.writer == WRITER:
                told.update((record.axis, record.step, name) for name in record.metrics)
    return told
