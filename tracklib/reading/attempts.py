"""The attempts at a run: how each began and ended, and by the last one how the run stands."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .._journal.lock import Holding, holding
from .._journal.records import Begin, End

RUNNING = "running"
PERHAPS_RUNNING = "running?"
KILLED = "killed"

_JUST_NOW = 60_000  # milliseconds


def moment(milliseconds: int) -> datetime:
    """A record's time."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):  # the clock of whoever wrote it was beyond the year 9999
        return datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Attempt:
    """One attempt at a run.

    Attributes:
        number: 1, 2 ...
        began: when, in UTC.
        ended: when it ended, or its newest record was made; None while it goes on.
        took: its seconds; until now while it goes on.
        status: as the run's.
        host: the machine.
        pid: the process.
        error: the name of the exception's type, where one ended it; else empty.
        message: the exception's message, secrets masked.
        configs: the trackers', secrets masked; of the last attempt only.
    """

    number: int
    began: datetime
    ended: datetime | None
    took: float
    status: str
    host: str
    pid: int
    error: str
    message: str
    configs: list[dict[str, Any]]


def end_of(begin: Begin, following: Begin | None, ends: Sequence[End]) -> End | None:
    """The end of the attempt that began so: the newest that is not earlier, and earlier than the ``following`` one."""
    for end in reversed(ends):
        if end.time >= begin.time and (following is None or end.time < following.time):
            return end
    return None


def standing(directory: str, begin: Begin, quiet: int) -> str:
    """The status of a run without an end, which was ``quiet`` for so many milliseconds.

    A lock that is free says that the process is dead. On another machine's it says so too where the file system
    passes locks on; as some do not, a run there that has just said something is not called dead.
    """
    match holding(directory):
        case Holding.HELD:
            return RUNNING
        case Holding.FREE if begin.host == socket.gethostname() or quiet > _JUST_NOW:
            return KILLED
        case _:
            return PERHAPS_RUNNING


def attempts(begins: Sequence[Begin], ends: Sequence[End], standing: str, newest: int, now: int) -> list[Attempt]:
    """All of a run.

    Args:
        begins: of the attempts.
        ends: all that the journal says of ends.
        standing: the status of the last attempt.
        newest: the time of the newest record.
        now: the time, in milliseconds.
    """
    found = []
    for index, begin in enumerate(begins):
        following = begins[index + 1] if index + 1 < len(begins) else None
        end = end_of(begin, following, ends)
        status = str(end.status) if end and following else KILLED if following else standing
        over = end.time if end else following.time if following else newest
        found.append(_attempt(begin, end, status, now if status == RUNNING else over))
    return found


def _attempt(begin: Begin, end: End | None, status: str, until: int) -> Attempt:
    return Attempt(
        number=begin.attempt,
        began=moment(begin.time),
        ended=None if status.startswith(RUNNING) else moment(until),
        took=max(0, until - begin.time) / 1000,
        status=status,
        host=begin.host,
        pid=begin.pid,
        error=end.error if end else "",
        message=end.message if end else "",
        configs=begin.configs,
    )
