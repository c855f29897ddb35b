"""What the companion does for a run that nobody owns any more, and how it lets go of it."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from one_delivery import Folder
from patience import PATIENT
from scripted import Scripted, begin, end, log

from tracklib._delivery import inheriting as module
from tracklib._delivery.delivery import Delivery
from tracklib._delivery.inheriting import ending, inheriting
from tracklib._delivery.standing import Standing
from tracklib._journal.lock import held
from tracklib._journal.state import Saved, store


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "run").mkdir()
    return Folder(tmp_path / "run")


def in_a_call(folder: Folder) -> tuple[Delivery, Scripted, threading.Event]:
    """A delivery whose tracker is in a call for the second record; an event has that return."""
    tracker = Scripted(script={"log": [None, free := threading.Event()]})
    delivery: Delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    tracker.until(lambda: len(tracker.of("log")) == 2)
    return delivery, tracker, free


def let_return(delivery: Delivery, free: threading.Event) -> None:
    free.set()
    delivery.join(PATIENT)


def test_who_asks_for_the_run_during_a_call_begins_behind_what_that_brought(folder: Folder) -> None:
    folder.write(begin(), log(1), log(2), log(3))
    delivery, tracker, free = in_a_call(folder)
    duty = inheriting(str(folder.path), begin(), [delivery], in_all=PATIENT)
    next(duty)
    os.truncate(folder.path / "journal.lock", 2)  # somebody asks
    next(duty)
    let_return(delivery, free)
    assert list(duty) == []
    assert tracker.steps == [1, 2]

    rest = Scripted()
    folder.deliver(rest)
    assert rest.steps == [3]


def test_what_a_call_acknowledges_after_the_end_was_asked_for_is_kept_and_it_goes_no_further(folder: Folder) -> None:
    class Acknowledging(Scripted):
        def log_batch(self, records: object) -> None:
            for record in records:  # type: ignore[attr-defined]
                super().log_batch([record])
                self.acknowledge(1)

    folder.write(begin(), *map(log, range(4)), end())
    tracker = Acknowledging(script={"log": [None, free := threading.Event()]}, batch_size=8)
    delivery = folder.delivery(tracker, Delivery)
    delivery.start()
    tracker.until(lambda: len(tracker.of("log")) == 2)
    delivery.cease()
    let_return(delivery, free)
    assert tracker.steps == [0, 1]

    rest = Scripted()
    folder.deliver(rest)
    assert rest.steps == [2, 3]


def test_a_directory_that_was_deleted_during_the_last_call_is_not_made_again(folder: Folder) -> None:
    folder.write(begin(), log(1), log(2), end())
    delivery, _, free = in_a_call(folder)
    delivery.cease()
    shutil.rmtree(folder.path)
    let_return(delivery, free)
    assert delivery.standing is Standing.ABANDONED
    assert not folder.path.exists()


def test_the_state_of_another_run_that_came_during_the_last_call_stays_its_own(folder: Folder) -> None:
    folder.write(begin(), log(1), log(2), end())
    delivery, _, free = in_a_call(folder)
    delivery.cease()
    store(str(path := folder.path / "state/Scripted.json"), Saved("another"))
    others = path.read_bytes()
    let_return(delivery, free)
    assert path.read_bytes() == others


def test_a_call_that_never_returns_is_left_after_a_minute(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write(begin(), log(1), log(2), end())
    delivery, _, free = in_a_call(folder)
    monkeypatch.setattr(module, "_CALL_SECONDS", 0.0)
    assert list(ending([delivery])) == []
    let_return(delivery, free)
    assert folder.state["ordinal"] == 2  # whoever did not wait for it has begun there


def test_a_run_that_another_process_holds_for_a_moment_is_waited_for(folder: Folder) -> None:
    folder.write(begin(), log(1))
    delivery = folder.delivery(Scripted())
    with held(str(folder.path)):
        duty = inheriting(str(folder.path), begin(), [delivery], in_all=PATIENT)
        next(duty)
        next(duty)
    delivery.start()
    for _ in duty:
        delivery.changed.wait(0.05)
    assert delivery.standing is Standing.DONE


def test_a_journal_that_takes_no_end_is_left_as_it_is(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    folder.write(begin(), log(1))
    delivery = folder.delivery(tracker := Scripted())
    shutil.move(folder.path / "journal.jsonl", folder.path / "away")
    (folder.path / "journal.jsonl").mkdir()  # it can be opened by nobody
    caplog.set_level("INFO", "tracklib")
    assert list(inheriting(str(folder.path), begin(), [delivery], in_all=PATIENT)) == []
    assert "is another process's" in caplog.text
    assert tracker.calls == []
