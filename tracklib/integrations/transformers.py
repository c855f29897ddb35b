"""Hugging Face's ``Trainer``: a callback."""

from __future__ import annotations

import os
from typing import Any, Unpack

from transformers import TrainerCallback

from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._names import named
from .held import Held


class TracklibCallback(TrainerCallback):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs what a ``Trainer`` logs into the run around it, or into one of its own::

        trainer = Trainer(model, args, train_dataset=data, callbacks=[TracklibCallback([{"type": "Mlflow"}])])

    Steps are on the axis ``step``, with the epoch beside them. A run of its own is in ``<output_dir>/tracklib`` unless
    ``output_run`` says where; with ``resume_from_checkpoint`` it goes on as its next attempt. Each trial of
    ``hyperparameter_search`` is a run of its own, or a child of the run around.

    ``Trainer`` (transformers 5.24) has no hook for an exception. One that nothing catches still gives the run its true
    status, when the program ends; after one that you catch, the run is ``failed``, without the exception's name. Put
    ``with tracking(...)`` around ``train()`` to have that, too.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
        checkpoints: also keep each checkpoint, as an artifact. It is copied when it is saved, while training waits.
    """

    def __init__(
        self,
        configs: Configs = None,
        output_run: str | os.PathLike[str] | None = None,
        *,
        checkpoints: bool = False,
        **options: Unpack[RunOptions],
    ) -> None:
        self._held = self._told = Held(configs, output_run, **options)
        self._checkpoints = checkpoints
        self._trials = 0

    def _fit_begins(self, args: Any, state: Any) -> None:
        more = {
            "output_run": os.path.join(args.output_dir, "tracklib"),
            "resume": state.global_step > 0,
            "rank": 0 if state.is_world_process_zero else 1,
            "name": args.run_name,
        }
        if state.is_hyper_param_search:
            self._held = self._told.apart(state.trial_name or f"trial-{self._trials}", more["output_run"])
            self._trials += 1
        self._held.fit_begins(**more)

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        self._fit_begins(args, state)
        config = getattr(model, "config", None)
        params = {"args": args.to_dict(), "trial": state.trial_params, "model": config and config.to_dict()}
        self._held.log_params({name: told for name, told in params.items() if told})

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Also what ``evaluate`` found: it is logged before ``on_evaluate`` comes."""
        self._held.log(state.global_step, named(logs), "step")

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        self._held.log(state.global_step, named(metrics), "step")

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._checkpoints and state.is_world_process_zero:
            self._held.log_artifact(os.path.join(args.output_dir, f"checkpoint-{state.global_step}"))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._held.fit_ends()
