"""A file that is built anew from the journal: it grows at its end, or is replaced whole."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator

from .._common.open_file import OpenFile
from ..errors import LifecycleError, TrackerLost

_COPY_BYTES = 2**20
_NEW = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW


class Projection:
    """The file while it is being written. Only its owner can read it.

    Attributes:
        path: where the file is; empty before the first :meth:`replace`.
        size: its bytes that hold whole entries; the next write goes there.
    """

    def __init__(self) -> None:
        self.path = ""
        self.size = 0
        self._head_size = 0
        self._file: OpenFile | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a file to write into."""
        return self._file is not None

    @property
    def is_empty(self) -> bool:
        """Whether the file holds nothing but its head."""
        return self.size == self._head_size

    def need(self) -> None:
        """Find out that somebody deleted the file, emptied it, or put another in its place.

        Raises:
            TrackerLost: so it is.
            LifecycleError: there is no file yet, or no more.
        """
        if self._file is None:
            raise LifecycleError("the file is not open: call init() before log()")
        with contextlib.suppress(FileNotFoundError):
            there = os.stat(self.path)
            if self._file.is_same(there) and there.st_size >= self.size:
                self._file.checked()
                return
        raise TrackerLost(f"{self.path} is gone: it is written anew")

    def write(self, content: bytes, at: int | None = None) -> None:
        """Write entries behind the last whole one, or over those from ``at`` on. What a failed write left behind
        is cut off first."""
        assert self._file is not None
        start = self.size if at is None else at
        self._file.ask(lambda fd: self._put(fd, content, start))
        self.size = start + len(content)

    def _put(self, fd: int, content: bytes, at: int) -> None:
        if os.fstat(fd).st_size > self.size:
            os.ftruncate(fd, self.size)
        while content:
            written = os.pwrite(fd, content, at)
            at += written
            content = content[written:]

    def replace(
        self,
        path: str,
        temporary: str,
        head: bytes,
        tail: bytes = b"",
        *,
        keep: int | None = None,
        changed: Callable[[bytes], bytes] = bytes,
        placing: Callable[[], object] = lambda: None,
    ) -> None:
        """Put another file in place, so that a reader finds the old one or the new one.

        Args:
            path: where it belongs.
            temporary: where it is written, in the same folder.
            head: how it begins.
            tail: how it ends; between the two is what stands in the old file behind its head.
            keep: the old file's entries are taken over up to this byte; None takes all.
            changed: made of each piece of them.
            placing: called when the file is written, before it is put in place.

        Raises:
            OSError: the disk refuses; the old file is there as it was.
        """
        new = OpenFile(temporary, _NEW)
        try:
            new.write(head)
            for piece in self._entries(self.size if keep is None else keep):
                new.write(changed(piece))
            new.write(tail)
            placing()
            size = os.fstat(new.fd).st_size
            os.replace(temporary, path)
        except BaseException:
            new.close()
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        self.close()
        new.path = path
        self._file, self.path, self._head_size, self.size = new, path, len(head), size

    def _entries(self, end: int) -> Iterator[bytes]:
        at = self._head_size
        while self._file and at < end and (piece := self._file.ask(functools.partial(_piece, at=at, end=end))):
            at += len(piece)
            yield piece

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file = None


def _piece(fd: int, at: int, end: int) -> bytes:
    return os.pread(fd, min(_COPY_BYTES, end - at), at)


def is_as_long(path: str, size: str | None) -> bool:
    """Whether the file ``path`` is there, and as long as it was at its run's end."""
    with contextlib.suppress(OSError):
        return str(os.stat(path, follow_symlinks=False).st_size) == size
    return False
