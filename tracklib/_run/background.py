"""What a run writes about itself, in threads of its own: its environment once, and what the machine does.

The threads import nothing and take no lock of another library's: a worker may be forked at any moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from .._common import variables
from .._common.interpreter import interpreter
from .machine import SystemMetrics
from .program import Program, this_program

_PATIENCE = 2.0
_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


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
        self._questions: subprocess.Popen[str] | None = None
        self._is_late = False
        self._threads: list[threading.Thread] = []
        with contextlib.suppress(Exception):  # no command line, say
            if environment:
                self._threads.append(_thread(self._say_environment, this_program(_folder())))
        with contextlib.suppress(Exception):
            if every is not None:
                self._threads.append(_thread(self._sample, SystemMetrics(run.directory), every))
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):  # the system gives no more threads
                thread.start()

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
        with subprocess.Popen(
            [interpreter(), "-P", "-m", "tracklib._run.provenance"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env=variables.that_finds(_PACKAGE),
            start_new_session=True,  # Ctrl-C is not for it
        ) as self._questions:
            if self._is_late:
                self._stop_asking()
            assert self._questions.stdin is not None
            assert self._questions.stdout is not None
            with self._questions.stdin as questions:
                questions.write(json.dumps(program) + "\n")
            yield from map(json.loads, self._questions.stdout)

    def _stop_asking(self) -> None:
        self._is_late = True
        if self._questions is not None:
            self._questions.terminate()

    def _sample(self, system: SystemMetrics, every: float) -> None:
        with contextlib.suppress(Exception):
            system.begin()
            while not self._over.wait(every):
                self._run.log(None, system.sample(), axis="system")

    def end(self, waits: bool) -> None:
        """End it; what was begun may be finished first, for two seconds at most, if the run's end ``waits`` for it."""
        self._over.set()
        until = time.monotonic() + (_PATIENCE if waits else 0.0)
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):  # it was never started
                thread.join(max(0.0, until - time.monotonic()))
        self._stop_asking()


def _folder() -> str:
    """Where the program is now: it may go elsewhere before a thread looks."""
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _thread(work: Callable[..., None], *arguments: object) -> threading.Thread:
    """A thread that has no current run, by its name."""
    return threading.Thread(target=work, args=arguments, name="tracklib-background", daemon=True)
