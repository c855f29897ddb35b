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

    ::

        @tracked
        def train_epoch(model, data, epoch):
            ...
            return {"loss": loss, "accuracy": accuracy}  # logged at ``epoch``

    It decorates functions, methods, class and static methods, plain or async, and generators, plain or async, of
    which each yielded value is logged. Name, signature, types and behaviour stay the same, and the caller gets the
    returned object itself. Without a current run the function is just called.

    What counts as metrics: a mapping; a dataclass, named tuple, attrs or pydantic object; a bare number, under
    the function's name; and all of these in a tuple that holds a mapping, where of two values with one name the
    second is called ``loss_2``. None logs nothing. Anything else logs nothing, with one warning.

    Args:
        epoch: the name of the argument that holds the epoch (on another axis: the step); None takes the one called
            ``epoch``. Where the function has none, or gets None, it is the current epoch of ``t.epochs``; without one,
            and on another axis, the function's own calls in this run are counted, from 0.
        axis: what is counted: ``@tracked(axis="batch")`` for what happens in a batch. Then no argument
            is the step unless ``epoch`` names one.
        every: log only every n-th call (of a generator, every n-th value), beginning with the first one in a run. What
            the others return is not looked at, so nothing waits for a device. Calls that return None are not counted.
        params: log the arguments of the first call in a run as its params, defaults included, without the epoch; of an
            object such as a model, the name of its class.
        prefix: stands before each name: ``validate = tracked(prefix="val/")(evaluate)``, and with ``prefix="test/"``
            the same function's results on the test set.
        ranks: how the values that the ranks of a job return become one: ``"mean"``, ``"sum"``, ``"min"``, ``"max"``,
            ``"each"`` (``loss/rank3``), or ``"first"``, which keeps rank 0's; None does as the run's own option says,
            see :class:`tracking`.

    A tracked function that returns the very object that another one has just logged inside it does not log it again.

    Raises:
        TypeError: the decorated object is no function; ``axis`` or ``prefix`` is no text.
        ValueError: the function has no argument of the name given as ``epoch``; ``every`` is less than 1; ``ranks`` is
            none of the words above.
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
