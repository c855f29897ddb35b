"""What a run says of itself in a terminal: where an earlier one went, and at its end where it is and how it was."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .._journal.records import Best, Status

if TYPE_CHECKING:
    from .attempt import Attempt

_BESTS = 3


def say_moved(attempt: Attempt, target: str) -> None:
    """That the run which was in the directory is in ``target`` now."""
    if target and _may_speak(attempt):
        _say(f"tracklib: the earlier run in {attempt.output_run} is kept in {os.path.relpath(target)}")


def say_end(attempt: Attempt, status: Status) -> None:
    """One line: path, status, best values, and what shows more."""
    if _may_speak(attempt):
        best = _in_words(attempt.bests.found.values())
        path = shlex.quote(os.fspath(attempt.output_run))
        _say(f"tracklib: {status}{best} · tracklib show {path}")


def _may_speak(attempt: Attempt) -> bool:
    """Only to a person: in a file or a notebook nobody asked for it. A run inside another one is told by that."""
    if attempt.options.quiet or attempt.parent is not None or not attempt.keeps:
        return False
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def _in_words(bests: Iterable[Best]) -> str:
    told = [f"{best.name} {best.value:.4g} ({best.mode}, {best.axis} {best.step})" for best in bests]
    more = f", {len(told) - _BESTS} more" if len(told) > _BESTS else ""
    return f", best {', '.join(told[:_BESTS])}{more}" if told else ""


def _say(line: str) -> None:
    """Whatever a terminal does with it, the run is not disturbed."""
    readable = "".join(letter if letter.isprintable() else "?" for letter in line)
    with contextlib.suppress(Exception):
        print(readable, file=sys.stderr, flush=True)
