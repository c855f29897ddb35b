"""Warnings that point at the user's line, however many layers of ours lie between."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import warnings

import wrapt

from .errors import TrackerWarning

_INNER = tuple(os.path.dirname(os.path.abspath(str(path))) + os.sep for path in (__file__, wrapt.__file__)) + tuple(
    str(module.__file__) for module in (contextlib, functools)
)


def warn(message: str) -> None:
    """Warn with a :class:`~tracklib.errors.TrackerWarning` at the innermost frame that is not ours."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INNER):
        frame = frame.f_back
        level += 1
    warnings.warn(message, TrackerWarning, stacklevel=level)
