"""A run's sketch: its summary and its curves, in two small files of ``state/`` beside the journal.

The run writes them in its background, out of records that a delivery has read anyway; without them, or where they
lag behind, a reader folds the journal itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec

from .._common import clock
from . import layout
from .curves import Curves, Stored, curves_of
from .kept import Kept, Place, fetch, place_in, store
from .reader import Entry, Reader
from .records import End, Log, Record, Superseded, counting
from .state import is_others
from .stretches import Stretch, grouped, joined
from .summary import Summary

SECONDS = 10.0
# Bytes of the journal: its logs become columns while the processor's caches hold them, and several such pieces are
# folded at once, as the buckets of a young curve are few values each, and dear.
_GROUPED = 2**17
_FOLDED = 2**20
_SHARE = 100  # of the time at most one such part is spent on writing: a run of thousands of series writes less often

_summaries = msgspec.msgpack.Decoder(Kept[Summary])
_curves = msgspec.msgpack.Decoder(Kept[Stored])


def summary_path(directory: str) -> str:
    """Where the summary of the run in ``directory`` is."""
    return layout.state_path(directory, layout.SUMMARY)


def curves_path(directory: str) -> str:
    """Where its curves are. Neither name ends in ``.json``, as the trackers' states do."""
    return layout.state_path(directory, layout.CURVES)


def kept_summary(directory: str, journal: int) -> Kept[Summary]:
    """The summary that the run wrote, if it holds for the ``journal`` that is open; else an empty one."""
    return fetch(summary_path(directory), _summaries, journal) or Kept(Place(), Summary())


def kept_curves(directory: str, journal: int) -> Kept[Curves]:
    """The curves that the run wrote, if they hold for the ``journal`` that is open; else none."""
    kept = fetch(curves_path(directory), _curves, journal)
    return Kept(kept.place, curves_of(kept.value)) if kept else Kept(Place(), Curves())


class Sketch:
    """Folds what a delivery reads, and writes the files: at most every ten seconds, and when the run has ended.

    Args:
        directory: the run's.
        uid: the run's.
    """

    def __init__(self, directory: str, uid: str) -> None:
        self._directory, self._uid = directory, uid
        self._next = clock.steady() + SECONDS
        self._begin([])

    def _begin(self, superseded: list[Superseded]) -> None:
        self._superseded = superseded
        self._summary, self._curves = Summary(superseded=superseded[:]), Curves()
        # They wait for each other: a delivery that keeps up reads a few lines at a time.
        self._logs: list[Log] = []
        self._others: list[Record] = []
        self._stretches: list[Stretch] = []
        self._grouped = self._folded = self._offset = self._ordinal = self._damaged = 0
        self._is_new = False

    def take(self, entries: Sequence[Entry], reader: Reader, superseded: Sequence[Superseded] = ()) -> None:
        """Know what ``reader`` has just read, if anything; it begins at the journal's start. What it reads once more
        is known already, unless more is ``superseded`` now: then it begins at the start again."""
        if self._superseded != [*superseded]:
            self._begin([*superseded])
        has_ended = False
        if reader.offset > self._offset:
            if entries and entries[0].ordinal < self._ordinal:
                entries = [entry for entry in entries if entry.ordinal >= self._ordinal]
            has_ended = self._wait(entries)
            self._offset, self._ordinal = reader.offset, reader.ordinal
            self._damaged = reader.damaged
            self._is_new = True
            if self._offset - self._grouped >= _GROUPED:
                self._group()
            if self._offset - self._folded >= _FOLDED:
                self._fold()
        begun = clock.steady()
        if self._is_new and (has_ended or begun >= self._next):
            self._is_new = False
            with contextlib.suppress(OSError):  # a reader folds what is missing
                self.write(reader)
            self._next = begun + max(SECONDS, _SHARE * (clock.steady() - begun))

    def _wait(self, entries: Sequence[Entry]) -> bool:
        """Have ``entries`` wait to be folded; whether one of them is an end."""
        logs = [record for entry in entries if type(record := entry.record) is Log]
        self._logs += logs
        if len(logs) == len(entries):
            return False
        others = [entry.record for entry in entries if type(entry.record) is not Log]
        self._others += others
        return any(type(record) is End for record in others)

    def _group(self) -> None:
        self._stretches += grouped(counting(self._logs, self._superseded))
        self._logs, self._grouped = [], self._offset

    def _fold(self) -> None:
        self._group()
        self._summary.take([*counting(self._others, self._superseded), *joined(self._stretches)], self._curves)
        self._others, self._stretches, self._folded = [], [], self._offset

    def write(self, reader: Reader) -> None:
        """Write both files as of now.

        Raises:
            OSError: the disk refuses.
        """
        if is_others(self._directory, self._uid):  # somebody deleted this run's
            return
        self._fold()
        place = place_in(reader.fileno(), self._offset, self._ordinal, self._damaged)
        store(curves_path(self._directory), Kept(place, self._curves.as_stored()))
        store(summary_path(self._directory), Kept(place, self._summary))
