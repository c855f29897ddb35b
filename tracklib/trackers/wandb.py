"""Weights & Biases, online or offline."""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .._common.files import link_whole, make_folder, placed
from .._common.names import Names
from .._common.secrets import error_text, redact, redact_text
from .._common.warn import warn
from .._journal import layout
from .._journal.records import Best, Checkpoint, Histogram, Log, Note, Status, Superseded
from .._values.plain import plain
from ..errors import LifecycleError, TrackerBlocked, TrackerLost, TrackerUnavailable
from ._alert_events import When
from ._options import checked
from ._sdk_log import keep_quiet
from ._wandb_alerts import WandbAlerts
from ._wandb_artifact import checkpoint_artifact
from ._wandb_core import begin_own, core_pid, disconnect, has_died, hide, is_core, is_cut_off, is_finished
from ._wandb_limits import (
    JOB_TYPE_LENGTH,
    SHOWN,
    fitting,
    group_of,
    line,
    need_project,
    need_room,
    path_in_run,
    tags_as_words,
    wandb_name,
    wandb_param_name,
)
from ._wandb_offline import files_of, need_another_second, need_whole, rows_in
from ._wandb_settings import need_credentials, settings_with
from .base import BatchTracker

if TYPE_CHECKING:
    import wandb

_LONG_TAGS = "tracklib_tags"
# What may pass by itself, W&B tried until its own timeout, and its error says so.
_TRIED_LONG = ("timed out", "deadline exceeded", "giving up after", "while retrying")


