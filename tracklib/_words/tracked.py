"""tracked: what a function returns is logged, and the function stays itself."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, overload

from .._journal.records import Reduction
from .._run.options import need_reduction
from .callables import Kind, kind_of, need_callable
from .watch import How, Watch

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
    how = How(named, epoch not in (None, "epoch"), axis, every, params, prefix, ranks)
    return functools.partial(_track, how=how) if function is None else _track(function, how)


def _track(function: Any, how: How) -> Any:
    from .wrapper import Wrapper  # with wrapt, and asyncio behind it: for who decorates

    need_callable(function, "tracked")
    watch = Watch(function, how)
    wrappers = {
        Kind.PLAIN: watch.call,
        Kind.COROUTINE: watch.awaiting(function),
        Kind.GENERATOR: watch.generate,
        Kind.ASYNC_GENERATOR: watch.generate_async,
    }
    wrapper = wrappers[kind_of(function)]
    again = functools.partial(_track, how=how)
    return Wrapper(function, watch.saying_params(wrapper) if how.params else wrapper, again)
