"""The companion's one loop, with a real socket, real locks and real deliveries, in a thread of the test.

Its owner is a process of its own, so that it can die.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import filed
import pytest
from patience import PATIENT
from scripted import begin, end, log

from tracklib._delivery import companion_process, inheriting
from tracklib._delivery import owner as owners
from tracklib._delivery.companion_process import _Desk
from tracklib._delivery.messages import Bye, Gone, Leave, Open, Report, ToOwner, Wake, line, read
from tracklib._delivery.owner import Owner
from tracklib._delivery.standing import Standing
from tracklib._journal import layout
from tracklib._journal.journal import Journal
from tracklib._journal.lock import Holding, held, holding_of
from tracklib._journal.reader import Reader
from tracklib._journal.records import End, Record, Status


class Served:
    """A desk that serves ``folder``'s run, by the messages that an owner sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.there = folder / "there.jsonl"
        self.process = subprocess.Popen(["sleep", "600"])
        ours, self.end = socket.socketpair()
        self.end.settimeout(PATIENT)
        self._sock = ours
        self._rest = b""
        self._desk = _Desk(Owner(ours, b"", self.process.pid))
        self.thread = threading.Thread(target=self._desk.serve)

    def journal(self, *records: Record, run: str = "run") -> None:
        (self.folder / run).mkdir(exist_ok=True)
        journal = Journal(str(self.folder / run / "journal.jsonl"), pytest.fail)
        for record in records:
            journal.append(record)

    def open(self, key: int, run: str = "run", kind: str = "Elsewhere", attempt: int = 1) -> None:
        directory = str(self.folder / run)
        journal = os.path.join(directory, "journal.jsonl")
        self.say(Open(key, kind, {"path": str(self.there)}, "Elsewhere", directory, journal, begin(attempt), "c"))

    def say(self, message: Open | Wake | Leave) -> None:
        self.end.sendall(line(message))

    def hears(self, wanted: Callable[[ToOwner], bool]) -> ToOwner:
        """The next message that is wanted; those before are passed."""
        while True:
            while b"\n" not in self._rest:
                text = self.end.recv(65536)
                assert text, "the desk has closed"
                self._rest += text
            first, _, self._rest = self._rest.partition(b"\n")
            message: ToOwner = read(first, ToOwner)  # type: ignore[arg-type]  # a union is a type to msgspec
            if wanted(message):
                return message

    def until(self, standing: Standing, key: int = 1) -> Report:
        def wanted(message: ToOwner) -> bool:
            return isinstance(message, Report) and (message.key, message.standing) == (key, standing)

        report = self.hears(wanted)
        assert isinstance(report, Report)
        return report

    def gone(self, key: int = 1) -> None:
        self.hears(lambda message: message == Gone(key))

    def begins(self) -> None:
        self.thread.start()

    def dies(self) -> None:
        self.process.kill()
        self.process.wait()

    def ends(self) -> None:
        self.thread.join(PATIENT)
        assert not self.thread.is_alive()

    def told(self, kind: str = "log") -> list[list[object]]:
        lines = map(json.loads, self.there.read_text().splitlines()) if self.there.exists() else ()
        return [each for each in lines if each[0] == kind]

    def statuses(self, run: str = "run") -> list[Status]:
        with contextlib.closing(Reader(str(self.folder / run / "journal.jsonl"))) as reader:
            return [entry.record.status for entry in reader.records() if isinstance(entry.record, End)]


@pytest.fixture
def unbegun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.syspath_prepend(str(filed.offered(tmp_path)))
    monkeypatch.setattr(owners, "_EOF_SECONDS", 0.01)
    one = Served(tmp_path)
    yield one
    filed.clear_fault(str(one.there))
    one.end.close()
    one.dies()
    one.ends()
    one._sock.close()


@pytest.fixture
def served(unbegun: Served) -> Served:
    unbegun.begins()
    return unbegun


@pytest.mark.slow
def test_a_run_is_delivered_to_its_end_and_let_go_when_its_owner_leaves_it(served: Served) -> None:
    served.journal(begin(), log(1), log(2), end())
    served.open(1)
    served.say(Wake(1, 1, True))
    assert served.until(Standing.DONE).records == 4
    lock = layout.state_path(str(served.folder / "run"), layout.DELIVERING)
    assert holding_of(lock) is Holding.HELD  # nobody else delivers meanwhile
    served.say(Leave(1, False))
    served.gone()
    served.end.close()
    served.ends()
    assert holding_of(lock) is Holding.FREE
    assert len(served.told()) == 2


