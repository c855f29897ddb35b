"""What the companion does for a run that nobody owns any more: its true end, and the rest of its records."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence

from .._common import clock, variables
from .._common.warn import tell
from .._journal import layout
from .._journal.directory import cannot_be_used
from .._journal.handover import inherit, is_wanted
from .._journal.journal import Journal
from .._journal.last_attempt import earlier_run, settled
from .._journal.lock import held
from .._journal.records import Begin, Status
from ..errors import RunDirectoryError
from .delivery import Delivery
from .waiting import draining

logger = logging.getLogger("tracklib")

PATIENCE = 10.0
IN_ALL_SECONDS = 60.0
LATER_SECONDS = 600.0
_LOCK_SECONDS = 10.0
_CALL_SECONDS = 60.0


def inheriting(directory: str, begin: Begin, deliveries: Sequence[Delivery], in_all: float) -> Iterator[None]:
    """Take the run's lock, write the end that its owner could not write, deliver the rest, and let go. Yields while it
    waits.

    If another process has taken the run up already, nothing is done. If one asks for it meanwhile, no further call is
    made to a tracker, and it gets the lock as soon as none is under way: a call may be setting up a database, in which
    the other process would get in its way.

    Args:
        in_all: seconds after which it is given up, however well it gets on.
    """
    with contextlib.ExitStack() as stack:
        try:
            yield from _owning(directory, stack)
            _settle(directory, begin)
        except (OSError, RunDirectoryError) as error:
            logger.info("the run in %s is another process's: %s", directory, error)
        else:
            until = clock.steady() + in_all
            patience = PATIENCE if in_all <= IN_ALL_SECONDS else in_all
            for _ in draining(deliveries, patience, busy=patience):
                if is_wanted(directory) or clock.steady() > until:
                    break
                yield
        yield from ending(deliveries)


def ending(deliveries: Sequence[Delivery]) -> Iterator[None]:
    """Deliver no more, and wait until no tracker is in a call, for a minute at most. What its last call delivered is
    noted, so that whoever delivers next does not send it again."""
    for delivery in deliveries:
        delivery.cease()
    until = clock.steady() + _CALL_SECONDS
    while any(delivery.is_alive for delivery in deliveries) and clock.steady() < until:
        yield
    for delivery in deliveries:
        delivery.abandon()


def _owning(directory: str, stack: contextlib.ExitStack) -> Iterator[None]:
    until = clock.steady() + _LOCK_SECONDS
    while True:
        try:
            stack.enter_context(held(directory))
            inherit(directory)
            return
        except RunDirectoryError:
            if clock.steady() > until:
                raise
        yield


def _settle(directory: str, begin: Begin) -> None:
    found = earlier_run(directory)
    if found is None or (found.begin.uid, found.begin.attempt) != (begin.uid, begin.attempt):
        raise RunDirectoryError(f"{directory} holds another attempt by now")
    status = Status.PREEMPTED if variables.in_slurm_job() else Status.KILLED
    try:
        journal = Journal(layout.journal_path(directory), tell)
        settled(journal, found, status)
        journal.let_go()
    except OSError as error:
        raise cannot_be_used(directory, error) from error
