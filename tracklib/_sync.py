"""Delivering what a run left behind: the same deliveries, over a journal that no live process owns."""

from __future__ import annotations

import contextlib
import os
from typing import Any, NamedTuple

from ._config import build
from ._delivery import Delivery, Standing
from ._directory import owned
from ._draining import draining, wait_for_change
from ._journal import FILENAME, Journal, Reader
from ._records import Begin, End, Status
from ._redact import without_masks
from ._trackers import names_of
from .errors import ConfigError, RunDirectoryError
from .trackers.base import BaseTracker


class Outcome(NamedTuple):
    """What became of one tracker's records. ``left`` is None when all is delivered, else the reason."""

    tracker: str
    delivered: int
    rejected: int
    left: str | None


def sync(directory: str, patience: float = 30.0) -> list[Outcome]:
    """Deliver what is left of the run in ``directory``; set the status where its owner died without one.

    Args:
        directory: the run's directory.
        patience: seconds without any progress after which it is given up.

    Raises:
        RunDirectoryError: there is no run, or a live process owns it.
    """
    directory = os.path.abspath(directory)
    journal = os.path.join(directory, FILENAME)
    if not os.path.isfile(journal):
        raise RunDirectoryError(f"{directory} holds no run: there is no {FILENAME} in it")
    with owned(directory):
        begin = _close_run(journal)
        names = names_of(_class_name(config) for config in begin.configs)
        built = dict(zip(names, map(_build, without_masks(begin.configs)), strict=True))
        deliveries = [
            Delivery(tracker, name, directory, begin, journal)
            for name, tracker in built.items()
            if isinstance(tracker, BaseTracker)
        ]
        _deliver(deliveries, directory, patience)
    problems = [Outcome(name, 0, 0, str(error)) for name, error in built.items() if isinstance(error, ConfigError)]
    return [*map(_outcome, deliveries), *problems]


def _build(config: dict[str, Any]) -> BaseTracker | ConfigError:
    try:
        return build(config)[0]
    except ConfigError as error:
        return error


def _class_name(config: dict[str, Any]) -> str:
    return str(config["type"]).rpartition(":")[2].rpartition(".")[2]


def _close_run(journal: str) -> Begin:
    """How the last attempt began. If it has no end, its owner died: it was killed."""
    begin: Begin | None = None
    ended = False
    with contextlib.closing(Reader(journal)) as reader:
        for entry in reader.records():
            if isinstance(entry.record, Begin):
                begin, ended = entry.record, False
            ended = ended or isinstance(entry.record, End)
            last = entry.record.time
    if begin is None:
        raise RunDirectoryError(f"{journal} holds no run: no line of it says how one began")
    if not ended:
        with contextlib.closing(Journal(journal, _refuse)) as writer:
            writer.append(End(time=last, status=Status.KILLED))
            writer.sync()
    return begin


def _refuse(trouble: str) -> None:
    raise RunDirectoryError(trouble)


def _deliver(deliveries: list[Delivery], directory: str, patience: float) -> None:
    for delivery in deliveries:
        delivery.tracker.output_run = directory
        delivery.start()
    for _ in draining(deliveries, patience):
        wait_for_change(deliveries, 0.1)
    for delivery in deliveries:
        delivery.abandon()


def _outcome(delivery: Delivery) -> Outcome:
    left = None
    if delivery.standing is not Standing.DONE:
        left = delivery.trouble or f"no answer while {delivery.standing.value}"
    return Outcome(delivery.name, delivery.delivered, delivery.rejected, left)
