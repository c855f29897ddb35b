"""What every adapter needs: the run that it speaks to, which is the one around it, one of its own, or none."""

from __future__ import annotations

import copy
import os
import weakref
from collections.abc import Mapping
from typing import Any, Unpack

from .. import Status, Trackers, current
from .._common.warn import warn
from .._run.options import RunOptions
from .._values.arguments import as_params
from ..trackers._configs import Configs

_told: weakref.WeakKeyDictionary[Trackers, dict[str, Any]] = weakref.WeakKeyDictionary()  # the params of each run


class Held:
    """Holds the run for an adapter, whose hooks say what happens. A whole adapter::

        class OurCallback(framework.Callback):
            def __init__(self, configs=None, output_run=None, **options):
                self._held = Held(configs, output_run, **options)

            def on_fit_begin(self, trainer):
                self._held.fit_begins()
                self._held.log_params(trainer.config)

            def on_epoch_end(self, trainer, epoch, logs):
                self._held.log(epoch, logs)

            def on_fit_end(self, trainer):
                self._held.fit_ends(sys.exception())

    The run is that which is ``current()`` when something is said: it is *borrowed*, and never ended. Where there is
    none, and configs, a directory or options were given, it is one of its *own*: begun when it is needed, ended at the
    framework's end with what ended that, and taken up again, as its next attempt, for what comes later. Else there is
    *none*, and nothing is kept. On a rank other than 0 that is so in any case.

    A fit that an exception leaves without a hook has failed, once the next one begins or the program ends. Copies by
    ``copy`` and ``pickle`` speak to the same run.

    Args:
        configs, output_run, options: of a run of its own, as of :class:`~tracklib.Trackers`.

    Raises:
        ConfigError, TypeError, ValueError: as ``Trackers`` does, at once.
    """

    def __init__(
        self, configs: Configs = None, output_run: str | os.PathLike[str] | None = None, **options: Unpack[RunOptions]
    ) -> None:
        self._configs = configs
        self._options: dict[str, Any] = {**options} if output_run is None else {"output_run": output_run, **options}
        self._may_own = configs is not None or bool(self._options)
        self._run: Trackers | None = None
        self._is_own = False
        self._in_fit = False
        if self._may_own:
            self._made()  # which finds what is wrong with them

    @property
    def run(self) -> Trackers | None:
        """The run to speak to, begun if need be; None where there is none."""
        run = self._run
        return run if run is not None and run.is_init else self.begin()

    @property
    def directory(self) -> str | None:
        """The run's, or that which one of its own was told; None where nobody knows yet."""
        if self._run is not None:
            return self._run.directory
        told = self._options.get("output_run")
        return None if told is None else os.path.abspath(told)

    def begin(self, **more: Any) -> Trackers | None:
        """The run to speak to; ``more`` are what only the framework knows of one of its own, as ``output_run`` and
        ``name``, where the user did not say it."""
        run = self._run
        if run is not None and run.is_init:
            return run
        around = current()
        if around is not None:
            self._run, self._is_own = around, False
            if self._may_own:
                _say_not_used(around)
        elif self._is_own and run is not None:
            self._run = run.again()
            _told[self._run] = _told.get(run, {})
            self._run.init()
        elif self._may_own:
            self._run, self._is_own = self._made(**more), True
            self._run.init()
        else:
            self._run = None
        return self._run

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_in_fit": False, "_process": os.getpid()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        here = state.pop("_process") == os.getpid()
        self.__dict__.update(state)
        if self._run is not None and not here:  # only its own process ends it, or takes it up again
            self._is_own = self._may_own = False

    def _made(self, **more: Any) -> Trackers:
        return Trackers(copy.deepcopy(self._configs), **{"at_exit": Status.FINISHED, **more, **self._options})

    def fit_begins(self, **more: Any) -> Trackers | None:
        """A fit begins: :meth:`begin`. One that goes on was left by an exception of which no hook told."""
        if self._in_fit:
            self.fit_ends(status=Status.FAILED)
        self._in_fit = True
        run = self.begin(**more)
        if run is not None and self._is_own:
            run.at_exit = Status.FAILED
        return run

    def fit_ends(self, error: BaseException | None = None, status: Status | str | None = None) -> None:
        """The fit ended, by ``error`` if there is one: so does a run of its own. One around it is told of an
        interruption, for a framework may make another exception of it."""
        self._in_fit = False
        run = self._run
        if run is None or not run.is_init:
            return
        if self._is_own:
            run.finish(status, error=error)
        elif error is not None and not isinstance(error, Exception):
            run.ending(error)

    def log(self, step: Any, metrics: Any, axis: str = "epoch") -> None:
        """``Trackers.log``, to the run if there is one."""
        run = self._run
        if run is None or not run.is_init:
            run = self.begin()
        if run is not None:
            run.log(step, metrics, axis=axis)

    def log_params(self, params: Any) -> None:
        """``Trackers.log_params``, but for what the run was told already: a framework says it at each fit."""
        run = self.run
        if run is None:
            return
        told = _told.setdefault(run, {})
        new = {name: value for name, value in as_params(params).items() if name not in told or told[name] != value}
        if new:
            told.update(new)
            run.log_params(new)

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """``Trackers.log_artifact``; a file that cannot be copied does not stop the training."""
        run = self.run
        try:
            if run is not None:
                run.log_artifact(path, name)
        except OSError as error:
            warn(f"{os.fspath(path)} is not kept as an artifact: {error}")


def _say_not_used(around: Trackers) -> None:
    warn(
        f"the adapter's own configs and options are not used: it logs into the run around it, in {around.output_run}; "
        "give them to that one, or leave its block"
    )


def named(logs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Metrics under the names that tracklib's readers group: ``val_loss`` and ``eval_loss`` are ``val/loss``."""
    found = {}
    for name, value in (logs or {}).items():
        stage, _, rest = name.partition("_")
        found[f"{_STAGES[stage]}/{rest}" if rest and stage in _STAGES else name] = value
    return found


_STAGES = {"val": "val", "eval": "val", "train": "train", "test": "test"}
