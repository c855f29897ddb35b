"""What a run writes about itself, in threads of its own: its environment once, and what the machine does.

The threads import nothing and take no lock of another library's: a worker may be forked at any moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

from .._common import clock, variables
from .._common.interpreter import interpreter
from .._common.open_file import Descriptor, OpenFile, pipe
from .._journal.journal import SYNC_SECONDS, Journal
from .machine import SystemMetrics
from .program import Program, this_program

_PATIENCE = 2.0
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@runtime_checkable
class Told(Protocol):
    """Whom it tells what it finds out: ``Trackers`` is one."""

    directory: str

    def _keep(self, name: str, put: Callable[[str], None]) -> None:
        """Keep the file that ``put`` writes."""

    def log(self, epoch: None, log_dict: dict[str, float], *, axis: str) -> None:
        """Log metrics."""

    def log_tags(self, tags: dict[str, str]) -> None:
        """Set tags."""


class Background:
    """Begins with a run and ends before it. Whatever fails in it costs the run nothing.

    Args:
        run: begun already.
        environment: whether to say with what the run was made.
        every: seconds between two samples of the machine; None takes none.
    """

    def __init__(self, run: Told, environment: bool, every: float | None) -> None:
        self._run = run
        self._over = threading.Event()
        self._asked: _Process | None = None
        self._is_late = False
        self._threads: list[threading.Thread] = []
        with contextlib.suppress(Exception):  # no command line, say
            if environment:
                self._threads.append(thread(self._say_environment, this_program(_folder())))
        with contextlib.suppress(Exception):
            if every is not None:
                self._threads.append(thread(self._sample, SystemMetrics(run.directory), every))
        for each in self._threads:
            with contextlib.suppress(RuntimeError):  # the system gives no more threads
                each.start()

    def _say_environment(self, program: Program) -> None:
        with contextlib.suppress(Exception):  # the run's disk may be full
            for answer in self._answers(program):
                match answer:
                    case {"tags": tags}:
                        self._run.log_tags(tags)
                    case {"file": name, "text": text}:
                        self._run._keep(name, lambda path, text=text: _write(path, text))  # type: ignore[misc]
                    case _:
                        return

    def _answers(self, program: Program) -> Iterator[dict[str, Any]]:
        """What a process says that asks about this one."""
        with contextlib.ExitStack() as stack:
            (their_in, questions), (answers, their_out) = pipe(), pipe()
            for end in (their_in, questions, answers, their_out):
                stack.callback(end.close)
            self._asked = process = _start(["-P", "-m", "tracklib._run.provenance"], their_in, their_out)
            stack.callback(process.wait)
            if self._is_late:
                self._stop_asking()
            their_in.close()
            their_out.close()
            _write_all(questions, json.dumps(program).encode() + b"\n")
            questions.close()
            yield from map(json.loads, _lines(answers))

    def _stop_asking(self) -> None:
        self._is_late = True
        if self._asked is not None:
            self._asked.terminate()

    def _sample(self, system: SystemMetrics, every: float) -> None:
        with contextlib.suppress(Exception):
            system.begin()
            while not self._over.wait(every):
                self._run.log(None, system.sample(), axis="system")

    def end(self, waits: bool) -> None:
        """End it; what was begun may be finished first, for two seconds at most, if the run's end ``waits`` for it."""
        self._over.set()
        until = clock.steady() + (_PATIENCE if waits else 0.0)
        for each in self._threads:
            with contextlib.suppress(RuntimeError):  # it was never started
                each.join(max(0.0, until - clock.steady()))
        self._stop_asking()


def keep_synced(journal: Journal) -> None:
    """Have the disk, or a network's file system, hold about once a second what is said in another process than the
    run's: nothing else is begun there."""
    with contextlib.suppress(RuntimeError):  # the system gives no more threads
        thread(_sync_as_long_as_it_is_there, weakref.ref(journal)).start()


def _sync_as_long_as_it_is_there(found: weakref.ref[Journal]) -> None:
    pause = threading.Event()
    while (journal := found()) is not None:
        journal.sync()
        del journal
        pause.wait(SYNC_SECONDS)


def _folder() -> str:
    """Where the program is now: it may go elsewhere before a thread looks."""
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


class _Process:
    """One that was started here; that somebody else may have waited for it is no matter."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._asking = threading.Lock()  # a number is another process's once it was waited for

    def wait(self) -> None:
        """Wait until it has ended, without being in the way of :meth:`terminate`."""
        while True:
            with self._asking:
                if self._has_ended():
                    return
            time.sleep(0.01)

    def terminate(self) -> None:
        """Ask it to end, if it has not."""
        with self._asking:
            if not self._has_ended():
                os.kill(self._pid, signal.SIGTERM)

    def _has_ended(self) -> bool:
        if self._pid:
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(self._pid, os.WNOHANG)[0] == 0:
                    return False
            self._pid = 0
        return True


def _start(arguments: list[str], their_in: Descriptor, their_out: Descriptor) -> _Process:
    """The interpreter, in a session of its own, as Ctrl-C is not for it.

    Not by ``subprocess``, which keeps pipes of its own open meanwhile, under low numbers, and closes them by number:
    see :mod:`tracklib._common.open_file`.
    """
    python = interpreter()
    streams = [
        (os.POSIX_SPAWN_DUP2, their_in.fd, 0),
        (os.POSIX_SPAWN_DUP2, their_out.fd, 1),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    environment = variables.that_finds(_PACKAGE)
    command = [python, *arguments]
    try:
        return _Process(os.posix_spawn(python, command, environment, file_actions=streams, setsid=True))
    except NotImplementedError:  # pragma: no cover  # macOS
        return _Process(os.posix_spawn(python, command, environment, file_actions=streams))


def _write_all(end: Descriptor, content: bytes) -> None:
    while content and end.is_ours:
        content = content[os.write(end.fd, content) :]


def _lines(end: Descriptor) -> Iterator[bytes]:
    """The lines that come, until there are no more, or somebody closed our end."""
    begun = b""
    ready = select.poll()
    ready.register(end.fd, select.POLLIN)  # gevent lets others run meanwhile, which it does not in a read
    while ready.poll() and end.is_ours and (part := os.read(end.fd, 2**16)):
        *lines, begun = (begun + part).split(b"\n")
        yield from lines


def _write(path: str, text: str) -> None:
    file = OpenFile(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW)
    try:
        file.write(text.encode("utf-8", "backslashreplace"))
    finally:
        file.close()


def thread(work: Callable[..., None], *arguments: object) -> threading.Thread:
    """A thread that has no current run, by its name."""
    return threading.Thread(target=work, args=arguments, name="tracklib-background", daemon=True)
