"""The journal: one file that holds all that a run said, and is the only queue.

A line is ``crc32(json) as 8 hex digits, space, JSON object, LF``. It counts only when its LF is there
and its CRC is right, so any prefix of the file recovers exactly. :class:`Journal` appends with one
``os.write`` a record and no lock; :class:`Reader` follows from an offset of its own.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import fcntl
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from ._records import Record, decode, encode
from .errors import RunDirectoryError

FILENAME = "journal.jsonl"
BACKLOG_BYTES = 64 * 2**20
SYNC_SECONDS = 1.0
_CHUNK = 2**20
_TEAR_END = b" \n"  # the space spoils a torn line that lacks its LF only: it comes again, and must not count twice


class Journal:
    """The writing end.

    Guarantees:
        - When :meth:`append` returns, the record is in the file (it survives the process's death), or,
          while the disk refuses it, in a backlog of at most 64 MB that each later call tries again.
        - Threads and forked children may append at once: each record is one ``O_APPEND`` write.
        - :meth:`append` takes no lock, except while a backlog waits.

    Args:
        path: the file; made with mode 0600 if it is not there.
        on_trouble: told once, in words, when the disk begins to refuse records.
    """

    def __init__(self, path: str, on_trouble: Callable[[str], None]) -> None:
        self.path = path
        self.lost = 0
        self._on_trouble = on_trouble
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._torn = not _ends_with_newline(self._fd)
        self._unsynced = False
        self._synced_at = time.monotonic()
        self._last_time = 0
        self._start_backlog()

    def _start_backlog(self) -> None:
        self._backlog: collections.deque[bytes] = collections.deque()
        self._backlog_bytes = 0
        self._backlog_lock = threading.RLock()
        self._sync_lock = threading.Lock()

    def now(self) -> int:
        """Milliseconds since the epoch, never less than at an earlier call."""
        self._last_time = now = max(self._last_time, time.time_ns() // 1_000_000)
        return now

    def append(self, record: Record) -> None:
        """Write ``record`` as one line. Never raises for the disk's trouble."""
        body = encode(record)
        line = b"%08x %b\n" % (zlib.crc32(body), body)
        if self._backlog or self._torn:
            self._append_behind(line)
        elif trouble := self._write(line):
            self._append_behind(line, trouble)

    def _write(self, line: bytes) -> str:
        """Try once; the reason if the line is not whole in the file."""
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            return str(error)
        self._unsynced = True
        if written == len(line):
            return ""
        self._torn = True
        return os.strerror(errno.ENOSPC)

    def _append_behind(self, line: bytes, trouble: str = "") -> None:
        with self._backlog_lock:
            if not trouble:
                trouble = self._spend_backlog()
            if not trouble and not self._backlog:
                trouble = self._write_after_tear(line)
            if trouble:
                self._keep(line, trouble)

    def _spend_backlog(self) -> str:
        while self._backlog:
            if trouble := self._write_after_tear(self._backlog[0]):
                return trouble
            self._backlog_bytes -= len(self._backlog.popleft())
        return ""

    def _write_after_tear(self, line: bytes) -> str:
        if not self._torn:
            return self._write(line)
        self._torn = False
        trouble = self._write(_TEAR_END + line)
        self._torn = self._torn or bool(trouble)
        return trouble

    def _keep(self, line: bytes, trouble: str) -> None:
        if self._backlog_bytes + len(line) > BACKLOG_BYTES:
            self.lost += 1
            if self.lost == 1:
                self._on_trouble(f"the backlog of {self.path} is full: records are being lost until it can be written")
            return
        self._backlog.append(line)
        self._backlog_bytes += len(line)
        if len(self._backlog) == 1:
            self._on_trouble(
                f"the journal {self.path} cannot be written ({trouble}): records wait in memory "
                f"(up to {BACKLOG_BYTES // 2**20} MB) and are tried again; free some space"
            )

    @property
    def waiting(self) -> int:
        """Records that the disk has not taken yet."""
        return len(self._backlog)

    def tick(self) -> None:
        """About once a second's work, for a thread that is not the caller's: try the backlog, sync."""
        if time.monotonic() - self._synced_at >= SYNC_SECONDS and self._sync_lock.acquire(blocking=False):
            try:
                self.sync()
            finally:
                self._sync_lock.release()

    def sync(self) -> None:
        """Have the disk hold what was appended, as far as it can. Never raises for the disk's trouble."""
        self._synced_at = time.monotonic()
        if self._backlog:
            with self._backlog_lock:
                self._spend_backlog()
        if self._unsynced:
            self._unsynced = False
            with contextlib.suppress(OSError):
                _fdatasync(self._fd)

    def spill(self, path: str) -> None:
        """Write what still waits to another file, the last resort at the end of a run."""
        with self._backlog_lock:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.writelines(self._backlog)

    def after_fork_in_child(self) -> None:
        """The parent writes its own backlog; the child starts with none, and with locks of its own."""
        self._start_backlog()

    def close(self) -> None:
        """Give the file back. A later :meth:`append` keeps its record in the backlog."""
        fd, self._fd = self._fd, -1
        _close(fd)


class Entry(NamedTuple):
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

    Attributes:
        offset: where the next read begins.
        damaged: how many lines were no records and were passed over.
    """

    def __init__(self, path: str, offset: int = 0, ordinal: int = 0) -> None:
        self.offset = offset
        self.ordinal = ordinal
        self.damaged = 0
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> list[Entry]:
        """The next records, as many as lie in about one MiB; empty at the end of the file.

        A last line without its LF is left for a later call: its writer may not be done.
        """
        entries: list[Entry] = []
        while not entries and (lines := self._whole_lines()):
            for line in lines.split(b"\n")[:-1]:
                self.offset += len(line) + 1
                record = _parse(line, self.ordinal)
                if record is not None:
                    entries.append(Entry(record, self.ordinal, self.offset))
                    self.ordinal += 1
                elif line:
                    self.damaged += 1
        return entries

    def _whole_lines(self) -> bytes:
        size = _CHUNK
        while True:
            chunk = os.pread(self._fd, size, self.offset)
            end = chunk.rfind(b"\n") + 1
            if end or len(chunk) < size:
                return chunk[:end]
            size *= 2

    def records(self) -> Iterator[Entry]:
        """All the records up to the end of the file as it is now."""
        while entries := self.read():
            yield from entries

    def close(self) -> None:
        """Give the file back."""
        _close(self._fd)


def _close(fd: int) -> None:
    """Close ``fd``, which somebody else's clean-up (a daemonising SDK) may have closed already."""
    with contextlib.suppress(OSError):
        os.close(fd)


def count_lines(path: str, offset: int) -> int:
    """How many lines of a journal lie behind ``offset``, by their LFs alone."""
    with open(path, "rb") as file:
        file.seek(offset)
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))


