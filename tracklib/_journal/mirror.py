"""A journal that somebody deleted while it is being written: the open file goes on, and is copied back."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable

from .._common.files import make_folder
from .._common.open_file import OpenFile, open_made, opened
from . import layout, lock

_CHUNK = 2**20


class Mirror:
    """Keeps a file where a person finds it, though its directory entry may be gone.

    Whoever has the file open goes on with it, at the same offsets: writers, forked children, readers.
    The copy that is put in place is a prefix of it, byte for byte, and grows with each :meth:`keep`.
    Where another run has taken the place meanwhile, the copy goes into its ``previous/``.

    Args:
        file: the open file, which must outlive the mirror.
        path: where the file belongs.
        on_trouble: told once, in words, that it was gone.

    Attributes:
        path: where the file lies now.
    """

    def __init__(self, file: OpenFile, path: str, on_trouble: Callable[[str], None]) -> None:
        self._file = file
        self._on_trouble = on_trouble
        self.path = path
        self._there = _identity(os.fstat(file.fd))
        self._copied = -1  # bytes that the copy holds; -1 while there is none
        self._owned: OpenFile | None = None
        self._keeping = threading.Lock()  # the run's end may come while a delivery keeps it

    def keep(self) -> None:
        """Put the file, or what was added to it, in place. Where the disk refuses, a later call does it."""
        with self._keeping, contextlib.suppress(OSError):
            if not self._is_there() and os.fstat(self._file.checked()).st_nlink == 0:  # else somebody moved it
                self._put_back()
            if self._copied >= 0:
                self._copy()

    def _is_there(self) -> bool:
        try:
            return _identity(os.stat(self.path)) == self._there
        except FileNotFoundError:
            return False

    def _put_back(self) -> None:
        folder = os.path.dirname(self.path)
        if os.path.lexists(self.path):
            folder = os.path.join(folder, layout.PREVIOUS, time.strftime("restored-%Y%m%d-%H%M%S"))
        make_folder(folder)
        path = os.path.join(folder, os.path.basename(self.path))
        fd = open_made(path, os.O_WRONLY | os.O_EXCL)
        self._there = _identity(os.fstat(fd))
        os.close(fd)
        lock.close(self._owned)
        self._owned = lock.try_lock(os.path.join(folder, layout.LOCK))
        if self._copied < 0 or path != self.path:
            where = "it is put back" if path == self.path else f"another run is there, so it is kept as {path}"
            self._on_trouble(f"{self.path} was deleted while its run is going on: {where}")
        self.path = path
        self._copied = 0

    def _copy(self) -> None:
        copy = opened(self.path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            while chunk := os.pread(self._file.checked(), _CHUNK, self._copied):
                self._copied += os.pwrite(copy, chunk, self._copied)
        finally:
            os.close(copy)

    def let_go(self) -> None:
        """The run is over: the copy may be another process's from now on."""
        self.keep()
        owned, self._owned = self._owned, None
        lock.close(owned)


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino
