"""A file or folder as it is at one moment, whatever becomes of it before the copy is done.

What is open is not gone when it is deleted, or another file takes its name. What is written into is: that is found out.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import NamedTuple, Self

from .open_file import Descriptor, OpenFile

FILES = 64
"""The most that are kept open at once."""

_PIECE = 2**20
_CLONE = (
    0x40049409  # FICLONE: the other file has the same blocks, which are copied where one of the two is written into
)


class Changed(OSError):
    """It was written into while it was copied."""


class _Held(NamedTuple):
    inside: str
    file: Descriptor
    was: tuple[int, int]


class Snapshot:
    """What is at ``source`` now. Used as a block, which gives its files back.

    Args:
        source: a file or folder; what a link leads to is taken in the link's place.

    Attributes:
        device: that it lies on.
        size: the bytes of all its files.
        is_whole: whether all its files are held: a folder has not too many.

    Raises:
        OSError: it cannot be read.
    """

    def __init__(self, source: str) -> None:
        import hashlib  # in the thread of who asks: the copy may be made in another, which imports nothing

        self._sha256 = hashlib.sha256()
        self._source = source
        self.device = os.stat(source).st_dev
        self._is_folder = os.path.isdir(source)
        self._folders: list[str] = []
        self._held: list[_Held] = []
        self.size, self.is_whole = 0, True
        try:
            for path, inside in _files_in(source, "", self._folders):
                self._take(path, inside)
        except BaseException:
            self.close()
            raise

    def _take(self, path: str, inside: str) -> None:
        there = os.stat(path)
        if not stat.S_ISREG(there.st_mode):  # to open a pipe would wait for its writer
            raise OSError(errno.EINVAL, "it is neither a file nor a folder", path)
        self.size += there.st_size
        if self.is_whole:
            file = OpenFile(path, os.O_RDONLY)
            self._held.append(_Held(inside, file, _state(file)))
            self.is_whole = len(self._held) < FILES

    def clone(self, target: str) -> bool:
        """Have ``target`` be the same at once, where the file system can; whether it is."""
        if not self.is_whole:
            return False
        try:
            for held, new in self._made(target):
                fcntl.ioctl(new.fd, _CLONE, held.file.fd)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EXDEV, errno.ENOTTY, errno.EINVAL, errno.ENOSYS, errno.EPERM):
                return False
            raise
        return True

    def copy(self, target: str, further: Callable[[], object] = lambda: None) -> str:
        """Copy it to ``target``; a file's SHA-256 in hex, of a folder nothing. ``further`` is called now and then.

        Raises:
            Changed: somebody wrote into it.
            OSError: the disk refuses.
        """
        for held, new in self._made(target):
            at = 0
            while piece := os.pread(_own(held.file), _PIECE, at):
                at += len(piece)
                self._sha256.update(piece)
                new.write(piece)
                further()
            if _state(held.file) != held.was:
                raise Changed(errno.EBUSY, "it was written into while it was copied", self._source)
        return "" if self._is_folder else self._sha256.hexdigest()

    def _made(self, target: str) -> Iterator[tuple[_Held, Descriptor]]:
        """The files in ``target``, made anew and open."""
        for folder in self._folders:
            os.makedirs(os.path.join(target, folder), 0o700, exist_ok=True)
        for held in self._held:
            path = os.path.join(target, held.inside) if self._is_folder else target
            new = OpenFile(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW)
            try:
                yield held, new
            finally:
                new.close()

    def close(self) -> None:
        """Give the files back."""
        while self._held:
            self._held.pop().file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _own(file: Descriptor) -> int:
    """Its number, if that is still ours: somebody may have closed all descriptors."""
    if not file.is_ours:
        raise OSError(errno.EBADF, "somebody closed the file while it was copied")
    return file.fd


def _state(file: Descriptor) -> tuple[int, int]:
    now = os.fstat(_own(file))
    return now.st_size, now.st_mtime_ns


def _files_in(path: str, inside: str, folders: list[str]) -> Iterator[tuple[str, str]]:
    """Each file at or in ``path``, and where in it; all folders are added to ``folders``."""
    if not os.path.isdir(path):
        yield path, inside
        return
    folders.append(inside)
    for name in sorted(os.listdir(path)):
        yield from _files_in(os.path.join(path, name), os.path.join(inside, name), folders)
