"""The owner's end of the socket to one companion process."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from collections.abc import Iterator
from typing import Any

from .._common.open_file import Descriptor, socket_pair
from .messages import line
from .process import START, Process
from .surroundings import Surroundings

_LOOK_MILLISECONDS = 1000  # after which somebody who waits looks whether the companion lives
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)


class Link:
    """A socket to a process of our own. Use :func:`begin`.

    A library that closes "all" descriptors closes this one as well, and its number may be somebody else's then:
    so each use looks first whether it is still ours.

    Attributes:
        process: the companion's.
        is_lost: whether the companion is gone.
        has_ended: whether it ended by itself, as it had nothing to do.
    """

    def __init__(self, end: Descriptor, process: Process, surroundings: Surroundings) -> None:
        self.process = process
        self.is_lost = False
        self.has_ended = False
        self._end = end
        self._unsent = line(_greeting(surroundings))

    def send(self, text: bytes, wait: bool) -> None:
        """Write what is left of earlier texts, and ``text``; one thread at a time.

        Args:
            text: whole lines.
            wait: as long as the companion does not read: never in the training's thread. Else the rest is left.

        Raises:
            OSError: the companion is gone, or the descriptor is.
        """
        self._unsent += text
        while self._unsent:
            try:
                with self._socket() as sock:
                    self._unsent = self._unsent[sock.send(self._unsent, _NO_SIGNAL) :]
            except BlockingIOError:
                if not wait:
                    return
                self._wait_for_room()

    def _wait_for_room(self) -> None:
        poll = select.poll()
        with contextlib.suppress(ValueError):  # it was just closed
            poll.register(self._end.fd, select.POLLOUT)
            poll.poll(_LOOK_MILLISECONDS)
        if self.is_lost:
            raise OSError("the companion is gone")

    def say_no_more(self) -> None:
        """Have the companion end once it has nothing to do, also where a forked child holds this end as well."""
        with contextlib.suppress(OSError), self._socket() as sock:
            sock.shutdown(socket.SHUT_WR)

    def lines(self) -> Iterator[bytes]:
        """What the companion says, until it is gone."""
        rest = b""
        poll = select.poll()
        poll.register(self._end.fd, select.POLLIN)
        while True:
            try:
                ready = poll.poll(_LOOK_MILLISECONDS)
                with self._socket() as sock:
                    if not ready:
                        if not self.process.is_alive:  # a forked worker may hold its end of the socket open
                            return
                        continue
                    text = sock.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not text:
                return
            *whole, rest = (rest + text).split(b"\n")
            yield from whole

    def close(self) -> None:
        """Give the descriptor back, if it is ours."""
        self._end.close()

    def kill(self) -> None:
        """End the process at once."""
        if not self.is_lost:
            self.process.kill()

    @contextlib.contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        """A socket object on the descriptor, which stays open. It never waits, whatever ``socket.setdefaulttimeout``
        says.

        Raises:
            OSError: somebody else closed it.
        """
        if not self._end.is_ours:
            raise OSError("the descriptor was closed by somebody else")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=self._end.fd)
        sock.settimeout(None)  # not the one that the program may have set for all
        try:
            sock.setblocking(False)
            yield sock
        finally:
            sock.detach()


def begin(surroundings: Surroundings) -> Link:
    """Begin a companion, without waiting for it.

    Raises:
        OSError: no process can be begun here.
    """
    ours, theirs = socket_pair()
    try:
        process = Process.begin([theirs.fd], surroundings.variables, START, str(os.getpid()), str(theirs.fd))
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Link(ours, process, surroundings)


def _greeting(surroundings: Surroundings) -> dict[str, Any]:
    """Who the owner is, so that an SDK describes it and not the companion."""
    return {
        "folder": surroundings.folder,
        "path": surroundings.path,
        "argv": [str(argument) for argument in sys.argv],
        "program": getattr(sys.modules.get("__main__"), "__file__", None),
        "prefixes": [sys.prefix, sys.exec_prefix],
    }
