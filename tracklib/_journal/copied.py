"""How far each writer was copied into the journal: by the journal itself, which tells it of each record.

So that a long one is not read again each time, what it told up to a place is kept in ``state/copied``. That is written
when the disk holds the journal up to there, and is of no use where the journal has no line's beginning there.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import msgspec

from ..errors import RunDirectoryError
from . import layout
from .format import FORMAT
from .journal import Journal
from .reader import Reader
from .state import begins_line, read_line, write_line


class Mark(NamedTuple):
    """In a writer's file: the ordinal of the last record that was copied; and an offset, with its ordinal, up to which
    all is copied."""

    nth: int = -1
    offset: int = 0
    ordinal: int = 0


class _Copied(msgspec.Struct):
    uid: str
    offset: int
    writers: dict[str, Mark]
    format: int = FORMAT


def copied_in(directory: str, uid: str) -> dict[str, Mark]:
    """Where each writer stands that the journal has something of.

    Raises:
        OSError: the journal cannot be read.
    """
    path = layout.journal_path(directory)
    kept = _kept(directory)
    if kept is None or kept.uid != uid or not begins_line(path, kept.offset):
        kept = _Copied(uid, 0, {})
    marks = kept.writers
    with contextlib.closing(Reader(path, kept.offset)) as reader:
        for record in reader.records_with(b'"writer":"'):
            if record.writer:
                marks[record.writer] = marks.get(record.writer, Mark())._replace(nth=record.nth)
    return marks


def _kept(directory: str) -> _Copied | None:
    with contextlib.suppress(RunDirectoryError):  # a newer version's
        return read_line(layout.state_path(directory, layout.COPIED), _Copied)
    return None


def keep_copied(directory: str, uid: str, journal: Journal, marks: dict[str, Mark]) -> None:
    """Keep where each writer stands, which is in the journal. Where the disk refuses, it is read there again."""
    offset = journal.size
    journal.sync()
    with contextlib.suppress(OSError):
        write_line(layout.state_path(directory, layout.COPIED), _Copied(uid, offset, marks))
