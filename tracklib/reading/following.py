"""A live run, followed: its records as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol, Self

from .._journal.kept import Place, is_in, place_in
from .._journal.records import Record
from .opening import journal_of


class Followed(Protocol):
    """What following asks of a run."""

    directory: str

    def refresh(self) -> Self:
        """Read on."""

    @property
    def is_live(self) -> bool:
        """Whether it goes on."""


def follow(run: Followed, place: Place, every: float) -> Iterator[Record]:
    """The records behind ``place`` in the run's journal, and those to come, until the run's end; it is looked for them
    ``every`` so many seconds. ``run`` is as new as the last of them.

    Raises:
        RunDirectoryError: the run is no longer there, or cannot be read.
    """
    while True:
        goes_on = run.refresh().is_live  # asked before the journal is read: what was said before an end is in it
        before = place
        with journal_of(run.directory) as reader:
            if not is_in(place, reader.fileno()):  # another run is there now
                return
            reader.go_to(place.offset, place.ordinal)
            while entries := reader.read():
                place = place_in(reader.fileno(), reader.offset, reader.ordinal, 0)
                for entry in entries:
                    yield entry.record
        if place == before:
            if not goes_on:
                return
            time.sleep(every)
