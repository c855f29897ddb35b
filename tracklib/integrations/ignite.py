"""PyTorch-Ignite: a logger, whose handlers are attached to engines."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Unpack

from ignite.engine import Engine, State
from ignite.handlers.base_logger import BaseLogger, BaseOptimizerParamsHandler, BaseOutputHandler

from .. import Trackers
from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._blocks import AsBlock
from .held import Held


class TracklibLogger(AsBlock, BaseLogger):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs what its handlers find in engines into the run around it, or into one of its own::

        with TracklibLogger([{"type": "Mlflow"}], output_run="runs/digits") as logger:
            logger.attach_output_handler(evaluator, Events.EPOCH_COMPLETED, tag="val", metric_names="all",
                                         global_step_transform=global_step_from_engine(trainer))
            trainer.run(data, max_epochs=20)

    A metric is ``<tag>/<name>``, on the axis of its event: ``epoch`` or ``iteration``, or what an event of your own
    counts. Where ``global_step_transform`` gives another engine's step, ``axis`` says what that counts. A run of its
    own ends with the block, with the status of what ended that; without a block, call ``close()`` in a ``finally``.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.
    """

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        self._held = Held(configs, output_run, **options)

    @property
    def run(self) -> Trackers | None:
        """The run, if there is one."""
        return self._held.begin()

    def log_params(self, params: Any) -> None:
        """Log hyperparameters, those of them that the run was not told yet."""
        self._held.log_params(params)

    def log(self, step: int, metrics: dict[str, Any], axis: str) -> None:
        """Log metrics, for handlers of your own."""
        self._held.log(step, metrics, axis)

    def close(self) -> None:
        """End a run of its own, with the exception that is being handled, if there is one."""
        self._held.fit_ends(sys.exception())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)
        self.close()  # which Ignite's loggers do, and a subclass may have its own

    def _create_output_handler(self, *args: Any, **kwargs: Any) -> OutputHandler:
        return OutputHandler(*args, **kwargs)

    def _create_opt_params_handler(self, *args: Any, **kwargs: Any) -> OptimizerParamsHandler:
        return OptimizerParamsHandler(*args, **kwargs)


class OutputHandler(BaseOutputHandler):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs an engine's metrics, output and attributes. It takes the arguments of Ignite's own output handlers, and
    ``axis``: what the step counts; None takes the event's."""

    def __init__(self, *args: Any, axis: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.axis = axis

    def __call__(self, engine: Engine, logger: TracklibLogger, event_name: Any) -> None:
        found = self._setup_output_metrics_state_attrs(engine)
        metrics = {"/".join(names): value for names, value in found.items()}
        logger.log(
            self.global_step_transform(engine, event_name), metrics, self.axis or State.event_to_attr[event_name]
        )


class OptimizerParamsHandler(BaseOptimizerParamsHandler):  # type: ignore[misc]  # untyped, as all frameworks are to us
    """Logs the learning rate, or another of an optimizer's params, of each of its groups."""

    def __call__(self, engine: Engine, logger: TracklibLogger, event_name: Any) -> None:
        groups = self.optimizer.param_groups
        name = f"{self.tag}/{self.param_name}" if self.tag else self.param_name
        metrics = {
            (f"{name}/{number}" if len(groups) > 1 else name): float(group[self.param_name])
            for number, group in enumerate(groups)
        }
        logger.log(engine.state.get_event_attrib_value(event_name), metrics, State.event_to_attr[event_name])
