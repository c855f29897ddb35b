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

from .._common.files import make_folder
from .._common.open_file import open_made
from . import layout
from .encoding import encode
from .journal import Journal
from .reader import Reader
from .records import Begin, Log, Record


def spill_folder() -> str:
    """The folder for temporary files; empty where there is none that can be used.

    To be asked first when a run begins, and never in a forked child: it takes a lock at the first time.
    """
    with contextlib.suppress(OSError):
        return tempfile.gettempdir()
    return ""


def spill_path(uid: str) -> str:
    """Where records of the run ``uid`` may be kept that its journal could not take: a name that is free.

    What an earlier attempt spilled may still lie there, while the disk is as full as it was.

    Raises:
        FileNotFoundError: there is no folder for temporary files.
    """
    names = itertools.chain([f"tracklib-{uid}.jsonl"], (f"tracklib-{uid}-{n}.jsonl" for n in itertools.count(2)))
    paths = (os.path.join(tempfile.gettempdir(), name) for name in names)
    return next(path for path in paths if not os.path.lexists(path))


def child_spill(folder: str, uid: str) -> str:
    """Where this process, forked inside the run ``uid``, keeps what the journal does not take; empty: nowhere."""
    return folder and os.path.join(folder, f"tracklib-{uid}-child-{os.getpid()}.jsonl")


def remember(directory: str, uid: str) -> None:
    """Leave word in ``directory`` that the run ``uid`` was spilled: an empty file, which a full disk takes.

    Without it nobody knows whose the directory is, where not even the run's beginning was written.
    """
    with contextlib.suppress(OSError):
        make_folder(os.path.dirname(_word(directory, uid)))
        os.close(open_made(_word(directory, uid), os.O_WRONLY))


def _word(directory: str, uid: str) -> str:
    return layout.state_path(directory, f"{layout.SPILLED}{uid}")


def spilled_begin(directory: str) -> Begin | None:
    """How the last attempt began, where that was spilled too."""
    words = glob.glob(_word(glob.escape(directory), "*"))
    uids = [os.path.basename(word).removeprefix(layout.SPILLED) for word in words]
    begins = [
        record for uid in uids for path in _spilled(uid) for record in _records(path) if isinstance(record, Begin)
    ]
    return begins[-1] if begins else None


def take_in(journal: Journal, uid: str) -> list[Record]:
    """Append what earlier processes spilled, each record once, and delete the spilled files.

    A crash in between does not double a record: those that the journal holds already are passed over.

    Returns:
        the records that were appended and that a disk which is still full has not taken.
    """
    paths = _spilled(uid)
    if not paths:
        return []
    spilled = {encode(record) for path in paths for record in _records(path)}
    known = {body for record in _records(journal.path) if (body := encode(record)) in spilled}
    appended: list[Record] = []
    for path in paths:
        new = [record for record in _records(path) if encode(record) not in known]
        for record in new:
            journal.append(record)
        known.update(map(encode, new))
        appended += new
    journal.sync()
    if journal.waiting:
        return appended[-journal.waiting :]
    for path in paths:
        os.unlink(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_word(os.path.dirname(journal.path), uid))
    return []


def _records(path: str) -> Iterator[Record]:
    """The file's records as they were appended: without the ordinals, which another file does not share."""
    with contextlib.closing(Reader(path)) as reader:
        for record in (entry.record for entry in reader.records()):
            yield replace(record, ordinal=-1) if isinstance(record, Log) else record


def _spilled(uid: str) -> list[str]:
    """The run's spilled files, the oldest first."""
    if not (folder := spill_folder()):
        return []
    pattern = os.path.join(glob.escape(folder), f"tracklib-{glob.escape(uid)}*.jsonl")
    return sorted(filter(_is_ours, glob.glob(pattern)), key=lambda path: (len(path), path))


def _is_ours(path: str) -> bool:
    """Whether it is a plain file of this user's: anybody may write into the folder."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
