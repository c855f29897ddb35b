"""``tracklib sync --all ROOT --watch``: a service beside the jobs, which takes up what they leave."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

from .._journal import layout

PAUSE_SECONDS = 10.0

_Trace = tuple[tuple[int, int], ...]


def again_and_again(runs: Callable[[], Iterable[str]], take_up: Callable[[str], bool]) -> None:
    """Look at the runs every ten seconds, until Ctrl-C or SIGTERM, which let it end as if all were done.

    Args:
        runs: finds the directories.
        take_up: delivers what is left of one; whether nothing is left, so that it need not be looked at before
            something is written there.
    """
    done: dict[str, _Trace] = {}
    pause = threading.Event()
    with _ended_by_signals():
        while True:
            for directory in list(runs()):
                trace = _trace(directory)
                if done.get(directory) != trace and take_up(directory):
                    done[directory] = _trace(directory)
            pause.wait(PAUSE_SECONDS)


def _trace(directory: str) -> _Trace:
    """What tells whether something was said in the run since."""
    paths = [
        layout.journal_path(directory),
        *layout.writers_of(directory).values(),
        *layout.ranks_of(directory).values(),
    ]
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            stat = os.stat(path)
            found.append((stat.st_size, stat.st_mtime_ns))
    return tuple(found)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
