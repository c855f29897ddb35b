"""A request is waited for twice as long after silence."""

from __future__ import annotations

import pytest

from tracklib import TrackerUnavailable
from tracklib.trackers import _request_patience as module
from tracklib.trackers._request_patience import RequestPatience


class Clock:
    now = 0.0

    def steady(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "clock", clock)
    return clock


def ask(patience: RequestPatience, clock: Clock, takes: float, *, fails: bool = False) -> None:
    with patience.request() as seconds:
        clock.now += min(takes, seconds)
        if fails or takes > seconds:
            raise TrackerUnavailable("silence")


def test_silence_doubles_it_up_to_a_minute(clock: Clock) -> None:
    patience = RequestPatience(10.0)
    seen = []
    for _ in range(5):
        seen.append(patience.seconds)
        with pytest.raises(TrackerUnavailable):
            ask(patience, clock, 1000.0)
    assert seen == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_a_refusal_is_no_silence(clock: Clock) -> None:
    patience = RequestPatience(10.0)
    with pytest.raises(TrackerUnavailable):
        ask(patience, clock, 0.1, fails=True)
    assert patience.seconds == 10.0


def test_an_answer_brings_it_back_as_far_as_it_was_quick(clock: Clock) -> None:
    patience = RequestPatience(10.0)
    for _ in range(2):
        with pytest.raises(TrackerUnavailable):
            ask(patience, clock, 1000.0)
    ask(patience, clock, 8.0)
    assert patience.seconds == 32.0
    ask(patience, clock, 0.1)
    assert patience.seconds == 10.0


def test_who_is_told_more_than_a_minute_waits_as_long(clock: Clock) -> None:
    patience = RequestPatience(100.0)
    with pytest.raises(TrackerUnavailable):
        ask(patience, clock, 1000.0)
    assert patience.seconds == 100.0
