"""A file that is kept open, in a process where somebody else may close descriptors.

Libraries that daemonise or clean up close "all" of them, and the numbers go to the files that are opened next: what we
write would be in the user's own file, and what we close would be his. Where a process began without its standard
streams, 0 to 2 are free, and C code writes there. So ours are high numbers, which files opened next do not get; and
before what costs more than asking, it is asked whether the number is still ours.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from typing import TypeVar

from .high_numbers import TRIES, closed_each_time, identity, opened_high, pair_high, pipe_ends, socket_ends

T = TypeVar("T")


class Descriptor:
    """What is open, under a high number, and who it is.

    Args:
        fd: taken over.
        who: as the system tells of what is open.

    Attributes:
        fd: the number, as far as nobody else closed it.
    """

    def __init__(self, fd: int, who: os.stat_result) -> None:
        self.fd = fd
        self._who = identity(who)

    def is_same(self, there: os.stat_result) -> bool:
        """Whether ``there`` is of the same file."""
        return identity(there) == self._who

    @property
    def is_ours(self) -> bool:
        """Whether the number is still this file's."""
        with contextlib.suppress(OSError):
            return not self._is_other(self.fd)
        return False

    def write(self, content: bytes) -> None:
        """Write all of it.

        Raises:
            OSError: the disk refuses, or somebody closed the descriptor meanwhile.
        """
        while content:
            if not self.is_ours or not (written := os.write(self.fd, content)):
                raise OSError(errno.ESTALE, "somebody closed its descriptor, or the disk takes nothing")
            content = content[written:]

    def close(self) -> None:
        """Close it, if that is still ours to do: unless it is closed, or another file. A disk that does not tell is no
        reason to keep it open."""
        fd, self.fd = self.fd, -1
        with contextlib.suppress(OSError):
            if self._is_other(fd):
                return
        with contextlib.suppress(OSError):
            os.close(fd)

    def _is_other(self, fd: int) -> bool:
        """Whether the number is no longer this file's.

        Raises:
            OSError: the disk does not tell.
        """
        try:
            return not self.is_same(os.fstat(fd))
        except OSError as error:
            if error.errno == errno.EBADF:
                return True
            raise


def pipe() -> tuple[Descriptor, Descriptor]:
    """A pipe's end to read from, and that to write to."""
    return _pair(pipe_ends, stat.S_ISFIFO)


def socket_pair() -> tuple[Descriptor, Descriptor]:
    """The two ends of a socket."""
    return _pair(socket_ends, stat.S_ISSOCK)


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
        self._again = flags & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC)
        super().__init__(*opened_high(path, flags))

    def checked(self) -> int:
        """The descriptor; a new one, where somebody closed it.

        Raises:
            OSError: so it is, and the file is not at its path; or the disk does not tell.
        """
        if self._is_other(self.fd):
            fd, there = opened_high(self.path, self._again, self.fd)  # by the old number, which may be hoped for
            if not self.is_same(there):
                os.close(fd)
                raise OSError(errno.ESTALE, "somebody closed its descriptor, and another file is there now", self.path)
            self.fd = fd
        return self.fd

    def ask(self, question: Callable[[int], T]) -> T:
        """What ``question`` gives with the descriptor. It is asked again where somebody closes that meanwhile: it may
        read, and write to a place of its own.

        Raises:
            OSError: the disk refuses, or the file is not at its path.
        """
        for _ in range(TRIES):
            try:
                return question(self.checked())
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise
        raise closed_each_time(self.path)


def content_of(path: str) -> bytes:
    """The file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    return ask(path, _whole)


def ask(path: str, question: Callable[[int], T]) -> T:
    """What ``question`` gives with a descriptor of the file ``path``, as :meth:`OpenFile.ask` asks it.

    Raises:
        OSError: it cannot be read.
    """
    file = OpenFile(path, os.O_RDONLY)
    try:
        return file.ask(question)
    finally:
        file.close()


def _whole(fd: int) -> bytes:
    content = b""
    while part := os.pread(fd, 2**20, len(content)):
        content += part
    return content


def put_in_place(temporary: str, path: str, content: bytes) -> None:
    """Write a file so that a reader of ``path`` finds the old one or the new one, by way of ``temporary``.

    Raises:
        OSError: the disk refuses, or somebody closed the descriptor meanwhile.
    """
    file = OpenFile(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW)
    try:
        file.write(content)
    finally:
        file.close()
    os.replace(temporary, path)


def opened(path: str, flags: int) -> int:
    """A high descriptor of the file ``path``. A file that is made is for those whom its folder is shared with.

    Raises:
        OSError: it cannot be opened.
    """
    return opened_high(path, flags)[0]


def open_made(path: str, flags: int) -> int:
    """As :func:`opened`; the file is made where it is not there, and no link is followed.

    Raises:
        OSError: it cannot be opened.
    """
    return opened(path, flags | os.O_CREAT | os.O_NOFOLLOW)


def _pair(make: Callable[[], tuple[int, int]], is_such: Callable[[int], bool]) -> tuple[Descriptor, Descriptor]:
    one, other = pair_high(make, is_such)
    return Descriptor(*one), Descriptor(*other)
