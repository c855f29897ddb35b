"""Telling an event once, whoever delivers, and whoever dies meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .._common import clock
from .._common.secrets import error_text
from .._common.warn import tell
from .._journal.alerts import Alerted, How, alerts_in, keep
from ._alert_events import Event


class Uncertain(Exception):
    """It was handed over, and no answer says whether it was taken."""


class Telling:
    """Tells somebody the events of a run, each once.

    Args:
        directory: the run's, where it is kept what was told.
        to: who is told.
        send: tells it.
    """

    def __init__(self, directory: str, to: str, send: Callable[[Event], None]) -> None:
        self._directory, self._to, self._send = directory, to, send
        self._done = {each.id for each in alerts_in(directory) if each.to == to and each.how != "failed"}

    def tell(self, events: Iterable[Event]) -> None:
        """Tell those that were not told. It is noted before: who finds that note, and no end of it, does not tell it
        again, as nobody knows whether it arrived.

        Raises:
            OSError: it cannot be noted, so it is not told.
            Exception: what sending it raises, where it did not arrive.
        """
        for event in events:
            if event.id in self._done:
                continue
            self._note(event, "sending")
            try:
                self._send(event)
            except Uncertain as error:
                self._done.add(event.id)
                tell(f"alert {event.kind}: {error_text(error)}; it is not told again")
                self._note(event, "unknown", error_text(error))
            except Exception as error:
                self._note(event, "failed", error_text(error))
                raise
            else:
                self._done.add(event.id)
                self._note(event, "sent")

    def _note(self, event: Event, how: How, why: str = "") -> None:
        keep(self._directory, Alerted(event.id, event.kind, event.text, self._to, clock.wall(), how, why))
