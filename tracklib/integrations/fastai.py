"""fastai: a callback for a ``Learner``."""

from __future__ import annotations

import os
from typing import Any, Unpack

from fastai.callback.core import Callback

from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._names import by_stage
from .held import Held


class TracklibCallback(Callback):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs what the ``Recorder`` shows of each epoch into the run around it, or into one of its own::

        learner = Learner(data, model, metrics=accuracy, cbs=TracklibCallback(output_run="runs/digits"))

    The training loss is ``train/loss``; the validation's loss and the metrics are under ``val/``, what
    ``learner.validate()`` finds under ``test/``. Params are the fit's. The learning-rate finder and ``get_preds`` log
    nothing. fastai (2.8) has no hook for an exception. One that nothing catches still gives the run its true status,
    when the program ends; after one that you catch, the run is ``failed``, without the exception's name. Put
    ``with tracking(...)`` around the fit to have that, too.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    order = 60  # behind the Recorder
    remove_on_fetch = True  # `get_preds` is no fit

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        super().__init__()
        self._held = Held(configs, output_run, **options)
        self._trained = False
        self._first = self._next = 0  # epochs: that of this fit, that of the next record

    def before_fit(self) -> None:
        """It comes before ``validate``, too."""
        self.run = not hasattr(self.learn, "lr_finder") and not hasattr(self.learn, "gather_preds")
        self._trained = False

    def before_train(self) -> None:
        if not self._trained:
            self._first = self._next
            self._held.fit_begins()
            self._held.log_params(self._params())
        self._trained = True

    def _params(self) -> dict[str, Any]:
        optimizer = {name: value for name, value in self.opt.hypers[-1].items() if isinstance(value, int | float)}
        return {
            "epochs": self.n_epoch,
            "batch_size": self.dls.bs,
            "model": type(self.learn.model).__name__,
            "loss": str(getattr(self.loss_func, "__name__", type(self.loss_func).__name__)),
            "optimizer": optimizer,
        }

    def after_epoch(self) -> None:
        names = [name for name in self.recorder.metric_names[1:] if name != "time"]
        if self._trained:
            metrics = by_stage(dict(zip(names, self.learn.final_record, strict=False)), "val")
            self._held.log(self._first + self.epoch, {**metrics, "train/lr": self.opt.hypers[-1]["lr"]})
            self._next = self._first + self.epoch + 1
        else:
            found = [name.removeprefix("valid_") for name in names if not name.startswith("train_")]
            metrics = dict(zip(found, self.learn.final_record, strict=False))
            self._held.log(None, {f"test/{name}": value for name, value in metrics.items()})

    def after_fit(self) -> None:
        self._held.fit_ends()