def _parse(line: bytes, ordinal: int) -> Record | None:
    body = line[9:]
    if line[:9] != b"%08x " % zlib.crc32(body):
        return None
    try:
        return decode(body, ordinal)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _ends_with_newline(fd: int) -> bool:
    size = os.fstat(fd).st_size
    return size == 0 or os.pread(fd, 1, size - 1) == b"\n"


_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync

# POSIX locks do not exclude a second holder in the same process. The process id is part of the key
# as a forked child gets a copy of the dict, but none of the locks.
_held: dict[tuple[int, str], object] = {}


@contextlib.contextmanager
def held(directory: str) -> Iterator[None]:
    """Own ``directory``'s journal for the length of a block.

    The lock is ``lockf``'s, which a forked orphan does not keep. It lies in a file of its own, as
    closing any descriptor of a locked file gives the lock back.

    Raises:
        RunDirectoryError: a live process owns it.
    """
    path = os.path.join(os.path.realpath(directory), "journal.lock")
    key, holder = (os.getpid(), path), object()
    if _held.setdefault(key, holder) is not holder:  # one step, so that of two threads one gets it
        raise _still_owned(directory)
    try:
        fd = _try_lock(path)
        if fd < 0:
            raise _still_owned(directory)
        try:
            yield
        finally:
            _close(fd)
    finally:
        del _held[key]


def _still_owned(directory: str) -> RunDirectoryError:
    return RunDirectoryError(
        f"{directory} belongs to a run that is still going on: choose another output_run, or end that run first"
    )


def _try_lock(path: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return -1
        raise
    return fd
