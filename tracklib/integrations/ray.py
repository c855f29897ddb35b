"""Ray: a callback for Tune, whose trials are runs, and one for Train."""

from __future__ import annotations

import os
from typing import Any, Unpack

from ray.train import UserCallback
from ray.tune.logger import LoggerCallback

from .. import Status, Trackers
from .._run.options import RunOptions
from ..trackers._configs import Configs
from .held import Held

_NOTES = frozenset(
    ("config date done hostname iterations_since_restore node_ip pid should_checkpoint timestamp trial_id "
     "time_since_restore training_iteration experiment_tag").split()
)  # fmt: skip


class TracklibCallback(LoggerCallback):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs each trial into a child of the run around ``Tuner.fit``, or of one of its own::

        tune.RunConfig(callbacks=[TracklibCallback([{"type": "Mlflow"}], output_run="runs/sweep")])

    The runs are kept on the machine of the tuner, not in Ray's workers. What a trial reports is on the axis
    ``iteration``; its config becomes the params. Its run ends as the trial does; one that a scheduler stops early has
    finished. A trial that is paused, or begun again after an error, goes on with the same run.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        self._held = Held(configs, output_run, **options)
        self._trials: dict[str, Trackers] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Ray keeps the callback with the experiment, and a restored one has trials of its own."""
        return {**self.__dict__, "_trials": {}}

    def setup(self, *args: Any, **info: Any) -> None:
        self._held.fit_begins()

    def log_trial_start(self, trial: Any) -> None:
        parent, known = self._held.begin(), self._trials.get(trial.trial_id)
        if parent is None or (known is not None and known.is_init):
            return
        run = parent.child(str(trial), params=trial.config) if known is None else known.again()
        run.at_exit = Status.KILLED
        run.init()
        self._trials[trial.trial_id] = run

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        if run := self._trials.get(trial.trial_id):
            metrics = {name: value for name, value in result.items() if name not in _NOTES and value is not None}
            run.log(result.get("training_iteration"), metrics, axis="iteration")

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        if (run := self._trials.get(trial.trial_id)) and run.is_init:
            run.finish(Status.FAILED if failed else None, error=trial.get_error() if failed else None)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """A trial that has not ended by now was stopped with the experiment, as by Ctrl-C."""
        for run in self._trials.values():
            if run.is_init:
                run.finish(Status.KILLED)
        self._held.fit_ends()


class TracklibTrainCallback(UserCallback):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs what the workers of a ``Trainer`` report into the run around it::

        with tracking([{"type": "Mlflow"}], output_run="runs/digits"):
            TorchTrainer(loop, run_config=train.RunConfig(callbacks=[TracklibTrainCallback()])).fit()

    Ray Train (2.60) calls it in a process of its own and does not tell it of the end, so it never has a run of its own.
    That process must see the directory of the run around. Of each report, rank 0's numbers are logged: at their
    ``epoch`` if there is one among them, else on the axis ``report``.
    """

    def __init__(self) -> None:
        self._held = Held()
        self._held.begin()
        self._reports = 0

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        told = dict(metrics[0]) if metrics else {}
        if "epoch" in told:
            self._held.log(told.pop("epoch"), told)
        else:
            self._held.log(self._reports, told, "report")
        self._reports += 1
