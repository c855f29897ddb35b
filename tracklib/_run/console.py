"""A run's console: what it prints goes where it went, by way of a process that keeps it as a text.

Where the two streams lead to a terminal they lead to a terminal still, else to a pipe. What is printed never waits for
the text, and nothing breaks where that process is killed or stopped: the run holds the reading ends too, so that nobody
who prints gets a signal, and a thread of the run puts the streams back and hands on what is left.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import pty
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable
from typing import NamedTuple

from .. import limits
from .._common import clock, variables
from .._common.open_file import Descriptor, open_made, pipe, socket_pair
from .._common.warn import tell
from .._delivery.process import Process
from .._journal import layout
from .background import thread
from .overheard import overhear

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "console_process.py")
_HOUSE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_KEPT_SECONDS = 5.0
_STOPPED_SECONDS = 2.0
_LOOK_SECONDS = 1.0
_HIGH = 200  # files that are opened next do not get such a number
_PIPE_BYTES = 2**20
_F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", 1031)


class _Stream(NamedTuple):
    """One way out: the numbers that led ``to`` it, what they lead to now, and where that is read."""

    fds: list[int]
    to: Descriptor
    now: Descriptor
    reading: Descriptor


class Console:
    """What one run prints.

    Args:
        directory: the run's.
        head: a line that the text begins with, where there is one of an earlier attempt.

    Raises:
        OSError: it cannot be kept here; nothing has changed.
    """

    def __init__(self, directory: str, head: str) -> None:
        self._process_id = os.getpid()
        self.path = os.path.join(directory, layout.CONSOLE)
        self._over = threading.Event()
        self._has_taken_over = False
        self._streams: list[_Stream] = []
        with contextlib.ExitStack() as stack:
            self._control, theirs = socket_pair()
            stack.callback(theirs.close)
            undo = stack.enter_context(contextlib.ExitStack())
            undo.callback(self._control.close)
            undo.callback(self._close)
            self._streams = [_stream(fds) for fds in _ways_out()]
            beside, self._beside = pipe()
            stack.callback(beside.close)
            undo.callback(self._beside.close)
            text = open_made(self.path, os.O_RDWR)
            stack.callback(os.close, text)
            if os.fstat(text).st_size:
                os.pwrite(text, head.encode(), os.fstat(text).st_size)
            self._process = self._begin(text, theirs.fd, beside.fd)
            _flush()
            self._lead(lambda stream: stream.now.fd)
            undo.pop_all()
        self._overheard = overhear(self._hear)
        self._watching = thread(self._watch)
        with contextlib.suppress(RuntimeError):  # the system gives no more threads
            self._watching.start()

    def _begin(self, text: int, control: int, beside: int) -> Process:
        sources = [*([stream.reading.fd, stream.to.fd] for stream in self._streams), [beside, -1]]
        told = {
            "text": text,
            "control": control,
            "sources": sources,
            "owner": os.getpid(),
            "most": limits.CONSOLE,
            "path": [_HOUSE, *sys.path],
        }
        fds = [text, control, *(fd for source in sources for fd in source if fd >= 0)]
        return Process.begin(fds, variables.with_more(), PROGRAM, json.dumps(told))

    def _lead(self, where: Callable[[_Stream], int]) -> None:
        for stream in self._streams:
            for fd in stream.fds:
                os.dup2(where(stream), fd)

    def end(self) -> bool:
        """Put the streams back, unless somebody else has led them elsewhere by now; whether the text is whole. In a
        forked child, which has streams of its own, nothing is done."""
        if self._process_id != os.getpid():
            return False
        _flush()
        for each in self._overheard:
            each.end()
        self._put_back()
        is_whole = self._is_kept()
        self._over.set()
        with contextlib.suppress(RuntimeError):
            self._watching.join(_LOOK_SECONDS)
        if not self._has_taken_over:  # else the thread goes on, for the run's children
            self._control.close()
            self._close()
        self._beside.close()
        return is_whole

    def _hear(self, written: bytes) -> None:
        """What is too much at once for the process is left out: who writes does not wait for it."""
        if self._beside.is_ours:
            with contextlib.suppress(OSError):
                os.write(self._beside.fd, written)

    def _put_back(self) -> None:
        for stream in self._streams:
            for fd in stream.fds:
                with contextlib.suppress(OSError):
                    if stream.now.is_same(os.fstat(fd)) and stream.to.is_ours:
                        os.dup2(stream.to.fd, fd)
            stream.now.close()

    def _is_kept(self) -> bool:
        """Have the process keep what was printed, and wait for its word."""
        until = clock.steady() + _KEPT_SECONDS
        said = b""
        with contextlib.suppress(OSError):
            self._control.write(b"end\n")
            while b"\n" not in said and (left := until - clock.steady()) > 0:
                if not _readable([self._control.fd], left):
                    break
                part = os.read(self._control.fd, 100)
                if not part:
                    break
                said += part
        return b"\n" in said

    def _close(self) -> None:
        for stream in self._streams:
            for each in (stream.to, stream.now, stream.reading):
                each.close()

    # What the thread does -----------------------------------------------------------------------

    def _watch(self) -> None:
        stopped = 0.0
        while not self._over.wait(_LOOK_SECONDS):
            if not self._process.is_alive:
                self._has_taken_over = True
                self._put_back()
                tell("what the run prints is kept no more: the process that did so was ended")
                with contextlib.suppress(OSError):  # somebody closed the descriptors
                    self._hand_on()
                return
            stopped = stopped + _LOOK_SECONDS if self._process.is_stopped else 0.0
            if stopped >= _STOPPED_SECONDS:
                self._process.kill()

    def _hand_on(self) -> None:
        """Hand on what was printed and not read, and what children print, until nobody can."""
        open_streams = {stream.reading.fd: stream for stream in self._streams}
        while open_streams:
            for fd in _readable([*open_streams]):
                content = b""
                with contextlib.suppress(OSError):  # a terminal's way to say its end
                    os.set_blocking(fd, True)
                    content = os.read(fd, 65536)
                if content:
                    open_streams[fd].to.write(content)
                else:
                    del open_streams[fd]


def _readable(fds: list[int], seconds: float | None = None) -> list[int]:
    """Those with something to read, or an end; waited for. ``select`` refuses numbers above 1,023."""
    ready = select.poll()
    for fd in fds:
        ready.register(fd, select.POLLIN)
    return [fd for fd, _ in ready.poll(None if seconds is None else 1000 * seconds)]


def _ways_out() -> list[list[int]]:
    """The numbers of stdout and stderr, together where both lead to one file or terminal; what is closed is left."""
    found: dict[tuple[int, int], list[int]] = {}
    for fd in (1, 2):
        with contextlib.suppress(OSError):
            there = os.fstat(fd)
            found.setdefault((there.st_dev, there.st_ino), []).append(fd)
    return list(found.values())


def _stream(fds: list[int]) -> _Stream:
    to = _high(fds[0])
    reading, now = pty.openpty() if os.isatty(fds[0]) else os.pipe()
    try:
        if os.isatty(now):
            tty.setraw(now)
            fcntl.ioctl(now, termios.TIOCSWINSZ, fcntl.ioctl(to.fd, termios.TIOCGWINSZ, bytes(8)))
        else:
            with contextlib.suppress(OSError):  # not on macOS
                fcntl.fcntl(now, _F_SETPIPE_SZ, _PIPE_BYTES)
        return _Stream(fds, to, _high(now), _high(reading))
    finally:
        os.close(reading)
        os.close(now)


def _high(fd: int) -> Descriptor:
    """A copy of ``fd`` under a high number."""
    copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    return Descriptor(copy, os.fstat(copy))


def _flush() -> None:
    """Have Python and the C library write what they hold back: it belongs to what was printed before."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # none, or one that is closed
            stream.flush()
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)
