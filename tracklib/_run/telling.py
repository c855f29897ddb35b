"""What a run says of itself in a terminal: where an earlier one went, and at its end where it is and how it was."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .._common import clock
from .._common.forks import apart_from_forks
from .._common.secrets import redact_text
from .._delivery.delivering import Delivering
from .._delivery.put_off import PutOff
from .._journal.records import Best, Status
from .life import Life

if TYPE_CHECKING:
    from .attempt import Attempt

logger = logging.getLogger("tracklib")

LONG_SECONDS = 2.0
AGAIN_SECONDS = 30.0
_BESTS = 3
_STANDS = {
    Life.NEW: "not begun",
    Life.OPEN: "going on",
    Life.LENT: "going on",
    Life.ENDED: "",
    Life.OVER: "",
    Life.ELSEWHERE: "going on in another process",
}


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
        if waiting := [delivery.name for delivery in attempt.deliveries if isinstance(delivery, PutOff)]:
            _say(f"tracklib: offline, so {', '.join(waiting)} had nothing yet · tracklib sync {path}")


def say_stopped(attempt: Attempt, epoch: int | None, why: str) -> None:
    """That ``epoch`` is the last one, and why; for :mod:`logging`, too, at level INFO."""
    line = f"stopped behind epoch {epoch}: {redact_text(why)}"
    with contextlib.suppress(Exception), apart_from_forks():  # a handler of the user's
        logger.info("%s", line)
    if _is_heard(attempt):
        _say(f"tracklib: {line}")


def in_short(attempt: Attempt) -> str:
    """Where a run is, how it stands, and its best values."""
    best = _in_words(attempt.bests.found.values())
    return redact_text(f"{attempt.output_run!r} {_STANDS[attempt.life] or attempt.status}{best}")


class LongWait:
    """The wait for a run's trackers, which is told where it is long: for whom, how much is left, and how to leave."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._next = clock.steady() + LONG_SECONDS

    def look(self) -> None:
        """Say it if it is time; for :mod:`logging`, too, at level INFO."""
        now = clock.steady()
        if now < self._next:
            return
        self._next = now + AGAIN_SECONDS
        waiting = [_what_is_left_of(delivery) for delivery in self._attempt.deliveries if not delivery.at_rest]
        command = f"tracklib sync {shlex.quote(os.fspath(self._attempt.output_run))}"
        line = f"waiting for {', '.join(waiting)}; Ctrl-C leaves the rest to: {command}"
        with contextlib.suppress(Exception), apart_from_forks():  # a handler of the user's
            logger.info("%s", line)
        if _is_heard(self._attempt):
            _say(f"tracklib: {line}")


def _what_is_left_of(delivery: Delivering) -> str:
    left = delivery.missing
    what = f"{left} record{'s' if left != 1 else ''} left" if left else "the run's end is left"
    return f"{delivery.name} ({what}{f', {delivery.trouble}' if delivery.trouble else ''})"


def _may_speak(attempt: Attempt) -> bool:
    """Only to a person: in a file or a notebook nobody asked for it. A run inside another one is told by that."""
    return attempt.parent is None and _is_heard(attempt)


def _is_heard(attempt: Attempt) -> bool:
    if attempt.options.quiet or not attempt.keeps:
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
