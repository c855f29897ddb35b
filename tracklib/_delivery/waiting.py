"""Waiting for deliveries, for a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .._common import clock
from .delivering import Delivering
from .standing import Progress

CONNECT_SECONDS = 60.0
WORK_SECONDS = 2.0  # without a tenth of processor time: nothing is being imported


def draining(
    deliveries: Sequence[Delivering],
    patience: float,
    clock: Callable[[], float] = clock.steady,
    busy: float = WORK_SECONDS,
) -> Iterator[None]:
    """Yield as long as it is worth waiting for ``deliveries``; the caller waits a moment each time.

    It ends when all are at rest, or when ``patience`` seconds have passed in which no tracker acknowledged anything
    new. Time without progress counts, not time: a slow server that takes record after record is waited for, and one
    that is down is not, however often it is tried. A tracker that is still connecting may import an SDK or set up a
    database, which acknowledges nothing but takes processor time: it is waited for, too, for a minute at most, until it
    has used none for ``busy`` seconds.
    """
    for delivery in deliveries:
        delivery.hurry()
    begun = moved = worked = clock()
    furthest = [delivery.progress() for delivery in deliveries]
    while not all(delivery.at_rest for delivery in deliveries):
        now = clock()
        for index, delivery in enumerate(deliveries):
            before, there = furthest[index], delivery.progress()
            if there[:2] > before[:2]:
                moved = now
            if there.work > before.work and now - begun < CONNECT_SECONDS:
                worked = now
            furthest[index] = Progress(*max(before[:2], there[:2]), max(before.work, there.work))
        if now - moved >= patience and now - worked >= min(patience, busy):
            return
        yield


def wait_for_change(deliveries: Sequence[Delivering], timeout: float) -> None:
    """Return when the first delivery that is not at rest makes progress, or after ``timeout`` seconds."""
    for delivery in deliveries:
        if not delivery.at_rest:
            delivery.changed.wait(timeout)
            return


def let_go(deliveries: Sequence[Delivering]) -> None:
    """Deliver no more. When this returns, no delivery writes into the run's directory any more.

    A second Ctrl-C does not cut this short: a delivery that still writes, and the one of the next attempt, would then
    deliver the same run at once.
    """
    for delivery in deliveries:
        delivery.abandon()
    for delivery in deliveries:
        delivery.settle()
