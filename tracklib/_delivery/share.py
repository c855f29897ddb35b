"""Which of a run's records a tracker gets: its portion, where it has one, without what is superseded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .._journal.reader import Entry
from .._journal.records import Histogram, Log, Superseded, counting
from .._journal.state import Saved
from ..trackers._portion import Counted, Portion, S


class Share:
    """Of one tracker.

    Args:
        portion: what it is to get; None is all.
    """

    def __init__(self, portion: Portion | None) -> None:
        self._portion = portion

    def counted(self, entries: Sequence[Entry], saved: Saved) -> tuple[list[bool], Mapping[str, Counted]]:
        """Which of ``entries`` are at a step that the tracker gets, and how far each axis is counted after them. A
        refused record that comes again was counted the first time."""
        if self._portion is None:
            return [True] * len(entries), {}
        counted = dict(saved.counted)
        gets = [
            not isinstance(entry.record, Log | Histogram)
            or entry.end <= saved.offset
            or self._portion.counts(entry.record, counted)
            for entry in entries
        ]
        return gets, counted

    def of_logs(self, entries: Sequence[Entry], saved: Saved, superseded: Sequence[Superseded]) -> dict[int, Log]:
        """Of logs those that the tracker gets, by their places in ``entries``."""
        logs = {place: entry.record for place, entry in enumerate(entries) if isinstance(entry.record, Log)}
        if self._portion is None and not superseded:
            return logs
        gets, _ = self.counted(entries, saved)
        told = {
            place: self._portion.of_log(log) if self._portion else log
            for place, log in logs.items()
            if gets[place] and counting([log], superseded)
        }
        return {place: log for place, log in told.items() if log}

    def of(self, said: S, superseded: Sequence[Superseded]) -> Iterator[S]:
        """A best value or a histogram as the tracker gets it, if it does."""
        told = self._portion.of(said) if self._portion else said
        if told is not None and counting([said], superseded):
            yield told
