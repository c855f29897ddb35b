"""Alerts: what happens in a run is told to a webhook or a command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._common import clock
from .._common.secrets import redact_text
from .._common.warn import tell
from .._journal.records import Best, Log, Status
from ..errors import ConfigError
from ._alert_address import Form, shown_address, wrong_address
from ._alert_events import Event, Watch, When
from ._alert_telling import Telling
from ._options import checked
from .base import BatchTracker

_AGAIN_SECONDS = 30.0  # after a silence could not be told


class Alert(BatchTracker):
    """Tells somebody what happens in a run, each event once. ``tracking(..., alerts=[...])`` makes it of a dict::

        alerts=[{"on": ["failed", "killed"], "nan": "*loss", "quiet": 600, "webhook": "$SLACK_WEBHOOK"}]

    It lives in the companion process, and reads the run's journal as a tracker does: so it never slows the training
    loop, and a run that was killed has its alert, too. Each alert is noted in ``alerts.jsonl`` of the run's directory
    before it is sent and afterwards; one of which it is not known whether it was sent is not sent again. A webhook that
    cannot be reached is tried again.

    Args:
        on: which ends of the run to tell: ``"failed"``, ``"killed"``, ``"preempted"``, ``"finished"``; one or a list.
        nan: names of metrics, or patterns such as ``"*loss"``; the first NaN or infinity of each in an attempt is told.
        quiet: tell when nothing was logged for so many seconds; system metrics do not count.
        best: names or patterns of metrics that the run's option ``best`` names; each new best value is told.
        webhook: an address that takes a POST, or ``$NAME``: the environment variable that holds it. The address is a
            secret, so it is not kept with the run: only as a variable does ``tracklib sync`` know it.
        command: a program and its arguments. It gets the event as JSON on its standard input, and as text in the
            environment variable ``TRACKLIB_ALERT``; it is stopped after 60 seconds.
        wandb: send it as W&B's own alert, by the run's ``Wandb`` trackers.
        format: the form of what is posted: ``"slack"``, ``"discord"``, or ``"json"``, which has everything; None
            takes it from the address.
        output_run: the directory where logs are stored.
    """

    imports = ("tracklib.trackers._alert_ways",)
    is_alert = True
    in_companion = True
    batch_size = 256

    @checked
    def __init__(
        self,
        *,
        on: str | list[str] | None = None,
        nan: str | list[str] | None = None,
        quiet: float | None = None,
        best: str | list[str] | None = None,
        webhook: str | None = None,
        command: list[str] | None = None,
        wandb: bool = False,
        format: Form | None = None,
        output_run: str | None = None,
    ) -> None:
        super().__init__(output_run=output_run)
        self.on, self.nan, self.quiet, self.best = on, nan, quiet, best
        self.webhook, self.command, self.wandb, self.format = webhook, command, wandb, format
        self.when = When(on, nan, quiet, best)
        problems = [problem for url in (webhook,) if url is not None and (problem := wrong_address(url))]
        if command is not None and not (command and command[0]):
            problems.append("'command' must be a program and its arguments, as ['notify-send', 'training']")
        if not (webhook or command or wandb):
            problems.append("nothing says to whom: give it 'webhook', 'command' or 'wandb': True")
        if problems:
            raise ConfigError(problems)
        self._not_before = 0.0

    @property
    def is_wandbs_alone(self) -> bool:
        """Whether it is W&B's trackers alone that tell it."""
        return not (self.webhook or self.command)

    def _given(self, option: str) -> Any:
        given = super()._given(option)
        return shown_address(given) if option == "webhook" and given else given

    def init(self) -> None:
        """Read what was told already."""
        from ._alert_ways import Command, Webhook

        self._watch = Watch(self.when, self.begin, self.output_run)
        webhook = [Webhook(self.webhook, self.format)] if self.webhook else []
        ways: list[Webhook | Command] = [*webhook, *([Command(self.command)] if self.command else [])]
        self._tellings = [Telling(self.output_run, way.name, way.send) for way in ways]
        for way in webhook:
            if way.lacks:
                tell(f"alert to {way.name}: {way.lacks}; what happens is told once `tracklib sync` has it")
        self.location = ", ".join(redact_text(way.name) for way in ways)

    def _tell(self, events: Iterable[Event]) -> None:
        told = list(events)
        for telling in self._tellings:
            telling.tell(told)

    def log_batch(self, records: Sequence[Log]) -> None:
        """Tell of a NaN."""
        self._tell(self._watch.logs(records))

    def log_best(self, best: Best) -> None:
        """Tell of a best value."""
        self._tell(self._watch.best(best))

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Not a silence, then: see ``quiet``."""
        self._watch.hear()

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Not a silence, then: see ``quiet``."""
        self._watch.hear()

    def log_artifact(self, name: str, path: str) -> None:
        """Not a silence, then: see ``quiet``."""
        self._watch.hear()

    def finish_epoch(self, epoch: int) -> None:
        """Not a silence, then: see ``quiet``."""
        self._watch.hear()

    def idle(self) -> None:
        """Tell of a silence. Where that does not work, it is tried again, less often than this is asked."""
        if clock.steady() >= self._not_before:
            self._not_before = clock.steady() + _AGAIN_SECONDS
            self._tell(self._watch.silence())
            self._not_before = 0.0

    def finish(self, status: Status) -> None:
        """Tell how the run ended."""
        self._tell(self._watch.end(status, self.ended_with, self.ended_at))

    def is_transient(self, error: BaseException) -> bool:
        """A disk that cannot note it may have room again."""
        return isinstance(error, OSError) or super().is_transient(error)
