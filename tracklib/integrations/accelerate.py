"""Accelerate: a tracker for ``Accelerator(log_with=[...])``."""

from __future__ import annotations

import os
import sys
from typing import Any, Unpack

from accelerate.tracking import GeneralTracker

from .. import Trackers
from .._run.options import RunOptions
from ..trackers._configs import Configs
from .held import Held


class TracklibTracker(GeneralTracker):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs what ``accelerator.log`` is given into the run around it, or into one of its own::

        accelerator = Accelerator(log_with=[TracklibTracker([{"type": "Mlflow"}], output_run="runs/digits")])
        accelerator.init_trackers("digits", config={"lr": 0.1})

    ``accelerator.end_training()`` ends a run of its own: call it in a ``finally``, so that the run is failed or killed
    if an exception is on its way. ``accelerator.get_tracker("tracklib", unwrap=True)`` is the run. Steps are on the
    axis ``step``.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    name = "tracklib"
    requires_logging_directory = False

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        super().__init__()
        self._held = Held(configs, output_run, **options)
        self._starts = self._calls = 0

    @property
    def tracker(self) -> Trackers | None:
        """The run."""
        return self._held.begin()

    def start(self) -> None:
        """Comes with ``init_trackers``, which appends this object each time, and then calls it as often."""
        self._starts += 1
        self._calls = 0
        self._held.begin()

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self._held.log_params(values)

    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        self._calls += 1
        if self._calls % self._times == 0:
            self._held.log(step, values, "step")

    @property
    def _times(self) -> int:
        """How often the accelerator has this object: the starts are 1, and 2 more, and 3 more."""
        times = 1
        while times * (times + 1) // 2 < self._starts:
            times += 1
        return times

    def finish(self) -> None:
        self._held.fit_ends(sys.exception())
