"""All that tracklib tells, and the one place that guards it: what hears it may fail, and the training goes on.

A warning points at the user's line, however many layers of ours lie between. A thread of ours has no such line,
and a warning that the user made an error must not turn into a tracker's: what is to be said there goes to the log.
A log handler may raise (rich's does at a wrong markup), and ``sys.stderr`` be closed or somebody else's.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import threading
import warnings
from types import FrameType
from typing import Any

from ..errors import TrackerWarning
from .forks import apart_from_forks
from .last_line import cleared
from .secrets import redact_head

OURS = "tracklib-"  # how the name of each thread of ours begins

_LONGEST = 2_000

_HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_INNER = (_HOUSE + os.sep, *(str(module.__file__) for module in (contextlib, functools, threading)))


def _inner() -> tuple[str, ...]:
    """How the names of files begin that are ours, or that ours are called through; nothing is imported for it."""
    wrapt = getattr(sys.modules.get("wrapt"), "__file__", None)
    return (*_INNER, os.path.dirname(os.path.abspath(wrapt)) + os.sep) if wrapt else _INNER


def warn(message: str) -> None:
    """Warn with a :class:`~tracklib.errors.TrackerWarning` at the innermost frame that is not ours; in a thread of
    ours, and where there is none, tell the log. Secrets in the message are masked, and a very long one is cut.

    Raises:
        TrackerWarning: the user's filter makes it an error. Nothing else.
    """
    message = redact_head(message, _LONGEST)
    inner = _inner()
    level = 1
    frame: FrameType | None = sys._getframe(0)
    while frame is not None and frame.f_code.co_filename.startswith(inner):
        frame = frame.f_back
        level += 1
    if frame is None or threading.current_thread().name.startswith(OURS):
        tell(message)
        return
    try:
        with cleared():
            warnings.warn(message, TrackerWarning, stacklevel=level)
    except TrackerWarning:
        raise
    except Exception:  # whoever shows it fails, as a closed stream does
        tell(message)


def warn_at_the_end(message: str) -> None:
    """:func:`warn` where a run has ended well: a filter for warnings of all kinds, such as ``-W error``, makes no error
    of it, which would have a training that succeeded fail for a tracker. One that names :class:`TrackerWarning` does.

    Raises:
        TrackerWarning: see above.
    """
    try:
        warn(message)
    except TrackerWarning:
        named: list[Any] = [each[2] for each in warnings.filters if each[0] == "error"]
        if any(issubclass(category, TrackerWarning) for category in named):
            raise
        tell(message)


def tell(message: str) -> None:
    """Log a warning. Whatever the log's handlers raise goes no further; secrets are masked, as by :func:`warn`."""
    _log(logging.WARNING, message)


def mention(message: str) -> None:
    """Log it at debug; as :func:`tell`."""
    if logging.getLogger("tracklib").isEnabledFor(logging.DEBUG):
        _log(logging.DEBUG, message)


def _log(level: int, message: str) -> None:
    try:
        with apart_from_forks(), cleared():
            logging.getLogger("tracklib").log(level, "%s", redact_head(message, _LONGEST))
    except BaseException as error:
        if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
            raise  # Ctrl-C
