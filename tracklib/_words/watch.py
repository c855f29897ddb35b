"""What is known of a tracked function from its decoration on, and what is logged of each of its calls."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

from .. import limits
from .._common.secrets import error_text
from .._common.warn import warn
from .._journal.records import Reduction
from .._run.current import active, current, here, inside
from .._run.early import Counted
from .._run.run import Trackers
from .._values.arguments import arguments_of
from .._values.gathering import parts_of
from .._values.mappings import pairs_of
from .._values.returned import as_metrics
from .._values.room import name_of
from ..errors import NotFinite
from . import spawned
from .callables import drive, drive_async
from .epoch_argument import find_argument, name_of_function
from .heard import Heard, tell, without


class How(NamedTuple):
    """What ``tracked`` was asked for."""

    epoch: str
    is_needed: bool
    axis: str
    every: int
    params: bool
    prefix: str = ""
    ranks: Reduction | None = None


class Watch:
    """What is known of a tracked function from its decoration on, and its wrappers by kind."""

    def __init__(self, function: Any, how: How) -> None:
        self.name = name_of_function(function)
        self._epoch = how.epoch
        self._axis = how.axis
        self._every = how.every
        self._prefix = how.prefix
        self._ranks = how.ranks
        self._position, self._default = find_argument(function, how.epoch, how.is_needed)
        self._counts: weakref.WeakKeyDictionary[Trackers, Iterator[int]] = weakref.WeakKeyDictionary()
        self._calls: weakref.WeakKeyDictionary[Trackers, Iterator[int]] = weakref.WeakKeyDictionary()
        self._warned = False

    def saying_params(self, wrapper: Any) -> Any:
        """``wrapper``, that first logs the arguments of the first call in a run as its params."""
        said: weakref.WeakSet[Trackers] = weakref.WeakSet()

        def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            run = current()
            if run is not None and run not in said and run._keeps:
                said.add(run)
                self._log_params(run, wrapped, args, kwargs)
            return wrapper(wrapped, instance, args, kwargs)

        return call

    def _log_params(self, run: Trackers, wrapped: Any, args: Any, kwargs: Any) -> None:
        try:
            run.log_params(arguments_of(wrapped, args, kwargs, without=self._epoch))
        except Exception as error:
            self._warn(f"was called with what could not be logged ({type(error).__name__}: {error_text(error)})")

    def call(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        """Costs as little as it can: it may be around what is called a million times."""
        if not active:
            returned = wrapped(*args, **kwargs)
            if returned is not None and (active or spawned.asks):
                self._see(returned, {}, instance, args, kwargs)
            return returned
        inner: Heard = {}
        around = inside.set(inner)
        try:
            returned = wrapped(*args, **kwargs)
        finally:
            inside.reset(around)
        if returned is not None:
            self._see(returned, inner, instance, args, kwargs)
        elif (run := here.get() or current()) is not None:
            run._silent.add(self.name)
        return returned

    def awaiting(self, function: Any) -> Any:
        """The wrapper of a coroutine function. It is called as that one, which is what Python says nobody awaited."""

        async def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
            inner: Heard = {}
            around = inside.get()
            inside.set(inner)
            try:
                returned = await wrapped(*args, **kwargs)
            finally:
                inside.set(around)  # no token: a coroutine may be closed in another context than it was begun in
            self._see(returned, inner, instance, args, kwargs)
            return returned

        call.__name__, call.__qualname__ = self.name, getattr(function, "__qualname__", self.name)
        return call

    def generate(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        def step(call: Callable[[], Any]) -> Any:
            inner: Heard = {}
            around = inside.set(inner)
            try:
                item = call()
            finally:
                inside.reset(around)
            self._see(item, inner, instance, args, kwargs)
            return item

        return drive(wrapped(*args, **kwargs), step)

    def generate_async(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        async def step(call: Callable[[], Awaitable[Any]]) -> Any:
            inner: Heard = {}
            around = inside.get()
            inside.set(inner)
            try:
                item = await call()
            finally:
                inside.set(around)
            self._see(item, inner, instance, args, kwargs)
            return item

        return drive_async(wrapped(*args, **kwargs), step)

    def _see(self, returned: Any, inner: Heard, instance: Any, args: Any, kwargs: Any) -> None:
        run = current()
        if run is None:
            if returned is not None:
                spawned.say_that_the_parent_has_a_run(self.name)
        elif returned is not None:
            self._log(run, returned, inner, instance, args, kwargs)
        else:
            run._silent.add(self.name)

    def _log(self, run: Trackers, returned: Any, inner: Heard, instance: Any, args: Any, kwargs: Any) -> None:
        """Log what was returned. Never raises, but what ``on_nan="stop"`` asks for: the caller's work is done and must
        not be lost. So there is nothing to check where nothing is kept, and no device is waited for."""
        shared = run._shared(self._ranks) if run._attempt.sharing else None
        if not run._is_looked_at and not shared:
            return
        try:
            if self._every > 1 and not self._is_due(run):
                return
            epoch = self._epoch_of(run, instance, args, kwargs)
            metrics = returned if type(returned) is dict else as_metrics(returned, self.name)
            if metrics is None:
                kind = type(returned).__name__
                self._warn(f"returned {kind}, which holds no metrics: return a dict such as {{'loss': 0.1}}")
                return
            if self._prefix:
                metrics = {f"{self._prefix}{name_of(key)}": value for key, value in pairs_of(metrics, limits.KEYS + 1)}
            news = without(inner, run, self._axis, epoch, metrics) if inner else metrics
            if shared and news:
                run._share(epoch, news, self._axis, shared, parts_of(returned, self._prefix))
                run._see_guarded(epoch, news, self._axis)
            elif news or not metrics:
                run.log(epoch, news, axis=self._axis, ranks="first")
            if (outer := inside.get()) is not None:
                tell(outer, inner, run, self._axis, epoch, metrics)
        except NotFinite:  # the run's option on_nan has it so
            raise
        except Exception as error:
            self._warn(f"returned what could not be logged ({type(error).__name__}: {error_text(error)})")

    def _warn(self, trouble: str) -> None:
        if not self._warned:
            self._warned = True
            warn(f"{self.name} {trouble}")

    def _epoch_of(self, run: Trackers, instance: Any, args: Any, kwargs: Any) -> Any:
        if self._epoch in kwargs:
            epoch = kwargs[self._epoch]
        else:
            position = self._position if instance is None else self._position - 1
            epoch = args[position] if position < len(args) else self._default
        if epoch is None and self._axis == "epoch":
            epoch = run._epoch_here
        if epoch is not None:
            return epoch
        count = next(self._counts.get(run) or self._begin_count(run))
        return Counted(count) if run._early.waits else count

    def _begin_count(self, run: Trackers) -> Iterator[int]:
        """The steps of the calls that are logged; in a resumed run on the same grid as before."""
        first = -(-run._first_step(self._axis) // self._every) * self._every
        return self._counts.setdefault(run, itertools.count(first, self._every))

    def _is_due(self, run: Trackers) -> bool:
        calls = self._calls.get(run) or self._calls.setdefault(run, itertools.count())
        return next(calls) % self._every == 0
