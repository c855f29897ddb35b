"""A wait that a signal's handler may leave by an exception, at any moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tracklib._common.wakeup import Bell


class Alarm(BaseException):
    """What the handler raises."""


@pytest.fixture
def _alarms() -> Iterator[None]:
    def handler(number: int, frame: Any) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_who_waits_is_woken() -> None:
    bell = Bell()
    ringer = threading.Timer(0.0, bell.ring)
    ringer.start()
    bell.wait(3600)
    ringer.join()


def test_it_is_heard_by_who_comes_later_and_once_however_often_it_rang() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    bell.wait(3600)
    bell.wait(0.0)
    assert bell._silence.locked()


@pytest.mark.parametrize("timeout", [-1.0, 0.0, 1e-9])
def test_a_time_that_is_over_is_no_time(timeout: float) -> None:
    Bell().wait(timeout)


def test_more_time_than_the_system_can_count_is_as_much_as_it_can() -> None:
    bell = Bell()
    bell.ring()
    bell.wait(float("inf"))


@pytest.mark.no_cover  # where the handler raises inside the tracer, its lock is held for ever
@pytest.mark.usefixtures("_alarms")
def test_an_exception_of_a_handler_leaves_the_wait_as_it_is() -> None:
    bell = Bell()
    for microseconds in range(1, 400):
        with pytest.raises(Alarm):  # with threading.Event, a RuntimeError now and then
            signal.setitimer(signal.ITIMER_REAL, microseconds / 1e6)
            while True:
                bell.wait(1e-5)
                bell.ring()
