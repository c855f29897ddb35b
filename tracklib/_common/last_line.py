"""What is drawn on the terminal's last line gives way while we say something: else our line begins behind a bar."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Protocol

_drawn: list[tuple[int, GivesWay]] = []  # by which process


class GivesWay(Protocol):
    """What is drawn on the terminal's last line. Neither word raises."""

    def give_way(self) -> bool:
        """Clear the line; whether it was there."""

    def come_back(self) -> None:
        """Draw it again."""


def is_drawn(line: GivesWay) -> None:
    """From now on ``line`` gives way."""
    _drawn.append((os.getpid(), line))


def is_gone(line: GivesWay) -> None:
    """It need not any more."""
    for entry in [entry for entry in _drawn if entry[1] is line]:
        _drawn.remove(entry)  # one by one: another thread may have added its own


@contextlib.contextmanager
def giving_way(line: GivesWay) -> Iterator[None]:
    """``line`` gives way in the block."""
    is_drawn(line)
    try:
        yield
    finally:
        is_gone(line)


@contextlib.contextmanager
def cleared() -> Iterator[None]:
    """The last line is free for what is said in the block."""
    gave_way = [line for process, line in list(_drawn) if process == os.getpid() and line.give_way()]
    try:
        yield
    finally:
        for line in gave_way:
            line.come_back()
