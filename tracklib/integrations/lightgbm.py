"""LightGBM: a callback for ``lightgbm.train``, ``lightgbm.cv`` and the estimators."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Self, Unpack

from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._blocks import AsBlock
from ._rounds import spread
from .held import Held


class TracklibCallback(AsBlock):
    """Logs each boosting round into the run around it, or into one of its own::

        lightgbm.train(params, data, valid_sets=[test], callbacks=[TracklibCallback(output_run="runs/trees")])

    Rounds are on the axis ``round``, from 0 on. LightGBM (4.7) has no hook for the end, so a run of its own ends with
    the last round that was asked for; after early stopping or an exception, with the program. Put
    ``with TracklibCallback(...) as ours:`` or ``with tracking(...)`` around the training to have it end at once.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        self._held = Held(configs, output_run, **options)
        self._in_block = False
        self.order = 20  # before early stopping (30), which raises in the last round; LightGBM asks the object itself

    def __call__(self, env: Any) -> None:
        if env.iteration == env.begin_iteration:
            self._held.begin()
            self._held.log_params(env.params)
        row: dict[str, Any] = {}
        for data, metric, value, _, *deviation in env.evaluation_result_list or ():
            name = metric.replace(" ", "/", 1) if data == "cv_agg" else f"{data}/{metric}"  # so until 4.5
            row |= spread(name, (value, *deviation) if deviation else value)
        self._held.log(env.iteration, row, "round")
        if env.iteration + 1 == env.end_iteration and not self._in_block:
            self._held.fit_ends()

    def __enter__(self) -> Self:
        self._in_block = True
        return super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._in_block = False
        super().__exit__(kind, error, traceback)
