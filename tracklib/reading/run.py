"""A run, read out of its directory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from .._journal import layout
from .._journal.alerts import Alerted, alerts_in
from .._journal.checkpoints import CheckpointPath, Checkpoints
from .._journal.curve import BUCKETS
from .._journal.records import Best, Histogram, Note, Parent, Record
from .._journal.statistics import Statistics
from .._journal.summary import Summary
from ..errors import RunDirectoryError
from .artifacts import Artifact
from .attempts import RUNNING, Attempt, attempts, end_of, moment, standing
from .buckets import Buckets
from .collection import Runs
from .drawing import chart
from .environment import TAGS, Environment, environment
from .folded import Folded
from .following import follow
from .live import Live
from .metrics import Metrics
from .names import Value, value_of
from .opening import directories_under
from .points import Points, axis_of
from .showing import Picture, run_as_html
from .telling import as_dict, flat


class Run:
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

    directory: str
    status: str
    damaged: int

    def __init__(self, directory: str | os.PathLike[str], *, whole: bool = False) -> None:
        self.directory = os.path.abspath(os.fsdecode(directory))
        self._journal = Folded(self.directory)
        self._journal.read_on(whole=whole)
        self._settle()

    def refresh(self) -> Run:
        """Read on, if there is more; the same run.

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

    # Who it is, and how it stands -----------------------------------------------------------------------------

    @property
    def uid(self) -> str:
        """What tells the run from all others, the same in every attempt: W&B's run id, and a tag at MLflow."""
        return self._begins[-1].uid

    @property
    def name(self) -> str:
        """The run's name as it was given, else its directory's."""
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
        """The seconds of all its attempts, without what lay between them; until now while it goes on."""
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

    # What it said ---------------------------------------------------------------------------------------------

    @property
    def params(self) -> dict[str, Any]:
        """The hyperparameters, nested as they were told."""
        return self.summary.params

    @property
    def flat_params(self) -> dict[str, Any]:
        """The same by their flat names, as ``model/width``."""
        return flat(self.params)

    @property
    def tags(self) -> dict[str, str]:
        """All tags; a bare one has an empty value."""
        return self.summary.tags

    @property
    def own_tags(self) -> dict[str, str]:
        """The tags that the user set: all but those that tell the run's environment."""
        return {name: value for name, value in self.tags.items() if name not in TAGS}

    @property
    def environment(self) -> Environment:
        """What the run was made with: git's commit, the command, the packages and the machine, as the run said when it
        began."""
        return environment(self.tags, self._begins[-1].host)

    @property
    def epoch(self) -> int | None:
        """The last epoch that was finished, or that something was logged at; None where there is neither."""
        logged = [known.last.step for known in self.summary.series.get("epoch", {}).values()]
        finished = [self.summary.finished_epochs - 1] if self.summary.finished_epochs else []
        return max(logged + finished, default=None)

    @property
    def planned_epochs(self) -> int | None:
        """How many epochs it is to have, as its loop of ``t.epochs`` said at the end of each; None where none did."""
        return self.summary.planned_epochs or None

    @property
    def best(self) -> dict[str, Best]:
        """The best value of each metric that the run's option ``best`` named, with its axis, step and time."""
        return self.summary.best

    @property
    def series(self) -> dict[tuple[str, str], Statistics]:
        """By ``(axis, name)``, what the values come to: count, first, last, min, max, mean and more."""
        return {(axis, name): known for axis, names in self.summary.series.items() for name, known in names.items()}

    @property
    def first(self) -> Points:
        """The first value of each metric, by its name, with its axis, step and time."""
        return Points(self.summary.series, lambda known: known.first)

    @property
    def last(self) -> Points:
        """The newest value of each metric."""
        return Points(self.summary.series, lambda known: known.last)

    @property
    def min(self) -> Points:
        """The least value of each metric; of equal ones the first."""
        return Points(self.summary.series, lambda known: known.min)

    @property
    def max(self) -> Points:
        """The greatest value of each metric; of equal ones the first."""
        return Points(self.summary.series, lambda known: known.max)

    @property
    def metrics(self) -> Metrics:
        """All the points, read from the journal when they are first asked for, every one of them.

        Raises:
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        return self._journal.metrics()

    def curve(self, name: str, axis: str | None = None) -> Buckets:
        """A metric in about a thousand buckets of mean, least and greatest value, without reading its points: out of
        a small file of the run, and the end of its journal.

        Args:
            name: the metric's.
            axis: None takes the epochs', else its first one.

        Raises:
            KeyError: there is no such metric; the message says which there are.
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        axis = axis or axis_of(name, self.summary.series) or "epoch"
        if name not in self.summary.series.get(axis, ()):
            raise KeyError(f"no metric {name!r} on {axis!r}; there are {', '.join(map(repr, self.last)) or 'none'}")
        curve = self._journal.curve(name, axis)
        if curve is None:  # the run has so many series that not all are drawn
            return self.metrics.series(name, axis).buckets(BUCKETS)
        last = self.summary.series[axis][name].last
        return Buckets(name, axis, curve, last.step, last.time)

    @property
    def histograms(self) -> dict[str, list[Histogram]]:
        """Of each name how its values were distributed, in the order in which it was said: each with its ``axis``,
        ``step``, ``edges``, ``counts`` and moments. Read from the journal when they are first asked for.

        Raises:
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        return self._journal.histograms()

    @property
    def alerts(self) -> list[Alerted]:
        """What its alerts told, each with ``event``, ``text``, ``to`` whom, ``time`` in milliseconds since 1970, and
        ``how`` that went: ``"sent"``, ``"failed"`` (it is tried again), or ``"unknown"``."""
        return alerts_in(self.directory)

    @property
    def console(self) -> str:
        """What the run printed, with ``console=True``, so far; else empty."""
        try:
            with open(os.path.join(self.directory, layout.CONSOLE), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The files and folders that it kept, by their names."""
        folder = os.path.join(self.directory, layout.ARTIFACTS)
        return {
            name: Artifact(name, os.path.join(folder, name), record.sha256, moment(record.time))
            for name, record in self.summary.artifacts.items()
            if layout.is_name(name)
        }

    @property
    def notes(self) -> list[Note]:
        """What was noted, in its order, the newest thousand: each has a ``text``, ``axis``, ``step`` and ``time``."""
        return self.summary.notes

    @property
    def checkpoints(self) -> list[CheckpointPath]:
        """The checkpoints that it keeps, the oldest first: each is a path, with its epoch, metrics and aliases."""
        return list(self._checkpoints)

    def checkpoint(self, which: str | int = "latest") -> CheckpointPath | None:
        """The path of a checkpoint; None where there is none such, or its file is gone.

        Args:
            which: ``"latest"``, ``"best"``, its name, or its epoch.
        """
        return self._checkpoints.find(which)

    @property
    def _checkpoints(self) -> Checkpoints:
        return Checkpoints(self.directory, self.summary.checkpoints.values())

    @property
    def files(self) -> list[str]:
        """What its trackers wrote into its directory, in any attempt, by the names there."""
        return list(dict.fromkeys(name for begin in self._begins for name in begin.files))

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
