"""W&B's own alert, on what happens in a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._journal.records import Begin, Best, Log, Status
from ._alert_events import Event, Watch, When
from ._alert_telling import Telling

if TYPE_CHECKING:
    import wandb

_LEVELS = {"failed": "ERROR", "killed": "ERROR", "nan": "WARN", "quiet": "WARN", "preempted": "WARN"}


class WandbAlerts:
    """Tells by one run of W&B's.

    Args:
        rules: each what :class:`When` takes.
        begin: how the attempt began.
        directory: the run's.
        run: W&B's.
    """

    def __init__(self, rules: Sequence[Mapping[str, Any]], begin: Begin, directory: str, run: wandb.Run) -> None:
        self._watches = [Watch(When(**rule), begin, directory) for rule in rules]
        self._title, self._run = begin.name or begin.uid, run
        self._telling = Telling(directory, "W&B", self._send) if rules else None

    def _send(self, event: Event) -> None:
        level: Any = _LEVELS.get(event.kind, "INFO")
        self._run.alert(title=f"{self._title}: {event.kind}"[:64], text=event.text, level=level, wait_duration=0)

    def _tell(self, events: Iterator[Event]) -> None:
        if self._telling is not None:
            self._telling.tell(events)

    def logs(self, records: Sequence[Log]) -> None:
        """Of these records."""
        for watch in self._watches:
            self._tell(watch.logs(records))

    def best(self, best: Best) -> None:
        """Of a new best value."""
        for watch in self._watches:
            self._tell(watch.best(best))

    def idle(self) -> None:
        """Of nothing that was said for too long."""
        for watch in self._watches:
            self._tell(watch.silence())

    def end(self, status: Status, reason: str, time: int | None) -> None:
        """Of the run's end."""
        for watch in self._watches:
            self._tell(watch.end(status, reason, time))
