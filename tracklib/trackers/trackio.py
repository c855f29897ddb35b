"""Trackio, local: a database on this machine, which ``trackio show`` draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .._common.names import Names, spelt, without_controls
from .._common.secrets import redact
from .._journal.records import Best, Log, Status
from .._values.plain import plain
from ..errors import LifecycleError
from ._options import checked
from ._texts import params_of, title
from .base import BatchTracker

_ROWS_OWN = frozenset({"step", "timestamp", "run", "run_id", "log_id", ""})  # beside a row's metrics, where it is read


class Trackio(BatchTracker):
    """Logs into one run of a Trackio project on this machine. What is said of Trackio was tried with 0.43.

    Trackio's ``log_id`` of a row is the run's uid and the row's number, so that a row that is sent twice is there once.
    Metrics of another axis are called ``<axis>/<metric>``, and their step is that axis's. Params are the run's config;
    tags, the best values and the status are in it too, under ``tracklib``, as Trackio has no other place for them.
    Artifacts stay in the run's directory.

    The database is where the environment variable ``TRACKIO_DIR`` says. ``trackio sync --project ... --space-id ...``
    takes it to a Space of Hugging Face's.

    Args:
        project: the project's name.
        name: the run's name; None takes the tracklib run's name.
        in_process: keep the tracker in the training process (``docs/explanation/companion.rst``).
        output_run: the directory where logs are stored.
    """

    requires = ("trackio",)
    extra = "trackio"
    imports = ("trackio.sqlite_storage",)
    name_option = "name"
    batch_size = 512

    @checked
    def __init__(
        self,
        *,
        project: str = "tracklib",
        name: str | None = None,
        in_process: bool = False,
        output_run: str | None = None,
    ) -> None:
        super().__init__(output_run=output_run)
        self.project = project
        self.name = name
        self.in_process = in_process
        self._names = Names("Trackio", trackio_name)
        self._storage: Any = None
        self._config: dict[str, Any] = {}

    def init(self) -> None:
        """Read the run's config, if it has one, and set its status to running."""
        from trackio.sqlite_storage import SQLiteStorage

        SQLiteStorage.validate_project_name(self.project)
        self._names.restore(self.state)
        self._storage = SQLiteStorage
        self.state["run_id"] = self.begin.uid
        self._config = SQLiteStorage.get_run_config(self.project, run_id=self.begin.uid) or {}
        self._say(status="running")
        self.location = str(SQLiteStorage.get_project_db_path(self.project))

    @property
    def _title(self) -> str:
        return title(self.name, self.begin)

    def log_batch(self, records: Sequence[Log]) -> None:
        """Write rows; Trackio passes over those that are there already."""
        rows = [{self._name(record.axis, n): v for n, v in record.columns().items()} for record in records]
        self._names.keep(self.state)
        self._write(
            rows,
            [record.step for record in records],
            [record.time for record in records],
            [str(record.ordinal) for record in records],
        )

    def _name(self, axis: str, metric: str) -> str:
        return self._names[metric] if axis == "epoch" else self._names.within(axis, metric)

    def _write(
        self,
        rows: Sequence[Mapping[str, Any]],
        steps: Sequence[int],
        times: Sequence[int],
        ids: Sequence[str],
        config: Mapping[str, Any] | None = None,
    ) -> None:
        if self._storage is None:
            raise LifecycleError("Trackio's run has not begun: call init() before log()")
        self._storage.bulk_log(
            project=self.project,
            run=self._title,
            run_id=self.begin.uid,
            metrics_list=list(rows),
            steps=list(steps),
            timestamps=[datetime.fromtimestamp(time / 1000, UTC).isoformat() for time in times],
            log_ids=[f"{self.begin.uid}-{each}" for each in ids],
            config=config,
        )

    def _say(self, **about: Any) -> None:
        """Put more under ``tracklib`` in the run's config. It goes with a row, so with an empty one, which is there
        once."""
        ours = {**self._config.get("tracklib", {}), **about}
        self._config = {**self._config, "tracklib": ours}
        self._write([{}], [0], [self.begin.time], ["config"], self._config)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add to the run's config. Trackio keeps names that begin with ``_`` for itself: ``_x`` is ``param_x``
        there."""
        self._config = {**self._config, **params_of(params, lambda name: name == "tracklib" or name.startswith("_"))}
        self._say()

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Add to ``tracklib.tags`` in the run's config."""
        before = self._config.get("tracklib", {}).get("tags", {})
        self._say(tags={**before, **redact(plain(tags))})

    def log_best(self, best: Best) -> None:
        """Set ``tracklib.best`` in the run's config."""
        before = self._config.get("tracklib", {}).get("best", {})
        self._say(best={**before, spelt(best.name): {"value": best.value, best.axis: best.step}})

    def finish(self, status: Status) -> None:
        """Set ``tracklib.status`` in the run's config."""
        if self._storage is not None:
            self._say(status=str(status))

    def close(self) -> None:
        """Nothing is open between two calls."""

    def is_transient(self, error: BaseException) -> bool:
        """Another process may have the database, or the disk room again."""
        import sqlite3

        return isinstance(error, OSError | sqlite3.OperationalError) or super().is_transient(error)


def trackio_name(raw: str) -> str:
    """A name that stays itself beside what Trackio says of a row."""
    name = without_controls(raw)
    return f"metric_{name}" if name in _ROWS_OWN or name.startswith("_") else name
