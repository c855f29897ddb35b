"""The owner's end of one companion process: how it is begun, spoken to, and told from a stranger."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from .._common import variables
from .._common.interpreter import interpreter
from .messages import line

START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "companion_start.py")
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_ABOVE_STREAMS = 3
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)

# The shell's child is nobody's: a training that waits for all its children does not wait for the companion,
# and a debugger that rewrites Python's command line does not see it. Its streams are those of nobody, too.
_SCRIPT = '"$@" >/dev/null & echo $!'


class Surroundings(NamedTuple):
    """What a process lives in and an SDK reads once: a run that begins in others gets another companion."""

    variables: dict[str, str]
    folder: str
    path: list[str]

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process, now."""
        try:
            folder = os.getcwd()
        except OSError:  # it was deleted
            folder = "/"
        return cls(variables.for_companion(), folder, _path(folder))


def _path(folder: str) -> list[str]:
    """Where modules are looked for; beside the program, last: a ``mlflow.py`` there is not MLflow."""
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    beside = {"", ".", folder, os.path.dirname(os.path.abspath(program)) if program else ""}
    house = os.path.dirname(os.path.dirname(os.path.dirname(START)))
    path = [entry for entry in sys.path if entry not in beside]
    last = [house, *(entry for entry in sys.path if entry in beside and os.path.isabs(entry))]
    return path + [entry for entry in last if entry not in path]


class Link:
    """A socket to a process of our own. Use :func:`begin`.

    A library that closes "all" descriptors closes this one as well, and its number may be somebody else's then:
    so each use looks first whether it is still ours.
    """

    def __init__(self, fd: int, pid: int, surroundings: Surroundings) -> None:
        self.pid = pid
        self.is_lost = False
        self.has_ended = False  # by itself, as it had nothing to do
        self._fd = fd
        self._identity = _identity(fd)
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
            self._need_ours()
            try:
                with _socket(self._fd) as sock:
                    self._unsent = self._unsent[sock.send(self._unsent, _NO_SIGNAL) :]
            except BlockingIOError:
                if not wait:
                    return
                self._wait_for_room()

    def _wait_for_room(self) -> None:
        poll = select.poll()
        with contextlib.suppress(ValueError):  # it was just closed
            poll.register(self._fd, select.POLLOUT)
            poll.poll(1000)
        if self.is_lost:
            raise OSError("the companion is gone")

    def say_no_more(self) -> None:
        """Have the companion end once it has nothing to do, also where a forked child holds this end as well."""
        with contextlib.suppress(OSError):
            self._need_ours()
            with _socket(self._fd) as sock:
                sock.shutdown(socket.SHUT_WR)

    def lines(self) -> Iterator[bytes]:
        """What the companion says, until it is gone."""
        rest = b""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        while True:
            try:
                ready = poll.poll(1000)
                self._need_ours()
                if not ready:
                    if not _is_alive(self.pid):  # a forked worker may hold its end of the socket open
                        return
                    continue
                with _socket(self._fd) as sock:
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
        fd, self._fd = self._fd, -1
        with contextlib.suppress(OSError):
            if fd >= 0 and _identity(fd) == self._identity:
                os.close(fd)

    def is_stopped(self) -> bool:
        """Whether somebody stopped the process (SIGSTOP, a freezer), as far as the system tells."""
        return _state(self.pid) in ("T", "t")

    def kill(self) -> None:
        """End it at once."""
        if not self.is_lost and _is_companion(self.pid):
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)

    def _need_ours(self) -> None:
        if _identity(self._fd) != self._identity:
            raise OSError("the descriptor was closed by somebody else")


def begin(surroundings: Surroundings) -> Link:
    """Begin a companion, without waiting for it.

    Raises:
        OSError: no process can be begun here.
    """
    python = interpreter()
    if not os.path.isfile(START):
        raise OSError("tracklib is not installed as files")
    with contextlib.ExitStack() as stack:
        ours, theirs = (_above_streams(end, stack) for end in socket.socketpair())
        pid = _started([python, "-I", "-S", START, str(os.getpid()), str(theirs)], theirs, surroundings.variables)
        return Link(fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, _ABOVE_STREAMS), pid, surroundings)


def _above_streams(end: socket.socket, stack: contextlib.ExitStack) -> int:
    """A descriptor of ``end`` that is none of 0 to 2, which a program may have closed; gone with ``stack``."""
    with end:
        fd = fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, _ABOVE_STREAMS)
    stack.callback(os.close, fd)
    return fd


def _started(command: list[str], fd: int, environment: dict[str, str]) -> int:
    """The process id of ``command``, run with ``fd`` in a session of its own.

    What ends the training's whole group or step is not for it, not even in the moment before it ignores that:
    it inherits a mask. No ``preexec_fn``: with one, the whole process would be copied.
    """
    with (
        _signals_wait(),
        subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[fd],
            start_new_session=True,
            cwd="/",
            env=environment,
        ) as shell,
    ):
        assert shell.stdout is not None
        said = shell.stdout.readline().strip()
    if not said.isdigit():
        raise OSError("the system gives no more processes")
    return int(said)


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, name) for name in SIGNALS})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _greeting(surroundings: Surroundings) -> dict[str, Any]:
    """Who the owner is, so that an SDK describes it and not the companion."""
    return {
        "folder": surroundings.folder,
        "path": surroundings.path,
        "argv": [str(argument) for argument in sys.argv],
        "program": getattr(sys.modules.get("__main__"), "__file__", None),
        "prefixes": [sys.prefix, sys.exec_prefix],
    }


def _identity(fd: int) -> tuple[int, int]:
    try:
        there = os.fstat(fd)
    except OSError:
        return -1, -1
    return there.st_dev, there.st_ino


@contextlib.contextmanager
def _socket(fd: int) -> Iterator[socket.socket]:
    """A socket object on ``fd``, which stays open. It never waits, whatever ``socket.setdefaulttimeout`` says."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=fd)
    sock.settimeout(None)  # not the one that the program may have set for all
    try:
        sock.setblocking(False)
        yield sock
    finally:
        sock.detach()


def _state(pid: int) -> str:
    """A letter of ``/proc``'s; empty where there is no such process, or no such folder."""
    if not _has_processes():
        return ""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def _is_alive(pid: int) -> bool:
    if _has_processes():
        return _is_companion(pid) and _state(pid) not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _is_companion(pid: int) -> bool:
    """Whether ``pid`` is a process that runs the companion's program: a number may be another's by now."""
    if not _has_processes():
        return True
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            return os.fsencode(START) in command.read()
    except OSError:
        return False


def _has_processes() -> bool:
    """Whether ``/proc`` is there, and counts as this process does: in a namespace it may be that of the outside."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False
