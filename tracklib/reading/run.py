"""A run, read out of its directory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from .._journal import layout
from .._journal.records import Record
from ..errors import RunDirectoryError
from .collection import Runs
from .content import Content
from .drawing import chart
from .following import follow
from .live import Live
from .names import Value, value_of
from .opening import directories_under
from .showing import Picture, run_as_html
from .telling import as_dict


class Run(Content):
    """A run as its directory says it was when it was read last: by ``load``, or by :meth:`refresh`.

    Nothing is written, no lock is taken, and no server is asked. What a run is comes out of a small file of its
    own and the end of its journal; the points are read when they are asked for, all of them.

    Args:
        directory: the run's.
        whole: read the journal from its start, whatever the small file says.

    Attributes:
        directory: an absolute path.
        status: ``"finished"``, ``"failed"``, ``"killed"`` or ``"preempted"``; ``"running"`` while its process lives;
            ``"running?"`` where it has no end and nobody can say whether its process lives.
        damaged: how many lines of the journal were spoiled and passed over.

    Raises:
        RunDirectoryError: there is no run, or it cannot be read.
    """

    def value(self, name: str) -> Value:
        """What ``name`` means in a condition, as ``"status"``, ``"lr"`` or ``"min.val/loss"``; None where the run has
        no such thing."""
        return value_of(self, name)

    @property
    def children(self) -> Runs:
        """The runs that were made inside this one, by their names."""
        return self._inside(layout.CHILDREN)

    @property
    def previous(self) -> Runs:
        """The runs that were in this directory before."""
        return self._inside(layout.PREVIOUS)

    def _inside(self, folder: str) -> Runs:
        return read_all(directories_under(os.path.join(self.directory, folder)))

    def follow(self, every: float = 0.2) -> Iterator[Record]:
        """What it says from now on, record by record, until its end: of what it said since it was read last, too.
        This object is as new as the last of them.

        Args:
            every: seconds between two looks.

        Raises:
            RunDirectoryError: the run is no longer there, or cannot be read.
        """
        return follow(self, self._journal.place, every)

    def as_dict(self) -> dict[str, Any]:
        """All but the points, as JSON can hold it: NaN and the infinities are the texts ``nan``, ``inf``, ``-inf``."""
        return as_dict(self)

    def plot(self, name: str, axis: str | None = None) -> Picture:
        """A metric's curve, for a notebook: its mean in a band of its least and greatest values.

        Args:
            name: the metric's.
            axis: None takes the epochs', else its first one.

        Raises:
            KeyError: there is no such metric; the message says which there are.
        """
        return Picture(chart(self.curve(name, axis)))

    def live(self, every: float = 2.0) -> Live:
        """Show it in a notebook, and draw it anew every so many seconds until its end.

        Raises:
            ImportError: IPython is not installed.
        """
        return Live(self, every)

    def _repr_html_(self) -> str:
        return run_as_html(self)

    def __repr__(self) -> str:
        return f"<Run {self.name!r} {self.status} in {self.directory}>"


def read_all(directories: Iterable[str]) -> Runs:
    """The runs in ``directories``; those that cannot be read are in ``unreadable``, each with why."""
    found, unreadable = [], {}
    for directory in directories:
        try:
            found.append(Run(directory))
        except RunDirectoryError as error:
            unreadable[directory] = str(error)
    return Runs(found, unreadable)
