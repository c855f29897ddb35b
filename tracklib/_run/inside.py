"""A function that finds the run wherever it is called: in a pool's thread, and in another process."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .current import current_run, open_run

if TYPE_CHECKING:
    from .run import Trackers

_OTHER_KINDS = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


class Inside:
    """Calls ``function`` with ``run`` as the current one. It can be pickled where ``function`` can.

    Raises:
        TypeError: ``function`` is none, or its work is not done when it returns.
    """

    def __init__(self, run: Trackers, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise TypeError(f"inside takes a function, as in pool.map(t.inside(work), items); got {function!r}")
        if any(is_such(function) for is_such in _OTHER_KINDS):
            name = getattr(function, "__name__", repr(function))
            raise TypeError(f"inside takes a plain function, whose work is done when it returns; {name} is none")
        functools.update_wrapper(self, function, updated=())
        self._run = run
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with open_run(self._run, None), current_run(self._run):
            return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._run, self._function)
