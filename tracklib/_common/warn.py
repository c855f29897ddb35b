"""Warnings that point at the user's line, however many layers of ours lie between.

A delivery's thread has no line of the user's in it, and a warning that the user made an error must
not turn into a tracker's: what is to be said there goes to the log.
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

import wrapt

from ..errors import TrackerWarning
from .secrets import redact_head

_LONGEST = 2_000

_HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_INNER = (_HOUSE + os.sep, os.path.dirname(os.path.abspath(str(wrapt.__file__))) + os.sep) + tuple(
    str(module.__file__) for module in (contextlib, functools, threading)
)


def warn(message: str) -> None:
    """Warn with a :class:`~tracklib.errors.TrackerWarning` at the innermost frame that is not ours;
    where there is none, log a warning. Secrets in the message are masked, and a very long one is cut."""
    message = redact_head(message, _LONGEST)
    level = 1
    frame: FrameType | None = sys._getframe(0)
    while frame is not None and frame.f_code.co_filename.startswith(_INNER):
        frame = frame.f_back
        level += 1
    if frame is None:
        logging.getLogger("tracklib").warning(message)
    else:
        warnings.warn(message, TrackerWarning, stacklevel=level)
