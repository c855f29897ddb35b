"""What a run writes about itself, in threads of its own: its environment once, and what the machine does."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from typing import Protocol

from . import _capture
from ._system import SystemMetrics

_PATIENCE = 2.0


class Run(Protocol):
    """What is asked of a run: ``Trackers`` has it."""

    directory: str

    def log(self, epoch: None, log_dict: dict[str, float], *, axis: str) -> None:
        """Log metrics."""

    def log_tags(self, tags: dict[str, str]) -> None:
        """Set tags."""

    def log_text(self, name: str, text: str) -> None:
        """Keep a text."""


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
        self._threads = [_thread(self._say_environment, _folder())] if environment else []
        if every is not None:
            self._threads.append(_thread(self._sample, every))
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):  # the system gives no more threads
                thread.start()

    def _say_environment(self, folder: str) -> None:
        with contextlib.suppress(Exception):  # the run has ended, or its disk is full
            for tags in _capture.tags(folder):
                self._run.log_tags(tags)
            for name, text in _capture.files(folder):
                self._run.log_text(name, text)

    def _sample(self, every: float) -> None:
        with contextlib.suppress(Exception):
            system = SystemMetrics(self._run.directory)
            while not self._over.wait(every):
                self._run.log(None, system.sample(), axis="system")

    def end(self) -> None:
        """Let what was begun be finished, for two seconds at most."""
        self._over.set()
        until = time.monotonic() + _PATIENCE
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):  # it was never started
                thread.join(max(0.0, until - time.monotonic()))


def _folder() -> str:
    """Where the program is now: it may go elsewhere before a thread looks."""
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


def _thread(work: Callable[..., None], *arguments: object) -> threading.Thread:
    """A thread that has no current run, by its name."""
    return threading.Thread(target=work, args=arguments, name="tracklib-background", daemon=True)
