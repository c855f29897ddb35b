"""The owner's side of a delivery in the companion: what it asks for, in its order, and when nobody need wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracklib import CsvLogger
from tracklib._delivery import remote as module
from tracklib._delivery.messages import Gone, Leave, Open, Report, Wake
from tracklib._delivery.remote import RemoteDelivery
from tracklib._delivery.standing import Standing
from tracklib._journal.format import FORMAT
from tracklib._journal.records import Begin

BEGIN = Begin(time=0, format=FORMAT, uid="u", attempt=1, name="", pid=1, host="here", configs=[])


class Companion:
    """One that is alive and says nothing by itself."""

    def take(self, delivery: RemoteDelivery) -> None:
        delivery.key = 7

    def tell(self) -> None: ...

    def is_stopped(self) -> bool:
        return False

    def is_down(self) -> bool:
        return False

    def kill(self) -> None: ...


@pytest.fixture
def delivery(tmp_path: Path) -> RemoteDelivery:
    journal = tmp_path / "journal.jsonl"
    journal.touch()
    made = RemoteDelivery(Companion(), CsvLogger(), {}, "CsvLogger", str(tmp_path), BEGIN, str(journal), "config")
    made.start()
    return made


def kinds(delivery: RemoteDelivery) -> list[type]:
    return [type(message) for message in delivery.news()]


def test_it_is_told_to_deliver_once_then_who_waits_then_that_nobody_does(delivery: RemoteDelivery) -> None:
    assert kinds(delivery) == [Open]
    delivery.wake()
    delivery.wake()
    assert kinds(delivery) == [Wake]
    delivery.abandon()
    delivery.wake()
    assert kinds(delivery) == [Wake, Leave]
    delivery.wake()
    assert kinds(delivery) == []
    assert not delivery.is_forgotten
    delivery.hear(Gone(7))
    assert delivery.is_forgotten


def test_another_companion_is_told_all_anew(delivery: RemoteDelivery) -> None:
    delivery.wake()
    assert kinds(delivery) == [Open, Wake]
    delivery.lost()
    delivery.tell_anew()
    assert kinds(delivery) == [Open, Wake]


def test_one_that_was_given_up_before_it_was_told_is_never_told(delivery: RemoteDelivery) -> None:
    delivery.abandon()
    assert kinds(delivery) == []
    assert delivery.is_forgotten


def test_a_blocked_tracker_is_waited_for_until_a_try_has_followed(delivery: RemoteDelivery) -> None:
    delivery.hear(Report(7, Standing.BLOCKED))
    assert delivery.at_rest
    delivery.wake()
    assert not delivery.at_rest
    delivery.hear(Report(7, Standing.BLOCKED, answered=1))
    assert delivery.at_rest


def test_where_no_companion_is_to_come_nobody_waits_for_an_answer(delivery: RemoteDelivery) -> None:
    delivery.block("it died too often")
    delivery.wake()
    assert delivery.at_rest
    delivery.settle()


def test_a_report_that_comes_late_changes_nothing_of_one_that_was_given_up(delivery: RemoteDelivery) -> None:
    delivery.abandon()
    delivery.hear(Report(7, Standing.DELIVERING, trouble="late"))
    assert (delivery.standing, delivery.trouble) == (Standing.ABANDONED, "")


def test_one_that_is_done_writes_no_more_so_that_nobody_waits_for_its_leaving(delivery: RemoteDelivery) -> None:
    list(delivery.news())
    delivery.hear(Report(7, Standing.DONE))
    delivery.abandon()
    delivery.settle()
    assert delivery.standing is Standing.DONE
    assert kinds(delivery) == [Leave]


def test_a_companion_that_is_stopped_is_ended_by_who_leaves_after_a_second(
    delivery: RemoteDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    monkeypatch.setattr(module, "_STOPPED_SECONDS", 0.0)
    monkeypatch.setattr(Companion, "is_stopped", lambda companion: True)
    monkeypatch.setattr(Companion, "kill", lambda companion: ended.append("killed"))
    list(delivery.news())
    delivery.abandon()
    delivery.settle()
    assert ended == ["killed"]


def test_one_that_is_left_for_later_says_so_and_is_no_concern_of_who_leaves(
    delivery: RemoteDelivery, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tracklib")
    delivery._later = True
    list(delivery.news())
    delivery.hurry()
    assert delivery.at_rest
    delivery.abandon()
    assert list(delivery.news()) == [Wake(7, 1, True), Leave(7, True)]
    assert "within ten minutes" in caplog.text
