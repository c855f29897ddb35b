"""A run, read out of its directory."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .._journal import layout
from .._journal.kept import Kept, Place, is_in, place_in
from .._journal.lock import Holding, holding
from .._journal.reader import Reader
from .._journal.records import Begin, Best, Parent
from .._journal.sketch import kept_summary
from .._journal.state import load_begin
from .._journal.statistics import Statistics
from .._journal.stretches import stretches
from .._journal.summary import Summary
from ..errors import RunDirectoryError
from . import metrics
from .artifacts import Artifact
from .attempts import KILLED, PERHAPS_RUNNING, RUNNING, Attempt, attempts, end_of, moment
from .environment import TAGS, Environment, environment
from .metrics import Metrics
from .names import Value, value_of
from .points import Points

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
        self._read(whole)

    def refresh(self) -> Run:
        """Read on, if there is more; the same run.

        Raises:
            RunDirectoryError: it is no longer there, or cannot be read.
        """
        self._read(whole=False)
        return self

    def _read(self, whole: bool) -> None:
        reader = open_journal(self.directory)
        try:
            if not whole and not (self._kept.place.offset and is_in(self._kept.place, reader.fileno())):
                self._kept = kept_summary(self.directory, reader.fileno())
            place, summary = self._kept.place, self._kept.value
            reader.go_to(place.offset, place.ordinal)
            while entries := reader.read():
                summary.take(stretches(entry.record for entry in entries))
            if reader.offset > place.offset:
                damaged = place.damaged + reader.damaged
                self._kept.place = place_in(reader.fileno(), reader.offset, reader.ordinal, damaged)
                self._metrics = None
            changed = os.fstat(reader.fileno()).st_mtime
        except BaseException as error:
            self._kept = Kept(Place(), Summary())  # a part of a piece may be in it
            raise (unreadable(self.directory, error) if isinstance(error, OSError) else error) from None
        finally:
            reader.close()
        self._settle(round(1000 * changed))

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
        """With what it was made."""
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
        """By axis and name, what each series of values comes to: count, first, last, min, max, mean and more."""
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
        """All the points, read from the journal when they are first asked for: every one of them.

        Raises:
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        if self._metrics is None:
            self._metrics = Metrics(read_points(self.directory))
        return self._metrics

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The files and folders that it kept, by their names."""
        folder = os.path.join(self.directory, layout.ARTIFACTS)
        return {
            name: Artifact(name, os.path.join(folder, name), record.sha256, moment(record.time))
            for name, record in self.summary.artifacts.items()
            if os.path.basename(name) == name and name not in ("", ".", "..") and "\0" not in name
        }

    def value(self, name: str) -> Value:
        """What ``name`` means in a condition, as ``"status"``, ``"lr"`` or ``"min.val/loss"``; None where the run has
        no such thing."""
        return value_of(self, name)

    def __repr__(self) -> str:
        return f"<Run {self.name!r} {self.status} in {self.directory}>"


def open_journal(directory: str) -> Reader:
    """A reader at the beginning of the journal in ``directory``.

    Raises:
        RunDirectoryError: there is none, or it cannot be read.
    """
    try:
        return Reader(layout.journal_path(directory))
    except OSError as error:
        raise unreadable(directory, error) from error


def read_points(directory: str) -> metrics.LogColumns:
    """All the points of the run in ``directory``.

    Raises:
        RunDirectoryError: the journal cannot be read.
    """
    reader, found = open_journal(directory), metrics.LogColumns()
    try:
        while entries := reader.read():
            found.take(stretches(entry.record for entry in entries))
    except OSError as error:
        raise unreadable(directory, error) from error
    finally:
        reader.close()
    return found


def unreadable(directory: str, error: OSError) -> RunDirectoryError:
    """The error that says why there is no run to be read, and how to mend it."""
    if isinstance(error, RunDirectoryError):
        return error
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return RunDirectoryError(f"{directory} holds no run: there is no {layout.JOURNAL} in it")
    mend = ": ask its owner, or root, for the permission" if isinstance(error, PermissionError) else ""
    return RunDirectoryError(f"the run in {directory} cannot be read ({error.strerror or error}){mend}")


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


def flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested ``params`` by their flat names; an empty group stays as it is."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{name}/")
        else:
            found[prefix + name] = value
    return found
