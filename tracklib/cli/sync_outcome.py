"""What became of a run that was to be delivered."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .._delivery.delivered import Delivered, delivered
from .._delivery.sync import Outcome, Synced
from .._journal import layout
from .._journal.last_attempt import earlier_run
from ..errors import RunDirectoryError, TracklibError
from ..reading.finding import load


class Verdict(enum.IntEnum):
    """What became of a run, and the command's exit code: of several runs, the last one in this order."""

    COMPLETE = 0
    REFUSED = 6  # all was delivered but what a tracker refused for good
    LEFT = 1  # something did not arrive
    IN_USE = 3  # it goes on in a live process
    MISSING = 4  # there is no run
    BROKEN = 5  # there is one, and it cannot be read or written


FIELDS = [
    *("directory", "verdict", "status", "was_cut_off", "damaged", "writers"),
    *("tracker", "delivered", "left", "rejected", "told", "complete", "why"),
]
"""The columns of :meth:`Told.as_rows`."""


class Told(NamedTuple):
    """A run's verdict, why, and what each tracker has."""

    directory: str
    verdict: Verdict
    why: str = ""
    status: str = ""
    was_cut_off: bool = False
    damaged: int = 0
    trackers: Sequence[dict[str, Any]] = ()
    writers: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return self._asdict() | {
            "verdict": self.verdict.name.lower().replace("_", " "),
            "trackers": list(self.trackers),
        }

    def as_rows(self) -> list[dict[str, Any]]:
        """For CSV: a row for each tracker, one at least."""
        of_run = dict.fromkeys(FIELDS) | self.as_dict()
        return [
            of_run | one | {"tracker": one.get("name"), "why": one.get("why") or self.why}
            for one in self.trackers or [{}]
        ]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Of several runs, or of a run's trackers, the last one in the order of :class:`Verdict`."""
    return max(verdicts, key=list(Verdict).index, default=Verdict.COMPLETE)


def of_synced(directory: str, synced: Synced) -> Told:
    """A run that was delivered, as far as it could be."""
    return Told(
        directory,
        worst(map(_of_outcome, synced.outcomes)),
        status=synced.status,
        was_cut_off=synced.was_cut_off,
        damaged=synced.damaged,
        trackers=[_of_tracker(outcome) for outcome in synced.outcomes],
        writers=synced.writers,
    )


def _of_outcome(outcome: Outcome) -> Verdict:
    if outcome.left is not None:
        return Verdict.LEFT
    return Verdict.REFUSED if outcome.rejected else Verdict.COMPLETE


def _of_tracker(outcome: Outcome) -> dict[str, Any]:
    told = {"name": outcome.tracker, "delivered": outcome.delivered, "rejected": outcome.rejected}
    return told | {"complete": outcome.is_complete, "why": outcome.left or ""}


def refused(directory: str, error: Exception, is_walked: bool) -> Told:
    """A run that was not delivered: it goes on, as may be where it was found by walking, or ``error`` says why."""
    if isinstance(error, RunDirectoryError) and error.in_use:
        return _going_on(directory, is_walked, str(error))
    return Told(directory, Verdict.MISSING if _is_missing(directory) else Verdict.BROKEN, str(error))


def _going_on(directory: str, is_walked: bool, why: str = "it goes on: look again when it has ended") -> Told:
    """One that was found by walking is left alone, and no failure."""
    if is_walked:
        return Told(directory, Verdict.COMPLETE, "still going on, and left alone", "running")
    return Told(directory, Verdict.IN_USE, why, "running")


def _is_missing(directory: str) -> bool:
    """Whether there is no journal, for sure: in another user's directory there may be one."""
    try:
        os.lstat(layout.journal_path(directory))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def looked(directory: str, is_walked: bool) -> Told:
    """What is left of a run, looked at from outside."""
    try:
        if load(directory).is_live:
            return _going_on(directory, is_walked)
        found = earlier_run(directory)
        if found is None:
            raise RunDirectoryError(f"{directory} holds no run: there is no {layout.JOURNAL} in it that says one began")
        trackers = delivered(directory, found.begin.configs, found.begin.uid, found.begin.attempt)
    except (OSError, TracklibError) as error:
        return refused(directory, error, is_walked)
    verdict = worst(map(_of_delivered, trackers)) if found.end else Verdict.LEFT
    status = found.end.status if found.end else ""
    return Told(directory, verdict, "", status, found.end is None, 0, [one.as_dict() for one in trackers])


def _of_delivered(one: Delivered) -> Verdict:
    return Verdict.COMPLETE if one.is_complete else Verdict.REFUSED if one.is_asked else Verdict.LEFT
