"""A file that is kept open, in a process where somebody else may close descriptors.

Libraries that daemonise or clean up close "all" of them, and the numbers go to the files that are opened next: what we
write would be in the user's own file, and what we close would be his. Where a process began without its standard
streams, 0 to 2 are free, and C code writes there. So ours are high numbers, which files opened next do not get; and
before what costs more than asking, it is asked whether the number is still ours.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource

from .modes import open_made

_MOST = 1024


class Descriptor:
    """What is open, under a high number, and who it is.

    Args:
        fd: taken over.

    Attributes:
        fd: the number, as far as nobody else closed it.
    """

    def __init__(self, fd: int) -> None:
        self.fd = _high(fd)
        self._who = _identity(os.fstat(self.fd))

    def is_same(self, there: os.stat_result) -> bool:
        """Whether ``there`` is of the same file."""
        return _identity(there) == self._who

    @property
    def is_ours(self) -> bool:
        """Whether the number is still this file's."""
        with contextlib.suppress(OSError):
            return self.is_same(os.fstat(self.fd))
        return False

    def close(self) -> None:
        """Close it, if that is still ours to do."""
        if self.is_ours:
            fd, self.fd = self.fd, -1
            with contextlib.suppress(OSError):
                os.close(fd)


def pipe() -> tuple[Descriptor, Descriptor]:
    """A pipe's end to read from, and that to write to."""
    reads, writes = os.pipe()
    return Descriptor(reads), Descriptor(writes)


class OpenFile(Descriptor):
    """A file that is opened anew, where somebody closed it.

    Args:
        path: where it is. It is opened anew by this path, if that is the same file then.
        flags: as ``os.open`` takes them.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str, flags: int) -> None:
        self.path = path
        self._again = (flags | os.O_CLOEXEC) & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC)
        super().__init__(open_made(path, flags) if flags & os.O_CREAT else os.open(path, self._again))

    def checked(self) -> int:
        """The descriptor; a new one, where somebody closed it.

        Raises:
            OSError: so it is, and the file is not at its path.
        """
        if not self.is_ours:
            fd = _high(os.open(self.path, self._again), self.fd)  # another of ours may still hope for a lower number
            if not self.is_same(os.fstat(fd)):
                os.close(fd)
                raise OSError(errno.ESTALE, "somebody closed its descriptor, and another file is there now", self.path)
            self.fd = fd
        return self.fd


def put_in_place(temporary: str, path: str, content: bytes) -> None:
    """Write a file so that a reader of ``path`` finds the old one or the new one, by way of ``temporary``.

    Raises:
        OSError: the disk refuses, or somebody closed the descriptor meanwhile.
    """
    file = Descriptor(open_made(temporary, os.O_WRONLY | os.O_TRUNC))
    try:
        while content:
            if not file.is_ours or not (written := os.write(file.fd, content)):
                raise OSError(errno.ESTALE, "somebody closed its descriptor, or the disk takes nothing", temporary)
            content = content[written:]
    finally:
        file.close()
    os.replace(temporary, path)


def _high(fd: int, first: int = 0) -> int:
    """The same file under the number ``first``, else one in the middle of those that the process may have, else above
    2."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for least in (first, (min(most, _MOST) if most > 0 else _MOST) // 2, 3):
        if least < 3:
            continue
        with contextlib.suppress(OSError):  # there are as many open as may be
            high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)
            os.close(fd)
            return high
    return fd


def _identity(file: os.stat_result) -> tuple[int, int]:
    return file.st_dev, file.st_ino