class Wandb(BatchTracker):
    """Logs into one W&B run.

    W&B's own step is the record's number in the run, so it always rises and no row is dropped; the
    epoch is a metric, and the x-axis of every chart, so epochs may repeat or go back. In offline mode
    the run lies in ``wandb/offline-run-...`` of the run's directory, for ``wandb sync``.

    Args:
        entity: the user or team; None is W&B's default for the API key.
        project: the project; None is W&B's default.
        mode: ``"online"``, ``"offline"`` or ``"disabled"``; None leaves the choice to W&B
            (``WANDB_MODE`` included).
        name: the run's name; None takes the tracklib run's name.
        group: puts runs together.
        job_type: such as ``"train"`` or ``"eval"``.
        tags: words to find the run by.
        notes: a longer text.
        config: hyperparameters, as W&B's config.
        settings: any other setting of ``wandb.init``, as ``wandb.Settings`` names it.
        alerts: what W&B's own alert tells, each ``on``, ``nan``, ``quiet`` and ``best`` as :class:`Alert` has them;
            ``tracking(..., alerts=[{..., "wandb": True}])`` adds to them.
        in_process: keep it in the training process (``docs/explanation/companion.rst``), for who wants :attr:`run`.
        output_run: the directory where logs are stored.
    """

    requires = ("wandb",)
    extra = "wandb"
    imports = (  # what a run of wandb 0.31 imports at its first call
        "requests",
        "yaml",
        "psutil",
        "opentelemetry.sdk.resources",
        "opentelemetry.exporter.otlp.proto.http.metric_exporter",
        "tracklib.trackers._wandb_file",
        "wandb.apis.public",
        "wandb.sdk.launch",
        "wandb.sdk.launch.inputs.internal",
        "wandb.sdk.lib.gitlib",
        "wandb.sdk.lib.wbauth",
        "wandb.sdk.wandb_init",
    )
    name_option = "name"
    batch_size = 256
    reads_whole_journal = True  # what W&B has, W&B says

    @checked
    def __init__(
        self,
        *,
        entity: str | None = None,
        project: str | None = None,
        mode: Literal["online", "offline", "disabled"] | None = None,
        name: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: list[str] | None = None,
        notes: str | None = None,
        config: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        alerts: list[dict[str, Any]] | None = None,
        in_process: bool = False,
        output_run: str | None = None,
    ) -> None:
        super().__init__(output_run=output_run)
        self.in_process = in_process
        need_project(project)
        self.entity = entity
        self.project = project
        self.mode = mode
        self.name = name
        self.group = group
        self.job_type = job_type
        self.tags = list(tags or ())
        self.notes = notes
        self.config = config or {}
        self.settings = settings or {}
        self.alerts = [When(**rules).told() for rules in alerts or ()]
        self._names = Names("W&B", wandb_name)
        self._param_names = Names("W&B", wandb_param_name, "param_names", {_LONG_TAGS: "the tags that are too long"})
        self._on_other_axes: set[str] = set()
        self._rows = 0  # W&B has the rows of all ordinals below
        self._file = ""  # of an offline run
        self._run: wandb.Run | None = None
        self._alerts: WandbAlerts | None = None

    @property
    def run(self) -> wandb.Run | None:
        """The ``wandb.Run``, once ``init`` has returned; it needs ``in_process``."""
        return self._here(self._run)

    @property
    def files(self) -> tuple[str, ...]:
        """The folder that wandb writes into."""
        return (layout.WANDB,)

    def init(self) -> None:
        """Begin the W&B run, or take it up again: its id is the tracklib run's uid."""
        import wandb

        self._names.restore(self.state)
        self._param_names.restore(self.state)
        keep_quiet(("urllib3",), ("urllib3.connectionpool",))
        settings = settings_with(self.settings, self.owner_pid)
        make_folder(self.output_run)  # else W&B prints that it is not there
        make_folder(os.path.join(self.output_run, layout.WANDB))  # W&B lets all read what it writes
        self._need_quiet()
        old_files = files_of(self.output_run, self._run_id)
        need_another_second(old_files)
        if self._run is not None:  # begun by an earlier call, which failed behind that
            self._lost("an earlier beginning failed")
        if has_died():  # with an earlier run
            disconnect()
        begin_own()
        try:
            need_credentials(settings, self.mode)
            self._run = self._begin_run(settings)
        except (wandb.errors.CommError, wandb.errors.UsageError) as error:
            if any(sign in str(error).lower() for sign in _TRIED_LONG):
                raise
            raise TrackerBlocked(f"W&B: {error}") from error
        hide(self._run)
        if self.mode is None and self._is_off(self._run):
            warn("WANDB_MODE or W&B's own settings say that it is disabled: it keeps nothing of this run")
        self._alerts = WandbAlerts(self.alerts, self.begin, self.output_run, self._run)
        self._on_other_axes = set()
        self._run.define_metric(self._names.axis("epoch"))
        self._run.define_metric("*", step_metric=self._names.axis("epoch"), step_sync=False)
        self._file = self._run.settings.sync_file if self._run.offline else ""
        self._rows = max([self._run.starting_step, *rows_in(old_files if self._file else [])])
        self.log_params(self.config)
        self.log_tags(dict.fromkeys(self.tags, ""))
        self.state["run_id"] = self._run.id
        self.state["core"] = f"{socket.gethostname()} {core_pid()}"
        self.location = self._run.settings.sync_dir if self._run.offline else self._run.url or ""

    def _need_quiet(self) -> None:
        """See that no earlier attempt's files are still written."""
        host, _, pid = self.state.get("core", "").rpartition(" ")
        if host == socket.gethostname() and int(pid) != core_pid() and is_core(int(pid)):
            raise TrackerUnavailable(f"the W&B process {pid} of an earlier attempt is still writing")

    @property
    def _run_id(self) -> str:
        """The tracklib run's uid, but in a sweep of W&B's, which gives its runs ids of its own."""
        return self.state.get("run_id", self.begin.uid)

    def _begin_run(self, settings: wandb.Settings) -> wandb.Run:
        import wandb

        return wandb.init(
            entity=self.entity,
            project=self.project,
            mode=self.mode,
            name=line(self.name or self.begin.name or None),
            group=line(self.group or group_of(self.begin)),
            job_type=line(self.job_type, JOB_TYPE_LENGTH),
            notes=None if self.notes is None else redact_text(self.notes),
            id=self._run_id,
            resume="allow",
            dir=os.path.abspath(self.output_run),
            settings=settings,
        )

    def log_batch(self, records: Sequence[Log]) -> None:
        """Log rows; one that W&B's server already has is passed over."""
        with self._live() as run:
            for record in records:
                axis = self._names.axis(record.axis)  # names in the order of the journal, whoever has the row
                row = {self._names.beside(record.axis, name): value for name, value in record.columns().items()}
                need_room(row)  # also of one that is passed over: it was refused before, and W&B has those behind it
                if record.ordinal >= self._rows:
                    self._log_row(run, record, axis, row)
                    self._rows = record.ordinal + 1
            if self._alerts is not None:
                self._alerts.logs(records)
        self._names.keep(self.state)

    @staticmethod
    def _is_off(run: wandb.Run) -> bool:
        return run.settings.mode == "disabled"

    @contextlib.contextmanager
    def _live(self) -> Iterator[wandb.Run]:
        """The run; where it turns out to be lost, that is told from other errors."""
        run = self._run
        if run is None:
            raise LifecycleError("W&B's run has not begun: call init() before log()")
        if is_finished(run):  # to finish it once more would not change the status that it has now
            raise self._lost("somebody finished W&B's run")
        try:
            yield run
        except Exception as error:
            if not is_core(core_pid()) or is_cut_off(error):
                raise self._lost(f"W&B's own process died ({error_text(error)})") from error
            if is_finished(run):
                raise self._lost("somebody finished W&B's run") from error
            raise
        if self._file and not os.path.exists(self._file):
            raise self._lost(f"{self._file} is gone")

    def _lost(self, why: str) -> TrackerLost:
        """Leave the run; what is to be raised."""
        run, self._run = self._run, None
        with contextlib.suppress(Exception):
            if run is not None:
                run.finish()
        if not is_core(core_pid()):
            disconnect()
        return TrackerLost(f"{why}: it is taken up again")

    def _log_row(self, run: wandb.Run, record: Log | Histogram, axis: str, row: dict[str, Any]) -> None:
        if record.axis != "epoch":
            self._define(run, axis, row.keys())
        row |= {axis: record.step, "_timestamp": record.time / 1000}
        run.log(row, step=record.ordinal, commit=True)

    def _define(self, run: wandb.Run, axis: str, names: Iterable[str]) -> None:
        """Draw metrics over another axis than the epoch, and that axis over W&B's own step."""
        for name in [axis, *names]:
            if name not in self._on_other_axes and "*" not in name:  # it would be a pattern, for other metrics too
                over = None if name == axis else axis
                run.define_metric(name, step_metric=over, step_sync=False if over else None)
            self._on_other_axes.add(name)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add to W&B's config. A text or list that is long is kept whole as the run's file
        ``params/<name>.txt`` or ``.json``, its beginning in the config."""
        with self._live() as run:
            beside = functools.partial(_keep_beside, run)
            shown = {self._param_names[name]: fitting(name, v, beside) for name, v in redact(plain(params)).items()}
            self._param_names.keep(self.state)
            config: Any = run.config
            config.update(shown, allow_val_change=True)

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Add to W&B's tags, as ``name`` or ``name:value``. One that is too long for W&B is kept whole
        in its config, under ``tracklib_tags``, its beginning as the tag."""
        words, whole = tags_as_words(redact(plain(tags)))
        with self._live() as run:
            run.tags = tuple(dict.fromkeys(filter(None, [*(run.tags or ()), *words])))
            if whole:
                config: Any = run.config
                config.update({_LONG_TAGS: dict(config.get(_LONG_TAGS, {})) | whole}, allow_val_change=True)

    def log_best(self, best: Best) -> None:
        """Set ``best/<name>`` and its step, ``best/<name>/epoch``, in W&B's summary."""
        name, step = (self._names.within("best", name) for name in (best.name, f"{best.name}/{best.axis}"))
        self._names.keep(self.state)
        with self._live() as run:
            run.summary.update({name: best.value, step: best.step})
            if self._alerts is not None:
                self._alerts.best(best)

    def also_alerts(self, rules: Mapping[str, Any]) -> bool:
        """Add to :attr:`alerts`."""
        if rules not in self.alerts:
            self.alerts = [*self.alerts, dict(rules)]
        return True

    def idle(self) -> None:
        """Tell of a silence."""
        if self._alerts is not None and self._run is not None and self.alerts:
            with self._live():
                self._alerts.idle()

    def log_histogram(self, histogram: Histogram) -> None:
        """Log a ``wandb.Histogram`` as ``histograms/<name>``, in a row of its own."""
        import wandb

        axis, name = self._names.axis(histogram.axis), self._names.within("histograms", histogram.name)
        self._names.keep(self.state)
        with self._live() as run:
            if histogram.counts and histogram.ordinal >= self._rows:
                bars: Any = (histogram.counts, histogram.edges)
                self._log_row(run, histogram, axis, {name: wandb.Histogram(np_histogram=bars)})
                self._rows = histogram.ordinal + 1

    def log_note(self, note: Note) -> None:
        """Add it to the run's notes, behind what stands there."""
        with self._live() as run:
            if note.told not in (there := run.notes or ""):
                run.notes = "\n".join(filter(None, [there, note.told]))

    def log_superseded(self, superseded: Superseded) -> None:
        """Say it in the config's ``tracklib_superseded``: W&B deletes no rows, so the chart shows both."""
        self.state["superseded"] = superseded.told_after(self.state.get("superseded", ""))
        with self._live() as run:
            config: Any = run.config
            config.update({"tracklib_superseded": self.state["superseded"]}, allow_val_change=True)

    def log_artifact(self, name: str, path: str) -> None:
        """Put a file or a folder into the run's files, as ``name``, and upload it. One that is called as a file of
        W&B's own, such as ``config.yaml``, is ``artifacts/<name>`` there."""
        with self._live() as run:
            if self._is_off(run):  # it has no folder of its own
                return
            copy = os.path.join(run.dir, path_in_run(name))
            with placed(copy) as new:
                link_whole(path, new)
            inside = [os.path.join(folder, file) for folder, _, files in os.walk(copy) for file in files]
            for file in inside if os.path.isdir(copy) else [copy]:
                run.save(glob.escape(file), base_path=run.dir, policy="now")

    def log_checkpoint(self, checkpoint: Checkpoint, path: str) -> None:
        """Log it as the next version of the run's artifact ``checkpoint-<run id>``, of type ``model``, with the aliases
        ``epoch-<epoch>`` and, as far as it is so, ``latest`` and ``best``; its metrics are metadata. Online, it is
        waited for until W&B has it. Offline, ``wandb/`` has a second name of the file, as ``wandb sync`` needs it."""
        with self._live() as run:
            if self._is_off(run) or checkpoint.time <= int(self.state.get("checkpoints", -1)):
                return
            made = checkpoint_artifact(
                checkpoint, run.id, self._kept_for_sync(checkpoint, path) if self._file else path
            )
            logged = run.log_artifact(made, aliases=[*checkpoint.aliases, f"epoch-{checkpoint.epoch}"])
            if not self._file:
                logged.wait()
                self.state["checkpoints"] = str(checkpoint.time)  # else a resumed run would look at all of them again

    def _kept_for_sync(self, checkpoint: Checkpoint, path: str) -> str:
        """The file under a name that the run does not take away."""
        kept = os.path.join(self.output_run, layout.WANDB, layout.CHECKPOINTS, f"{checkpoint.time}-{checkpoint.name}")
        with placed(kept) as new:
            link_whole(path, new)
        return kept

    def finish(self, status: Status) -> None:
        """End the run: exit code 0 if it finished, 1 if not; W&B is told of a preemption."""
        if self._run is None:
            return
        with self._live() as run:
            if status is Status.PREEMPTED:
                run.mark_preempting()
            if self._alerts is not None:
                self._alerts.end(status, self.ended_with, self.ended_at)
            run.finish(exit_code=0 if status is Status.FINISHED else 1)
            self._run = None
        if self._file:
            need_whole(self._file)

    def close(self) -> None:
        """End the run with exit code 0."""
        self.finish(Status.FINISHED)

    def is_transient(self, error: BaseException) -> bool:
        """The network's errors, as W&B calls them too."""
        import wandb

        if isinstance(error, FileNotFoundError):
            return False
        is_network = isinstance(error, OSError | wandb.errors.CommError)
        return is_network or is_cut_off(error) or super().is_transient(error)


def _keep_beside(run: wandb.Run, name: str, text: str) -> str:
    """Keep a text in the run's files; what stands for it elsewhere."""
    path = os.path.join(run.dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    run.save(glob.escape(path), base_path=run.dir, policy="now")
    return f"{text[:SHOWN]}... ({len(text)} characters, whole in {name})"
