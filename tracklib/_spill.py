"""The last resort of a full disk: what the journal could not take, in the folder for temporary files."""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import stat
import tempfile
from collections.abc import Iterator

from msgspec.structs import replace

from ._journal import Journal, Reader
from ._records import Log, Record, encode


def spill_path(uid: str) -> str:
    """Where records of the run ``uid`` may be kept that its journal could not take: a name that is free.

    What an earlier attempt spilled may still lie there, while the disk is as full as it was.
    """
    names = itertools.chain([f"tracklib-{uid}.jsonl"], (f"tracklib-{uid}-{n}.jsonl" for n in itertools.count(2)))
    paths = (os.path.join(tempfile.gettempdir(), name) for name in names)
    return next(path for path in paths if not os.path.lexists(path))


def take_in(journal: Journal, uid: str) -> None:
    """Append what earlier processes spilled, each record once, and delete the spilled files.

    A crash in between does not double a record: those that the journal holds already are passed over.
    """
    paths = _spilled(uid)
    if not paths:
        return
    spilled = {encode(record) for path in paths for record in _records(path)}
    known = {body for record in _records(journal.path) if (body := encode(record)) in spilled}
    for path in paths:
        new = [record for record in _records(path) if encode(record) not in known]
        for record in new:
            journal.append(record)
        known.update(map(encode, new))
    journal.sync()
    if not journal.waiting:
        for path in paths:
            os.unlink(path)


def _records(path: str) -> Iterator[Record]:
    """The file's records as they were appended: without the ordinals, which another file does not share."""
    with contextlib.closing(Reader(path)) as reader:
        for record, _, _ in reader.records():
            yield replace(record, ordinal=-1) if isinstance(record, Log) else record


def _spilled(uid: str) -> list[str]:
    """The run's spilled files, the oldest first."""
    pattern = os.path.join(glob.escape(tempfile.gettempdir()), f"tracklib-{glob.escape(uid)}*.jsonl")
    return sorted(filter(_is_ours, glob.glob(pattern)), key=lambda path: (len(path), path))


def _is_ours(path: str) -> bool:
    """Whether it is a plain file of this user's: anybody may write into the folder."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
