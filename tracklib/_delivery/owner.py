"""The training process, as its companion sees it: what it says, and whether it lives."""

from __future__ import annotations

import collections
import contextlib
import enum
import os
import select
import socket
import sys
from collections.abc import Callable

from .._common import clock
from .messages import Bye, Gone, Report, Said, ToCompanion, line, read

_EOF_SECONDS = 2.0
_MOST_SAID = 1000


class Fate(enum.Enum):
    """What became of the owner."""

    LIVES = "lives"
    DIED = "died"
    LEFT = "left"  # it lives, and closed the socket: it begins another companion, if it needs one


class Owner:
    """Nothing here waits for the owner, who may be stopped.

    Args:
        sock: the socket.
        rest: what was read from it already.
        pid: the owner's.
    """

    def __init__(self, sock: socket.socket, rest: bytes, pid: int) -> None:
        self.pid = pid
        self._sock = sock
        self._rest = rest
        self._unsent = b""
        self._waiting: collections.deque[Report | Gone | Said | Bye] = collections.deque()
        self._ended_at: float | None = None
        self._is_dead = False
        self._was_owned = False
        sock.setblocking(False)
        self._bell, self._rope = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._rope, False)
        self._poll = select.poll()
        self._poll.register(self._bell, select.POLLIN)
        self._poll.register(sock, select.POLLIN)
        self._death = self._watch(pid)

    def _watch(self, pid: int) -> int:
        """A descriptor that is readable once the process has died; -1 where the system has none."""
        try:
            fd = _death_of(pid)
        except ProcessLookupError:
            self._is_dead = True
            return -1
        except OSError:
            return -1
        self._poll.register(fd, select.POLLIN)
        return fd

    def ring(self) -> None:
        """Have :meth:`wait` return. For any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._rope, b".")

    def say(self, message: Report | Gone | Said | Bye) -> None:
        """Send it as soon as the owner reads. For any thread."""
        if not isinstance(message, Said) or len(self._waiting) < _MOST_SAID:
            self._waiting.append(message)
        self.ring()

    @property
    def listens(self) -> bool:
        """Whether all that was said has been sent."""
        return not self._waiting and not self._unsent

    def wait(self, seconds: float) -> None:
        """Until something happens, for at most ``seconds``."""
        self._send()
        ready = {fd for fd, _ in self._poll.poll(1000 * seconds)}
        if self._bell in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._bell, 65536)
        if self._death in ready:
            self._is_dead = True
            self._poll.unregister(self._death)
        self._send()

    def messages(self) -> list[ToCompanion]:
        """What it said since."""
        while self._ended_at is None:
            try:
                text = self._sock.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                text = b""
            if not text:
                self._ended_at = clock.steady()
                self._poll.unregister(self._sock)
            self._rest += text
        *whole, self._rest = self._rest.split(b"\n")
        return [read(text, ToCompanion) for text in whole]  # type: ignore[arg-type]  # a union is a type to msgspec

    def fate(self, owns: Callable[[], bool]) -> Fate:
        """What became of it. The end of the socket alone proves nothing: an ``exec`` closes it, and a library that
        closes all descriptors. The run's lock tells.

        Args:
            owns: whether a process holds the lock of a run that it had.
        """
        if self._is_dead:
            return Fate.DIED
        if self._ended_at is None:
            return Fate.LIVES
        waited = clock.steady() - self._ended_at
        if waited < _EOF_SECONDS:
            self._was_owned = waited > _EOF_SECONDS / 4 and (self._was_owned or owns())
            return Fate.LIVES
        return Fate.LEFT if self._was_owned or owns() else Fate.DIED

    def _send(self) -> None:
        while self._unsent or self._waiting:
            if not self._unsent:
                self._unsent = line(self._waiting.popleft())
            try:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
            except BlockingIOError:
                return
            except OSError:  # nobody reads any more
                self._unsent = b""
                self._waiting.clear()


def _death_of(pid: int) -> int:
    """A descriptor that is readable once ``pid`` has died.

    Raises:
        OSError: the system has none; ``ProcessLookupError`` where it has died.
    """
    if sys.platform == "linux":
        return os.pidfd_open(pid)
    if sys.platform == "darwin":  # pragma: no cover  # the tests run on Linux
        queue = select.kqueue()
        exits = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
        queue.control([exits], 0, 0)
        _queues.append(queue)  # it closes itself when it is forgotten
        return int(queue.fileno())
    raise OSError("no such descriptor on this system")


_queues: list[object] = []
