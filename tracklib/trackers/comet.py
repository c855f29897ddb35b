"""Comet, offline: one archive a run, which ``comet upload`` takes to the server."""

from __future__ import annotations

import glob
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from .._common.names import Names, spelt, without_controls
from .._journal import layout
from .._journal.records import Best, Log, Status
from ._folder_tracker import FolderTracker
from ._options import checked
from ._sdk_log import keep_quiet
from ._texts import params_of, title, words_of

_NOTHING_BY_ITSELF = dict.fromkeys(
    ("log_code log_graph auto_param_logging auto_metric_logging parse_args auto_output_logging log_env_details "
     "log_git_metadata log_git_patch log_env_gpu log_env_host log_env_cpu log_env_network log_env_disk "
     "auto_log_co2").split(),
    False,
)  # fmt: skip


class Comet(FolderTracker):
    """Writes one offline experiment of Comet's: an archive in the run's directory. What is said of Comet was tried with
    ``comet_ml`` 3.58.

    Comet writes the archive when the experiment ends. It is built from the run's journal, and anew when the run is
    resumed, and by ``tracklib sync`` after a kill: so each record is there once. The experiment's key is made of the
    run's uid, so ``comet upload --force-reupload`` replaces what an earlier attempt uploaded. Metrics of another axis
    are called ``<axis>/<metric>``, and their step is that axis's. Best values and the status are in the experiment's
    "others", under ``tracklib/``. Artifacts stay in the run's directory.

    Importing Comet changes other libraries, so it lives in the companion process only.

    Args:
        project_name: the project; None leaves it to Comet.
        workspace: the workspace; None leaves it to Comet.
        name: the experiment's name; None takes the tracklib run's name.
        folder: the folder of the archive; None takes ``comet`` in ``output_run``.
        output_run: the directory where logs are stored.
    """

    requires = ("comet_ml",)
    extra = "comet"
    imports = ("comet_ml", "comet_ml.config", "comet_ml.messages")
    name_option = "name"
    folder_name = layout.COMET

    @checked
    def __init__(
        self,
        *,
        project_name: str | None = None,
        workspace: str | None = None,
        name: str | None = None,
        folder: str | None = None,
        output_run: str | None = None,
    ) -> None:
        super().__init__(folder=folder, output_run=output_run)
        self.project_name = project_name
        self.workspace = workspace
        self.name = name

    @property
    def _archive(self) -> str:
        return os.path.join(self._place, f"{self._key}.zip")

    @property
    def _key(self) -> str:
        return hashlib.sha256(self.begin.uid.encode()).hexdigest()[:32]

    def is_intact(self) -> bool:
        """Whether the archive is there."""
        return os.path.isfile(self._archive)

    def init(self) -> None:
        """Begin an empty experiment. Comet would end the one that is current for it, as of a parent run: so it is made
        to forget that one first."""
        OfflineExperiment, set_global_experiment = _comet()

        self.close()
        self._make_place()
        for left in glob.glob(os.path.join(glob.escape(self._place), f"{self._key}*.zip")):
            os.unlink(left)
        self._names = Names("Comet", comet_name)
        set_global_experiment(None)
        experiment = OfflineExperiment(
            project_name=self.project_name,
            workspace=self.workspace,
            offline_directory=self._place,
            experiment_key=self._key,
            display_summary_level=0,
            auto_histogram_epoch_rate=0,
            **_NOTHING_BY_ITSELF,
        )
        set_global_experiment(None)
        experiment.set_name(title(self.name, self.begin))
        self._sdk_run = experiment
        self.state["run_id"] = self._key
        self.location = self._archive

    def log_batch(self, records: Sequence[Log]) -> None:
        """Queue messages with the records' own times; ``log_metric`` would take the time of the call."""
        experiment = self._need()
        from comet_ml.messages import MetricMessage

        for record in records:
            is_epoch = record.axis == "epoch"
            for metric, value in record.columns().items():
                name = self._names[metric] if is_epoch else self._names.within(record.axis, metric)
                message = MetricMessage(timestamp=record.time)
                message.set_metric(name, value, step=record.step, epoch=record.step if is_epoch else None)
                experiment._enqueue_message(message)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log the experiment's parameters."""
        self._need().log_parameters(params_of(params))

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags, as ``name`` or ``name:value``."""
        self._need().add_tags(words_of(tags, 100))

    def log_best(self, best: Best) -> None:
        """Set ``tracklib/best/<name>``."""
        self._need().log_other(f"tracklib/best/{spelt(best.name)}", f"{best.value} ({best.axis} {best.step})")

    def finish(self, status: Status) -> None:
        """Say the status, and write the archive."""
        self._need().log_other("tracklib/status", str(status))
        self.close()

    def close(self) -> None:
        """Write the archive."""
        experiment, self._sdk_run = self._sdk_run, None
        if experiment is not None:
            experiment.end()


def _comet() -> tuple[Any, Any]:
    """What is needed of the package. It stands in the way of later imports, to change those libraries and MLflow, and
    has a hook for exceptions: neither stays, unless somebody else had imported it."""
    is_ours, hook = "comet_ml" not in sys.modules, sys.excepthook
    import comet_ml
    from comet_ml.config import set_global_experiment

    if is_ours:
        sys.excepthook = hook
        finder = getattr(comet_ml, "MODULE_FINDER", None)
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
    keep_quiet(["comet_ml"])
    return comet_ml.OfflineExperiment, set_global_experiment


def comet_name(raw: str) -> str:
    """A name that Comet takes: its longest is 500."""
    return without_controls(raw)[:500] or "unnamed"
