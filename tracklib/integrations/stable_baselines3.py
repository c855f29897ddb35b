"""Stable-Baselines3: a callback for ``learn``, and the writer that it adds to the model's logger."""

from __future__ import annotations

import os
from typing import Any, Unpack

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Figure, HParam, Image, KVWriter

from .._run.options import RunOptions
from ..trackers._configs import Configs
from .held import Held

_NAME = "tracklib"  # by which `logger.record(..., exclude=)` knows the writer


class TracklibWriter(KVWriter):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Writes what a model's logger dumps into the run around it, or into one of its own::

        logger = configure(None, ["stdout"])
        logger.output_formats.append(TracklibWriter(output_run="runs/cart-pole"))
        model.set_logger(logger)

    The step is the number of timesteps, on the axis ``step``. A value recorded with ``exclude="tracklib"`` is left out;
    an ``HParam`` becomes params, a ``Figure`` or ``Image`` an artifact; texts and videos are left out. A run of its own
    ends with ``logger.close()``, or with the program.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        self._held = Held(configs, output_run, **options)

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        metrics = {}
        for name, value in key_values.items():
            if _NAME in (key_excluded.get(name) or ()):
                continue
            if isinstance(value, HParam):
                self._held.log_params(value.hparam_dict)
            elif isinstance(value, Figure | Image):
                self._draw(f"{name}-{step}", value)
            elif not isinstance(value, str) and hasattr(value, "__float__"):
                metrics[name] = value
        self._held.log(step, metrics, "step")

    def _draw(self, name: str, value: Any) -> None:
        if run := self._held.begin():
            if isinstance(value, Figure):
                run.log_figure(name, value.figure)
            elif not isinstance(value.image, str):
                run.log_image(name, value.image)

    def close(self) -> None:
        self._held.fit_ends()


class TracklibCallback(BaseCallback):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs what the model's logger dumps into the run around it, or into one of its own, which ends with ``learn``::

        model.learn(10_000, callback=TracklibCallback([{"type": "Mlflow"}], output_run="runs/cart-pole"))

    It adds a :class:`TracklibWriter` to the model's logger. Params are those of the algorithm. Stable-Baselines3 (2.9)
    has no hook for an exception. One that nothing catches still gives the run its true status, when the program ends;
    after one that you catch, the run is ``failed``, without the exception's name. Put ``with tracking(...)`` around
    ``learn`` to have that, too.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        super().__init__()
        self._writer = TracklibWriter(configs, output_run, **options)
        self._held = self._writer._held

    def _on_training_start(self) -> None:
        self._held.fit_begins()
        told = {name: value for name, value in vars(self.model).items() if isinstance(value, str | float | int)}
        public = {name: value for name, value in told.items() if name[0] != "_" and name != "num_timesteps"}
        self._held.log_params({"algorithm": type(self.model).__name__, **public})
        if self._writer not in self.logger.output_formats:
            self.logger.output_formats.append(self._writer)

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        self._held.fit_ends()
