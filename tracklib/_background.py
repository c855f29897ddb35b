"""What a run writes about itself, in threads of its own: its environment once, and what the machine does."""

from __future__ import annotations

import contextlib
import threading
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
        self._threads = [_thread(self._say_environment)] if environment else []
        if every is not None:
            self._threads.append(_thread(lambda: self._sample(every)))
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):  # the system gives no more threads
                thread.start()

    def _say_environment(self) -> None:
        with contextlib.suppress(Exception):
            self._run.log_tags(_capture.tags())
            for name, text in _capture.files().items():
                self._run.log_text(name, text)

    def _sample(self, every: float) -> None:
        with contextlib.suppress(Exception):
            system = SystemMetrics(self._run.directory)
            while not self._over.wait(every):
                self._run.log(None, system.sample(), axis="system")

    def end(self) -> None:
        """Let a word that was begun be finished, for two seconds at most."""
        self._over.set()
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):
                thread.join(_PATIENCE)


def _thread(work: Callable[[], None]) -> threading.Thread:
    return threading.Thread(target=work, name="tracklib-background", daemon=True)  # by the name, it has no current run
