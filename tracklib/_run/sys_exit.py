"""The code that the program exits with, which the interpreter tells nobody: not even what it calls at its end.

A run that is to end with the program, with ``at_exit``, needs the code for its status. So ``sys.exit`` is another
function as long as such a run goes on. It raises a ``SystemExit`` that notices when the interpreter itself reads its
``code``: that happens only when nothing in the program has caught it.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

_watching = 0
_theirs = sys.exit
_uncaught: SystemExit | None = None


class _Exit(SystemExit):
    @property
    def code(self) -> Any:  # type: ignore[override]  # to be asked is all that is wanted
        global _uncaught
        if sys._getframe().f_back is None:  # no Python code reads it, but the interpreter: the program is over
            _uncaught = self
        return super().code

    def __reduce__(self) -> tuple[Any, ...]:
        return SystemExit, self.args


_Exit.__name__ = _Exit.__qualname__ = "SystemExit"  # to whoever prints it


def _exit(status: Any = None, /) -> NoReturn:
    if not _watching or threading.current_thread() is not threading.main_thread():
        _theirs(status)  # threading asks whether it is the very class
    raise _Exit(*(status if isinstance(status, tuple) else () if status is None else (status,)))


_exit.__name__, _exit.__doc__ = "exit", sys.exit.__doc__


@contextlib.contextmanager
def seen_exit() -> Iterator[None]:
    """While it lasts, :func:`uncaught_exit` knows what the program exits with by ``sys.exit``."""
    global _watching, _theirs
    if sys.exit is not _exit:
        _theirs, sys.exit = sys.exit, _exit
    _watching += 1
    try:
        yield
    finally:
        _watching -= 1
        if not _watching and sys.exit is _exit:
            sys.exit = _theirs


def uncaught_exit() -> SystemExit | None:
    """What ends the interpreter, where that is ``sys.exit``."""
    return _uncaught
