"""What a run's journal comes to: its summary, and, once they are asked for, its curves and its points."""

from __future__ import annotations

import os

from .._journal import layout
from .._journal.curve import Curve
from .._journal.curves import Curves
from .._journal.encoding import marker
from .._journal.kept import Kept, Place, is_in
from .._journal.reader import Reader
from .._journal.records import Begin, Histogram, Superseded, counting
from .._journal.sketch import kept_curves, kept_summary
from .._journal.state import load_begin
from .._journal.stretches import stretches
from .._journal.summary import Summary
from ..errors import RunDirectoryError
from .metrics import LogColumns, Metrics
from .opening import MoreSuperseded, journal_of, read_on


class Folded:
    """The journal in ``directory``, as far as :meth:`read_on` has read it last.

    Attributes:
        directory: the run's.
        changed: when the journal was last written, in milliseconds since 1970.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.changed = 0
        self._forget()

    def _forget(self) -> None:
        self._kept = Kept(Place(), Summary())
        self._curves: Kept[Curves] | None = None
        self._metrics: Metrics | None = None
        self._histograms: dict[str, list[Histogram]] | None = None

    @property
    def summary(self) -> Summary:
        """All but the points, as the journal's records say it."""
        return self._kept.value

    @property
    def place(self) -> Place:
        """Up to where the journal was read."""
        return self._kept.place

    def read_on(self, *, whole: bool = False) -> None:
        """Read what is new; all of it where another run is there now, or the ``whole`` is asked for.

        Raises:
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        with journal_of(self.directory) as reader:
            if whole or not self.place.offset or not is_in(self.place, reader.fileno()):
                self._forget()
                if not whole:
                    self._kept = kept_summary(self.directory, reader.fileno())
            before = self.place
            try:
                self._fold(reader)
            except BaseException:
                self._forget()  # a part of a piece may be in it
                raise
            if self.place != before:
                self._metrics = self._histograms = None
            self.changed = round(1000 * os.fstat(reader.fileno()).st_mtime)

    def _fold(self, reader: Reader) -> None:
        while True:
            try:
                self._kept = read_on(reader, self._kept, self.summary.take, self.summary.superseded)
                return
            except MoreSuperseded as more:
                self._kept = Kept(Place(), Summary(superseded=more.superseded))

    def begins(self) -> list[Begin]:
        """How the attempts began; where a line of the journal is damaged, the last one by its second copy.

        Raises:
            RunDirectoryError: nothing says it.
        """
        begins = self.summary.begins
        if self.place.damaged or not begins:
            kept = load_begin(self.directory)
            if kept and (not begins or (kept.uid == begins[-1].uid and kept.attempt > begins[-1].attempt)):
                begins = [*begins, kept]
        if not begins:
            raise RunDirectoryError(
                f"{self.directory} holds no run that can be told: "
                f"nothing in {layout.JOURNAL} or in {layout.STATE}/ says how it began"
            )
        return begins

    def metrics(self) -> Metrics:
        """All the points.

        Raises:
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        if self._metrics is None:
            self._metrics = Metrics(_read_points(self.directory, self.summary.superseded))
        return self._metrics

    def histograms(self) -> dict[str, list[Histogram]]:
        """All of each name, in the order in which they were said.

        Raises:
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        if self._histograms is None:
            found: dict[str, list[Histogram]] = {name: [] for name in self.summary.histograms}
            for each in _read_histograms(self.directory, self.summary.superseded) if found else ():
                found.setdefault(each.name, []).append(each)
            self._histograms = {name: each for name, each in found.items() if each}  # a line was spoiled since
        return self._histograms

    def curve(self, name: str, axis: str) -> Curve | None:
        """The curve of one series; None where the run has so many that not all are drawn.

        Raises:
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        if self._curves is None or self._curves.place.offset < self.place.offset:
            self._curves = _read_curves(self.directory, self._curves, self.summary.superseded)
        return self._curves.value.of.get(axis, {}).get(name)


def _read_curves(directory: str, known: Kept[Curves] | None, superseded: list[Superseded]) -> Kept[Curves]:
    with journal_of(directory) as reader:
        if known is None or not is_in(known.place, reader.fileno()):
            known = kept_curves(directory, reader.fileno())
        while True:
            try:
                known = read_on(reader, known, known.value.take, superseded)
                break
            except MoreSuperseded as more:
                known, superseded = Kept(Place(), Curves()), more.superseded
        return known


def _read_histograms(directory: str, superseded: list[Superseded]) -> list[Histogram]:
    with journal_of(directory) as reader:
        found = [each for each in reader.records_with(marker(Histogram)) if isinstance(each, Histogram)]
    return counting(found, superseded)


def _read_points(directory: str, superseded: list[Superseded]) -> LogColumns:
    found = LogColumns()
    with journal_of(directory) as reader:
        while any(read := reader.read_apart()):
            logs, others = read
            if new := [each for each in others if isinstance(each, Superseded) and each not in superseded]:
                return _read_points(directory, [*superseded, *new])
            found.take(stretches(counting(logs, superseded)))
    return found
