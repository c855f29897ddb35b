"""The run that a directory holds already: who it is, and how it ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from . import layout
from .encoding import best_marker, marker
from .journal import Journal
from .rank_ends import as_ranks_ended, failed_rank
from .records import Begin, Best, End, Epoch, Log, Record, Status, Superseded, counting
from .reducing import reduce_rest
from .spill import spilled_begin, take_in
from .state import Saved, furthest, load_begin, store_begin
from .tail import last_record, size_of
from .writers import copy_in


class Earlier(NamedTuple):
    """``begin`` is the last attempt's; ``end`` is None where its owner died; ``time`` is the newest record's.

    ``size`` is the journal's, in bytes; ``was_cut_off`` whether the end had to be written for it.
    """

    begin: Begin
    end: End | None
    time: int
    size: int
    was_cut_off: bool = False


def earlier_run(directory: str) -> Earlier | None:
    """The run in ``directory``; None where there is none, or nothing says whose the records are.

    Raises:
        OSError: the journal cannot be read.
    """
    journal = layout.journal_path(directory)
    if not os.path.lexists(journal):
        return None
    kept = load_begin(directory)
    seen = _seen(directory, kept)
    begin = _last_begin(journal, kept, seen.offset) or spilled_begin(directory)
    if begin is None:
        return None
    ended = last_record(journal, End, marker(End), behind=seen.offset)
    end = ended[0] if ended else seen.end
    if end is None or end.time < begin.time:
        end = None
    newest = last_record(journal)
    time = max(begin.time, newest[0].time if newest else 0)
    size = size_of(journal)
    return Earlier(begin, end if isinstance(end, End) else None, time, size)


def _seen(directory: str, kept: Begin | None) -> Saved:
    """What a tracker noted about the journal up to where it stood, so that a long one is not read again."""
    seen = furthest(directory, kept.uid) if kept else None
    return seen if kept and seen and seen.attempt <= kept.attempt else Saved()


def _last_begin(journal: str, kept: Begin | None, behind: int) -> Begin | None:
    """How the last attempt began, by the journal; by ``kept``, the second copy, where the journal's line is damaged
    or lies before the offset ``behind``."""
    found = last_record(journal, Begin, marker(Begin), behind=behind)
    begin = found[0] if found else None
    if kept and (not isinstance(begin, Begin) or (begin.uid == kept.uid and begin.attempt < kept.attempt)):
        return kept
    return begin if isinstance(begin, Begin) else None


def settled(journal: Journal, earlier: Earlier, status: Status = Status.KILLED) -> Earlier:
    """The run as it stands once nobody owns it: what was spilled and what other processes wrote is taken in, and
    without an end it was killed, or whatever else its ``status`` is."""
    directory = os.path.dirname(journal.path)
    bring_back(directory, earlier.begin.uid)
    waiting = take_in(journal, earlier.begin.uid)
    copy_in(directory, journal, earlier.begin.uid)
    reduce_rest(directory, journal, earlier.begin)
    if journal.size != earlier.size:
        earlier = earlier_run(directory) or earlier
    for record in waiting:
        if isinstance(record, Begin):
            earlier = earlier._replace(begin=record, end=None)
        elif isinstance(record, End):
            earlier = earlier._replace(end=record)
    journal.clock.be_after(earlier.time)
    if (end := _true_end(directory, earlier, status)) != earlier.end:
        journal.append(end)
        journal.sync()
        earlier = earlier._replace(end=end, size=journal.size, was_cut_off=earlier.end is None)
    with contextlib.suppress(OSError):  # the second copy may be damaged, deleted or another run's
        store_begin(directory, earlier.begin)
    return earlier


def _true_end(directory: str, earlier: Earlier, status: Status) -> End:
    """How the run ended: as another rank failed, where one did; else by its own word; without one, with ``status``."""
    if earlier.end:
        return as_ranks_ended(directory, earlier.begin, earlier.end)
    failed = failed_rank(directory, earlier.begin)  # that others were killed, too, says nothing
    return failed or End(time=earlier.time, status=status)


def bring_back(directory: str, uid: str) -> None:
    """Undo what a process left half done that was killed while it set this run aside: all but its journal may lie
    in ``previous/<uid>`` already."""
    aside = os.path.join(directory, layout.PREVIOUS, os.path.basename(uid))
    if os.path.isdir(aside) and not os.path.islink(aside) and not os.path.lexists(layout.journal_path(aside)):
        _move_all(aside, directory)


def _move_all(source: str, target: str) -> None:
    """Move what is in the folder ``source`` to ``target``; what is there already stays as it is."""
    for name in os.listdir(source):
        old, new = os.path.join(source, name), os.path.join(target, name)
        if not os.path.lexists(new):
            os.rename(old, new)
        elif os.path.isdir(old) and os.path.isdir(new):
            _move_all(old, new)
    with contextlib.suppress(OSError):  # what was not moved
        os.rmdir(source)


def begins_before(directory: str, begin: Begin) -> Iterator[Begin]:
    """How the attempts before that of ``begin`` began, the newest first."""
    journal = layout.journal_path(directory)
    at: int | None = None
    while begin.attempt > 1 and (found := last_record(journal, Begin, marker(Begin), at)):
        earlier, at = found
        if isinstance(earlier, Begin) and earlier.attempt < begin.attempt:
            yield earlier


def attempts_before(directory: str, begin: Begin) -> Earlier | None:
    """What was there when the attempt that began with ``begin`` came; None where that is the first."""
    if begin.attempt == 1:
        return None
    with contextlib.suppress(OSError):
        found = last_record(layout.journal_path(directory), Begin, marker(Begin))
        if found and isinstance(found[0], Begin) and found[0].attempt == begin.attempt:
            return Earlier(begin, None, begin.time, found[1])
    return None


class Finished(NamedTuple):
    """How many ``epochs`` a run has finished, and whether it was stopped behind them: no further one is to come."""

    epochs: int = 0
    stopped: bool = False


def finished_epochs(directory: str, earlier: Earlier) -> Finished:
    """Which epochs were finished before the run went on."""
    path = layout.journal_path(directory)
    found = last_record(path, Epoch, marker(Epoch), earlier.size)
    if not found or not isinstance(found[0], Epoch):
        return Finished()
    finished = Finished(found[0].number + 1, found[0].last)
    for again in _backwards(path, Superseded, marker(Superseded), earlier.size, found[1]):
        if isinstance(again, Superseded) and not again.only_epochs and again.epoch < finished.epochs:
            finished = Finished(again.epoch)  # they were begun again, and none was finished since
    return finished


def epoch_began(directory: str, epoch: int, before: int) -> int | None:
    """When ``epoch`` was begun the last time before the offset ``before``, as the end of the one before it tells;
    None where nothing tells it."""
    if epoch == 0:
        return 0
    for found in _backwards(layout.journal_path(directory), Epoch, marker(Epoch), before):
        if isinstance(found, Epoch) and found.number == epoch - 1:
            return found.time
    return None


def superseded_in(path: str, before: int | None = None) -> list[Superseded]:
    """What supersedes something in a journal, the first one first."""
    found = [each for each in _backwards(path, Superseded, marker(Superseded), before) if isinstance(each, Superseded)]
    return found[::-1]


def _backwards(path: str, kind: type[Record], marked: bytes, before: int | None, behind: int = 0) -> Iterator[Record]:
    """The records of ``kind`` between two offsets, the last one first."""
    while found := last_record(path, kind, marked, before, behind):
        record, before = found
        yield record


def best_of(directory: str, name: str, mode: str, before: int) -> Best | None:
    """The best value of the metric ``name`` before the offset ``before``; None where something else was better then."""
    path = layout.journal_path(directory)
    superseded = superseded_in(path, before)
    for best in _backwards(path, Best, best_marker(name), before):
        if isinstance(best, Best) and not any(each.covers(best) for each in superseded):
            return best if best.mode == mode else None
    return None


def last_step(directory: str, axis: str, earlier: Earlier) -> int:
    """The step that was last logged on ``axis`` before the run went on, and counts; -1 where none was."""
    path = layout.journal_path(directory)
    superseded = superseded_in(path)
    for found in _backwards(path, Log, marker(Log, axis), earlier.size):
        if isinstance(found, Log) and found.axis == axis and counting([found], superseded):
            return found.step
    return -1
