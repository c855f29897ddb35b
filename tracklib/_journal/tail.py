"""A journal's end: how long it is, and what is found from there backwards, so that a long one is not read."""

from __future__ import annotations

import contextlib
import os

import msgspec

from .._common.open_file import ask
from ..errors import RunDirectoryError
from .encoding import decode
from .format import UnknownFormat
from .lines import RECORD_HEAD, START, body_of
from .records import Record

_CHUNK = 2**20


def size_of(path: str) -> int:
    """How many bytes of whole lines the journal holds; 0 where its process died while it made the file."""
    return ask(path, whole_size)


def last_record(
    path: str, kind: type[Record] | None = None, marker: bytes = b"", before: int | None = None, behind: int = 0
) -> tuple[Record, int] | None:
    """The last record of ``kind`` whose line holds ``marker``, and that line's offset. Only lines are looked at that
    begin at the offset ``behind`` or later, and before the offset ``before``.

    A user's own text may look like the marker, or like a line's beginning. That does no harm: what is found is believed
    only if it is a whole line with a right checksum, and else the search goes on before it.

    Raises:
        RunDirectoryError: a newer tracklib has written it.
    """
    try:
        return ask(path, lambda fd: _last_record(fd, kind, marker, before, behind))
    except UnknownFormat as unknown:
        raise RunDirectoryError(unknown.said_of(path)) from None


def _last_record(
    fd: int, kind: type[Record] | None, marker: bytes, before: int | None, behind: int
) -> tuple[Record, int] | None:
    at = os.fstat(fd).st_size if before is None else before
    while (at := _rfind(fd, marker or START, at, behind)) >= 0:
        start = _rfind(fd, START, at + 1)
        body = body_of(_line_at(fd, start), RECORD_HEAD) if start >= 0 else b""
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            if body and isinstance(record := decode(body, -1), kind or object):
                return record, start
        at = start if body else at
    return None


def _rfind(fd: int, marker: bytes, end: int, behind: int = 0) -> int:
    """Where ``marker`` last begins before ``end``, and not before ``behind``; -1 if nowhere."""
    while end > behind:
        start = max(behind, end - _CHUNK)
        found = os.pread(fd, end - start + len(marker) - 1, start).rfind(marker)
        if found >= 0:
            return start + found
        end = start
    return -1


def _line_at(fd: int, start: int) -> bytes:
    """The line that begins at ``start``, without its LF; empty where it has none."""
    size = _CHUNK
    while True:
        chunk = os.pread(fd, size, start)
        line, found, _ = chunk.partition(b"\n")
        if found or len(chunk) < size:
            return line if found else b""
        size *= 2


def whole_size(fd: int) -> int:
    """The file's length without a last line that has no LF."""
    size = os.fstat(fd).st_size
    return _rfind(fd, b"\n", size) + 1 if size and os.pread(fd, 1, size - 1) != b"\n" else size


def ends_with_newline(fd: int) -> bool:
    """Whether nothing is cut off at the file's end."""
    size = os.fstat(fd).st_size
    return size == 0 or os.pread(fd, 1, size - 1) == b"\n"
