"""Weights & Biases, online or offline."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from .._common.files import make_folder
from .._common.names import Names
from .._common.secrets import redact, redact_text
from .._common.warn import warn
from .._journal import layout
from .._journal.records import Best, Checkpoint, Histogram, Log, Note, Status, Superseded
from .._values.plain import plain
from ._alert_events import When
from ._options import checked
from ._sdk_log import keep_quiet
from ._wandb_alerts import WandbAlerts
from ._wandb_core import core_pid, is_cut_off
from ._wandb_files import checkpoint_artifact, keep_files, keep_text, kept_for_sync
from ._wandb_limits import (
    JOB_TYPE_LENGTH,
    fitting,
    group_of,
    line,
    need_project,
    need_room,
    tags_as_words,
    wandb_name,
    wandb_param_name,
)
from ._wandb_offline import files_of
from ._wandb_run import RunAtWandb, need_quiet
from ._wandb_settings import settings_with
from .base import BatchTracker

if TYPE_CHECKING:
    import wandb

_LONG_TAGS = "tracklib_tags"


class Wandb(BatchTracker):
    """Logs into one W&B run.

    W&B drops a row whose step is below the one before; so W&B's own step is the record's number in the run, which
    always rises. The epoch is a metric, and the x-axis of every chart: epochs may repeat or go back. In offline mode
    the run is in ``wandb/offline-run-...`` of the run's directory, for ``wandb sync``. W&B takes tags of at most 64
    characters, and a row of at most 10,383,360 bytes: longer tags are kept whole in the config, and a longer row is
    refused (it goes to ``rejected.jsonl``). What is said of W&B was tried with 0.31.

    Args:
        entity: the user or team; None is W&B's default for the API key.
        project: the project, of at most 128 characters and without ``/ \\ # ? % :``; None is W&B's default.
        mode: ``"online"``, ``"offline"`` or ``"disabled"``, which keeps nothing; None leaves the choice to W&B
            (the environment variable ``WANDB_MODE`` included).
        name: the run's name; None takes the tracklib run's name.
        group: the group in which W&B shows the run; None is that of the run around it, if there is one.
        job_type: the kind of run, such as ``"train"`` or ``"eval"``.
        tags: words to find the run by.
        notes: a longer text.
        config: hyperparameters, as W&B's config.
        settings: other settings, as ``wandb.Settings`` names them.
        alerts: when W&B's own alert is sent: dicts of ``on``, ``nan``, ``quiet`` and ``best``, as :class:`Alert` has
            them; ``tracking(..., alerts=[{..., "wandb": True}])`` adds to them.
        in_process: keep the tracker in the training process, for those who want :attr:`run`
            (``docs/explanation/companion.rst``).
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
        self._at = RunAtWandb()
        self._alerts: WandbAlerts | None = None

    @property
    def run(self) -> wandb.Run | None:
        """The ``wandb.Run``, once ``init`` has returned; it needs ``in_process``."""
        return self._here(self._at.run)

    @property
    def files(self) -> tuple[str, ...]:
        """The folder that wandb writes into."""
        return (layout.WANDB,)

    def init(self) -> None:
        """Begin the W&B run, or take it up again: its id is the tracklib run's uid."""
        self._names.restore(self.state)
        self._param_names.restore(self.state)
        keep_quiet(("urllib3",), ("urllib3.connectionpool",))
        settings = settings_with(self.settings, self.owner_pid)
        make_folder(self.output_run)  # else W&B prints that it is not there
        make_folder(os.path.join(self.output_run, layout.WANDB))  # W&B lets all read what it writes
        need_quiet(self.state.get("core", ""))
        old_files = files_of(self.output_run, self._run_id)
        run = self._at.take_up(self._begin_run, settings, self.mode, old_files, self._names.axis("epoch"))
        if self.mode is None and self._at.is_off:
            warn("WANDB_MODE or W&B's own settings say that it is disabled: it keeps nothing of this run")
        self._alerts = WandbAlerts(self.alerts, self.begin, self.output_run, run)
        self.log_params(self.config)
        self.log_tags(dict.fromkeys(self.tags, ""))
        self.state["run_id"] = run.id
        self.state["core"] = f"{socket.gethostname()} {core_pid()}"
        self.location = run.settings.sync_dir if run.offline else run.url or ""

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
        with self._at.live():
            for record in records:
                axis = self._names.axis(record.axis)  # names in the order of the journal, whoever has the row
                row = {self._names.beside(record.axis, name): value for name, value in record.columns().items()}
                need_room(row)  # also of one that is passed over: it was refused before, and W&B has those behind it
                self._at.log_row(record, axis, row)
            if self._alerts is not None:
                self._alerts.logs(records)
        self._names.keep(self.state)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add to W&B's config. A text of more than 20,000 characters, or a list of more than 10,000 items, is kept
        whole as the run's file ``params/<name>.txt`` or ``.json``, and its beginning in the config."""
        with self._at.live() as run:
            beside = functools.partial(keep_text, run)
            shown = {self._param_names[name]: fitting(name, v, beside) for name, v in redact(plain(params)).items()}
        self._param_names.keep(self.state)
        self._at.config(shown)

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Add to W&B's tags, as ``name`` or ``name:value``. One that is too long for W&B is kept whole in its config,
        under ``tracklib_tags``, and its beginning is the tag."""
        words, whole = tags_as_words(redact(plain(tags)))
        with self._at.live() as run:
            run.tags = tuple(dict.fromkeys(filter(None, [*(run.tags or ()), *words])))
            if whole:
                config: Any = run.config
                self._at.config({_LONG_TAGS: dict(config.get(_LONG_TAGS, {})) | whole})

    def log_best(self, best: Best) -> None:
        """Set ``best/<name>`` and its step, ``best/<name>/epoch``, in W&B's summary."""
        name, step = (self._names.within("best", name) for name in (best.name, f"{best.name}/{best.axis}"))
        self._names.keep(self.state)
        with self._at.live() as run:
            run.summary.update({name: best.value, step: best.step})
            if self._alerts is not None:
                self._alerts.best(best)

    def also_alerts(self, rules: Mapping[str, Any]) -> bool:
        """Add to :attr:`alerts`."""
        if rules not in self.alerts:
            self.alerts = [*self.alerts, dict(rules)]
        return True

    def idle(self) -> None:
        """Send the alert that nothing was logged for long, if it is due."""
        if self._alerts is not None and self._at.run is not None and self.alerts:
            with self._at.live():
                self._alerts.idle()

    def log_histogram(self, histogram: Histogram) -> None:
        """Log a ``wandb.Histogram`` as ``histograms/<name>``, in a row of its own."""
        import wandb

        axis, name = self._names.axis(histogram.axis), self._names.within("histograms", histogram.name)
        self._names.keep(self.state)
        with self._at.live():
            if histogram.counts:
                bars: Any = (histogram.counts, histogram.edges)
                self._at.log_row(histogram, axis, {name: wandb.Histogram(np_histogram=bars)})

    def log_note(self, note: Note) -> None:
        """Append it to the run's notes."""
        with self._at.live() as run:
            if note.told not in (there := run.notes or ""):
                run.notes = "\n".join(filter(None, [there, note.told]))

    def log_superseded(self, superseded: Superseded) -> None:
        """Set ``tracklib_superseded`` in the config, which says what counts no more: W&B deletes no rows, so its charts
        show old and new ones."""
        self.state["superseded"] = superseded.told_after(self.state.get("superseded", ""))
        self._at.config({"tracklib_superseded": self.state["superseded"]})

    def log_artifact(self, name: str, path: str) -> None:
        """Put a file or a folder into the run's files, as ``name``, and upload it. One that is called as a file of
        W&B's own, such as ``config.yaml``, is ``artifacts/<name>`` there."""
        with self._at.live() as run:
            if not self._at.is_off:
                keep_files(run, name, path)

    def log_checkpoint(self, checkpoint: Checkpoint, path: str) -> None:
        """Log it as the next version of the run's artifact ``checkpoint-<run id>``, of type ``model``, with the aliases
        ``epoch-<epoch>`` and, as far as it is so, ``latest`` and ``best``; its metrics are metadata. Online, it is
        waited for until W&B has it. Offline, ``wandb/`` has a second name of the file, as ``wandb sync`` needs it."""
        with self._at.live() as run:
            if self._at.is_off or checkpoint.time <= int(self.state.get("checkpoints", -1)):
                return
            kept = kept_for_sync(self.output_run, checkpoint, path) if self._at.file else path
            made = checkpoint_artifact(checkpoint, run.id, kept)
            logged = run.log_artifact(made, aliases=[*checkpoint.aliases, f"epoch-{checkpoint.epoch}"])
            if not self._at.file:
                logged.wait()
                self.state["checkpoints"] = str(checkpoint.time)  # else a resumed run would look at all of them again

    def finish(self, status: Status) -> None:
        """End the run: exit code 0 if it finished, 1 if not; W&B is told of a preemption."""
        if self._at.run is None:
            return
        with self._at.live() as run:
            if status is Status.PREEMPTED:
                run.mark_preempting()
            if self._alerts is not None:
                self._alerts.end(status, self.ended_with, self.ended_at)
            self._at.end(exit_code=0 if status is Status.FINISHED else 1)
        self._at.need_whole_file()

    def close(self) -> None:
        """End the run with exit code 0."""
        self.finish(Status.FINISHED)

    def is_transient(self, error: BaseException) -> bool:
        """The network's errors, W&B's own classes for them included."""
        import wandb

        if isinstance(error, FileNotFoundError):
            return False
        is_network = isinstance(error, OSError | wandb.errors.CommError)
        return is_network or is_cut_off(error) or super().is_transient(error)
