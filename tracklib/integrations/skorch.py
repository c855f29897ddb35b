"""skorch: a callback for a ``NeuralNet``."""

from __future__ import annotations

import copy
import os
from typing import Any, Self, Unpack

from skorch.callbacks import Callback

from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._names import by_stage
from .held import Held


class TracklibCallback(Callback):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs each epoch of a net's history into the run around it, or into one of its own::

        NeuralNetClassifier(module, callbacks=[TracklibCallback([{"type": "Mlflow"}], output_run="runs/digits")])

    Epochs are skorch's, from 1 on. At Ctrl-C a net stops training, and the program goes on after ``fit``: then a run of
    the callback's own is ``killed``, one around it ends as its block does, and both have the tag ``interrupted``.
    skorch (1.4) has no hook for an exception. One that nothing catches still gives the run its true status, when the
    program ends; after one that you catch, the run is ``failed``, without the exception's name. Put ``with
    tracking(...)`` around the fit to have that, too.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    # The names end in _, as skorch takes all others for arguments of the constructor.
    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        self.held_ = Held(configs, output_run, **options)
        self.logged_ = 0
        self.has_valid_ = False

    def __sklearn_clone__(self) -> Self:
        return copy.deepcopy(self)

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        self.logged_ = len(net.history)  # which goes on with `partial_fit`
        self.held_.fit_begins()
        told = {name: value for name, value in net.get_params(deep=False).items() if not name.startswith("_")}
        plain = {name: value for name, value in told.items() if isinstance(value, str | int | float)}
        classes = {name: value.__name__ for name, value in told.items() if isinstance(value, type)}
        self.held_.log_params({**plain, **classes})

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        self.has_valid_ = dataset_valid is not None

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any) -> None:
        self._catch_up(net)

    def _catch_up(self, net: Any) -> None:
        for row in net.history[self.logged_ :]:
            metrics = {name: value for name, value in row.items() if self._is_metric(name, value)}
            self.held_.log(row["epoch"], by_stage(metrics, "train"))
        self.logged_ = len(net.history)

    @staticmethod
    def _is_metric(name: str, value: Any) -> bool:
        is_note = name == "epoch" or name.startswith("event_") or name.endswith(("_best", "_batch_count"))
        return not is_note and not isinstance(value, bool | str | list)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """A ``KeyboardInterrupt`` is Ctrl-C, where it left an epoch unfinished; else a callback before this one stops
        the training by it, and has hidden its last epoch."""
        last = "valid_batch_count" if self.has_valid_ else "train_batch_count"
        is_interrupted = len(net.history) > self.logged_ and last not in net.history[-1]
        if is_interrupted and (run := self.held_.begin()):
            run.log_tags(["interrupted"])
        if not is_interrupted:
            self._catch_up(net)
        self.held_.fit_ends(KeyboardInterrupt() if is_interrupted else None)
