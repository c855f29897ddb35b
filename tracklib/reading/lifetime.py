"""Who a run is, and how its life went: its attempts, its status, its end."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Self

from .._journal.records import Parent
from .._journal.summary import Summary
from .attempts import RUNNING, Attempt, attempts, end_of, moment, standing
from .folded import Folded


class Lifetime:
    """The run in a directory, as that says it was when it was read last.

    Args:
        directory: the run's.
        whole: read the journal from its start, whatever the small file says.
    """

    directory: str
    status: str
    damaged: int

    def __init__(self, directory: str | os.PathLike[str], *, whole: bool = False) -> None:
        self.directory = os.path.abspath(os.fsdecode(directory))
        self._journal = Folded(self.directory)
        self._journal.read_on(whole=whole)
        self._settle()

    def refresh(self) -> Self:
        """Bring it up to date with what was logged meanwhile; returns the same object.

        Raises:
            RunDirectoryError: it is no longer there, or cannot be read.
        """
        self._journal.read_on()
        self._settle()
        return self

    def _settle(self) -> None:
        """Know how the run stands now."""
        self._now = time.time_ns() // 1_000_000
        self._begins = self._journal.begins()
        self.damaged = self._journal.place.damaged
        last = self._begins[-1]
        end = end_of(last, None, self.summary.ends)
        quiet = self._now - max(self._journal.changed, self.summary.time)
        self.status = str(end.status) if end else standing(self.directory, last, quiet)

    @property
    def summary(self) -> Summary:
        """All but the points, as the journal's records say it."""
        return self._journal.summary

    @property
    def uid(self) -> str:
        """The run's id, the same in every attempt. It is also W&B's run id, and a tag at MLflow."""
        return self._begins[-1].uid

    @property
    def name(self) -> str:
        """The run's name; without one, its directory's."""
        return self._begins[-1].name

    @property
    def parent(self) -> Parent | None:
        """The run around this one, by its ``uid`` and its directory ``output_run``."""
        return self._begins[-1].parent

    @property
    def is_live(self) -> bool:
        """Whether it goes on, as far as is known: its status is ``"running"`` or ``"running?"``."""
        return self.status.startswith(RUNNING)

    @property
    def attempts(self) -> list[Attempt]:
        """Its attempts, the first one first: a resumed run has several."""
        return attempts(self._begins, self.summary.ends, self.status, self._newest, self._now)

    @property
    def began(self) -> datetime:
        """When the first attempt began, in UTC."""
        return moment(self._begins[0].time)

    @property
    def ended(self) -> datetime | None:
        """When the last attempt ended; of one that was killed, its newest record's time; None while it goes on."""
        return self.attempts[-1].ended

    @property
    def took(self) -> float:
        """How long all its attempts took together, in seconds, without the time between them; until now while it goes
        on."""
        return sum(attempt.took for attempt in self.attempts)

    @property
    def age(self) -> float:
        """The seconds since its newest record."""
        return max(0, self._now - self._newest) / 1000

    @property
    def _newest(self) -> int:
        return max(self.summary.time, self._begins[-1].time)

    @property
    def error(self) -> str:
        """The name of the exception's type that ended the last attempt, if one did; else empty."""
        return self.attempts[-1].error

    @property
    def message(self) -> str:
        """That exception's message, secrets masked."""
        return self.attempts[-1].message
