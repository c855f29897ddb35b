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
    """A run, as its directory said when it was read last: by ``load``, or by :meth:`refresh`.

    Reading writes nothing, takes no lock and asks no server. A small summary file of the run and the end of its journal
    are read at once; the points only when they are asked for, and then all of them.

    Args:
        directory: the run's directory.
        whole: read the whole journal now, instead of the summary file.

    Attributes:
        directory: an absolute path.
        status: ``"finished"``, ``"failed"``, ``"killed"`` or ``"preempted"``; ``"running"`` while its process lives;
            ``"running?"`` where it has no end and it cannot be found out whether its process lives.
        damaged: how many damaged lines of the journal were left out.

    Raises:
        RunDirectoryError: there is no run, or it cannot be read.
    """

    def value(self, name: str) -> Value:
        """The value that ``name`` has in a condition, such as ``"status"``, ``"lr"`` or ``"min.val/loss"``: a text,
        number or bool; None where the run has no such thing."""
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
        """Yield the run's records as they come, from where it was read last until its end. With each record, this
        object is up to date with it.

        Args:
            every: seconds between two looks at the journal.

        Raises:
            RunDirectoryError: the run is no longer there, or cannot be read.
        """
        return follow(self, self._journal.place, every)

    def as_dict(self) -> dict[str, Any]:
        """All but the points, as JSON can hold it: NaN and the infinities are the texts ``nan``, ``inf``, ``-inf``;
        times are ISO 8601 in UTC, durations seconds."""
        return as_dict(self)

    def plot(self, name: str, axis: str | None = None) -> Picture:
        """Draw a metric's curve, for a notebook: its mean, inside a band of its minimum and maximum.

        Args:
            name: the metric's name.
            axis: the axis of its steps; None takes ``"epoch"`` if it was logged there, else its first axis.

        Raises:
            KeyError: there is no such metric; the message says which there are.
        """
        return Picture(chart(self.curve(name, axis)))

    def live(self, every: float = 2.0) -> Live:
        """Show the run in a notebook, and draw it anew until its end.

        Args:
            every: seconds between two drawings.

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
