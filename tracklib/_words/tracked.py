"""tracked: what a function returns is logged, and the function stays itself."""

from __future__ import annotations

import functools
import itertools
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple, TypeVar, overload

from .. import limits
from .._common.secrets import error_text
from .._common.warn import warn
from .._journal.records import Reduction
from .._run.current import active, current, here, inside
from .._run.early import Counted
from .._run.options import need_reduction
from .._run.run import Trackers
from .._values.arguments import arguments_of
from .._values.gathering import parts_of
from .._values.mappings import pairs_of
from .._values.returned import as_metrics
from .._values.room import name_of
from ..errors import NotFinite
from . import spawned
from .callables import Kind, drive, drive_async, kind_of, need_callable
from .epoch_argument import find_argument, name_of_function
from .heard import Heard, tell, without
from .wrapper import Wrapper

F = TypeVar("F")


@overload
def tracked(function: F, /) -> F: ...


@overload
def tracked(
    *,
    epoch: str = "epoch",
    axis: str = "epoch",
    every: int = 1,
    params: bool = False,
    prefix: str = "",
    ranks: Reduction | None = None,
) -> Callable[[F], F]: ...


def tracked(
    function: Any = None,
    /,
    *,
    epoch: str | None = None,
    axis: str = "epoch",
    every: int = 1,
    params: bool = False,
    prefix: str = "",
    ranks: Reduction | None = None,
) -> Any:
    """Log the metrics that a function returns, into the current run.

    For functions, methods, class and static methods, plain or async; of a generator, plain or async,
    each value that it yields is logged. Name, signature, types and behaviour stay; what was returned is
    handed on untouched. Without a current run the function is just called.

    What counts as metrics: a mapping; a dataclass, named tuple, attrs or pydantic object; a bare number, under
    the function's name; and all of these in a tuple that holds a mapping, where of two values with one name the
    second is called ``loss_2``. None logs nothing. Anything else is warned of once.

    Args:
        epoch: the argument that tells the epoch (on another axis: the step). Where the function has none,
            or gets None, it is the epoch of ``t.epochs`` that is going on; else, and on another axis, the
            function's own calls in this run are counted, from 0.
        axis: what is counted: ``@tracked(axis="batch")`` for what happens in a batch. Then no argument
            tells the step unless ``epoch`` names one.
        every: log each n-th call only (of a generator, each n-th value), the first one in a run among them;
            the others are not looked at, so that no device is waited for. All calls are counted but those
            that return None.
        params: log the arguments of the first call in a run as its params, defaults among them; an object
            that is no value by its class's name, and none for the epoch.
        prefix: stands before each name: ``validate = tracked(prefix="val/")(evaluate)``, and ``prefix="test/"`` for
            what tests with the same function.
        ranks: what is made over all ranks of what each one's call returns: ``"mean"``, ``"sum"``, ``"min"``, ``"max"``,
            ``"each"`` (``loss/rank3``) or ``"first"``, which is rank 0's; None as the run was told, see
            :class:`tracking`.

    A tracked function that returns what a tracked one has just logged inside it, does not log that twice.

    Raises:
        TypeError: what is decorated is no function; ``axis`` is no name, or ``prefix`` no text.
        ValueError: the function has no argument of the name given as ``epoch``; ``every`` is less than 1; ``ranks`` is
            no such word.
    """
    if type(every) is not int or every < 1:
        raise ValueError(f"every must be a whole number from 1 on, as 50; got {every!r}")
    if type(axis) is not str or not axis:
        raise TypeError(f"axis must be a name, as 'epoch' or 'batch'; got {axis!r}")
    if not isinstance(prefix, str):
        raise TypeError(f"prefix must be text, as 'val/'; got {prefix!r}")
    need_reduction(ranks)
    named = epoch or ("epoch" if axis == "epoch" else "")
    how = _How(named, epoch not in (None, "epoch"), axis, every, params, prefix, ranks)
    return functools.partial(_track, how=how) if function is None else _track(function, how)


class _How(NamedTuple):
    """What ``tracked`` was asked for."""

    epoch: str
    is_needed: bool
    axis: str
    every: int
    params: bool
    prefix: str = ""
    ranks: Reduction | None = None


def _track(function: Any, how: _How) -> Any:
    need_callable(function, "tracked")
    watch = _Watch(function, how)
    wrappers = {
        Kind.PLAIN: watch.call,
        Kind.COROUTINE: watch.awaiting(function),
        Kind.GENERATOR: watch.generate,
        Kind.ASYNC_GENERATOR: watch.generate_async,
    }
    wrapper = wrappers[kind_of(function)]
    again = functools.partial(_track, how=how)
    return Wrapper(function, watch.saying_params(wrapper) if how.params else wrapper, again)


class _Watch:
    """What is known of a tracked function from its decoration on, and its wrappers by kind."""

    def __init__(self, function: Any, how: _How) -> None:
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
