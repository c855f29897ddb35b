"""The run that a directory holds already: who it is, and how it ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from . import layout
from .journal import Journal
from .records import Begin, Best, End, Epoch, Log, Status, best_marker, marker
from .spill import spilled_begin, take_in
from .state import Saved, furthest, load_begin, store_begin
from .tail import last_record, size_of


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
    """The run as it stands once nobody owns it: what was spilled is taken in, and without an end it was killed, or
    whatever else its ``status`` is."""
    directory = os.path.dirname(journal.path)
    bring_back(directory, earlier.begin.uid)
    waiting = take_in(journal, earlier.begin.uid)
    if journal.size != earlier.size:
        earlier = earlier_run(directory) or earlier
    for record in waiting:
        if isinstance(record, Begin):
            earlier = earlier._replace(begin=record, end=None)
        elif isinstance(record, End):
            earlier = earlier._replace(end=record)
    journal.be_after(earlier.time)
    if earlier.end is None:
        end = End(time=earlier.time, status=status)
        journal.append(end)
        journal.sync()
        earlier = earlier._replace(end=end, size=journal.size, was_cut_off=True)
    with contextlib.suppress(OSError):  # the second copy may be damaged, deleted or another run's
        store_begin(directory, earlier.begin)
    return earlier


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


def finished_epochs(directory: str, earlier: Earlier) -> int:
    """How many epochs were finished before the run went on."""
    found = last_record(layout.journal_path(directory), Epoch, marker(Epoch), earlier.size)
    return found[0].number + 1 if found and isinstance(found[0], Epoch) else 0


def best_of(directory: str, name: str, mode: str, earlier: Earlier) -> Best | None:
    """The best value of the metric ``name`` before the run went on; None where something else was better then."""
    found = last_record(layout.journal_path(directory), Best, best_marker(name), earlier.size)
    return found[0] if found and isinstance(found[0], Best) and found[0].mode == mode else None


def last_step(directory: str, axis: str, earlier: Earlier) -> int:
    """The step that was last logged on ``axis`` before the run went on; -1 where none was."""
    found = last_record(layout.journal_path(directory), Log, marker(Log, axis), earlier.size)
    return found[0].step if found and isinstance(found[0], Log) else -1
