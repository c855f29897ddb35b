"""What a run said, and what it left in its directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .._common.files import text_of
from .._journal import layout
from .._journal.alerts import Alerted, alerts_in
from .._journal.checkpoints import CheckpointPath, Checkpoints
from .._journal.curve import BUCKETS
from .._journal.records import Best, Histogram, Note
from .._journal.statistics import Statistics
from .artifacts import Artifact
from .attempts import moment
from .buckets import Buckets
from .environment import TAGS, Environment, environment
from .lifetime import Lifetime
from .metrics import Metrics
from .points import Points, axis_of
from .telling import flat


class Content(Lifetime):
    """The same run, by its content: a small file and the end of its journal, whose points are read when asked for."""

    @property
    def params(self) -> dict[str, Any]:
        """The hyperparameters, nested as they were logged."""
        return self.summary.params

    @property
    def flat_params(self) -> dict[str, Any]:
        """The same by flat names, such as ``model/width``."""
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
        """How many epochs the run is to have, as its loop of ``t.epochs`` said; None before the end of the first."""
        return self.summary.planned_epochs or None

    @property
    def best(self) -> dict[str, Best]:
        """The best value of each metric that the run's option ``best`` named, with its axis, step and time."""
        return self.summary.best

    @property
    def series(self) -> dict[tuple[str, str], Statistics]:
        """By ``(axis, name)``, statistics of the values: count, first, last, min, max, mean and more."""
        return {(axis, name): known for axis, names in self.summary.series.items() for name, known in names.items()}

    @property
    def first(self) -> Points:
        """The first value of each metric, by its name, with its axis, step and time."""
        return Points(self.summary.series, "first")

    @property
    def last(self) -> Points:
        """The newest value of each metric."""
        return Points(self.summary.series, "last")

    @property
    def min(self) -> Points:
        """The least value of each metric; of equal ones the first."""
        return Points(self.summary.series, "min")

    @property
    def max(self) -> Points:
        """The greatest value of each metric; of equal ones the first."""
        return Points(self.summary.series, "max")

    @property
    def metrics(self) -> Metrics:
        """All points, as a table with the rows of ``metrics.csv``; ``run.metrics["val/loss"]`` is one metric's series.
        They are read from the journal when they are first asked for, and none is left out.

        Raises:
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        return self._journal.metrics()

    def curve(self, name: str, axis: str | None = None) -> Buckets:
        """A metric in about 1,000 buckets, each with mean, minimum and maximum. It is quick: it comes from a small file
        of the run and the end of its journal, not from all points.

        Args:
            name: the metric's name.
            axis: the axis of its steps; None takes ``"epoch"`` if it was logged there, else its first axis.

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
        """By name, the histograms in the order in which they were logged: each with its ``axis``, ``step``, ``edges``,
        ``counts``, ``min``, ``max``, ``mean`` and ``std``. They are read from the journal when they are first asked
        for.

        Raises:
            RunDirectoryError: the journal is no longer there, or cannot be read.
        """
        return self._journal.histograms()

    @property
    def alerts(self) -> list[Alerted]:
        """The alerts that were sent, each with ``event``, ``text``, ``to`` (the receiver), ``time`` (milliseconds since
        1970, UTC), and ``how`` it went: ``"sent"``, ``"failed"`` (it is tried again), or ``"unknown"``."""
        return alerts_in(self.directory)

    @property
    def console(self) -> str:
        """What the run printed, with ``console=True``, so far; else empty."""
        return text_of(os.path.join(self.directory, layout.CONSOLE)) or ""

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
        """The newest 1,000 notes, in order: each has a ``text``, ``axis``, ``step`` and ``time``."""
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
