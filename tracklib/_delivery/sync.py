"""Delivering what a run left behind: the same deliveries, over a journal that no live process owns."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .._common.secrets import without_masks
from .._journal import layout
from .._journal.directory import cannot_be_used, owned
from .._journal.handover import wait_for_deliverer
from .._journal.journal import Journal
from .._journal.last_attempt import Earlier, begins_before, earlier_run, settled
from .._journal.records import Status
from .._journal.writers import living
from ..errors import ConfigError, RunDirectoryError
from ..trackers._configs import Configs, build
from ..trackers._identity import describe, fingerprints, names_of
from ..trackers.base import BaseTracker
from .delivery import Delivery
from .standing import Standing
from .waiting import draining, wait_for_change


class Outcome(NamedTuple):
    """What became of one tracker's records. ``left`` is None when all is delivered but what was refused for good, else
    the reason."""

    tracker: str
    delivered: int
    rejected: int
    left: str | None

    @property
    def is_complete(self) -> bool:
        """Whether the tracker has it all."""
        return self.left is None and not self.rejected


class Synced(NamedTuple):
    """What :func:`sync` found and did.

    ``status`` is the run's, ``was_cut_off`` whether it had none until now, as its process died;
    ``damaged`` counts the spoiled lines of the journal that were met, ``writers`` the other processes that can still
    say something in the run: what they say from now on is for the next time.
    """

    status: Status
    was_cut_off: bool
    damaged: int
    outcomes: list[Outcome]
    writers: int = 0


def sync(
    directory: str,
    to: Configs = None,
    *,
    patience: float = 30.0,
    again: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Synced:
    """Deliver what is left of the run in ``directory``; set the status where its owner died without one.

    Args:
        directory: the run's directory.
        to: deliver the whole run to these trackers, instead of what is left to its own.
        patience: seconds without any progress after which it is given up.
        again: whether what a tracker refused for good is sent once more.
        on_progress: told now and then how many bytes of the journal were delivered, and of how many.

    Raises:
        ConfigError: ``to`` cannot be built.
        RunDirectoryError: there is no run, or a live process owns it.
    """
    directory = os.path.abspath(directory)
    journal = layout.journal_path(directory)
    if not _is_file(journal):
        raise RunDirectoryError(f"{directory} holds no run: there is no {layout.JOURNAL} in it")
    with owned(directory):
        writers = living(directory)
        wait_for_deliverer(directory)
        run = _settled(directory)
        wanted = [*_own(run), *_left_out(directory, run)] if to is None else _further(to)
        problems = [Outcome(name, 0, 0, str(tracker)) for name, tracker, _ in wanted if isinstance(tracker, Exception)]
        deliveries = []
        for name, tracker, config in wanted:
            if isinstance(tracker, BaseTracker):
                deliveries.append(Delivery(tracker, name, directory, run.begin, journal, config=config, again=again))
        _deliver(deliveries, patience, on_progress)
    damaged = max([delivery.damaged for delivery in deliveries], default=0)
    status = run.end.status if run.end else Status.KILLED
    return Synced(status, run.was_cut_off, damaged, [*map(_outcome, deliveries), *problems], writers)


def _is_file(journal: str) -> bool:
    """Whether there is a journal.

    Raises:
        RunDirectoryError: nobody can say.
    """
    try:
        return stat.S_ISREG(os.stat(journal).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise cannot_be_used(os.path.dirname(journal), error) from error


def _settled(directory: str) -> Earlier:
    found = earlier_run(directory)
    if found is None:
        raise RunDirectoryError(f"{directory} holds no run: no line of its {layout.JOURNAL} says how one began")
    return settled(Journal(layout.journal_path(directory), _refuse), found)


class _Wanted(NamedTuple):
    """A tracker that is to get the run, or why it cannot be built; with what tells its config from others."""

    name: str
    tracker: BaseTracker | ConfigError
    config: str


def _own(run: Earlier) -> list[_Wanted]:
    """The run's own trackers, by the names that they had in its last attempt."""
    configs = run.begin.configs
    trackers = map(_build, without_masks(configs))
    return list(map(_Wanted, names_of(configs), trackers, fingerprints(configs)))


def _left_out(directory: str, run: Earlier) -> Iterator[_Wanted]:
    """Trackers that an earlier attempt had and the last one has not: they get the run's rest, and its end.

    One of the same class with another config is no such tracker: the run goes there now, whole.
    """
    last = run.begin.configs
    there = set(fingerprints(last))
    for begin in begins_before(directory, run.begin):
        room = Counter(names_of([config])[0] for config in begin.configs)
        room.subtract(names_of([config])[0] for config in last)
        for config, fingerprint in zip(begin.configs, fingerprints(begin.configs), strict=True):
            (kind,) = names_of([config])
            if fingerprint not in there and room[kind] > 0:
                room[kind] -= 1
                there.add(fingerprint)
                yield _Wanted(f"{kind}-{fingerprint}", _build(without_masks(config)), fingerprint)


def _further(to: Configs) -> list[_Wanted]:
    """Trackers that the run did not have, by names that stay the same and that none of its own has."""
    trackers = build(to)
    configs = list(map(describe, trackers))
    kinds = [names_of([config])[0] for config in configs]
    names = [f"{kind}-{config}" for kind, config in zip(kinds, fingerprints(configs), strict=True)]
    return list(map(_Wanted, names, trackers, fingerprints(configs)))


def _build(config: dict[str, Any]) -> BaseTracker | ConfigError:
    try:
        return build(config)[0]
    except ConfigError as error:
        return error


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
