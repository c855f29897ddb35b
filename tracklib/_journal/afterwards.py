"""Saying something in a run from outside: in its journal where nobody owns it, else as another process of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from msgspec.structs import replace

from ..errors import RunDirectoryError
from . import layout
from .directory import cannot_be_used, owned
from .journal import Journal
from .last_attempt import Earlier, earlier_run, settled
from .records import Note, Tags
from .writers import Writer


def say(directory: str, records: Sequence[Note | Tags]) -> bool:
    """Say ``records``, whose time is now, in the run in ``directory``; whether it goes on, and takes them over itself.

    A run whose process died without a word is settled first, as by ``tracklib sync``: it was killed.

    Raises:
        RunDirectoryError: there is no run, or the directory cannot be written.
    """
    try:
        try:
            with owned(directory):
                _say_owned(directory, records)
            return False
        except RunDirectoryError as error:
            if not error.in_use:
                raise
        _say_beside(directory, records)
        return True
    except OSError as error:
        raise error if isinstance(error, RunDirectoryError) else cannot_be_used(directory, error) from error


def _say_owned(directory: str, records: Sequence[Note | Tags]) -> None:
    found = _need_run(directory)
    with contextlib.ExitStack() as stack:
        journal = Journal(layout.journal_path(directory), _refuse, after=found.time)
        stack.callback(journal.let_go)
        settled(journal, found)
        _append(journal, records)


def _say_beside(directory: str, records: Sequence[Note | Tags]) -> None:
    journal = Writer(directory, _need_run(directory).begin)
    _append(journal, records)


def _append(journal: Journal, records: Sequence[Note | Tags]) -> None:
    for record in records:
        journal.append(replace(record, time=journal.now(later=True)))
    journal.sync()
    if journal.waiting:
        raise RunDirectoryError(f"{journal.path} cannot be written: free some space, and say it again")


def _need_run(directory: str) -> Earlier:
    found = earlier_run(directory)
    if found is None:
        raise RunDirectoryError(f"{directory} holds no run: no line of its {layout.JOURNAL} says how one began")
    return found


def _refuse(trouble: str) -> None:
    raise RunDirectoryError(trouble)
