"""DVCLive: plain files in the run's directory, which DVC's commands and its extension for VS Code show."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from .._common.names import Names, file_name, with_hash
from .._common.secrets import error_text, redact
from .._journal import layout
from .._journal.records import Log, Status
from .._values.plain import plain
from ..errors import TrackerLost
from ._folder_tracker import FolderTracker
from ._options import checked

_ROWS_OWN = ("step", "timestamp")  # columns that a metric's own would take the place of


class DvcLive(FolderTracker):
    """Writes what ``dvclive.Live`` writes: a table for each metric, ``metrics.json``, ``params.yaml``. What is said of
    DVCLive was tried with 3.49.

    The files are built from the run's journal, and anew when the run is resumed, so that each point is there once.
    Metrics of another axis are called ``<axis>/<metric>``, and their step is that axis's. DVCLive has no place for tags
    and the status. Artifacts stay in the run's directory: ``dvc add`` takes them from there.

    Args:
        folder: where to write; None takes ``dvclive`` in ``output_run``. What DVCLive wrote there before is deleted.
        report: ``"md"`` or ``"html"`` writes a report when the run ends; None writes none.
        in_process: keep the tracker in the training process, for those who want :attr:`run`
            (``docs/explanation/companion.rst``).
        output_run: the directory where logs are stored.
    """

    requires = ("dvclive",)
    extra = "dvclive"
    imports = ("dvclive", "dvclive.plots.metric", "ruamel.yaml")
    folder_name = layout.DVCLIVE

    @checked
    def __init__(
        self,
        *,
        folder: str | None = None,
        report: str | None = None,
        in_process: bool = False,
        output_run: str | None = None,
    ) -> None:
        super().__init__(folder=folder, output_run=output_run)
        self.report = report
        self.in_process = in_process

    @property
    def run(self) -> Any:
        """The ``dvclive.Live``, once ``init`` has returned; it needs ``in_process``."""
        return self._here(self._sdk_run)

    def is_intact(self) -> bool:
        """Whether the summary is there."""
        return os.path.isfile(os.path.join(self._place, "metrics.json"))

    def init(self) -> None:
        """Begin empty files."""
        from dvclive import Live

        self._make_place()
        self._forget_own()
        self._sdk_run = Live(self._place, report=self.report, save_dvc_exp=False, dvcyaml=False)
        self._names = Names("DVCLive", dvclive_name)
        self._leaves: set[str] = set()
        self._folders: set[str] = set()
        self._known: dict[tuple[str, str], str] = {}
        self._sdk_run.make_summary()
        self.location = self._place

    def _forget_own(self) -> None:
        """DVCLive forgets the tables by itself, but not a table that stands where it wants a folder now."""
        shutil.rmtree(os.path.join(self._place, "plots", "metrics"), ignore_errors=True)

    def log_batch(self, records: Sequence[Log]) -> None:
        """Append to the tables, and write the summary."""
        live = self._need()
        try:
            for record in records:
                live.step = record.step
                for name, value in record.columns().items():
                    live.log_metric(self._name(record.axis, name), value)
            live.make_summary()
        except OSError as error:
            raise TrackerLost(f"{self._place}: {error_text(error)}: it is written anew", from_the_start=True) from error

    def _need(self) -> Any:
        live = super()._need()
        if not self.is_intact():
            raise TrackerLost(f"{self._place} is gone: it is written anew")
        return live

    def _name(self, axis: str, metric: str) -> str:
        """Names are paths of files, and ways in the summary: what is a folder cannot be a table as well."""
        known = self._known.get((axis, metric))
        if known is None:
            known = self._names[metric] if axis == "epoch" else self._names.within(axis, metric)
            if known in self._folders or self._leaves.intersection(_around(known)):
                known = with_hash(known.replace("/", "."), f"{axis}/{metric}")
            self._leaves.add(known)
            self._folders.update(_around(known))
            self._known[axis, metric] = known
        return known

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add to ``params.yaml``."""
        self._need().log_params(redact(plain(params)))

    def finish(self, status: Status) -> None:
        """Write the summary, and the report."""
        self._need().end()
        self.close()

    def close(self) -> None:
        """Nothing is open between two calls."""
        self._sdk_run = None

    def is_transient(self, error: BaseException) -> bool:
        """A disk may have room again."""
        return isinstance(error, OSError) and not isinstance(error, FileNotFoundError)


def dvclive_name(raw: str) -> str:
    """The path of a table: legal in every file system, and no column of its own."""
    folder, slash, name = file_name(raw).rpartition("/")
    return f"{folder}{slash}metric_{name}" if name in _ROWS_OWN else f"{folder}{slash}{name}"


def _around(name: str) -> set[str]:
    """The folders around a table."""
    parts = name.split("/")[:-1]
    return {"/".join(parts[: index + 1]) for index in range(len(parts))}
