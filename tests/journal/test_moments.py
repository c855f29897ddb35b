"""When the same was said: no two records with one value at one step share a moment."""

from __future__ import annotations

import pytest

from tracklib._journal import moments
from tracklib._journal.moments import Moments
from tracklib._journal.records import Log


def said(step: int = 0, **metrics: float) -> Log:
    return Log(time=7, axis="epoch", step=step, metrics=metrics)


def test_what_differs_keeps_its_moment() -> None:
    free = Moments()
    each = [said(0, loss=1.0), said(1, loss=1.0), said(0, loss=2.0), said(0, accuracy=1.0), said(0)]
    assert [free.free_from(7, log) for log in each] == [7] * 5


def test_the_same_however_often_gets_moments_of_its_own_as_near_as_can_be() -> None:
    free = Moments()
    assert [free.free_from(7, said(loss=1.0)) for _ in range(100)] == list(range(7, 107))
    assert free.free_from(7, said(loss=1.0, accuracy=1.0)) == 107


def test_of_very_many_the_last_ones_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "_MOST", 10)
    free = Moments()
    for step in range(1000):
        free.free_from(7, said(step, loss=1.0))
    assert len(free._taken) == len(free._latest) <= 11
    assert free.free_from(7, said(999, loss=1.0)) == 8
