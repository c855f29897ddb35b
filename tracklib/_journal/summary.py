"""What a run is, without its points: all that it said of itself, and the statistics of each series.

It is folded out of the journal's records in their order, piece by piece, by the run that writes them and by whoever
reads them. The same records give the same summary, in whatever pieces they come.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from .checkpoints import take_in
from .curves import Curves
from .records import (
    Artifact,
    Begin,
    Best,
    Checkpoint,
    Contribution,
    End,
    Epoch,
    Histogram,
    Log,
    Note,
    Params,
    Record,
    Superseded,
    Tags,
)
from .statistics import At, Statistics, nothing_yet, reduced
from .stretches import Stretch

NOTES = 1000
"""The most notes that are remembered."""


class Summary(msgspec.Struct):
    """Of all the attempts at a run.

    ``begins`` is how each attempt began, the trackers' ``configs`` in the last one only; ``ends`` all that was said of
    ends. ``histograms`` counts those of each name. ``artifacts`` holds the newest record for each name, ``checkpoints``
    that of those which are kept, ``notes`` the newest thousand, ``finished_epochs`` how many epochs were finished,
    ``planned_epochs`` how many there are to be, 0 where nobody said.
    ``logs`` is how many logs there are, ``time`` the newest record's. ``series`` maps axes to names to statistics.

    What is ``superseded`` counts in none of them, and is not to be handed over: statistics forget no value. So where a
    further piece supersedes what was taken, all is folded anew, by a summary that knows of it from the beginning.
    """

    begins: list[Begin] = []
    ends: list[End] = []
    params: dict[str, Any] = {}
    tags: dict[str, str] = {}
    best: dict[str, Best] = {}
    artifacts: dict[str, Artifact] = {}
    checkpoints: dict[str, Checkpoint] = {}
    notes: list[Note] = []
    histograms: dict[str, int] = {}
    finished_epochs: int = 0
    planned_epochs: int = 0
    logs: int = 0
    time: int = 0
    series: dict[str, dict[str, Statistics]] = {}
    superseded: list[Superseded] = []

    def take(self, piece: Iterable[Stretch | Record], curves: Curves | None = None) -> None:
        """Know a further piece of the journal; and draw it, where there are ``curves``."""
        for part in piece:
            if isinstance(part, Stretch):
                self._take_logs(part, curves)
            else:
                self.time = max(self.time, part.time)
                self._take(part)

    def _take_logs(self, logs: Stretch, curves: Curves | None) -> None:
        axis, _, steps, times, _ = logs
        self.logs += len(steps)
        self.time = max(self.time, max(times))
        series = self.series.setdefault(axis, {})
        for name, values in zip(logs.names, logs.columns, strict=True):
            come_to = curves.add(axis, name, steps, times, values) if curves else reduced(values)
            known = series.get(name)
            if known is None:
                known = series[name] = nothing_yet(At(values[0], steps[0], times[0]))
            known.add(steps, times, values, come_to)

    def _take(self, record: Record) -> None:
        match record:
            case Begin():
                if self.begins:
                    self.begins[-1] = replace(self.begins[-1], configs=[])
                self.begins.append(record)
            case End():
                self.ends.append(record)
            case Params(params=params):
                _add(self.params, params)
            case Tags(tags=tags):
                self.tags.update(tags)
            case Epoch(number=number):
                self.finished_epochs, self.planned_epochs = number + 1, record.planned
            case Best():
                self.best[record.name] = record
            case Superseded(epoch=epoch):
                if record not in self.superseded:
                    self.superseded.append(record)
                if not record.only_epochs:
                    self.finished_epochs = min(self.finished_epochs, epoch)
            case Histogram(name=name):
                self.histograms[name] = self.histograms.get(name, 0) + 1
            case Artifact():
                self.artifacts[record.name] = record
            case Contribution():  # pragma: no cover  # never in a journal
                pass
            case Note():
                self.notes = [*self.notes, record][-NOTES:]
            case Checkpoint():
                take_in(self.checkpoints, record)
            case Log():  # pragma: no cover  # they come in stretches
                raise TypeError("a log comes in a stretch")
            case _:  # pragma: no cover
                assert_never(record)


def _add(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Add ``new`` params to the ``old`` ones: where both have a name, the new value wins, of two groups each name."""
    for name, value in new.items():
        inside = old.get(name)
        if isinstance(inside, dict) and isinstance(value, dict):
            _add(inside, value)
        else:
            old[name] = value
