"""A run's lock, asked for from who delivers for a dead owner, and waited for."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tracklib._journal import handover
from tracklib._journal.handover import deliverer, held_or_handed_over, inherit, is_wanted, wait_for_deliverer
from tracklib._journal.lock import Holding, close, holding, try_lock
from tracklib.errors import RunDirectoryError


@contextmanager
def other_process(path: Path) -> Iterator[Callable[[], None]]:
    """A process that holds the lock ``path``, until it is told to let go."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            try_lock(str(path))
            os.write(writing, b"held")
            signal.pause()
        finally:
            os._exit(1)

    def let_go() -> None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        done.append(child)

    done: list[int] = []
    assert os.read(reading, 4) == b"held"
    try:
        yield let_go
    finally:
        os.close(reading)
        os.close(writing)
        if not done:
            let_go()


def test_who_wants_a_directory_asks_the_one_that_delivers_for_its_dead_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def a_moment_later(_: float) -> None:
        if is_wanted(str(tmp_path)) and not asked:
            asked.append(1)
            let_go()

    asked: list[int] = []
    with other_process(tmp_path / "journal.lock") as let_go:
        inherit(str(tmp_path))
        assert not is_wanted(str(tmp_path))
        monkeypatch.setattr("tracklib._journal.handover.time.sleep", a_moment_later)
        with held_or_handed_over(str(tmp_path)):
            assert holding(str(tmp_path)) is Holding.HELD
            assert (tmp_path / "journal.lock").stat().st_size == 0  # it is an owner's again
    assert asked


def test_a_live_run_that_is_left_meanwhile_is_waited_for_which_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    moments: list[float] = []

    def a_moment_later(seconds: float) -> None:
        moments.append(seconds)
        if told and len(moments) > 5:
            let_go() if len(moments) == 6 else None

    monkeypatch.setattr(handover, "_NOTICE_SECONDS", 0.0)
    monkeypatch.setattr(handover, "tell", told.append)
    monkeypatch.setattr("tracklib._journal.handover.time.sleep", a_moment_later)
    with other_process(tmp_path / "journal.lock") as let_go, held_or_handed_over(str(tmp_path), patience=60.0):
        pass
    assert len(told) == 1
    assert told[0].startswith("waiting for up to 60 s until the run in ")


def test_a_live_run_is_not_waited_for_longer_than_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "_NOTICE_SECONDS", 0.0)
    with other_process(tmp_path / "journal.lock"), pytest.raises(RunDirectoryError, match="still going on"):
        with held_or_handed_over(str(tmp_path)):
            pass


def test_an_attempt_waits_for_the_one_that_delivers_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_deliverer(str(tmp_path))  # there was none
    (tmp_path / "state").mkdir()
    path = tmp_path / "state/delivery.lock"
    with other_process(path) as let_go:
        assert deliverer(str(tmp_path)) is None
        with monkeypatch.context() as patch:
            patch.setattr(handover, "_PATIENCE", -1.0)
            with pytest.raises(RunDirectoryError, match="is still in a call to a tracker: try again"):
                wait_for_deliverer(str(tmp_path))
        monkeypatch.setattr("tracklib._journal.handover.time.sleep", lambda _: let_go())
        wait_for_deliverer(str(tmp_path))
    file = deliverer(str(tmp_path))
    assert file is not None
    close(file)


def test_of_a_directory_that_is_gone_nobody_wants_the_lock(tmp_path: Path) -> None:
    inherit(str(tmp_path / "gone"))
    assert not is_wanted(str(tmp_path / "gone"))
