"""Hydra: each job is a run, and those of a sweep are inside one."""

from __future__ import annotations

import os
from typing import Any

from hydra.core.utils import JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from .. import Status, Trackers, tracking


class TracklibCallback(Callback):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Opens a block around each job, in which the run is the current one. In the configuration::

        hydra:
          callbacks:
            tracklib:
              _target_: tracklib.integrations.hydra.TracklibCallback
              configs: [{type: Mlflow}]

    The job's configuration becomes the run's params, its name the run's. The run's directory is ``tracklib`` in the
    job's output directory. With ``--multirun``, all jobs of the basic launcher are children of one run in the sweep's
    directory.

    Args:
        configs, options: as for :class:`~tracklib.tracking`.
    """

    def __init__(self, configs: Any = None, **options: Any) -> None:
        self._configs: Any = _resolved(configs)
        self._options = options
        self._sweep: Trackers | None = None
        self._blocks: list[Any] = []

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        folder = os.path.join(config.hydra.sweep.dir, "tracklib")
        self._sweep = self._opened(self._tracking(folder, config.hydra.job.name))

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        job = config.hydra.job
        told = [key for key in config if key != "hydra" and not OmegaConf.is_missing(config, key)]
        params = {key: _resolved(config[key]) for key in told}
        if self._sweep is not None and self._sweep.is_init:
            run = self._opened(self._sweep.child(f"job-{job.num}", params=params))
            run.log_tags({"override_dirname": job.override_dirname} if job.override_dirname else {})
        else:
            folder = os.path.join(config.hydra.runtime.output_dir, "tracklib")
            self._opened(self._tracking(folder, job.name, params=params))

    def _tracking(self, folder: str, name: str, **more: Any) -> tracking:
        told = {"output_run": folder, "name": name, "at_exit": Status.FINISHED, **more, **self._options}
        return tracking(self._configs, **told)

    def _opened(self, block: Any) -> Trackers:
        run: Trackers = block.__enter__()
        self._blocks.append(block)
        return run

    def on_job_end(self, config: DictConfig, job_return: Any, **kwargs: Any) -> None:
        """Hydra has caught the exception, and raises it later."""
        self._close(job_return._return_value if job_return.status is JobStatus.FAILED else None)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        self._sweep = None
        self._close(None)

    def _close(self, error: BaseException | None) -> None:
        if self._blocks:
            self._blocks.pop().__exit__(type(error) if error else None, error, error.__traceback__ if error else None)


def _resolved(value: Any) -> Any:
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
