"""Delivering what a run left behind: the same deliveries, over a journal that no live process owns."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ._config import Configs, build, describe
from ._delivery import Delivery, Standing
from ._directory import owned
from ._draining import draining, wait_for_change
from ._earlier import Earlier, earlier_run, settled
from ._journal import FILENAME, Journal
from ._records import Status
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


class Synced(NamedTuple):
    """What :func:`sync` found and did.

    ``status`` is the run's, ``was_cut_off`` whether it had none until now, as its process died;
    ``damaged`` counts the spoiled lines of the journal that were met.
    """

    status: Status
    was_cut_off: bool
    damaged: int
    outcomes: list[Outcome]


def sync(
    directory: str,
    to: Configs = None,
    *,
    patience: float = 30.0,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Synced:
    """Deliver what is left of the run in ``directory``; set the status where its owner died without one.

    Args:
        directory: the run's directory.
        to: deliver the whole run to these trackers, instead of what is left to its own.
        patience: seconds without any progress after which it is given up.
        on_progress: told now and then how many bytes of the journal were delivered, and of how many.

    Raises:
        ConfigError: ``to`` cannot be built.
        RunDirectoryError: there is no run, or a live process owns it.
    """
    directory = os.path.abspath(directory)
    journal = os.path.join(directory, FILENAME)
    if not os.path.isfile(journal):
        raise RunDirectoryError(f"{directory} holds no run: there is no {FILENAME} in it")
    with owned(directory):
        run = _settled(directory)
        built = _own(run) if to is None else _further(to)
        for tracker in built.values():
            if isinstance(tracker, BaseTracker):
                tracker.output_run = directory
        deliveries = [
            Delivery(tracker, name, directory, run.begin, journal)
            for name, tracker in built.items()
            if isinstance(tracker, BaseTracker)
        ]
        _deliver(deliveries, patience, on_progress)
    problems = [Outcome(name, 0, 0, str(error)) for name, error in built.items() if isinstance(error, ConfigError)]
    damaged = max([delivery.damaged for delivery in deliveries], default=0)
    status = run.end.status if run.end else Status.KILLED
    return Synced(status, run.was_cut_off, damaged, [*map(_outcome, deliveries), *problems])


def runs_under(root: str) -> Iterator[str]:
    """The directories in ``root`` that hold a run, those of runs that were set aside among them."""
    for folder, folders, files in os.walk(root):
        if FILENAME in files:
            yield folder
            folders[:] = [name for name in folders if name not in ("artifacts", "state", "wandb")]
        folders.sort()


def _settled(directory: str) -> Earlier:
    found = earlier_run(directory)
    if found is None:
        raise RunDirectoryError(f"{directory} holds no run: no line of its {FILENAME} says how one began")
    return settled(Journal(os.path.join(directory, FILENAME), _refuse), found)


def _own(run: Earlier) -> dict[str, BaseTracker | ConfigError]:
    """The run's own trackers, by the names that they had in it."""
    names = names_of(_class_name(config) for config in run.begin.configs)
    return dict(zip(names, map(_build, without_masks(run.begin.configs)), strict=True))


def _further(to: Configs) -> dict[str, BaseTracker | ConfigError]:
    """Trackers that the run did not have, by names that stay the same and that none of its own has."""
    trackers = build(to)
    described = [json.dumps(describe(tracker), sort_keys=True, default=str) for tracker in trackers]
    names = names_of(
        f"{type(tracker).__name__}-{zlib.crc32(config.encode()):08x}"
        for tracker, config in zip(trackers, described, strict=True)
    )
    return dict(zip(names, trackers, strict=True))


def _build(config: dict[str, Any]) -> BaseTracker | ConfigError:
    try:
        return build(config)[0]
    except ConfigError as error:
        return error


def _class_name(config: dict[str, Any]) -> str:
    return str(config["type"]).rpartition(":")[2].rpartition(".")[2]


def _refuse(trouble: str) -> None:
    raise RunDirectoryError(trouble)


def _deliver(deliveries: list[Delivery], patience: float, on_progress: Callable[[int, int], None]) -> None:
    began = [delivery.offset for delivery in deliveries]
    total = sum(delivery.size for delivery in deliveries) - sum(began)
    for delivery in deliveries:
        delivery.start()
    for _ in draining(deliveries, patience):
        wait_for_change(deliveries, 0.1)
        on_progress(sum(delivery.offset for delivery in deliveries) - sum(began), total)
    for delivery in deliveries:
        delivery.abandon()


def _outcome(delivery: Delivery) -> Outcome:
    left = None
    if delivery.standing is not Standing.DONE:
        left = delivery.trouble or f"no answer while {delivery.standing.value}"
    return Outcome(delivery.name, delivery.delivered, delivery.rejected, left)
