"""Keras 3, of any backend: a callback."""

from __future__ import annotations

import os
from typing import Any, Unpack

import keras

from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._names import named
from .held import Held


class TracklibCallback(keras.callbacks.Callback):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs each epoch into the run around it, or into one of its own::

        ours = TracklibCallback([{"type": "Mlflow"}], output_run="runs/digits")
        model.fit(x, y, epochs=20, callbacks=[ours])

    Keras (3.15) has no hook for an exception. One that nothing catches still gives the run its true status, when the
    program ends; after one that you catch, the run is ``failed``, without the exception's name. Put
    ``with tracking(...)`` around the fit to have that, too.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
        every: also log every n-th batch, on the axis ``batch``, which counts over all epochs; 0 logs no batches.
    """

    def __init__(
        self,
        configs: Configs = None,
        output_run: str | os.PathLike[str] | None = None,
        *,
        every: int = 0,
        **options: Unpack[RunOptions],
    ) -> None:
        super().__init__()
        self._held = Held(configs, output_run, **options)
        self._every = every
        self._in_fit = False
        if every:  # a method of the class would have Keras wait for it at each batch, wanted or not
            self.on_train_batch_end = self._on_train_batch_end

    def on_train_begin(self, logs: Any = None) -> None:
        self._in_fit = True
        self._held.fit_begins()
        optimizer = getattr(self.model, "optimizer", None)
        params = {"fit": self.params, "optimizer": optimizer and optimizer.get_config()}
        self._held.log_params({name: told for name, told in params.items() if told})
        if self.model.built:
            self._held.log_params({"parameters": self.model.count_params()})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._held.log(epoch, named(logs))

    def _on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        step = int(self.model.optimizer.iterations)
        if step % self._every == 0:
            self._held.log(step, {f"batch/{name}": value for name, value in (logs or {}).items()}, "batch")

    def on_test_end(self, logs: Any = None) -> None:
        """Also of the validation inside a fit, which ``on_epoch_end`` tells of."""
        if not self._in_fit:
            self._held.log(None, named(logs, "test"))
            self._held.fit_ends()

    def on_train_end(self, logs: Any = None) -> None:
        self._in_fit = False
        self._held.fit_ends()
