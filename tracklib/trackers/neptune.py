"""Neptune, offline: one database a run, which ``neptune sync`` takes to the server."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .._common.names import Names, spelt, without_controls
from .._common.warn import warn
from .._journal import layout
from .._journal.records import Best, Log, Status
from ._folder_tracker import FolderTracker
from ._options import checked
from ._sdk_log import keep_quiet
from ._texts import params_of, title, words_of

_LONGEST = 1000  # bytes of an attribute's path are 1,024


class Neptune(FolderTracker):
    """Writes one offline run of Neptune's: a database in the run's directory. What is said of Neptune was tried with
    ``neptune-scale`` 0.30.

    It is built from the run's journal, and anew when the run is resumed, so that each record is there once. Neptune
    takes only rising steps, so its step is the record's number in the run; the epoch, or the step of another axis, is a
    metric of the axis's name beside the others. Neptune has no NaN and no infinities: they are left out, with one
    warning. Params are under ``params/``, the best values and the status under ``tracklib/``. Artifacts stay in the
    run's directory. ``neptune sync`` takes the database to the server.

    Args:
        project: ``workspace/project``; None takes the environment variable ``NEPTUNE_PROJECT``.
        name: the experiment to which the run belongs; None takes the tracklib run's name.
        folder: the folder of the database; None takes ``neptune`` in ``output_run``. In a given one, each run
            has a folder of its own, called by its uid.
        in_process: keep the tracker in the training process, for those who want :attr:`run`
            (``docs/explanation/companion.rst``).
        output_run: the directory where logs are stored.
    """

    requires = ("neptune_scale",)
    extra = "neptune"
    imports = ("neptune_scale",)
    name_option = "name"
    folder_name = layout.NEPTUNE
    owns_folder = True

    @checked
    def __init__(
        self,
        *,
        project: str | None = None,
        name: str | None = None,
        folder: str | None = None,
        in_process: bool = False,
        output_run: str | None = None,
    ) -> None:
        super().__init__(folder=folder, output_run=output_run)
        self.project = project
        self.name = name
        self.in_process = in_process

    @property
    def run(self) -> Any:
        """The ``neptune_scale.Run``, once ``init`` has returned; it needs ``in_process``."""
        return self._here(self._sdk_run)

    def is_intact(self) -> bool:
        """Whether the database is there."""
        return os.path.isdir(self._place) and bool(os.listdir(self._place))

    def init(self) -> None:
        """Begin an empty database."""
        from neptune_scale import Run

        keep_quiet((), ["neptune"])
        self.close()
        self._make_place()
        self._names = Names("Neptune", neptune_name)
        self._is_told = False
        self._sdk_run = Run(
            run_id=self.begin.uid,
            project=self.project,
            mode="offline",
            experiment_name=title(self.name, self.begin),
            creation_time=_moment(self.begin.time),
            log_directory=self._place,
            enable_console_log_capture=False,
            source_tracking_config=None,
        )
        self.state["run_id"] = self.begin.uid
        self._say(status="running")
        self.location = self._place

    def log_batch(self, records: Sequence[Log]) -> None:
        """Append each record as a step."""
        run = self._need()
        for record in records:
            columns = record.columns()
            names = {name: self._names.beside(record.axis, name) for name in columns}
            metrics = {names[name]: value for name, value in columns.items() if math.isfinite(value)}
            if len(metrics) < len(columns) and not self._is_told:
                self._is_told = True
                left = next(name for name, value in columns.items() if not math.isfinite(value))
                warn(f"Neptune has no NaN and no infinities: they are left out, first of {spelt(left)!r}")
            metrics.setdefault(self._names.axis(record.axis), float(record.step))
            run.log_metrics(metrics, step=record.ordinal, timestamp=_moment(record.time))

    def _say(self, **about: Any) -> None:
        self._need().log_configs({f"tracklib/{name}": value for name, value in about.items()})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Set configs under ``params/``."""
        self._need().log_configs({"params": params_of(params)}, flatten=True, cast_unsupported=True)

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, as ``name`` or ``name:value``."""
        self._need().add_tags(words_of(tags))

    def log_best(self, best: Best) -> None:
        """Set ``tracklib/best/<name>``, and beside it the step."""
        name = f"best/{neptune_name(best.name)}"
        self._say(**{name: best.value, f"{name}-{best.axis}": best.step})

    def finish(self, status: Status) -> None:
        """Set ``tracklib/status``, and close the database."""
        self._say(status=str(status))
        self.close()

    def close(self) -> None:
        """Close the database."""
        run, self._sdk_run = self._sdk_run, None
        if run is not None:
            run.close()

    def is_transient(self, error: BaseException) -> bool:
        """A full disk may have room again, also where Neptune reports it by an error of its own."""
        import sqlite3

        return isinstance(error, sqlite3.OperationalError) or super().is_transient(error)


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, UTC)


def neptune_name(raw: str) -> str:
    """A path that Neptune takes, whose longest is counted in bytes."""
    name = without_controls(raw).encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")
    return name or "unnamed"
