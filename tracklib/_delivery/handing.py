"""Handing records over to a tracker, and finding the one that is at fault where it refuses a batch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import assert_never

from msgspec.structs import replace

from .._common.warn import tell
from .._journal import layout
from .._journal.reader import Entry
from .._journal.records import (
    Artifact,
    Begin,
    Best,
    Checkpoint,
    Contribution,
    End,
    Epoch,
    Histogram,
    Log,
    Note,
    Params,
    Superseded,
    Tags,
)
from ..errors import TrackerLost
from . import rejected
from .calls import Calls
from .cursor import Abandoned, Cursor
from .route import Route
from .share import Share
from .standing import Condition, said

TRIES = 5  # of a batch, before its halves are tried
FEWER_TRIES = 2  # of a half
LAST_TRIES = 3  # of a record, each with something else that is answered, before it is put aside


class Handing:
    """Hands a tracker the records of one run.

    Args:
        route: which run, and which tracker.
        cursor: is moved behind what the tracker took or refused.
        calls: makes the calls.
        condition: is told why a record was refused.
        heartbeat: called whenever the tracker says what it has.

    Attributes:
        superseded: what of this is covered is not handed over.
    """

    def __init__(
        self,
        route: Route,
        cursor: Cursor,
        calls: Calls,
        condition: Condition,
        heartbeat: Callable[[], None],
    ) -> None:
        self.superseded: list[Superseded] = []
        self._route = route
        self._cursor = cursor
        self._calls = calls
        self._condition = condition
        self._heartbeat = heartbeat
        self._share = Share(route.tracker._portion)
        self._batch: Sequence[Entry] = ()  # that the tracker is in a call for
        self._taken = 0  # how many of it were acknowledged
        # For each record handed over: how many of the batch are done with once it is acknowledged. Where the tracker
        # gets only a part of the records, those between two that it gets are done with, too.
        self._done_with: list[int] = []
        self._accused = 0  # how often in succession it failed while the backend took something else

    # A backend refuses a whole request for one record in it, and often by an error that looks like an outage. So a
    # batch that is refused, or fails time and again, is halved until one record is left; only that one is refused.
    # Halves get fewer tries than the whole: of 1,000 records, ten halvings lead to the one, each with its waits.
    def hand_over(self, batch: Sequence[Entry], tries: int = TRIES) -> None:
        """Have the tracker take ``batch``: if it refuses that, or fails ``tries`` times, in halves, down to the record
        that is at fault."""
        self._batch, self._taken, self._accused = batch, 0, 0
        try:
            self._calls.insist(self._call, is_at_fault=lambda failed: failed >= tries and self._is_at_fault())
        except (Abandoned, TrackerLost):
            raise
        except BaseException as error:
            rest = batch[self._taken :]
            if len(rest) == 1:
                self.reject(rest[0], error)
            elif rest:
                half = len(rest) // 2
                self.hand_over(rest[:half], FEWER_TRIES)
                self.hand_over(rest[half:], FEWER_TRIES)
        else:
            self._take(len(batch) - self._taken)

    def acknowledged(self, records: int = 0) -> None:
        """The tracker says, within a call, what the backend has of the batch."""
        with self._cursor.unsealed():  # once sealed, another delivery begins at the offset that was saved
            if records:
                done = self._done_with[: min(records, len(self._done_with))]
                del self._done_with[: len(done)]
                self._take(done[-1] - self._taken if done else 0)
            else:
                self._cursor.within += 1
                self._condition.changed.ring()
        self._heartbeat()
        self._cursor.save_now_and_then()
        self._calls.need_leave()

    def reject(self, entry: Entry, error: BaseException) -> None:
        """The tracker refused it for good."""
        saved = self._cursor.saved
        saved.rejected += 1
        reason = said(error)
        if saved.rejected == 1:
            tell(f"{self._route.name} refused a record ({reason}); what it refuses is kept in rejected.jsonl")
        self._condition.refusal = reason
        with contextlib.suppress(OSError):  # the journal has the record too
            rejected.keep(self._route.directory, self._route.name, reason, entry)
        self._pass_by([entry], taken=0)

    def pass_by(self, entry: Entry, taken: int) -> None:
        """``entry`` is done with; ``taken`` records up to it were taken."""
        self._pass_by([entry], taken)

    def _pass_by(self, entries: Sequence[Entry], taken: int) -> None:
        _, counted = self._share.counted(entries, self._cursor.saved)
        self._cursor.pass_by(entries[-1], taken, counted)
        self._condition.changed.ring()

    def _take(self, records: int) -> None:
        if records > 0:
            entries = self._batch[self._taken : self._taken + records]
            self._taken += records
            self._pass_by(entries, taken=records if entries[-1].record.says else 0)

    def _hand_logs(self, entries: Sequence[Entry]) -> None:
        """Hand the tracker what it gets of these logs."""
        told = self._share.of_logs(entries, self._cursor.saved, self.superseded)
        self._done_with = [self._taken + place + 1 for place in told]
        if told:
            self._route.tracker.log_batch(list(told.values()))

    def _hand_histogram(self, entry: Entry, histogram: Histogram) -> None:
        gets, _ = self._share.counted([entry], self._cursor.saved)
        if gets[0]:
            for told in self._share.of(histogram, self.superseded):
                self._route.tracker.log_histogram(replace(told, ordinal=entry.ordinal))

    # An outage and a record that a server dies of look alike from here: both are calls that fail. To take the second
    # for the first stops the run's delivery for good at that record; to take the first for the second throws good
    # records away. So a single record is blamed only if the backend takes something else at the same time, several
    # times over.
    def _is_at_fault(self) -> bool:
        """Whether the records that the tracker is handed are the reason that it fails, and not an outage."""
        if self._route.tracker.reads_whole_journal:
            return False
        if len(self._batch) - self._taken > 1:
            return True
        try:
            self._accused = self._accused + 1 if self._route.tracker.is_answering() else 0
        except BaseException:  # SDKs raise SystemExit too
            self._accused = 0
        return self._accused >= LAST_TRIES  # it failed before and after the others were answered

    def _call(self) -> None:
        batch = self._batch[self._taken :]
        if not batch:  # all of it was acknowledged before the call failed
            return
        self._done_with = list(range(self._taken + 1, len(self._batch) + 1))
        match batch[0].record:
            case Log():
                self._hand_logs(batch)
            case Begin(attempt=attempt):
                self._cursor.saved.attempt = attempt
            case Epoch(number=number):
                self._route.tracker.finish_epoch(number)
            case Best() as best:
                for told in self._share.of(best, self.superseded):
                    self._route.tracker.log_best(told)
            case Histogram() as histogram:
                self._hand_histogram(batch[0], histogram)
            case Superseded() as superseded:
                self._route.tracker.log_superseded(superseded)
            case Contribution():  # pragma: no cover  # never in a journal
                pass
            case End() as end:
                self._cursor.saved.end = end
            case Params(params=params):
                self._route.tracker.log_params(params)
            case Tags(tags=tags):
                self._route.tracker.log_tags(tags)
            case Note() as note:
                self._route.tracker.log_note(note)
            case Artifact(name=name):
                self._route.tracker.log_artifact(name, os.path.join(self._route.directory, layout.ARTIFACTS, name))
            case Checkpoint(name=name) as checkpoint:
                self._route.tracker.log_checkpoint(checkpoint, layout.checkpoint_path(self._route.directory, name))
            case unknown:
                assert_never(unknown)


def batches(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    """Runs of up to ``size`` logs; every other record by itself."""
    start = 0
    for index, entry in enumerate(entries):
        if not isinstance(entry.record, Log):
            if start < index:
                yield entries[start:index]
            yield entries[index : index + 1]
            start = index + 1
        elif index + 1 - start == size:
            yield entries[start : index + 1]
            start = index + 1
    if start < len(entries):
        yield entries[start:]
