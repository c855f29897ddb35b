"""Lightning: a logger for ``Trainer`` and ``Fabric``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Unpack

from .. import Status, Trackers
from .._run.options import RunOptions
from ..trackers._configs import Configs
from .held import Held

if "pytorch_lightning" in sys.modules and "lightning" not in sys.modules:  # the same under its older name
    from pytorch_lightning.loggers.logger import DummyExperiment, Logger
else:
    from lightning.pytorch.loggers.logger import DummyExperiment, Logger


class TracklibLogger(Logger):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs what a ``Trainer`` logs into the run around it, or into one of its own::

        trainer = Trainer(logger=TracklibLogger([{"type": "Mlflow"}], output_run="runs/digits"))

    Steps are on the axis ``step``, with the epoch as a metric beside them. A run of its own ends with each of ``fit``,
    ``validate``, ``test`` and ``predict``, and goes on with the next. ``trainer.logger.experiment`` is the run.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
        checkpoints: which checkpoints are kept as artifacts: ``"all"``, each when it is saved, while training waits;
            ``"end"``, those that are there when the fit ends, however it ends; None keeps none.
    """

    def __init__(
        self,
        configs: Configs = None,
        output_run: str | os.PathLike[str] | None = None,
        *,
        checkpoints: Literal["all", "end"] | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        super().__init__()
        self._held = Held(configs, output_run, **options)
        self._checkpoints = checkpoints
        self._callbacks: dict[int, Any] = {}  # that have saved something since the last end
        self._kept: dict[str, float] = {}  # when each file was changed that is an artifact

    @property
    def experiment(self) -> Trackers | DummyExperiment:
        """The run; where there is none, what takes any call."""
        return self._held.begin() or DummyExperiment()

    @property
    def name(self) -> str:
        """Nothing, as the run's directory says it: checkpoints lie in its ``checkpoints/``."""
        return ""

    @property
    def version(self) -> str:
        """Nothing, see ``name``."""
        return ""

    @property
    def save_dir(self) -> str | None:
        """The run's directory; None where there is none, and Lightning takes its own."""
        return self._held.directory

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        self._held.log(step, metrics, "step")

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self._held.log_params(params)

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        if self._checkpoints == "all":
            self._keep(checkpoint_callback)
        elif self._checkpoints:
            self._callbacks[id(checkpoint_callback)] = checkpoint_callback

    def _keep(self, callback: Any) -> None:
        found = [callback.best_model_path, callback.last_model_path, *callback.best_k_models]
        for path in filter(os.path.exists, dict.fromkeys(found)):
            changed = Path(path).stat().st_mtime
            if self._kept.get(path) != changed:
                self._held.log_artifact(path)
                self._kept[path] = changed

    def finalize(self, status: str) -> None:
        """Lightning says ``failed`` of all exceptions, while it handles them, and ``finished`` before Slurm takes the
        job back to the queue."""
        for callback in self._callbacks.values():
            self._keep(callback)
        self._callbacks.clear()
        if status == "failed":
            error = sys.exception()
            self._held.fit_ends(error, Status.FAILED if error is None else None)
        else:
            self._held.fit_ends(status=Status.PREEMPTED if status == "finished" else None)
