"""What trackers refused for good: ``rejected.jsonl``, a line for each record with the reason."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from .._common.open_file import content_of, open_made
from .._journal import layout
from .._journal.encoding import decode, encode
from .._journal.reader import Entry
from .._journal.records import Log, Record


class Refused(msgspec.Struct):
    """A line."""

    tracker: str
    reason: str
    record: msgspec.Raw
    ordinal: int = -1


def keep(directory: str, tracker: str, reason: str, entry: Entry) -> None:
    """Add a record that ``tracker`` refused.

    Raises:
        OSError: the disk refuses; the journal has the record too.
    """
    line = msgspec.json.encode(Refused(tracker, reason, msgspec.Raw(_as_said(entry.record)), entry.ordinal))
    with _locked(_path(directory)) as fd:
        os.write(fd, line + b"\n")


def refused_by(directory: str, tracker: str) -> dict[bytes, list[Entry]]:
    """The records that ``tracker`` refused, by their lines; a record that was refused twice may have two lines. Each
    entry's end is 0, so that to deliver it does not move the tracker's offset, which is beyond it already."""
    found: dict[bytes, list[Entry]] = {}
    for line in _lines(_path(directory)):
        with contextlib.suppress(ValueError, msgspec.MsgspecError):
            refused = msgspec.json.decode(line, type=Refused)
            if refused.tracker == tracker:
                record = decode(bytes(refused.record), refused.ordinal)
                found.setdefault(line, []).append(Entry(record, refused.ordinal, 0))
    return found


def forget(directory: str, lines: Iterable[bytes]) -> None:
    """Take these lines out, each once.

    Raises:
        OSError: the disk refuses.
    """
    gone, path = Counter(lines), _path(directory)
    if not gone or not os.path.exists(path):
        return
    with _locked(path):
        kept = []
        for line in _lines(path):
            gone[line] -= 1
            if gone[line] < 0:
                kept.append(line + b"\n")
        new = f"{path}.new"
        with open(open_made(new, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.writelines(kept)
        os.replace(new, path) if kept else os.unlink(path)
        if not kept:
            os.unlink(new)


def _path(directory: str) -> str:
    return os.path.join(directory, layout.REJECTED)


def _lines(path: str) -> list[bytes]:
    try:
        return content_of(path).splitlines()
    except OSError:
        return []


@contextlib.contextmanager
def _locked(path: str) -> Iterator[int]:
    """The file, open to append, while no other delivery writes it: a run's deliveries are in two processes.

    Who had the lock before may have put a new file in its place (:func:`forget`). What is then written to the old one
    would be lost, so the file is opened again until the one that is locked is the one at ``path``.
    """
    while True:
        fd = open_made(path, os.O_WRONLY | os.O_APPEND)
        try:
            with contextlib.suppress(OSError):  # a file system that knows no locks
                fcntl.flock(fd, fcntl.LOCK_EX)
            if _is_still(path, fd):
                yield fd
                return
        finally:
            os.close(fd)


def _is_still(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except OSError:
        return False


def _as_said(record: Record) -> bytes:
    """The record's JSON as it is in the journal, which holds no ordinals."""
    return encode(replace(record, ordinal=-1) if isinstance(record, Log) else record)
