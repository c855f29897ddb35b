"""CatBoost: a callback for ``fit``."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Unpack

from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._blocks import AsBlock
from ._rounds import Rounds
from .held import Held


class TracklibCallback(AsBlock):
    """Logs each boosting round into the run around it, or into one of its own::

        with TracklibCallback(output_run="runs/trees") as ours:
            CatBoostClassifier().fit(data, eval_set=test, callbacks=[ours])

    Rounds are on the axis ``round``, from 0 on. CatBoost (1.2) has no hook for the beginning and the end: without the
    block, a run of its own ends with the program. It tells a callback nothing of the settings: log
    ``model.get_all_params()`` yourself. An exception in a callback, Ctrl-C too, leaves CatBoost as ``CatBoostError``:
    for ``with tracking(...)`` that is a failure, while this block finds the exception behind it.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        self._held = Held(configs, output_run, **options)
        self._rounds = Rounds(self._held)

    def after_iteration(self, info: Any) -> bool:
        """True goes on."""
        if info.iteration == 1:
            self._rounds = Rounds(self._held)
        self._rounds.see(info.metrics)
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, _behind(error), traceback)


def _behind(error: BaseException | None) -> BaseException | None:
    """CatBoost has only the text of what a callback raised."""
    last = str(error).strip().rpartition("\n")[2]
    return KeyboardInterrupt() if last == "KeyboardInterrupt" else error
