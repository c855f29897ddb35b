"""A file that is kept open, in a process where somebody else may close descriptors.

Libraries that daemonise or clean up close "all" of them, and the numbers go to the files that are opened next: what we
write would be in the user's own file, and what we close would be his. Where a process began without its standard
streams, 0 to 2 are free, and C code writes there. So ours are high numbers, which files opened next do not get; and
before what costs more than asking, it is asked whether the number is still ours.

The system gives the lowest number that is free, and only then the file gets a high one. While that lasts somebody may
close the low one, and open a file of his own by it. So what was moved is asked who it is before anything is done with
it; where it is another file it was the user's, and ours is opened once more. The low number is closed only while it is
ours still. That is asked by :func:`os.get_blocking`, a system call during which no other thread of Python's can run, as
it can in ``fstat``: so ours are opened as what does not block, which files and pipes of the user's are not.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import resource
import socket
import stat
import sys
from collections.abc import Callable
from typing import TypeVar

from .modes import give_to_group

T = TypeVar("T")

_MOST = 1024
_TRIES = 20
_given = itertools.count()


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
        self._who = _identity(who)

    def is_same(self, there: os.stat_result) -> bool:
        """Whether ``there`` is of the same file."""
        return _identity(there) == self._who

    @property
    def is_ours(self) -> bool:
        """Whether the number is still this file's."""
        with contextlib.suppress(OSError):
            return self.is_same(os.fstat(self.fd))
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
        """Close it, if that is still ours to do."""
        if self.is_ours:
            fd, self.fd = self.fd, -1
            with contextlib.suppress(OSError):
                os.close(fd)


def pipe() -> tuple[Descriptor, Descriptor]:
    """A pipe's end to read from, and that to write to."""
    return _pair(_pipe, stat.S_ISFIFO)


def socket_pair() -> tuple[Descriptor, Descriptor]:
    """The two ends of a socket."""
    return _pair(_sockets, stat.S_ISSOCK)


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
        super().__init__(*_opened(path, flags))

    def checked(self) -> int:
        """The descriptor; a new one, where somebody closed it.

        Raises:
            OSError: so it is, and the file is not at its path.
        """
        if not self.is_ours:
            fd, there = _opened(self.path, self._again, self.fd)  # another of ours may still hope for a lower number
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
        for _ in range(_TRIES):
            try:
                return question(self.checked())
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise
        raise _closed_each_time(self.path)


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
    return _opened(path, flags)[0]


def open_made(path: str, flags: int) -> int:
    """As :func:`opened`; the file is made where it is not there, and no link is followed.

    Raises:
        OSError: it cannot be opened.
    """
    return opened(path, flags | os.O_CREAT | os.O_NOFOLLOW)


def _opened(path: str, flags: int, first: int = 0) -> tuple[int, os.stat_result]:
    for _ in range(_TRIES):
        low = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        flags &= ~os.O_EXCL  # it is made
        if found := _moved(low, lambda there: _is_at(path, there), first):
            if flags & os.O_CREAT:
                give_to_group(found[0], os.path.dirname(path))
            return found
    raise _closed_each_time(path)


def _pair(make: Callable[[], tuple[int, ...]], is_such: Callable[[int], bool]) -> tuple[Descriptor, Descriptor]:
    for _ in range(_TRIES):
        moved = [_moved(low, lambda there: is_such(there.st_mode), 0) for low in make()]
        found = [Descriptor(*each) for each in moved if each]
        if len(found) == len(moved):
            return found[0], found[1]
        for end in found:
            end.close()
    raise _closed_each_time("a pipe")


def _pipe() -> tuple[int, ...]:
    if sys.platform == "linux":
        return os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    return tuple(_not_blocking(fd) for fd in os.pipe())  # pragma: no cover  # macOS


def _sockets() -> tuple[int, ...]:
    return tuple(_not_blocking(end.detach()) for end in socket.socketpair())


def _not_blocking(fd: int) -> int:
    os.set_blocking(fd, False)
    return fd


def _moved(low: int, is_ours: Callable[[os.stat_result], bool], first: int) -> tuple[int, os.stat_result] | None:
    """The same file under another number than ``low``, and who it is; None where somebody closed that meanwhile."""
    with contextlib.suppress(OSError):  # one of them is closed
        fd = _high(low, first)
        there = os.fstat(fd)
        if not is_ours(there):  # it is the user's file, which is open by the low number still
            if fd != low:
                os.close(fd)
            return None
        with contextlib.suppress(OSError):
            if fd != low and _identity(os.fstat(low)) == _identity(there) and not os.get_blocking(low):
                os.close(low)
        os.set_blocking(fd, True)
        return fd, there
    return None


def _is_at(path: str, there: os.stat_result) -> bool:
    """Whether that file is the one at ``path``, or was until somebody deleted it."""
    try:
        return _identity(os.stat(path)) == _identity(there)
    except FileNotFoundError:
        return there.st_nlink == 0


def _high(fd: int, first: int) -> int:
    """The same file under the number ``first``, else a high one, else one above 2."""
    for least in (first, *_numbers(), 3):
        try:
            if least >= 3:
                return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise
    return fd  # there are as many open as may be


def _numbers() -> tuple[int, int]:
    """Where to look for a free one, in the upper half of those that the process may have. Each time behind the last:
    what somebody closed is written to for a second, maybe, until that is found out, and is no other file of ours by
    then."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(most, _MOST) if most > 0 else _MOST
    half = most // 2
    return half + next(_given) % max(1, most - half), half


def _closed_each_time(path: str) -> OSError:
    return OSError(errno.EBADF, "somebody closes each descriptor as soon as it is there", path)


def _identity(file: os.stat_result) -> tuple[int, int]:
    return file.st_dev, file.st_ino
