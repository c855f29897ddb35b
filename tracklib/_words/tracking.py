"""tracking: a run around a block, or around each call of a function."""

from __future__ import annotations

import contextlib
import copy
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, TypeVar, Unpack, cast

from msgspec.structs import replace

from .._common.secrets import error_text
from .._common.warn import warn
from .._run.current import current_run
from .._run.options import Options, RunOptions, takes
from .._run.run import Trackers, block_of, new_run
from .._values.arguments import arguments_of, as_params
from ..errors import LifecycleError, Mistake, RunDirectoryError
from ..trackers._configs import Configs
from .callables import Kind, drive, drive_async, kind_of, need_callable

F = TypeVar("F")


class tracking:  # noqa: N801  # a word of the language, used as one
    """Track what happens in a block, or in each call of a function, as one run.

    ::

        with tracking([{"type": "Mlflow", "experiment_name": "digits"}], output_run="runs/digits") as t:
            for epoch in range(20):
                train_epoch(model, data, epoch)  # decorated with @tracked

    The same with ``async with``. As ``@tracking(...)`` on a function of any kind (plain, async,
    generator, async generator), each call is a run of its own. A block inside another is its child run.

    Trackers never stop the block. How it ends is the run's status: finished; failed after an
    exception; killed after Ctrl-C, a cancellation or SIGTERM (preempted under Slurm). Leaving it waits
    for trackers as long as they make progress, and for at most 10 seconds (5 after an exception) for those
    that make none. What did not arrive is told in a :class:`~tracklib.TrackerWarning`, or in a note on the
    exception, with the ``tracklib sync`` command that delivers it.

    Args:
        configs: dicts with a ``type``, tracker objects, or the path of a TOML, YAML or JSON file; a CSV
            file is always written as well.
        output_run: the run's directory; None makes ``runs/<time>-<name>``. A run that it holds already
            is moved into its ``previous/``.
        resume: go on with the run that ``output_run`` holds, ended or not (a job that was killed and
            queued again): the same run at every tracker, after what was left undelivered. Where there
            is none, begin one.
        rewind_to: with ``resume``, the last epoch that is to count: what the run logged after it is superseded, and
            ``t.epochs`` goes on with the next one. Epochs count from 0; -1 begins anew. Or ``"latest"``, ``"best"`` or
            the name of a checkpoint: that one's epoch; where there is no latest or best one, the run begins anew. Each
            attempt with this option goes back again: so give a number by hand, and ``"latest"`` to a job that is
            queued again.
        name: the run's name; None takes the directory's.
        params: hyperparameters, logged when the run begins: what ``t.log_params`` takes. On a function, True logs
            the arguments of the call, defaults included; of an object such as a model, the name of its class.
        tags: a mapping or bare words, set when the run begins.
        leave_out: names of params that are not logged, such as ``["resume", "optimizer/foreach"]``: nested names are
            joined by ``/``.
        best: metrics whose best value is kept, each with which is better: ``{"val/accuracy": "max"}``. They are in
            ``t.best``, and every tracker shows them in its own way.
        on_nan: what to do when a metric is NaN or infinite. ``"warn"`` warns once, and the run's tag ``not_finite``
            says since when; ``"stop"`` raises :class:`~tracklib.NotFinite` from the call that logged it, so the run
            ends as failed. ``{"loss": "stop", "grad/*": "warn"}`` does so for these metrics only; their names may be
            patterns. With ``"stop"``, every rank checks its own values. None does nothing.
        environment: record, in the background, what the run was made with: git's commit, branch and diff, the
            command (secrets masked), the versions of Python and the packages, and the machine. None does so for a
            run that is not inside another, unless the environment variable ``TRACKLIB_ENVIRONMENT`` is ``0``.
        system_metrics: seconds between two samples of processor, memory, disk and NVIDIA GPUs, which are logged on
            the axis ``system``; None takes none.
        alerts: which events are told to a webhook, a command or by W&B's alert, each a dict of the options of
            :class:`~tracklib.Alert`: ``[{"on": ["failed", "killed"], "webhook": "$SLACK_WEBHOOK"}]``. A child run does
            not inherit them.
        console: keep what Python, C libraries and child processes print, as ``console.txt`` in the run's directory:
            secrets masked, of a progress bar its last state, the middle left out beyond ``limits.CONSOLE`` bytes. It is
            still printed; after the block, stdout and stderr are as before.
        leave: ``"wait"`` waits at the end for trackers as long as they make progress; ``"later"`` leaves at once where
            the companion process delivers: it goes on for at most ten minutes, even after the program's end.
        on_error: ``"raise"`` raises :class:`~tracklib.DeliveryError` at the block's normal end if a
            tracker did not get everything; ``"warn"`` warns.
        ranks: how the values that all ranks of a job log become one, without any rank waiting for it: their
            ``"mean"`` (of a :class:`Metrics` the exact one, by its weights), ``"sum"``, ``"min"`` or ``"max"``; or
            ``"each"`` keeps every rank's own, as ``loss/rank3``. None and ``"first"`` keep what rank 0 logs, and
            nothing of the others.
        parent: the run around this one; None takes the current one, if there is one.
        rank: this process's rank, from 0 on; None asks torch, JAX or MPI, where they are initialised, else the
            launcher's environment variables, on entering. A rank other than 0 gets a run that keeps nothing: it makes
            the same checks, and raises the same errors.
        at_exit: for a run by hand that nobody finishes: the status it gets when the interpreter exits normally, such as
            ``"finished"``. SIGTERM and ``sys.exit(3)`` then end it with their own status, as they end a block. None
            leaves such a run as killed, and installs no signal handler.
        group_access: what the Unix group of the run's directory may do: ``"read"`` it, or ``"write"``: also resume and
            ``sync`` it. It holds for everything made in the directory, by children and later attempts too. None
            leaves a directory as it is; a new one is for its owner alone (mode 0700).
        preemptible: the job may be preempted and queued again. An earlier run in the directory is resumed if it is this
            job's, or was preempted or cut off; another job's is moved aside, and that of another task of the same job
            array is refused. If its process is still leaving, this one waits for it, up to a minute. SIGTERM, SIGUSR1
            and SIGUSR2 only set ``t.preempted``: ``t.epochs`` then ends after the current epoch, and the run is
            preempted; a second SIGTERM leaves the block at once. With several ranks, ``t.epochs`` does not end by
            itself: let them decide together, by ``t.agree({"stop": t.preempted}, ranks="max")``.
        quiet: print nothing in the terminal at the run's end, nor where an earlier run was moved. Where stderr is no
            terminal, nothing is printed anyway.

    Raises:
        TypeError, ValueError: an option has a wrong type or value; some are checked on entering only.
        ConfigError: on entering, with all that is wrong with the configs.
        RunDirectoryError: on entering; the directory cannot be written, or belongs to a live run.
        LifecycleError: on entering the same object a second time.
    """

    @takes(RunOptions)
    def __init__(
        self,
        configs: Configs = None,
        output_run: str | os.PathLike[str] | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        if callable(configs):
            raise TypeError("tracking takes its configs first: write @tracking() or @tracking([...])")
        self._configs = configs
        self._options = Options.of("tracking", output_run=output_run, **options)
        self._run: Trackers | None = None
        self._is_unused = True

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and hasattr(Trackers, name):
            raise AttributeError(f"tracking(...) is a block: write `with tracking(...) as t:`, and t.{name} inside")
        raise AttributeError(f"'tracking' object has no attribute {name!r}")

    def __del__(self) -> None:
        if getattr(self, "_is_unused", False) and not sys.is_finalizing():
            with contextlib.suppress(Exception):
                warn(
                    "tracking(...) was made and never entered, so nothing is tracked: write `with tracking(...) as t:`"
                )

    def __enter__(self) -> Trackers:
        self._is_unused = False
        if self._run is not None:
            raise LifecycleError("this tracking object was entered before: make a new one for each run")
        if self._options.params is True:
            raise TypeError("params=True is for @tracking(...) on a function; a block takes params={'lr': 0.1}")
        options = self._options.checked()
        with Mistake():
            run = new_run(self._configs, options, Trackers)
        with Mistake(RunDirectoryError):
            run.__enter__()
        self._run = run
        return run

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered().__exit__(kind, error, traceback)

    async def __aenter__(self) -> Trackers:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._entered().__aexit__(kind, error, traceback)

    def _entered(self) -> Trackers:
        if self._run is None:
            raise LifecycleError("this tracking block is left before it was entered: write `with tracking(...) as t:`")
        return self._run

    def __call__(self, function: F, /) -> F:
        """Make each call of ``function`` a run of its own."""
        from .wrapper import Wrapper  # with wrapt, and asyncio behind it: for who decorates

        need_callable(function, "tracking(...)")
        self._is_unused = False
        wrappers = {
            Kind.PLAIN: self._call,
            Kind.COROUTINE: self._call_async,
            Kind.GENERATOR: self._generate,
            Kind.ASYNC_GENERATOR: self._generate_async,
        }
        return cast(F, Wrapper(cast(Any, function), wrappers[kind_of(function)], self))

    def _fresh_run(self, function: Any, args: Any, kwargs: Any) -> Trackers:
        """A run for one call. A tracker object serves one run only, so each call gets copies."""
        try:
            configs = copy.deepcopy(self._configs)
        except Exception as error:
            raise TypeError(
                f"each call of the function is a run with trackers of its own, and one of {self._configs!r} cannot be "
                f"copied ({error}): describe it by a dict, as {{'type': 'package.module:Class'}}"
            ) from error
        options = self._options
        if options.params is True:
            options = replace(options, params=_params_of(function, args, kwargs))
        options = options.checked()
        with Mistake():
            return new_run(configs, options, Trackers)

    def _call(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        with self._fresh_run(wrapped, args, kwargs):
            return wrapped(*args, **kwargs)

    async def _call_async(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        async with self._fresh_run(wrapped, args, kwargs):
            return await wrapped(*args, **kwargs)

    def _generate(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Generator[Any, Any, Any]:
        run = self._fresh_run(wrapped, args, kwargs)

        def step(call: Callable[[], Any]) -> Any:
            with current_run(run):  # inside the generator only, not in its consumer
                return call()

        return drive(wrapped(*args, **kwargs), step, block_of(run, is_current=False))

    def _generate_async(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> AsyncGenerator[Any, Any]:
        run = self._fresh_run(wrapped, args, kwargs)

        async def step(call: Callable[[], Awaitable[Any]]) -> Any:
            with current_run(run):
                return await call()

        return drive_async(wrapped(*args, **kwargs), step, block_of(run, is_current=False))


def _params_of(function: Any, args: Any, kwargs: Any) -> dict[str, Any] | None:
    """The arguments of a call as params. A call that is wrong fails by itself, in the run."""
    try:
        return as_params(arguments_of(function, args, kwargs))
    except Exception as error:
        warn(f"the arguments of {function!r} cannot be logged as params: {error_text(error)}")
        return None
