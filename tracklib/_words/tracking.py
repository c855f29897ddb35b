"""tracking: a run around a block, or around each call of a function."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, TypeVar, cast

from .._common import variables
from .._common.secrets import error_text
from .._common.warn import warn
from .._journal.records import Parent
from .._run.current import current, current_run, open_run
from .._run.ending import leave, leave_async, status_of
from .._run.other_ranks import SilentTrackers
from .._run.run import Trackers
from .._run.sigterm import cause_of, exits_on_sigterm
from .._values.arguments import arguments_of, as_params
from ..errors import LifecycleError
from ..trackers._configs import Configs
from .callables import Kind, Wrapper, drive, drive_async, kind_of, need_callable

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
    for trackers that get on, and for at most 10 s (5 s after an exception) for those that do not; what
    did not arrive is told in a :class:`~tracklib.TrackerWarning`, or in a note on the exception.

    Args:
        configs: dicts with a ``type``, tracker objects, or the path of a TOML, YAML or JSON file; a CSV
            file is always written as well.
        output_run: the run's directory; None makes ``runs/<time>-<name>``. A run that it holds already
            is moved into its ``previous/``.
        resume: go on with the run that ``output_run`` holds, ended or not (a job that was killed and
            queued again): the same run at every tracker, after what was left undelivered. Where there
            is none, begin one.
        name: the run's name; None takes the directory's.
        params: hyperparameters, logged when the run begins: what ``t.log_params`` takes. True, on a function:
            the arguments of the call, defaults among them; an object that is no value by its class's name.
        tags: a mapping or bare words, set when the run begins.
        best: metrics whose best value is kept, each with what is better: ``{"val/accuracy": "max"}``. It is
            ``t.best``, and every tracker shows it in its own way.
        environment: say with what the run was made, in the background: git's commit, branch and difference,
            the command (secrets masked), the versions of Python and the packages, and the machine. None does so
            for a run that is inside no other, unless the variable ``TRACKLIB_ENVIRONMENT`` is ``0``.
        system_metrics: sample processor, memory, disk and NVIDIA GPUs every so many seconds, on the axis
            ``system``; None does not.
        on_error: ``"raise"`` raises :class:`~tracklib.DeliveryError` at the block's normal end if a
            tracker did not get everything; ``"warn"`` warns.
        rank: this process's rank; None asks the launcher's environment variables. A rank other than 0
            gets a run that keeps nothing.

    Raises:
        ConfigError: on entering, with all that is wrong with the configs.
        RunDirectoryError: on entering; the directory cannot be written, or belongs to a live run.
        LifecycleError: on entering the same object a second time.
    """

    def __init__(
        self,
        configs: Configs = None,
        *,
        output_run: str | os.PathLike[str] | None = None,
        resume: bool = False,
        name: str | None = None,
        params: Any = None,
        tags: Mapping[str, Any] | Iterable[str] | None = None,
        best: Mapping[str, Literal["min", "max"]] | None = None,
        environment: bool | None = None,
        system_metrics: float | None = None,
        on_error: Literal["warn", "raise"] = "warn",
        rank: int | None = None,
    ) -> None:
        if on_error not in ("warn", "raise"):
            raise ValueError(f"on_error must be 'warn' or 'raise', got {on_error!r}")
        if callable(configs):
            raise TypeError("tracking takes its configs first: write @tracking() or @tracking([...])")
        self._configs = configs
        self._run_options: dict[str, Any] = {
            "output_run": output_run,
            "resume": resume,
            "name": name,
            "params": params,
            "tags": tags,
            "best": best,
            "environment": environment,
            "system_metrics": system_metrics,
        }
        self._on_error = on_error
        self._rank = rank
        self._block: _Block | None = None
        self._current = contextlib.ExitStack()

    def __enter__(self) -> Trackers:
        if self._block is not None:
            raise LifecycleError("this tracking object was entered before: make a new one for each run")
        if self._run_options["params"] is True:
            raise TypeError("params=True is for @tracking(...) on a function; a block takes params={'lr': 0.1}")
        block = self._new_block(self._configs)
        run = block.__enter__()
        self._block = block
        self._current.enter_context(current_run(run))
        return run

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._current.close()
        self._entered().__exit__(kind, error, traceback)

    async def __aenter__(self) -> Trackers:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._current.close()
        await self._entered().__aexit__(kind, error, traceback)

    def _new_block(self, configs: Configs, **options: Any) -> _Block:
        """The one place that decides what a rank other than 0 does."""
        outer = current()
        parent = None if outer is None else Parent(uid=outer.uid, output_run=outer.directory)
        rank = variables.rank() if self._rank is None else self._rank
        kind = Trackers if rank == 0 else SilentTrackers
        return _Block(kind(configs, **{"parent": parent} | self._run_options | options), self._on_error)

    def _entered(self) -> _Block:
        if self._block is None:
            raise LifecycleError("this tracking block is left before it was entered")
        return self._block

    def __call__(self, function: F, /) -> F:
        """Make each call of ``function`` a run of its own."""
        need_callable(function, "tracking(...)")
        wrappers = {
            Kind.PLAIN: self._call,
            Kind.COROUTINE: self._call_async,
            Kind.GENERATOR: self._generate,
            Kind.ASYNC_GENERATOR: self._generate_async,
        }
        return cast(F, Wrapper(cast(Any, function), wrappers[kind_of(function)]))

    def _fresh_block(self, function: Any, args: Any, kwargs: Any) -> _Block:
        """A run for one call. A tracker object serves one run only, so each call gets copies."""
        try:
            configs = copy.deepcopy(self._configs)
        except Exception as error:
            raise TypeError(
                f"each call of the function is a run with trackers of its own, and one of {self._configs!r} cannot be "
                f"copied ({error}): describe it by a dict, as {{'type': 'package.module:Class'}}"
            ) from error
        if self._run_options["params"] is True:
            return self._new_block(configs, params=_params_of(function, args, kwargs))
        return self._new_block(configs)

    def _call(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        with self._fresh_block(wrapped, args, kwargs) as run, current_run(run):
            return wrapped(*args, **kwargs)

    async def _call_async(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        async with self._fresh_block(wrapped, args, kwargs) as run:
            with current_run(run):
                return await wrapped(*args, **kwargs)

    def _generate(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Generator[Any, Any, Any]:
        block = self._fresh_block(wrapped, args, kwargs)

        def step(call: Callable[[], Any]) -> Any:
            with current_run(block.run):  # inside the generator only, not in its consumer
                return call()

        return drive(wrapped(*args, **kwargs), step, block)

    def _generate_async(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> AsyncGenerator[Any, Any]:
        block = self._fresh_block(wrapped, args, kwargs)

        async def step(call: Callable[[], Awaitable[Any]]) -> Any:
            with current_run(block.run):
                return await call()

        return drive_async(wrapped(*args, **kwargs), step, block)


def _params_of(function: Any, args: Any, kwargs: Any) -> dict[str, Any] | None:
    """The arguments of a call as params. A call that is wrong fails by itself, in the run."""
    try:
        return as_params(arguments_of(function, args, kwargs))
    except Exception as error:
        warn(f"the arguments of {function!r} cannot be logged as params: {error_text(error)}")
        return None


class _Block:
    """A run that is active, from its beginning to its true end."""

    def __init__(self, run: Trackers, on_error: str) -> None:
        self.run = run
        self._on_error = on_error
        self._around = contextlib.ExitStack()

    def __enter__(self) -> Trackers:
        self.run.init()
        self.run.block_of = lambda run: _ChildBlock(run, self._on_error)
        self._around.enter_context(open_run(self.run))
        self._around.enter_context(exits_on_sigterm())
        return self.run

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._around:
            leave(self.run, status_of(cause_of(error)), error, self._on_error)

    async def __aenter__(self) -> Trackers:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._around:
            await leave_async(self.run, status_of(cause_of(error)), error, self._on_error)


class _ChildBlock(_Block):
    """The block around a child run, which is the current one inside."""

    def __enter__(self) -> Trackers:
        run = super().__enter__()
        self._around.enter_context(current_run(run))
        return run
