"""The process between a run and its console: it hands on what is printed, at once, and keeps it as a text.

It is run as ``python -I -S <this file> <a line of JSON>``. It is no child of the run's, and in a session of its own, so
that it outlives the run, and has read its last word.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sys
import termios
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracklib._run.console_text import ConsoleText

_SHOW_SECONDS = 0.25
_SHARE = 20  # of the time at most one such part goes into showing lines that may change still
_CHUNK = 65536
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL


class Source:
    """A pipe or terminal that the run prints to; what comes is handed on ``to`` where that went before."""

    def __init__(self, fd: int, to: int) -> None:
        self.fd, self._to = fd, to
        self._size = b""

    def read(self) -> bytes | None:
        """What was printed, handed on; None at the end, where nobody can print any more."""
        try:
            content = os.read(self.fd, _CHUNK)
        except BlockingIOError:
            return b""
        except OSError:  # a terminal's way to say it
            content = b""
        if content and self._to >= 0:
            self._hand_on(content)
        return content or None

    def _hand_on(self, content: bytes) -> None:
        while content:
            try:
                content = content[os.write(self._to, content) :]
            except BlockingIOError:
                ready = select.poll()  # ``select`` refuses numbers above 1,023
                ready.register(self._to, select.POLLOUT)
                ready.poll(1000)
            except OSError:  # nobody reads it any more, as behind `| head`
                self._to = -1
                return

    def follow_size(self) -> None:
        """Have the run's terminal be as large as the one before."""
        if self._to >= 0:
            with contextlib.suppress(OSError):
                size = fcntl.ioctl(self._to, termios.TIOCGWINSZ, bytes(8))
                if size != self._size:
                    fcntl.ioctl(self.fd, termios.TIOCSWINSZ, size)
                    self._size = size


class Desk:
    """The one loop."""

    def __init__(self, text: ConsoleText, sources: list[Source], control: int, owner: int) -> None:
        self._text, self._control = text, control
        self._sources = {source.fd: source for source in sources}
        self._keeps = True
        self._show_at = 0.0
        self._poll = select.poll()
        for fd in (*self._sources, control):
            os.set_blocking(fd, False)
            self._poll.register(fd, select.POLLIN)
        self._death = self._watch(owner)

    def _watch(self, owner: int) -> int:
        with contextlib.suppress(AttributeError, OSError):  # no such call on this system; it may be dead already
            fd = os.pidfd_open(owner)
            self._poll.register(fd, select.POLLIN)
            return fd
        return -1

    def serve(self) -> None:
        """Until nobody can print any more."""
        while self._sources:
            waits = self._keeps and self._text.has_work
            ready = dict(self._poll.poll(0 if waits else 1000 * _SHOW_SECONDS))
            for fd in [fd for fd in ready if fd in self._sources]:
                self._read(self._sources[fd])
            if not self._keeps:
                continue
            if not any(fd in self._sources for fd in ready) or self._text.has_work:
                self._work(bool(ready))
            if self._control in ready or self._death in ready:
                self._end()
        self._end()

    def _read(self, source: Source) -> bool:
        content = source.read()
        if content is None:
            self._poll.unregister(source.fd)
            del self._sources[source.fd]
        elif self._keeps:
            self._text.feed(content)
        return bool(content)

    def _work(self, is_busy: bool) -> None:
        if self._text.has_work:
            self._text.work()
        begun = time.monotonic()
        if begun >= self._show_at and not (is_busy and self._text.has_work):
            self._text.show()
            for source in self._sources.values():
                source.follow_size()
            took = time.monotonic() - begun
            self._show_at = begun + max(_SHOW_SECONDS, _SHARE * took)

    def _end(self) -> None:
        """The run is over: keep what it printed by now. What others print, as its children, is handed on still."""
        if not self._keeps:
            return
        while any(self._read(source) for source in list(self._sources.values())):
            pass
        while self._text.has_work:
            self._text.work()
        self._text.show(is_over=True)
        self._keeps = False
        with contextlib.suppress(OSError):
            os.write(self._control, b"kept\n")
        self._poll.unregister(self._control)
        if self._death >= 0:
            self._poll.unregister(self._death)


def main() -> None:
    """Serve one run."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGTTOU"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    told: dict[str, Any] = json.loads(sys.argv[1])
    sys.path[:] = told["path"]
    from tracklib._run.console_text import ConsoleText  # the path is known only now

    text = ConsoleText(told["text"], told["most"])
    Desk(text, [Source(fd, to) for fd, to in told["sources"]], told["control"], told["owner"]).serve()


if __name__ == "__main__":
    main()
