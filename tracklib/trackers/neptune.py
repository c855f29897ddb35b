"""Neptune, offline: one database a run, which ``neptune sync`` takes to the server."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .._common.files import make_folder
from .._common.names import Names, in_one_line, spelt, without_controls
from .._common.secrets import redact, redact_text
from .._common.warn import warn
from .._journal import layout
from .._journal.records import Best, Log, Status
from .._values.plain import plain
from ..errors import LifecycleError
from ._options import checked
from ._sdk_log import keep_quiet
from .base import BatchTracker

_LONGEST = 1000  # bytes of an attribute's path are 1,024


class Neptune(BatchTracker):
    """Writes one offline run of Neptune's (``neptune-scale``): a database in the run's directory.

    It is a projection of the run's journal, written anew when the run is resumed, so that each record is there once.
    Neptune wants steps that only rise, so its step is the record's number in the run; the epoch, or the step of another
    axis, is a metric of the axis's name beside the others. It has no NaN and no infinities: they are left out, and said
    once. Params are under ``params/``, the best values and the status under ``tracklib/``. Artifacts stay in the run's
    directory. ``neptune sync`` takes the database to the server.

    Args:
        project: ``workspace/project``; None takes ``NEPTUNE_PROJECT``.
        name: the experiment that the run is of; None takes the tracklib run's name.
        folder: where the database is; None takes ``neptune`` in ``output_run``. It is emptied.
        in_process: keep it in the training process (see ``docs/companion.rst``).
        output_run: the directory where logs are stored.
    """

    requires = ("neptune_scale",)
    extra = "neptune"
    imports = ("neptune_scale",)
    name_option = "name"
    batch_size = 512
    reads_whole_journal = True
    builds_anew = True

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
        super().__init__(output_run=output_run)
        self.project = project
        self.name = name
        self.folder = None if folder is None else os.path.abspath(folder)
        self.in_process = in_process
        self._run: Any = None

    @property
    def _place(self) -> str:
        return self.folder or os.path.join(self.output_run, layout.NEPTUNE)

    @property
    def files(self) -> tuple[str, ...]:
        """The folder, where it is in the run's directory."""
        return () if self.folder else (layout.NEPTUNE,)

    @property
    def run(self) -> Any:
        """The ``neptune_scale.Run``, once ``init`` has returned; it needs ``in_process``."""
        return self._here(self._run)

    def is_intact(self) -> bool:
        """Whether the database is there."""
        return os.path.isdir(self._place) and any(os.scandir(self._place))

    def init(self) -> None:
        """Begin an empty database."""
        from neptune_scale import Run

        keep_quiet((), ["neptune"])
        self.close()
        shutil.rmtree(self._place, ignore_errors=True)
        make_folder(self._place)
        self._names = Names("Neptune", neptune_name)
        self._is_told = False
        self._run = Run(
            run_id=self.begin.uid,
            project=self.project,
            mode="offline",
            experiment_name=in_one_line(redact_text(self.name or self.begin.name or self.begin.uid), 128),
            creation_time=_moment(self.begin.time),
            log_directory=self._place,
            enable_console_log_capture=False,
            source_tracking_config=None,
        )
        self.state["run_id"] = self.begin.uid
        self._say(status="running")
        self.location = self._place

    def _need(self) -> Any:
        if self._run is None:
            raise LifecycleError("Neptune's run has not begun: call init() before log()")
        return self._run

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
        told = {spelt(name): value for name, value in redact(plain(params)).items()}
        self._need().log_configs({"params": told}, flatten=True, cast_unsupported=True)

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, as ``name`` or ``name:value``."""
        told = redact(plain(tags))
        self._need().add_tags([in_one_line(f"{name}:{value}" if value else name, 128) for name, value in told.items()])

    def log_best(self, best: Best) -> None:
        """Set ``tracklib/best/<name>``, and where it was beside it."""
        name = f"best/{neptune_name(best.name)}"
        self._say(**{name: best.value, f"{name}-{best.axis}": best.step})

    def finish(self, status: Status) -> None:
        """Set ``tracklib/status``, and close the database."""
        self._say(status=str(status))
        self.close()

    def close(self) -> None:
        """Close the database."""
        run, self._run = self._run, None
        if run is not None:
            run.close()

    def is_transient(self, error: BaseException) -> bool:
        """The disk may have room again."""
        import sqlite3

        return isinstance(error, OSError | sqlite3.OperationalError) or super().is_transient(error)


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, UTC)


def neptune_name(raw: str) -> str:
    """A path that Neptune takes, whose longest is counted in bytes."""
    name = without_controls(raw).encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")
    return name or "unnamed"
