"""Reading a journal, from an offset on, while it is written or later."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

import msgspec

from .._common.open_file import OpenFile, ask
from ..errors import RunDirectoryError
from .encoding import SILENT, decode, decode_logs
from .format import UnknownFormat
from .lines import RECORD_HEAD, START, body_of
from .records import Log, Record
from .tail import whole_size

_PIECE = 2**18  # its records stay in the processor's caches
_BEGINNING = re.compile(START + rb'[0-9a-f]{8}","type":"')
_CRC_END = len(START) + 8
_LOG = b'{"type":"log",'


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record, its ordinal, and the offset right behind its line."""

    record: Record
    ordinal: int
    end: int


class Reader:
    """The reading end: follows a journal from an offset, whoever writes it.

    Args:
        path: the journal.
        offset: bytes to pass over; the start of a line.
        ordinal: how many valid lines lie before ``offset``.

    A line that was cut off may have another writer's line right behind it: that one counts. A line
    whose CRC is right and which is of no kind that this version knows counts as a line, and is passed over.

    Attributes:
        offset: where the next read begins.
        damaged: how many lines were spoiled and passed over.
        is_behind: whether the last read left off before the end of the file.
    """

    def __init__(self, path: str, offset: int = 0, ordinal: int = 0) -> None:
        self.offset = offset
        self.ordinal = ordinal
        self.damaged = 0
        self.is_behind = False
        self._path = path
        self._file = OpenFile(path, os.O_RDONLY)

    def read(self) -> list[Entry]:
        """The next records, as many as lie in about 256 KiB; empty at the end of the file.

        A last line without its LF is left for a later call: its writer may not be done.

        Raises:
            RunDirectoryError: a newer tracklib has written it.
        """
        entries: list[Entry] = []
        while not entries and (lines := self._whole_lines()):
            offset, ordinal = self.offset, self.ordinal
            for line in lines.split(b"\n")[:-1]:
                offset += len(line) + 1
                body = body_of(line, RECORD_HEAD) or self._behind_tear(line)
                if body:
                    if record := self._record(body, ordinal):
                        entries.append(Entry(record, ordinal, offset))
                    ordinal += 1
            self.offset, self.ordinal = offset, ordinal
        return entries

    def read_apart(self) -> tuple[list[Log], list[Record]]:
        """As :meth:`read`, faster, as the logs are decoded all at once: first the logs, then the other records, without
        ordinals and offsets. Both are empty at the end of the file.

        The pieces are smaller: beside columns that grow, each takes place that is not given back.
        """
        logs: list[Log] = []
        others: list[Record] = []
        while not (logs or others) and (lines := self._whole_lines(_PIECE // 4)):
            bodies = [
                body
                for line in lines.split(b"\n")[:-1]
                if (body := body_of(line, RECORD_HEAD) or self._behind_tear(line))
            ]
            of_logs = [body for body in bodies if body.startswith(_LOG)]
            others = self._decoded([body for body in bodies if not body.startswith(_LOG)])
            known = decode_logs(of_logs)
            logs = known if known is not None else [each for each in self._decoded(of_logs) if isinstance(each, Log)]
            self.offset += len(lines)
            self.ordinal += len(bodies)
        return logs, others

    def records_with(self, *markers: bytes) -> Iterator[Record]:
        """The records, up to the end of the file, whose lines hold one of the ``markers``; without ordinals."""
        while lines := self._whole_lines():
            if any(marker in lines for marker in markers):
                found = [line for line in lines.split(b"\n")[:-1] if any(marker in line for marker in markers)]
                yield from self._decoded([body_of(line, RECORD_HEAD) or self._behind_tear(line) for line in found])
            self.offset += len(lines)

    def _decoded(self, bodies: list[bytes]) -> list[Record]:
        return [record for body in bodies if (record := self._record(body, -1))]

    def _record(self, body: bytes, ordinal: int) -> Record | None:
        """The record; None where it is of a kind that only a later version knows."""
        try:
            return decode(body, ordinal)
        except UnknownFormat as unknown:
            raise RunDirectoryError(unknown.said_of(self._path)) from None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _behind_tear(self, line: bytes) -> bytes:
        """The line that another writer appended to one that was cut off, if that is so; it is damaged anyway."""
        self.damaged += bool(line.strip())
        starts = [found.start() for found in _BEGINNING.finditer(line)]
        return next(filter(None, (body_of(line[start:], RECORD_HEAD) for start in reversed(starts))), b"")

    def _whole_lines(self, size: int = 0) -> bytes:
        size = size or _PIECE
        while True:
            chunk = self._file.ask(lambda fd, size=size: os.pread(fd, size, self.offset))  # type: ignore[misc]
            end = chunk.rfind(b"\n") + 1
            if end or len(chunk) < size:
                self.is_behind = len(chunk) == size
                return chunk[:end]
            size *= 2

    def go_to(self, offset: int, ordinal: int) -> None:
        """Read on from ``offset``, the start of a line, before which ``ordinal`` valid ones lie."""
        self.offset, self.ordinal = offset, ordinal
        self.damaged = 0

    @property
    def size(self) -> int:
        """How many bytes of whole lines the file holds."""
        return self._file.ask(whole_size)

    def records(self) -> Iterator[Entry]:
        """All the records up to the end of the file as it is now."""
        while entries := self.read():
            yield from entries

    def fileno(self) -> int:
        """The open file."""
        return self._file.checked()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # it never opened
            self.close()


def count_said(path: str, offset: int) -> int:
    """How many lines of a journal behind ``offset`` say something to a tracker."""
    return ask(path, lambda fd: _count_said(fd, offset))


def _count_said(fd: int, offset: int) -> int:
    with open(fd, "rb", closefd=False) as file:
        file.seek(offset)
        return sum(not line.startswith(SILENT, _CRC_END) for line in file if line.strip())
