"""MLflow: a server, a database, or MLflow's own default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._common import variables
from .._common.distinct import apart
from .._common.names import Names
from .._common.secrets import error_text, redact, redact_text, without_masks
from .._common.warn import warn
from .._journal import layout
from .._journal.records import Best, Checkpoint, Histogram, Log, Note, Status, Superseded
from .._values.plain import plain
from ..errors import TrackerBlocked, TrackerLost
from ._mlflow_address import absolute, database_path, need_address
from ._mlflow_errors import may_pass
from ._mlflow_limits import METRICS_PER_REQUEST, TEXT_LENGTH, flat_texts, free_name, mlflow_name, mlflow_path
from ._mlflow_progress import Progress
from ._mlflow_run import UID_TAG, RunAtMlflow, creations
from ._mlflow_staging import staged
from ._mlflow_writing import Writing
from ._options import checked
from ._sdk_log import keep_quiet
from .base import BatchTracker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_DESCRIPTION = "mlflow.note.content"  # the tag that MLflow shows as the run's description

_NOISY = ("mlflow.store.db.utils", "alembic.runtime.migration", "urllib3.connectionpool", "urllib3.util.retry")

_STATUS = {
    Status.FINISHED: "FINISHED",
    Status.FAILED: "FAILED",
    Status.KILLED: "KILLED",
    Status.PREEMPTED: "KILLED",
}


class Mlflow(BatchTracker):
    """Logs into one run of an MLflow experiment, always through ``MlflowClient`` with the run's id.

    A metric is sent with the time at which it was logged, so one that is sent twice is stored once. NaN arrives as NaN,
    an infinity as plus or minus 1.797e308 (MLflow's databases have no infinities). MLflow takes names of at most 250
    characters, of letters, digits and ``_ - . : /`` and blanks, params of 6,000 and tags of 8,000 characters: other
    names are translated, and longer texts are kept whole as artifacts. A run inside another (a nested ``tracking``
    block) becomes its child run. Source: ``mlflow.utils.validation`` and ``SqlAlchemyStore`` of MLflow 3.17.

    Args:
        tracking_uri: a server (``http://host:5000``) or a database (``sqlite:///mlflow.db``); None
            leaves the choice to MLflow, its environment variables included. A relative path counts
            from the directory that is current when the tracker is made.
        experiment_name: the experiment, created if it is not there; None leaves the choice to MLflow.
        run_name: the run's name at MLflow; None takes the tracklib run's name.
        params: hyperparameters, logged when the run begins.
        tags: tags, set when the run begins.
        timeout: seconds to wait for an answer of the server before a request is given up and tried again. After each
            silence the wait is doubled, up to eight times this or 60 seconds, whichever is less.
        in_process: keep the tracker in the training process, for those who want :attr:`run`
            (``docs/explanation/companion.rst``).
        output_run: the directory where logs are stored.
    """

    requires = ("mlflow",)
    extra = "mlflow"
    imports = (  # what a client of MLflow 3.17 imports at its first call
        "tracklib.trackers._mlflow_client",
        "mlflow.tracking.fluent",
        "mlflow.tracking.context.registry",
        "mlflow.tracking.request_header.registry",
        "mlflow.store.tracking.rest_store",
        "mlflow.store.tracking.sqlalchemy_store",
        "mlflow.store.artifact.artifact_repository_registry",
        "mlflow.store.db.utils",
        "mlflow.store.db.base_sql_model",
        "mlflow.store.tracking.file_store",
        "mlflow.store.tracking.sqlalchemy_workspace_store",
        "mlflow.store.db.trace_analytics_backfill_75868b020152",
        "mlflow.utils.name_utils",
        "IPython",
        "alembic.command",
        "alembic.config",
        "alembic.script",
        "alembic.autogenerate",
        "sqlalchemy.dialects.sqlite",
        "sqlalchemy.dialects.postgresql",
        "sqlalchemy.dialects.mysql",
    )
    name_option = "run_name"
    batch_size = METRICS_PER_REQUEST

    @checked
    def __init__(
        self,
        *,
        tracking_uri: str | None = None,
        experiment_name: str | None = None,
        run_name: str | None = None,
        params: dict[str, Any] | None = None,
        tags: dict[str, Any] | None = None,
        timeout: float = 10.0,
        in_process: bool = False,
        output_run: str | None = None,
    ) -> None:
        super().__init__(output_run=output_run)
        self.in_process = in_process
        need_address("tracking_uri", tracking_uri)
        if tracking_uri is None:
            need_address("MLFLOW_TRACKING_URI", variables.text("MLFLOW_TRACKING_URI"))
        self.tracking_uri = absolute(tracking_uri)
        self.experiment_name = experiment_name
        self.run_name = run_name
        self.params = params or {}
        self.tags = tags or {}
        self.timeout = timeout
        self._names = Names("MLflow", mlflow_name)
        self._param_names = Names("MLflow", mlflow_name, "param_names")
        self._tag_names = Names("MLflow", mlflow_name, "tag_names", {UID_TAG: "the run's identity"})
        self._file_names = Names("MLflow", mlflow_path, "file_names")
        self._made: set[str] = set()  # the steps of connecting
        self._run: Run | None = None
        self._client: MlflowClient
        self._at: RunAtMlflow
        self._writing: Writing

    @property
    def run(self) -> Run | None:
        """The ``mlflow.entities.Run``, once ``init`` has returned; it needs ``in_process``."""
        return self._here(self._run)

    @property
    def run_id(self) -> str:
        """The run's id at MLflow, once ``init`` has returned.

        Raises:
            KeyError: it has not.
        """
        return self.state["run_id"]

    def _places(self) -> Mapping[str, str]:
        path = database_path(self.tracking_uri)
        return {"tracking_uri": path} if path else {}

    def is_intact(self) -> bool:
        """Whether it is known which run is ours: where MLflow's answer to the creation was lost, it is looked for
        again."""
        return creations(self.state) < 2

    def init(self) -> None:
        """Connect; find the run again or create it; send the params and tags of the config."""
        from ._mlflow_client import bounded_client

        keep_quiet(("mlflow", "alembic", "sqlalchemy", "urllib3"), _NOISY)
        for names in (self._names, self._param_names, self._tag_names, self._file_names):
            names.restore(self.state)
        self._client = bounded_client(self.tracking_uri, self.timeout, lambda: self.is_abandoned)
        self._need_same_target()
        if self.is_abandoned:  # while a database was set up: who delivers later creates the run, and ends it
            raise TrackerLost("nobody waits for MLflow any more")
        name = self.run_name or self.begin.name
        self._at = RunAtMlflow(self._client, self.begin, self.state, self.experiment_name, name, self._further)
        self._run = self._at.take_up()
        self._writing = Writing(self._client, self.run_id)
        self.state["tracking_uri"] = redact_text(self._client.tracking_uri)
        self._at.link_to_parent()
        self._say(self.log_params, self.params)
        self._say(self.log_tags, self.tags)
        self.location = self._at.location

    def _further(self, step: str) -> None:
        """Connecting or ending gets on: said once for each step, as to make one again is no progress."""
        if step not in self._made:
            self._made.add(step)
            self.acknowledge()

    def _say(self, log: Callable[[Mapping[str, Any]], None], said: Mapping[str, Any]) -> None:
        """Log what the config says; what MLflow refuses of it for good keeps no record from coming."""
        try:
            log(said)
        except Exception as error:
            if isinstance(error, TrackerBlocked) or self.is_transient(error):
                raise
            warn(f"MLflow refused what its config says ({error_text(error)}): {', '.join(said)}")

    def _need_same_target(self) -> None:
        """See that an earlier attempt went to the same place; if not, all of the run comes to the new one."""
        shown = redact_text(f"{self._client.tracking_uri} {self.experiment_name or ''}".strip())
        target: str = without_masks(shown)  # with the password or without, as in `tracklib sync`, it is one place
        before = self.state.setdefault("target", target)
        if without_masks(before) != target:
            self.state.clear()
            raise TrackerLost(f"the run went to {before} before: {target} gets it whole", from_the_start=True)

    def log_batch(self, records: Sequence[Log]) -> None:
        """Log metrics, at most 1,000 a request (MLflow's limit). What the server has of a record is noted in ``state``,
        and not sent again."""
        from mlflow.entities import Metric

        metrics = [
            Metric(self._names.of(record.axis, name), value, record.time, int(record.step))
            for record in records
            for name, value in record.metrics.items()
        ]
        self._names.keep(self.state)
        progress = Progress(records, self.state, self.is_by_hand, self.acknowledge)
        for count in self._writing.metrics(metrics[progress.sent :]):
            progress.answered(count)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params, nested names joined by ``/``. One that is too long for MLflow is kept whole as the artifact
        ``params/<name>.txt``, and its beginning is the param. A param cannot change at MLflow: a new value, as on a
        resume, is kept beside the first as ``<name>.v2`` and so on."""
        texts = self._texts(self._param_names, params)
        there = dict(self._client.get_run(self.run_id).data.params) if texts else {}
        new = {}
        for name, text in texts.items():
            kept = free_name(name, text, there)
            if kept not in there:
                there[kept] = text[: TEXT_LENGTH["params"]]
                new[kept] = text
                if kept != name:
                    warn(f"MLflow keeps a param's first value: the new one of {name} is {kept} there")
        self._writing.texts("params", new, self.acknowledge)

    def log_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags. One that is too long for MLflow is kept whole as the artifact ``tags/<name>.txt``, and its
        beginning is the tag."""
        self._writing.texts("tags", self._texts(self._tag_names, tags), self.acknowledge)

    def _texts(self, names: Names, value: Mapping[str, Any]) -> dict[str, str]:
        """``value`` flat, secrets masked, under names that MLflow takes."""
        texts = {names[name]: text for name, text in apart(flat_texts(redact(plain(value)))).items()}
        names.keep(self.state)
        return texts

    def log_best(self, best: Best) -> None:
        """Log the metric ``best/<name>`` at the best value's step. MLflow shows the value of the highest step as the
        newest: so a best value at a lower step than the one before is sent at that one's step."""
        from mlflow.entities import Metric

        highest = f"best_step/{best.name}"
        step = max(best.step, int(self.state.get(highest, best.step)))
        metric = Metric(self._names.within("best", best.name), best.value, best.time, step)
        self._names.keep(self.state)
        for _ in self._writing.metrics([metric]):
            pass
        self.state[highest] = str(step)

    def log_histogram(self, histogram: Histogram) -> None:
        """Keep it as the artifact ``histograms/<name>/<axis>-<step>.json``, with the bins' edges."""
        path = f"histograms/{histogram.name}/{histogram.axis.replace('/', '_')}-{histogram.step}.json"
        self._writing.histogram(self._file_names[path], histogram)
        self._file_names.keep(self.state)

    def log_superseded(self, superseded: Superseded) -> None:
        """Set the tag ``tracklib.superseded``, which says what counts no more: MLflow deletes no points, so its charts
        show old and new ones."""
        self.state["superseded"] = superseded.told_after(self.state.get("superseded", ""))
        self._writing.texts("tags", {"tracklib.superseded": self.state["superseded"]}, self.acknowledge)

    def log_note(self, note: Note) -> None:
        """Append it to the run's description."""
        there = self._client.get_run(self.run_id).data.tags.get(_DESCRIPTION, "")
        if note.told not in there:
            self._writing.texts("tags", {_DESCRIPTION: "\n\n".join(filter(None, [there, note.told]))}, self.acknowledge)

    def log_artifact(self, name: str, path: str) -> None:
        """Upload a file or a folder into the run's artifacts, as ``name``. In the name of each file, ``#``, ``?`` and
        ``%`` become ``_``."""
        self._writing.need_server()
        with staged(name, path, self._file_names) as folder:
            self._file_names.keep(self.state)
            self._writing.files(folder)

    def log_checkpoint(self, checkpoint: Checkpoint, path: str) -> None:
        """Upload it into the run's artifacts, as ``checkpoints/<name>``; which one is the latest and the best is in the
        tags ``tracklib.checkpoint.latest`` and ``tracklib.checkpoint.best``, whose values are its path there. What
        the run lets go stays at MLflow, whose client deletes no artifact."""
        name = f"{layout.CHECKPOINTS}/{checkpoint.name}"
        self.log_artifact(name, path)
        there = self._file_names[name]
        tags = {f"tracklib.checkpoint.{alias}": there for alias in checkpoint.aliases}
        self._writing.texts("tags", tags, self.acknowledge)

    def finish(self, status: Status) -> None:
        """Set the run's status: FINISHED, FAILED or KILLED."""
        if self._run is None:
            return
        self._at.link_to_parent()
        self._at.delete_twins()
        self._writing.end(_STATUS[status], self.ended_at, self._further)

    def close(self) -> None:
        """Set the run's status to FINISHED."""
        self.finish(Status.FINISHED)

    def is_transient(self, error: BaseException) -> bool:
        """Outages and busy servers: every error but one of the record itself, or of missing rights."""
        return may_pass(error)

    def is_answering(self) -> bool:
        """Whether the run takes a tag, by the same request as metrics and params."""
        self._writing.texts("tags", {UID_TAG: self.begin.uid}, lambda: None)
        return True
