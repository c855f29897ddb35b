"""A run, read out of its directory."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from .._journal import layout
from .._journal.curves import BUCKETS, Curves
from .._journal.kept import Kept, Place, is_in
from .._journal.lock import Holding, holding
from .._journal.reader import Reader
from .._journal.records import Begin, Best, Parent, Record, Superseded, counting
from .._journal.sketch import kept_curves, kept_summary
from .._journal.state import load_begin
from .._journal.statistics import Statistics
from .._journal.stretches import stretches
from .._journal.summary import Summary
from ..errors import RunDirectoryError
from .artifacts import Artifact
from .attempts import KILLED, PERHAPS_RUNNING, RUNNING, Attempt, attempts, end_of, moment
from .buckets import Buckets
from .collection import Runs
from .drawing import chart
from .environment import TAGS, Environment, environment
from .following import follow
from .live import Live
from .metrics import LogColumns, Metrics
from .names import Value, value_of
from .opening import MoreSuperseded, directories_under, journal_of, read_on
from .points import Points, axis_of
from .showing import Picture, run_as_html
from .telling import as_dict, flat

_JUST_NOW = 60_000  # milliseconds


class Run:
    """A run as its directory says it was when it was read last: by ``load``, or by :meth:`refresh`.

    Nothing is written, no lock is taken, and no server is asked. What a run is comes out of a small file of its
    own and the end of its journal; the points are read when they are asked for, all of them.

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
        self._kept = Kept(Place(), Summary())
        self._metrics: Metrics | None = None
        self._curves: Kept[Curves] | None = None
        self._read(whole)

    def refresh(self) -> Run:
        """Read on, if there is more; the same run.

        Raises:
            RunDirectoryError: it is no longer there, or cannot be read.
        """
        self._read(whole=False)
        return self

    def _read(self, whole: bool) -> None:
        with journal_of(self.directory) as reader:
            if not whole and not (self._kept.place.offset and is_in(self._kept.place, reader.fileno())):
                self._kept = kept_summary(self.directory, reader.fileno())
            before = self._kept.place
            try:
                self._read_on(reader)
            except BaseException:
                self._kept = Kept(Place(), Summary())  # a part of a piece may be in it
                raise
            if self._kept.place != before:
                self._metrics = None
            changed = os.fstat(reader.fileno()).st_mtime
        self._settle(round(1000 * changed))

    def _read_on(self, reader: Reader) -> None:
        while True:
            try:
                self._kept = read_on(reader, self._kept, self.summary.take, self.summary.superseded)
                return
            except MoreSuperseded as more:
                self._kept = Kept(Place(), Summary(superseded=more.superseded))

    def _settle(self, changed: int) -> None:
        """Know how the run stands now; its journal was last ``changed`` at that time, in milliseconds."""
        self._now = time.time_ns() // 1_000_000
        self._begins = self._known_begins()
        self.damaged = self._kept.place.damaged
        last = self._begins[-1]
        end = end_of(last, None, self.summary.ends)
        if end:
            self.status = str(end.status)
        else:
            self.status = _standing(self.directory, last, self._now - max(changed, self.summary.time))

    def _known_begins(self) -> list[Begin]:
        """How the attempts began; where a line of the journal is damaged, the last one by its second copy."""
        begins = self.summary.begins
        if self._kept.place.damaged or not begins:
            kept = load_begin(self.directory)
            if kept and (not begins or (kept.uid == begins[-1].uid and kept.attempt > begins[-1].attempt)):
                begins = [*begins, kept]
        if not begins:
            raise RunDirectoryError(
                f"{self.directory} holds no run that can be told: "
                f"nothing in {layout.JOURNAL} or in {layout.STATE}/ says how it began"
            )
        return begins

    @property
    def summary(self) -> Summary:
        """All but the points, as the journal's records say it."""
        return self._kept.value

    # Who it is, and how it stands -----------------------------------------------------------------------------

    @property
    def uid(self) -> str:
        """The run's, the same in every attempt and at every tracker."""
        return self._begins[-1].uid

    @property
    def name(self) -> str:
        """The run's name."""
        return self._begins[-1].name

    @property
    def parent(self) -> Parent | None:
        """The run around this one, by its ``uid`` and its directory ``output_run``."""
        return self._begins[-1].parent

    @property
    def is_live(self) -> bool:
        """Whether it goes on, for all that is known."""
        return self.status.startswith(RUNNING)

    @property
    def attempts(self) -> list[Attempt]:
        """All that were made at it, the first one first."""
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
        """Those that do not say the run's environment."""
        return {name: value for name, value in self.tags.items() if name not in TAGS}

    @property
    def environment(self) -> Environment:
        """What it was made with, as git's commit, the command, the packages and the machine."""
        return environment(self.tags, self._begins[-1].host)

    @property
    def epoch(self) -> int | None:
        """The last epoch that was finished, or that something was logged at; None where there is neither."""
        logged = [known.last.step for known in self.summary.series.get("epoch", {}).values()]
        finished = [self.summary.finished_epochs - 1] if self.summary.finished_epochs else []
        return max(logged + finished, default=None)

    @property
    def best(self) -> dict[str, Best]:
        """The best values that the run was asked to keep."""
        return self.summary.best

    @property
    def series(self) -> dict[tuple[str, str], Statistics]:
        """By axis and name, what each series of values comes to, as its count, first, last, min, max, mean and more."""
        return {(axis, name): known for axis, names in self.summary.series.items() for name, known in names.items()}

    @property
    def first(self) -> Points:
        """The first value of each metric."""
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
        if self._metrics is None:
            self._metrics = Metrics(_read_points(self.directory, self.summary.superseded))
        return self._metrics

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
        if self._curves is None or self._curves.place.offset < self._kept.place.offset:
            self._curves = _read_curves(self.directory, self._curves, self.summary.superseded)
        curve = self._curves.value.of.get(axis, {}).get(name)
        if curve is None:  # the run has so many series that not all are drawn
            return self.metrics.series(name, axis).buckets(BUCKETS)
        last = self.summary.series[axis][name].last
        return Buckets(name, axis, curve, last.step, last.time)

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The files and folders that it kept, by their names."""
        folder = os.path.join(self.directory, layout.ARTIFACTS)
        return {
            name: Artifact(name, os.path.join(folder, name), record.sha256, moment(record.time))
            for name, record in self.summary.artifacts.items()
            if layout.is_name(name)
        }

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
        return follow(self, self._kept.place, every)

    def as_dict(self) -> dict[str, Any]:
        """All but the points, as JSON can hold it: NaN and the infinities are the texts ``nan``, ``inf``, ``-inf``."""
        return as_dict(self)

    def plot(self, name: str, axis: str | None = None) -> Picture:
        """A metric's curve, for a notebook: its mean in a band of its least and greatest values.

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
        known.value.settle()
        return known


def _read_points(directory: str, superseded: list[Superseded]) -> LogColumns:
    found = LogColumns()
    with journal_of(directory) as reader:
        while any(read := reader.read_apart()):
            logs, others = read
            if new := [each for each in others if isinstance(each, Superseded) and each not in superseded]:
                return _read_points(directory, [*superseded, *new])
            found.take(stretches(counting(logs, superseded)))
    return found


def _standing(directory: str, begin: Begin, quiet: int) -> str:
    """Of a run without an end, which was ``quiet`` for so many milliseconds.

    A lock that is free says that the process is dead. On another machine's it says so too where the file system
    passes locks on; as some do not, a run there that has just said something is not called dead.
    """
    match holding(directory):
        case Holding.HELD:
            return RUNNING
        case Holding.FREE if begin.host == socket.gethostname() or quiet > _JUST_NOW:
            return KILLED
        case _:
            return PERHAPS_RUNNING
