"""The last resort of a full disk: what the journal could not take, in the folder for temporary files."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile

from ._journal import Journal, Reader
from ._records import encode


def spill_path(uid: str) -> str:
    """Where the records of the run ``uid`` are kept that its journal could not take."""
    return os.path.join(tempfile.gettempdir(), f"tracklib-{uid}.jsonl")


def take_in(journal: Journal, uid: str) -> None:
    """Append what an earlier process spilled, each record once, and delete the spilled file.

    A crash in between does not double a record: those that the journal's end holds already are passed over.
    """
    path = spill_path(uid)
    if not _is_ours(path):
        return
    with contextlib.closing(Reader(journal.path, _tail(journal, path))) as end:
        known = {encode(entry.record) for entry in end.records()}
    with contextlib.closing(Reader(path)) as spilled:
        for entry in spilled.records():
            if encode(entry.record) not in known:
                journal.append(entry.record)
    journal.sync()
    if not journal.waiting:
        os.unlink(path)


def _is_ours(path: str) -> bool:
    """Whether it is a plain file of this user's: anybody may write into the folder."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def _tail(journal: Journal, spilled: str) -> int:
    """An offset behind which the journal holds whatever was taken in before."""
    return max(0, journal.size - 2 * os.path.getsize(spilled) - 2**20)
