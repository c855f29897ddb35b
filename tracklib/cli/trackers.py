"""How far the trackers of a run are."""

from __future__ import annotations

from .._delivery.delivered import Delivered, delivered
from ..reading.run import Run


def trackers_of(run: Run) -> list[Delivered]:
    """What each tracker of the run's last attempt has."""
    last = run.attempts[-1]
    return delivered(run.directory, last.configs, run.uid, last.number)


def as_told(run: Run) -> list[dict[str, str]]:
    """The same for the page."""
    return [{"name": each.name, "state": each.words} for each in trackers_of(run)]
