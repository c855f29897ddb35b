"""Going back to an earlier epoch of a run that is resumed: what it logged after that is superseded."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .._journal import layout
from .._journal.checkpoints import BEST, LATEST
from .._journal.encoding import marker
from .._journal.journal import Journal
from .._journal.known_checkpoints import KnownCheckpoints
from .._journal.last_attempt import Finished, epoch_began, finished_epochs, superseded_in
from .._journal.reader import Reader
from .._journal.records import Log, Superseded, Tags, counting
from ..errors import RunDirectoryError

if TYPE_CHECKING:
    from .attempt import Attempt


def epoch_again(directory: str, rewind_to: int | str) -> int:
    """The first epoch that is done again in the run in ``directory``: the one after the given epoch, or after a
    checkpoint's. Where there is no latest or best checkpoint, the model begins anew, and so does the run.

    Raises:
        OSError: the journal cannot be read.
        RunDirectoryError: there is no checkpoint of this name.
    """
    if isinstance(rewind_to, int):
        return rewind_to + 1
    known = KnownCheckpoints(directory).now()
    if found := known.find(rewind_to):
        return found.epoch + 1
    if rewind_to in (LATEST, BEST):
        return 0
    there = ", ".join(map(repr, known.records)) or "none"
    raise RunDirectoryError(f"rewind_to={rewind_to!r}: the run in {directory} has no such checkpoint; it has {there}")


def behind(finished: Finished, again: int | None) -> Finished:
    """What counts as finished, where the epochs from ``again`` on do not."""
    return finished if again is None or again > finished.epochs else Finished(again)


def supersede(attempt: Attempt) -> None:
    """Say what counts no more, if there is anything."""
    directory, journal, again = attempt.directory, attempt.journal, attempt.again
    if again is None or not attempt.earlier:
        return
    path = layout.journal_path(directory)
    first, last_before = _around(path, again)
    finished = finished_epochs(directory, attempt.earlier)
    if first is None and again >= finished.epochs:
        return
    if finished.stopped:
        say_goes_on(journal)
    began = epoch_began(directory, again, journal.size)
    since = last_before + 1 if began is None else began
    records = [Superseded(time=journal.now(later=True), since=since, epoch=again)]
    if first is not None and first < since:  # epochs that were logged out of their order
        records.append(Superseded(time=records[0].time, since=first, epoch=again, only_epochs=True))
    for superseded in records:
        journal.append(superseded)
    attempt.bests.rewind(directory, journal, records[-1])


def say_goes_on(journal: Journal) -> None:
    """A run that was stopped early goes on: its tag must not say any more why it was the last epoch."""
    journal.append(Tags(time=journal.now(), tags={"stopped": "no"}))


def _around(path: str, again: int) -> tuple[int | None, int]:
    """When the first log that counts was made at epoch ``again`` or later; and the last one before it."""
    superseded, last_before = superseded_in(path), -1
    with contextlib.closing(Reader(path)) as reader:
        for record in reader.records_with(marker(Log, "epoch")):
            if isinstance(record, Log) and record.axis == "epoch" and counting([record], superseded):
                if record.step >= again:
                    return record.time, last_before
                last_before = record.time
    return None, last_before
