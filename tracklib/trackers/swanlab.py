"""SwanLab, offline: one folder a run, which ``swanlab sync`` takes to the server."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .._common.names import Names, spelt, without_controls
from .._common.secrets import redact
from .._journal import layout
from .._journal.records import Best, Log, Status
from .._values.plain import plain
from ._folder_tracker import FolderTracker
from ._options import checked
from ._texts import params_of, title

_STATES = {Status.FINISHED: "success", Status.FAILED: "crashed"}  # all others are "aborted"
_LONGEST = 255


class SwanLab(FolderTracker):
    """Writes one offline run of SwanLab's: a folder in the run's directory. What is said of SwanLab was tried with
    0.10.

    It is built from the run's journal, and anew when the run is resumed, so that each record is there once. SwanLab
    keeps one value for each step, and no step below 0, so its step is the record's number in the run; the epoch, or the
    step of another axis, is a metric of the axis's name beside the others. An infinity becomes NaN. Params are the
    run's config; tags and the best values are in it under ``tracklib``. Artifacts stay in the run's directory.
    ``swanlab sync`` takes the folder to the server.

    SwanLab can have only one run at a time, and installs hooks in the interpreter, so it lives in the companion process
    only.

    Args:
        project: the project's name.
        workspace: the workspace; None leaves it to SwanLab.
        name: the experiment's name; None takes the tracklib run's name.
        folder: where the run's folder is made; None takes ``swanlab`` in ``output_run``. In a given one, each run
            has a folder of its own, called by its uid.
        output_run: the directory where logs are stored.
    """

    requires = ("swanlab",)
    extra = "swanlab"
    imports = ("swanlab",)
    name_option = "name"
    folder_name = layout.SWANLAB
    owns_folder = True

    @checked
    def __init__(
        self,
        *,
        project: str = "tracklib",
        workspace: str | None = None,
        name: str | None = None,
        folder: str | None = None,
        output_run: str | None = None,
    ) -> None:
        super().__init__(folder=folder, output_run=output_run)
        self.project = project
        self.workspace = workspace
        self.name = name

    def is_intact(self) -> bool:
        """Whether there is a run's folder."""
        return any(os.path.isdir(path) for path in glob.glob(os.path.join(glob.escape(self._place), "*")))

    def init(self) -> None:
        """Begin an empty run. SwanLab refuses a second one in a process, so it is made to forget the first."""
        self.close()
        self._make_place()
        self._names = Names("SwanLab", swanlab_name)
        self._ours: dict[str, Any] = {}
        self._sdk_run = _quiet_run(
            log_dir=self._place,
            mode="offline",
            project=self.project,
            workspace=self.workspace,
            name=title(self.name, self.begin, 100),
            id=self.begin.uid,
        )
        self.state["run_id"] = self.begin.uid
        self.location = str(self._sdk_run.dir)

    def log_batch(self, records: Sequence[Log]) -> None:
        """Queue events with the records' own times; ``Run.log`` would take the time of the call."""
        emit = self._need()._components.emitter.emit
        from google.protobuf.timestamp_pb2 import Timestamp
        from swanlab.sdk.internal.bus import MetricLogEvent

        for record in records:
            metrics = {self._names.beside(record.axis, name): value for name, value in record.columns().items()}
            metrics.setdefault(self._names.axis(record.axis), float(record.step))
            moment = Timestamp()
            moment.FromMilliseconds(record.time)
            emit(MetricLogEvent(data=metrics, step=record.ordinal, timestamp=moment))

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add to the run's config."""
        self._need().config.update(params_of(params, "tracklib".__eq__))

    def _say(self, what: str, about: Mapping[str, Any]) -> None:
        self._ours[what] = {**self._ours.get(what, {}), **about}
        self._need().config.update({"tracklib": dict(self._ours)})

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Add to ``tracklib.tags`` in the run's config."""
        self._say("tags", redact(plain(tags)))

    def log_best(self, best: Best) -> None:
        """Set ``tracklib.best`` in the run's config."""
        self._say("best", {spelt(best.name): {"value": best.value, best.axis: best.step}})

    def finish(self, status: Status) -> None:
        """Say the status, and close the files."""
        self._end(_STATES.get(status, "aborted"), str(status))

    def close(self) -> None:
        """Close the files."""
        if self._sdk_run is not None:
            self._end("aborted", "the run goes on")

    def _end(self, state: str, why: str) -> None:
        run, self._sdk_run = self._need(), None
        run.finish(state=state, error=why if state == "crashed" else None)


def _quiet_run(**options: Any) -> Any:
    """A run that says, collects and hooks nothing."""
    import swanlab
    from swanlab.sdk.internal.pkg import console
    from swanlab.sdk.internal.run import clear_run

    console.c.quiet = True
    nothing = dict.fromkeys(("hardware", "runtime", "requirements", "conda", "git", "swanlab", "monitor"), False)
    settings = swanlab.Settings(interactive=False, probe=nothing, terminal={"proxy_type": "none"})
    hook = sys.excepthook
    clear_run()
    try:
        return swanlab.init(settings=settings, **options)
    finally:
        clear_run()
        sys.excepthook = hook


def swanlab_name(raw: str) -> str:
    """A name that SwanLab takes as it is."""
    name = without_controls(raw).strip(" ./")[:_LONGEST].strip(" ./")
    return name or "unnamed"
