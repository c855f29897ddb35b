"""Optuna: each trial is a run inside the study's."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Unpack

import optuna

from .. import Trackers
from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._blocks import AsBlock
from .held import Held


class TracklibObjective(AsBlock):
    """An objective whose trials are children of the run around the study, or of one of its own::

        with tracking([{"type": "Mlflow"}], output_run="runs/study"):
            study.optimize(TracklibObjective(objective), n_trials=50)

    During a trial its run is the current one: ``@tracked`` functions and adapters log into it. It ends as the trial
    does; a pruned one is finished, with the tag ``pruned``. Its params are the trial's, its metric ``value`` (or
    ``value-0`` and so on) is what the objective returned; the study's run has that, too, at the trial's number.

    Args:
        objective: the function that ``study.optimize`` would take.
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`. It ends with the
            program, or with the block of ``with TracklibObjective(...) as objective:``.
    """

    def __init__(
        self,
        objective: Callable[[optuna.Trial], Any],
        configs: Configs = None,
        output_run: str | os.PathLike[str] | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        self._objective = objective
        self._held = Held(configs, output_run, **options)

    def __call__(self, trial: optuna.Trial) -> Any:
        run = self._held.begin()
        if run is None:
            return self._objective(trial)
        with run.child(f"trial-{trial.number}") as child:
            try:
                value = self._objective(trial)
            finally:  # they are known once they were suggested
                child.log_params(trial.params)
            self._tell(run, child, trial.number, value)
            return value

    def _tell(self, run: Trackers, child: Trackers, number: int, value: Any) -> None:
        values = {"value": value}
        if isinstance(value, (tuple, list)):
            values = {f"value-{place}": each for place, each in enumerate(value)}
        child.log(None, values, axis="trial")
        run.log(number, values, axis="trial")