def test_what_a_dead_owner_left_arrives_and_its_run_is_killed(served: Served) -> None:
    served.journal(begin(), log(1))
    served.open(1)
    served.until(Standing.DELIVERING)
    served.journal(log(2))
    served.dies()
    served.ends()
    assert served.statuses() == [Status.KILLED]
    assert len(served.told()) == 2
    assert served.told("finish") == [["finish", "killed"]]


def test_what_an_owner_asked_for_in_its_last_moment_is_begun_all_the_same(unbegun: Served) -> None:
    unbegun.journal(begin(), log(1))
    unbegun.open(1)
    unbegun.dies()
    unbegun.begins()
    unbegun.ends()
    assert unbegun.told("finish") == [["finish", "killed"]]


def test_an_owner_that_closed_the_socket_and_has_its_run_goes_on_elsewhere(served: Served) -> None:
    served.journal(begin(), log(1))
    with held(str(served.folder / "run")):
        served.open(1)
        served.until(Standing.DELIVERING)
        served.end.close()
        served.ends()
    assert served.statuses() == []
    assert served.told("finish") == []


def test_a_run_that_another_process_took_up_meanwhile_is_its_own(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inheriting, "_LOCK_SECONDS", 0.0)
    served.journal(begin(), log(1))
    with held(str(served.folder / "run")):
        served.open(1)
        served.until(Standing.DELIVERING)
        served.dies()
        served.ends()
    assert served.statuses() == []


def test_another_attempt_that_began_in_the_directory_is_none_of_the_companions(served: Served) -> None:
    served.journal(begin(), log(1))
    served.open(1)
    served.until(Standing.DELIVERING)
    served.journal(begin(2))
    served.dies()
    served.ends()
    assert served.statuses() == []


def test_what_is_left_for_later_goes_on_after_the_owner_has_left_it(served: Served) -> None:
    filed.set_fault(str(served.there), "hang")
    served.journal(begin(), log(1), log(2), end())
    served.open(1)
    filed.wait_until_it_hangs(str(served.there))
    served.say(Leave(1, True))
    served.gone()
    served.end.close()
    filed.clear_fault(str(served.there))
    served.ends()
    assert len(served.told()) == 2
    assert served.told("finish") == [["finish", "finished"]]


def test_a_second_attempt_waits_until_the_first_one_is_in_no_call_and_begins_behind_it(served: Served) -> None:
    served.journal(begin(), log(1))
    served.open(1)
    served.until(Standing.DELIVERING)
    filed.set_fault(str(served.there), "hang")
    served.journal(log(2), end())
    served.say(Wake(1, 1, True))
    filed.wait_until_it_hangs(str(served.there))
    served.say(Leave(1, False))
    served.gone()
    served.open(2, attempt=2)
    served.until(Standing.CONNECTING, 2)
    assert len(served._desk._runs) == 2
    filed.clear_fault(str(served.there))
    served.until(Standing.DELIVERING, 2)
    served.say(Wake(2, 1, False))
    served.hears(lambda message: isinstance(message, Report) and message.key == 2 and message.records == 4)
    assert [each[1] for each in served.told()] == [1, 2]


def test_a_tracker_that_cannot_be_made_is_blocked_and_says_why(served: Served) -> None:
    served.journal(begin())
    served.open(1, kind="no.such:Tracker")
    assert "no.such" in served.until(Standing.BLOCKED).trouble
    served.say(Wake(1, 5, False))
    served.hears(lambda message: isinstance(message, Report) and message.answered == 5)
    served.say(Leave(1, False))
    served.gone()


def test_a_directory_that_is_gone_is_waited_for_and_left(served: Served) -> None:
    served.journal(begin())
    shutil.rmtree(served.folder / "run")
    served.open(1)
    served.say(Wake(1, 1, False))
    served.say(Leave(1, True))
    served.gone()


def test_to_leave_what_it_does_not_know_is_answered_and_to_wake_it_is_not(served: Served) -> None:
    served.say(Wake(9, 1, False))
    served.say(Leave(9, False))
    served.gone(9)


def test_after_a_minute_with_nothing_to_do_it_says_goodbye(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion_process, "_IDLE_SECONDS", 0.0)
    served.say(Leave(9, False))
    served.hears(lambda message: message == Bye())
    served.ends()
