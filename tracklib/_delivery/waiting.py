"""Waiting for deliveries, for a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .._common import clock
from .standing import Delivering

CONNECT_SECONDS = 60.0


def draining(
    deliveries: Sequence[Delivering], patience: float, clock: Callable[[], float] = clock.steady
) -> Iterator[None]:
    """Yield as long as it is worth waiting for ``deliveries``; the caller waits a moment each time.

    It ends when all are at rest, or when ``patience`` seconds went by in which none got on. A tracker
    that is still connecting counts as getting on for a minute at most.
    """
    for delivery in deliveries:
        delivery.hurry()
    begun = moved = clock()
    seen: Any = None
    while not all(delivery.at_rest for delivery in deliveries):
        progress = [delivery.progress() for delivery in deliveries]
        now = clock()
        if progress != seen and (now - begun < CONNECT_SECONDS or _records_moved(progress, seen)):
            seen, moved = progress, now
        if now - moved >= patience:
            return
        yield


def _records_moved(progress: Any, seen: Any) -> bool:
    return [step[0] for step in progress] != [step[0] for step in seen or [(None,)]]


def wait_for_change(deliveries: Sequence[Delivering], timeout: float) -> None:
    """Return when a delivery gets on, or after ``timeout`` seconds."""
    for delivery in deliveries:
        if not delivery.at_rest:
            delivery.changed.wait(timeout)
            return


def let_go(deliveries: Sequence[Delivering]) -> None:
    """Deliver no more; afterwards nothing more comes into the run's directory.

    A second Ctrl-C ends no wait here: what it would leave is two that deliver the same run.
    """
    for delivery in deliveries:
        delivery.abandon()
    for delivery in deliveries:
        delivery.settle()
