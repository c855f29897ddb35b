"""What is worth an alert, and what it says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .._common import clock
from .._common.patterns import fits
from .._common.secrets import redact_text
from .._journal.records import Begin, Best, Log, Status
from ..errors import ConfigError
from ._console_words import duration, number

_STATUSES = tuple(status.value for status in Status)
_LONGEST = 1_500


class Event(NamedTuple):
    """Something that happened in a run, told once: ``id`` is the same each time that it is seen."""

    id: str
    kind: str
    text: str
    facts: Mapping[str, Any]


class When:
    """Which events count.

    Args:
        on: statuses of the run.
        nan: patterns of metrics of which a NaN or an infinity is one.
        quiet: seconds without a record.
        best: patterns of metrics of which a new best value is one.

    Raises:
        ConfigError: with all that is wrong.
    """

    def __init__(self, on: Any = None, nan: Any = None, quiet: float | None = None, best: Any = None) -> None:
        self.on, self.nan, self.quiet, self.best = _words(on), _words(nan), quiet, _words(best)
        problems = [
            f"'on' must be among {', '.join(_STATUSES)}; got {word!r}" for word in self.on if word not in _STATUSES
        ]
        if quiet is not None and not 0 < quiet < math.inf:
            problems.append(f"'quiet' must be seconds above 0; got {quiet!r}")
        if not (self.on or self.nan or self.best or quiet):
            problems.append("nothing says when: give it 'on', 'nan', 'quiet' or 'best'")
        if problems:
            raise ConfigError(problems)

    def told(self) -> dict[str, Any]:
        """As a config has it."""
        said = {"on": self.on, "nan": self.nan, "quiet": self.quiet, "best": self.best}
        return {name: value for name, value in said.items() if value}


class Watch:
    """Sees the events of one attempt at a run. What earlier attempts said is none.

    Args:
        when: which count.
        begin: how the attempt began.
        directory: the run's.
    """

    def __init__(self, when: When, begin: Begin, directory: str) -> None:
        self._when, self._begin, self._directory = when, begin, directory
        self._heard_at = clock.steady()
        self._place = ""  # of the newest record, for people
        self._last = ""  # and for the event's id

    def logs(self, records: Sequence[Log]) -> Iterator[Event]:
        """Of these records."""
        for record in records:
            if record.time < self._begin.time:
                continue
            if record.axis != "system":  # which is sampled however the training stands
                self.hear()
                self._place, self._last = f"{record.axis} {record.step}", str(record.ordinal)
            for name, value in record.metrics.items():
                if not math.isfinite(value) and _fits(name, self._when.nan):
                    facts = {"metric": name, "value": str(value), "axis": record.axis, "step": record.step}
                    text = f"{name} is {value} at {record.axis} {record.step}"
                    yield self._event(f"nan {name}", "nan", text, facts)

    def best(self, best: Best) -> Iterator[Event]:
        """Of a new best value."""
        if best.time >= self._begin.time and _fits(best.name, self._when.best):
            facts = {"metric": best.name, "value": best.value, "axis": best.axis, "step": best.step}
            text = f"best {best.name} so far: {number(best.value)} at {best.axis} {best.step}"
            yield self._event(f"best {best.name} {best.axis} {best.step} {best.value}", "best", text, facts)

    def hear(self) -> None:
        """The run said something."""
        self._heard_at = clock.steady()

    def silence(self) -> Iterator[Event]:
        """Of nothing that was said for too long."""
        seconds = clock.steady() - self._heard_at
        if self._when.quiet and seconds >= self._when.quiet:
            text = f"no record for {duration(round(1000 * seconds))}"
            yield self._event(f"quiet {self._last}", "quiet", text, {"seconds": round(seconds)})

    def end(self, status: Status, reason: str, time: int | None) -> Iterator[Event]:
        """Of the run's end, with the exception's words, where one ended it."""
        if status.value in self._when.on:
            took = f"after {duration(time - self._begin.time)}" if time else ""
            text = status.value + (f": {reason}" if reason else "")
            yield self._event("end", status.value, text, {"status": status.value, "reason": reason}, took)

    def _event(self, id: str, kind: str, what: str, facts: Mapping[str, Any], *more: str) -> Event:
        begin = self._begin
        where = ", ".join(filter(None, [self._place if kind in (*_STATUSES, "quiet") else "", *more]))
        text = f"{begin.name or 'run'}: {what}{f' ({where})' if where else ''}; {self._directory} on {begin.host}"
        told = {"run": begin.name, "uid": begin.uid, "attempt": begin.attempt, "host": begin.host}
        return Event(
            f"{begin.attempt} {id}",
            kind,
            redact_text(text)[:_LONGEST],
            {**told, "directory": self._directory, **facts},
        )


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fits(name, pattern) for pattern in patterns)


def _words(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())
