"""SwanLab, offline: one folder a run, which ``swanlab sync`` takes to the server."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .._common.files import make_folder
from .._common.names import Names, in_one_line, spelt, without_controls
from .._common.secrets import redact, redact_text
from .._journal import layout
from .._journal.records import Best, Log, Status
from .._values.plain import plain
from ..errors import LifecycleError
from ._options import checked
from .base import BatchTracker

_STATES = {Status.FINISHED: "success", Status.FAILED: "crashed"}  # all others are "aborted"
_LONGEST = 255


class SwanLab(BatchTracker):
    """Writes one offline run of SwanLab's: a folder in the run's directory.

    It is a projection of the run's journal, written anew when the run is resumed, so that each record is there once.
    SwanLab keeps one value for each step, and none below 0, so its step is the record's number in the run; the epoch,
    or the step of another axis, is a metric of the axis's name beside the others. An infinity is a NaN there. Params
    are the run's config; tags and the best values are in it under ``tracklib``. Artifacts stay in the run's directory.
    ``swanlab sync`` takes the folder to the server.

    SwanLab has one run at a time, and hooks of the interpreter's, so it lives in the companion process only.

    Args:
        project: the project.
        workspace: the workspace; None leaves it to SwanLab.
        name: the experiment's name; None takes the tracklib run's name.
        folder: where the run's folder is made; None takes ``swanlab`` in ``output_run``. It is emptied.
        output_run: the directory where logs are stored.
    """

    requires = ("swanlab",)
    extra = "swanlab"
    imports = ("swanlab",)
    name_option = "name"
    batch_size = 512
    reads_whole_journal = True
    builds_anew = True

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
        super().__init__(output_run=output_run)
        self.project = project
        self.workspace = workspace
        self.name = name
        self.folder = None if folder is None else os.path.abspath(folder)
        self._run: Any = None

    @property
    def _place(self) -> str:
        return self.folder or os.path.join(self.output_run, layout.SWANLAB)

    @property
    def files(self) -> tuple[str, ...]:
        """The folder, where it is in the run's directory."""
        return () if self.folder else (layout.SWANLAB,)

    def is_intact(self) -> bool:
        """Whether there is a run's folder."""
        return os.path.isdir(self._place) and any(entry.is_dir() for entry in os.scandir(self._place))

    def init(self) -> None:
        """Begin an empty run. SwanLab refuses a second one: it is to forget the first."""
        self.close()
        shutil.rmtree(self._place, ignore_errors=True)
        make_folder(self._place)
        self._names = Names("SwanLab", swanlab_name)
        self._ours: dict[str, Any] = {}
        title = in_one_line(redact_text(self.name or self.begin.name or self.begin.uid), 100)
        self._run = _begun(
            log_dir=self._place,
            mode="offline",
            project=self.project,
            workspace=self.workspace,
            name=title,
            id=self.begin.uid,
        )
        self.state["run_id"] = self.begin.uid
        self.location = str(self._run.dir)

    def _need(self) -> Any:
        if self._run is None:
            raise LifecycleError("SwanLab's run has not begun: call init() before log()")
        return self._run

    def log_batch(self, records: Sequence[Log]) -> None:
        """Queue events. ``Run.log`` would say when it was called, not when it was logged."""
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
        self._need().config.update({spelt(name): value for name, value in redact(plain(params)).items()})

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
        if self._run is not None:
            self._end("aborted", "the run goes on")

    def _end(self, state: str, why: str) -> None:
        run, self._run = self._need(), None
        run.finish(state=state, error=why if state == "crashed" else None)

    def is_transient(self, error: BaseException) -> bool:
        """A disk may have room again."""
        return isinstance(error, OSError) or super().is_transient(error)


def _begun(**options: Any) -> Any:
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
