"""What every adapter needs: the run that it speaks to, which is the one around it, one of its own, or none."""

from __future__ import annotations

import copy
import os
from typing import Any, Unpack

from .. import Status, Trackers, current
from .._common.warn import warn
from .._run.options import RunOptions
from ..trackers._configs import Configs
from ._params import next_attempt, tell_once

_NOT_USED = "the adapter logs into the run around it, in {}: its own configs are not used, give them to that run"


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

    Which run that is: if there is a ``current()`` one when something is logged, the adapter *borrows* that, and never
    ends it. Else, if configs, a directory or options were given, it has a run of its *own*: begun when it is needed,
    ended when the fit ends, with the status of what ended it, and taken up again, as its next attempt, for what is
    logged later. Else, and always on a rank other than 0, it has *none*, and nothing is kept. Where a framework has no
    hook for an exception, a fit that one ended counts as failed when the next fit begins or the program ends. A copy of
    this object, a pickled one too, speaks to the same run.

    Args:
        configs, output_run, options: for a run of its own, as for :class:`~tracklib.Trackers`.

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
        self._is_own = self._is_child = False
        self._in_fit = False
        if self._may_own:
            self._made()  # which finds what is wrong with them

    @property
    def directory(self) -> str | None:
        """The directory of the run, or the one that was given for a run of its own; None where neither is known."""
        if self._run is not None:
            return self._run.directory
        told = self._options.get("output_run")
        return None if told is None else os.path.abspath(told)

    def begin(self, **more: Any) -> Trackers | None:
        """The run to log into, begun if it is one of its own; None if there is none.

        Args:
            more: options for a run of its own that only the framework knows, such as ``name``.
        """
        run = self._run
        if run is not None and run.is_init:
            return run
        around = None if self._is_child else current()
        if around is not None:
            self._run, self._is_own = around, False
            if self._may_own:
                warn(_NOT_USED.format(around.output_run))
        elif self._is_own and run is not None:
            self._run = next_attempt(run)
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
        """A fit begins: as :meth:`begin`, with the options ``more``. If an earlier fit's own run still goes on, an
        exception ended that without a hook: it has failed."""
        if self._in_fit:
            self.fit_ends(status=Status.FAILED)
        self._in_fit = True
        run = self.begin(**more)
        if run is not None and self._is_own:
            run.at_exit = Status.FAILED
        return run

    def apart(self, name: str, folder: str = "") -> Held:
        """Another ``Held``, for one of several fits, such as the trials of a search.

        Args:
            name: its run's name. Its run is a child of the run around it; else a run of its own, in the subdirectory
                ``name`` of the given ``output_run``.
            folder: takes the place of ``output_run`` where none was given.
        """
        made, around = copy.copy(self), current()
        made._run = around.child(name) if around else None
        made._is_own = made._is_child = around is not None
        if made._run:
            made._run.init()
        elif folder := self.directory or folder:
            made._options = {**self._options, "output_run": os.path.join(folder, name), "name": name}
        return made

    def fit_ends(self, error: BaseException | None = None, status: Status | str | None = None) -> None:
        """A fit ended: end a run of its own. A borrowed run goes on; it only notes an interruption, such as Ctrl-C.

        Args:
            error: the exception that ended the fit; None is a normal end.
            status: the run's status, where ``error`` does not tell it.
        """
        self._in_fit = False
        run = self._run
        if run is None or not run.is_init:
            return
        if self._is_own:
            run.finish(status, error=error)
        elif error is not None and not isinstance(error, Exception):
            run.ending(error)

    def log(self, step: Any, metrics: Any, axis: str = "epoch") -> None:
        """Log ``metrics`` at ``step`` of ``axis``, as :meth:`Trackers.log <tracklib.Trackers.log>`; without a run,
        nothing."""
        if run := self.begin():
            run.log(step, metrics, axis=axis)

    def log_params(self, params: Any) -> None:
        """Log those of ``params`` that the run does not have yet: a framework tells all of them at each fit."""
        if run := self.begin():
            tell_once(run, params)

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """Keep a copy of ``path`` as ``name``; if it cannot be copied, the training goes on."""
        run = self.begin()
        try:
            if run:
                run.log_artifact(path, name)
        except OSError as error:
            warn(f"{os.fspath(path)} is not kept as an artifact: {error}")
