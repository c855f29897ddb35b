"""XGBoost: a callback for ``xgboost.train``, ``xgboost.cv`` and the estimators."""

from __future__ import annotations

import json
import os
from typing import Any, Unpack

import xgboost

from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._rounds import Rounds
from .held import Held


class TracklibCallback(xgboost.callback.TrainingCallback):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs each boosting round into the run around it, or into one of its own::

        ours = TracklibCallback(output_run="runs/trees")
        xgboost.train(params, data, evals=[(test, "test")], callbacks=[ours])

    Rounds are on the axis ``round``, from 0 on; for a model that is trained further they go on counting. XGBoost (3.2)
    has no hook for an exception. One that nothing catches still gives the run its true status, when the program ends;
    after one that you catch, the run is ``failed``, without the exception's name. Put ``with tracking(...)`` around the
    training to have that, too.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        super().__init__()
        self._held = Held(configs, output_run, **options)
        self._rounds = Rounds(self._held)

    def before_training(self, model: Any) -> Any:
        is_one = isinstance(model, xgboost.Booster)  # not a cross-validation's pack of them
        self._rounds = Rounds(self._held, model.num_boosted_rounds() if is_one else 0)
        is_one_of_many = xgboost.collective.is_distributed()
        self._held.fit_begins(**({"rank": xgboost.collective.get_rank()} if is_one_of_many else {}))
        if is_one:
            self._held.log_params(json.loads(model.save_config()))
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self._rounds.see(evals_log)
        return False

    def after_training(self, model: Any) -> Any:
        """A callback before this one that stops the training has hidden its last round."""
        self._rounds.catch_up()
        self._held.fit_ends()
        return model
