"""The run that a directory holds already: who it is, and how it ended."""

from __future__ import annotations

import os
from typing import NamedTuple

from ._journal import FILENAME, Journal, last_record
from ._records import Begin, Best, End, Epoch, Log, Status, best_marker, marker
from ._spill import take_in
from ._state import load_begin


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
    journal = os.path.join(directory, FILENAME)
    if not os.path.lexists(journal):
        return None
    begin = _last_begin(directory, journal)
    if begin is None:
        return None
    ended = last_record(journal, End, marker(End))
    end = ended[0] if ended and ended[0].time >= begin.time else None
    newest = last_record(journal)
    time = max(begin.time, newest[0].time if newest else 0)
    return Earlier(begin, end if isinstance(end, End) else None, time, os.path.getsize(journal))


def _last_begin(directory: str, journal: str) -> Begin | None:
    """How the last attempt began, by the journal; by the second copy, where the journal's line is damaged."""
    found = last_record(journal, Begin, marker(Begin))
    begin = found[0] if found else None
    kept = load_begin(directory)
    if kept and (not isinstance(begin, Begin) or (begin.uid == kept.uid and begin.attempt < kept.attempt)):
        return kept
    return begin if isinstance(begin, Begin) else None


def settled(journal: Journal, earlier: Earlier) -> Earlier:
    """The run as it stands once nobody owns it: what was spilled is taken in, and without an end it was killed."""
    take_in(journal, earlier.begin.uid)
    earlier = earlier_run(os.path.dirname(journal.path)) or earlier
    if earlier.end is None:
        end = End(time=earlier.time, status=Status.KILLED)
        journal.append(end)
        journal.sync()
        earlier = earlier._replace(end=end, size=journal.size, was_cut_off=True)
    return earlier


def finished_epochs(directory: str, earlier: Earlier) -> int:
    """How many epochs were finished before the run went on."""
    found = last_record(os.path.join(directory, FILENAME), Epoch, marker(Epoch), earlier.size)
    return found[0].number + 1 if found and isinstance(found[0], Epoch) else 0


def best_of(directory: str, name: str, mode: str, earlier: Earlier) -> Best | None:
    """The best value of the metric ``name`` before the run went on; None where something else was better then."""
    found = last_record(os.path.join(directory, FILENAME), Best, best_marker(name), earlier.size)
    return found[0] if found and isinstance(found[0], Best) and found[0].mode == mode else None


def last_step(directory: str, axis: str, earlier: Earlier) -> int:
    """The step that was last logged on ``axis`` before the run went on; -1 where none was."""
    found = last_record(os.path.join(directory, FILENAME), Log, marker(Log, axis), earlier.size)
    return found[0].step if found and isinstance(found[0], Log) else -1
