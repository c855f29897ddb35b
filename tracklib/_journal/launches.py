"""What rank 0 leaves for the other ranks of its launch: where its run is, or that there is none.

Its run's ``state/begin.json`` has the launch's key. Where a rank cannot know the directory, as no ``output_run`` was
given, a file in ``.launch/`` beside the runs tells it; there it also stands why rank 0 could not begin.
"""

from __future__ import annotations

import contextlib
import hashlib
import os

import msgspec

from . import layout
from .format import FORMAT
from .lock import Holding, holding
from .records import Begin
from .state import load_begin, read_line, write_line

_DAY = 86_400_000


class Left(msgspec.Struct, frozen=True):
    """In ``.launch/``: the run's directory, or why there is none; ``time`` in milliseconds since 1970, UTC."""

    launch: str
    time: int
    directory: str = ""
    refusal: str = ""
    format: int = FORMAT


def leave_word(directory: str, left: Left) -> None:
    """For who looks beside ``directory``. It stays for a day, as a rank may come when rank 0 has left already. Where
    the disk refuses, nobody is told."""
    path = _path(directory, left.launch)
    with contextlib.suppress(OSError):
        write_line(path, left)
        for other in os.scandir(os.path.dirname(path)):
            if other.stat().st_mtime * 1000 < left.time - _DAY:
                os.unlink(other)


def take_back(directory: str, launch: str) -> None:
    """The launch has begun after all, where all can see it."""
    with contextlib.suppress(OSError):
        path = _path(directory, launch)
        os.unlink(path)
        os.rmdir(os.path.dirname(path))  # if it was the last


def word_beside(directory: str, launch: str, since: int) -> Left | None:
    """What rank 0 left beside ``directory``, not before ``since``."""
    left = read_line(_path(directory, launch), Left)
    return left if left is not None and left.launch == launch and left.time >= since else None


def begun_by(directory: str, launch: str, since: int) -> Begin | None:
    """How rank 0's run of this launch began in ``directory``; None where it has not, as far as is seen. One of an
    earlier launch with the same key is told by its last sign of life, which was before ``since``."""
    begin = load_begin(directory)
    if begin is None or begin.launch != launch:
        return None
    if holding(directory) is Holding.HELD:
        return begin
    with contextlib.suppress(OSError):
        if os.stat(layout.journal_path(directory)).st_mtime * 1000 >= since:
            return begin
    return None


def _path(directory: str, launch: str) -> str:
    name = hashlib.sha256(launch.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return os.path.join(os.path.dirname(directory), layout.LAUNCHES, f"{name}.json")
