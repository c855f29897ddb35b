"""What a run writes about itself, in threads of its own: its environment once, and what the machine does."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from .._common import variables
from .machine import SystemMetrics

_PATIENCE = 2.0


class Run(Protocol):
    """What is asked of a run: ``Trackers`` has it."""

    directory: str

    def log(self, epoch: None, log_dict: dict[str, float], *, axis: str) -> None:
        """Log metrics."""

    def log_tags(self, tags: dict[str, str]) -> None:
        """Set tags."""

    def log_artifact(self, path: str) -> None:
        """Keep a file."""


class Background:
    """Begins with a run and ends before it. Whatever fails in it costs the run nothing.

    Args:
        run: begun already.
        environment: whether to say with what the run was made.
        every: seconds between two samples of the machine; None takes none.
    """

    def __init__(self, run: Run, environment: bool, every: float | None) -> None:
        self._run = run
        self._over = threading.Event()
        self._questions: subprocess.Popen[str] | None = None
        self._is_late = False
        self._threads = [_thread(self._say_environment, _folder())] if environment else []
        if every is not None:
            self._threads.append(_thread(self._sample, every))
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):  # the system gives no more threads
                thread.start()

    def _say_environment(self, folder: str) -> None:
        with contextlib.suppress(Exception), tempfile.TemporaryDirectory() as scratch:  # the run's disk may be full
            for answer in self._answers(folder, scratch):
                match answer:
                    case {"tags": tags}:
                        self._run.log_tags(tags)
                    case {"file": name}:  # pragma: no branch  # there is no other
                        self._run.log_artifact(os.path.join(scratch, name))

    def _answers(self, folder: str, scratch: str) -> Iterator[dict[str, Any]]:
        """What a process says that asks about this one; its files are in ``scratch``."""
        from . import provenance

        package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(provenance.__file__))))
        with subprocess.Popen(
            [_python(), "-P", "-m", "tracklib._run.provenance", scratch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env=variables.that_finds(package),
            start_new_session=True,  # Ctrl-C is not for it
        ) as self._questions:
            if self._is_late:
                self._stop_asking()
            assert self._questions.stdin is not None
            assert self._questions.stdout is not None
            with self._questions.stdin as program:
                json.dump(provenance.this_program(folder), program)
            yield from map(json.loads, self._questions.stdout)

    def _stop_asking(self) -> None:
        self._is_late = True
        if self._questions is not None:
            self._questions.terminate()

    def _sample(self, every: float) -> None:
        with contextlib.suppress(Exception):
            system = SystemMetrics(self._run.directory)
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


def _python() -> str:
    """The interpreter, to be started once more.

    Raises:
        OSError: this program is one of its own, and starting it would do its work again.
    """
    if getattr(sys, "frozen", False) or not os.path.basename(sys.executable or "").startswith(("python", "pypy")):
        raise OSError("no interpreter")
    return sys.executable


def _folder() -> str:
    """Where the program is now: it may go elsewhere before a thread looks."""
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


def _thread(work: Callable[..., None], *arguments: object) -> threading.Thread:
    """A thread that has no current run, by its name."""
    return threading.Thread(target=work, args=arguments, name="tracklib-background", daemon=True)
