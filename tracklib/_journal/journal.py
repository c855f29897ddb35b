"""The journal: one file that holds all that a run said, and is the only queue.

A line is a JSON object whose first member is the CRC of the rest, and LF. It counts only when its LF is
there and its CRC is right, so any prefix of the file recovers exactly. :class:`Journal` appends with one
``os.write`` a record and no lock; a ``Reader`` follows from an offset of its own.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import os
import threading
from collections.abc import Callable

from .._common import clock
from .._common.open_file import OpenFile, open_made
from .encoding import encode
from .lines import line_of
from .lock import close, renew
from .mirror import Mirror
from .records import Record
from .run_clock import RunClock
from .tail import ends_with_newline, whole_size

BACKLOG_BYTES = 64 * 2**20
SYNC_SECONDS = 1.0
_TEAR_END = b" \n"  # the space spoils a torn line that lacks its LF only: it comes again, and must not count twice


class Journal:
    """The writing end.

    Guarantees:
        - When :meth:`append` returns, the record is in the file (it survives the process's death), or,
          while the disk refuses it, in a backlog of at most 64 MB that each later call tries again.
        - Threads and forked children may append at once: each record is one ``O_APPEND`` write.
        - :meth:`append` takes no lock, except while a backlog waits.
        - A file that somebody deletes is put back from the open one, within about a second.
        - The file stays open as long as somebody may be in :meth:`append`: until the object is gone.

    Args:
        path: the file; made with mode 0600 if it is not there.
        on_trouble: told once, in words, when the disk begins to refuse records.
        after: no record is earlier than this, in milliseconds since 1970, UTC.

    Attributes:
        clock: the records' times; ``now`` is its own.
        lost: how many records neither the disk nor the backlog took.
    """

    def __init__(self, path: str, on_trouble: Callable[[str], None], after: int = 0) -> None:
        self.path = path
        self.lost = 0
        self._on_trouble = on_trouble
        self._file = OpenFile(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
        self._size = 0
        self._torn = not ends_with_newline(self._file.fd)
        self._unsynced = False
        self._synced_at = clock.steady()
        self._start_clock(after)
        self._in_child = False
        self._child_spill = ""
        self._untold: collections.deque[str] = collections.deque()
        self._mirror = Mirror(self._file, path, self._untold.append)
        self._start_backlog()

    def _start_clock(self, after: int) -> None:
        self.clock = RunClock(after)
        self.now = self.clock.now

    def _start_backlog(self) -> None:
        self._backlog: collections.deque[bytes] = collections.deque()
        self._backlog_bytes = 0
        self._backlog_lock = threading.RLock()
        self._sync_lock = threading.Lock()

    def append(self, record: Record) -> None:
        """Write ``record`` as one line. Never raises for the disk's trouble."""
        line = line_of(encode(record))
        if self._backlog or self._torn:
            self._append_behind(line)
        elif trouble := self._write(line):
            self._append_behind(line, trouble)

    def _write(self, line: bytes) -> str:
        """Try; the reason if the line is not whole in the file."""
        try:
            # A worker that was forked may make itself a daemon, and has no thread that asks once a second.
            written = os.write(self._file.checked() if self._in_child else self._file.fd, line)
        except OSError as error:
            return self._write(line) if error.errno == errno.EBADF and self._opens_again() else str(error)
        self._unsynced = True
        if written == len(line):
            return ""
        # Half a line is in the file now, and nothing takes it out: other threads and forked children may have written
        # behind it already. So the next line begins with LF. Without it, it would be glued to the half one, and the
        # checksum would refuse both.
        self._torn = True
        return os.strerror(errno.ENOSPC)

    def _opens_again(self) -> bool:
        """Whether the file is open, also if somebody closed all descriptors; asked about once a second."""
        with self._backlog_lock, contextlib.suppress(OSError):
            self._file.checked()
            return True
        return False

    def _append_behind(self, line: bytes, trouble: str = "") -> None:
        with self._backlog_lock:
            if not trouble:
                trouble = self._spend_backlog()
            if not trouble and not self._backlog:
                trouble = self._write_after_tear(line)
            if trouble:
                self._keep(line, trouble)
        self._tell()

    def _tell(self) -> None:
        """Tell the troubles while no lock of ours is held: who hears it may log, and wait for another who does."""
        while self._untold:
            with contextlib.suppress(IndexError):  # another thread tells it
                self._on_trouble(self._untold.popleft())

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
        if self._child_spill and self._spilled(line, trouble):
            return
        if self._backlog_bytes + len(line) > BACKLOG_BYTES:
            self.lost += 1
            if self.lost == 1:
                self._untold.append(
                    f"the backlog of {self.path} is full: records are being lost until it can be written"
                )
            return
        self._backlog.append(line)
        self._backlog_bytes += len(line)
        if len(self._backlog) == 1:
            self._untold.append(
                f"the journal {self.path} cannot be written ({trouble}): records wait in memory "
                f"(up to {BACKLOG_BYTES // 2**20} MB) and are tried again; free some space"
            )

    @property
    def place(self) -> str:
        """Where the file lies now: not at ``path``, if it was deleted and another run has taken its place."""
        return self._mirror.path

    def _spilled(self, line: bytes, trouble: str) -> bool:
        """In a forked child, which may be gone at any moment and has no thread to try again: write elsewhere."""
        try:
            with open(open_made(self._child_spill, os.O_WRONLY | os.O_APPEND), "wb", buffering=0) as file:
                if file.write(line) != len(line):
                    return False
        except OSError:
            return False
        self._untold.append(f"the journal {self.path} cannot be written ({trouble}): kept in {self._child_spill}")
        return True

    @property
    def waiting(self) -> int:
        """Records that the disk has not taken yet."""
        return len(self._backlog)

    @property
    def size(self) -> int:
        """How many bytes of whole lines the file holds; the last one known, where a network's file system is gone."""
        with contextlib.suppress(OSError):
            self._size = self._file.ask(whole_size)
        return self._size

    def tick(self) -> None:
        """About once a second's work, for a thread that is not the caller's: try the backlog, sync."""
        if clock.steady() - self._synced_at >= SYNC_SECONDS and self._sync_lock.acquire(blocking=False):
            try:
                self.sync()
            finally:
                self._sync_lock.release()

    def sync(self) -> None:
        """Have the disk hold what was appended, as far as it can. Never raises for the disk's trouble."""
        self._synced_at = clock.steady()
        self._opens_again()
        if self._backlog:
            with self._backlog_lock:
                self._spend_backlog()
        if self._unsynced:
            self._unsynced = False
            with contextlib.suppress(OSError):
                _fdatasync(self._file.fd)
        if not self._in_child:
            self._mirror.keep()
        renew(os.path.dirname(self.path))
        self._tell()

    def spill(self, path: str) -> None:
        """Move what still waits to another file, the last resort at the end of a run.

        It waits no more: a late tick would write into the journal what the next process takes from there.
        """
        with self._backlog_lock:
            fd = open_made(path, os.O_WRONLY | os.O_EXCL)
            with os.fdopen(fd, "wb") as file:
                file.writelines(self._backlog)
            self._backlog.clear()
            self._backlog_bytes = 0

    def after_fork_in_child(self, spill: str = "") -> None:
        """The parent writes its own backlog and mirror; the child starts with none, and with locks of its own."""
        self._in_child = True
        self._untold = collections.deque()
        self._start_backlog()
        self._child_spill = spill

    def let_go(self) -> None:
        """The run is over: the file may be another process's from now on."""
        self._mirror.let_go()
        self._tell()

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # it never opened
            close(self._file)


_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
