"""The companion process as its owner sees it, begun and begun again; the test plays the process, over a real socket."""

from __future__ import annotations

import logging
import os
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forked import in_child
from patience import PATIENT
from scripted import begin

from tracklib import CsvLogger
from tracklib._common.open_file import Descriptor
from tracklib._delivery import companion as module
from tracklib._delivery import link as links
from tracklib._delivery.companion import Companion, companion
from tracklib._delivery.link import Link
from tracklib._delivery.messages import Bye, Gone, Leave, Open, Report, Said, ToCompanion, line, read
from tracklib._delivery.process import Process
from tracklib._delivery.remote import RemoteDelivery
from tracklib._delivery.standing import Standing
from tracklib._delivery.surroundings import Surroundings

HERE = Surroundings({}, "/", [])


class Played:
    """One companion process: what its owner told it, and what it says."""

    def __init__(self) -> None:
        ours, self.end = socket.socketpair()
        self.end.settimeout(PATIENT)
        self.process = subprocess.Popen(["sleep", "600"])
        who = os.fstat(ours.fileno())
        self.link = Link(Descriptor(ours.detach(), who), Process(self.process.pid, "sleep"), HERE)
        self._file = self.end.makefile("rb")

    def hears(self) -> Any:
        """The next message; None at the end of the socket."""
        text = self._file.readline()
        if text and b'"argv"' in text:  # the greeting
            return self.hears()
        return read(text, ToCompanion) if text else None  # type: ignore[arg-type]  # a union is a type to msgspec

    def says(self, message: Report | Gone | Said | Bye) -> None:
        self.end.sendall(line(message))

    def dies(self) -> None:
        self.process.kill()
        self.process.wait()
        self._file.close()
        self.end.close()


class Begun:
    """All that were begun, in their order."""

    def __init__(self) -> None:
        self._new: queue.Queue[Played] = queue.Queue()
        self.all: list[Played] = []
        self.owned: list[Companion] = []
        self.refuses = False

    def owner(self) -> Companion:
        """The owner's side of a new one."""
        self.owned.append(one := Companion(HERE))
        return one

    def begin(self, surroundings: Surroundings) -> Link:
        if self.refuses:
            raise OSError("no more processes")
        self.all.append(one := Played())
        self._new.put(one)
        return one.link

    def next(self) -> Played:
        return self._new.get(timeout=PATIENT)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begun]:
    made = Begun()
    monkeypatch.setattr(links, "begin", made.begin)
    monkeypatch.setattr(module, "_FIRST_DELAY", 0.0)
    monkeypatch.setattr(module, "_companions", [])
    yield made
    made.refuses = True
    for one in made.all:
        one.dies()
    for companion_ in [*made.owned, *module._companions]:
        ended(companion_)  # so that it says nothing in the next test


def delivery_of(one: Companion, folder: Path) -> RemoteDelivery:
    (folder / "journal.jsonl").touch()
    journal = str(folder / "journal.jsonl")
    return RemoteDelivery(one, CsvLogger(), {}, "CsvLogger", str(folder), begin(), journal, "config")


def ended(one: Companion) -> None:
    deadline = time.monotonic() + PATIENT
    while not one.has_ended:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def until(delivery: RemoteDelivery, standing: Standing) -> None:
    while delivery.standing is not standing:
        delivery.changed.wait(1.0)


def test_one_that_dies_is_begun_again_and_told_all_anew(
    begun: Begun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = begun.owner()
    delivery = delivery_of(one, tmp_path)
    delivery.start()
    first = begun.next()
    assert isinstance(first.hears(), Open)
    first.says(Report(delivery.key, Standing.DELIVERING, offset=7))
    until(delivery, Standing.DELIVERING)
    assert (delivery.offset, one.is_down()) == (7, False)

    first.dies()
    second = begun.next()
    assert isinstance(second.hears(), Open)
    assert "it is begun again" in caplog.text
    second.says(Report(delivery.key, Standing.DONE))
    until(delivery, Standing.DONE)
    delivery.abandon()
    assert second.hears() == Leave(delivery.key, False)
    second.says(Gone(delivery.key))


def test_one_that_dies_too_often_leaves_it_to_the_journal_and_says_so_once(
    begun: Begun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "DEATHS", 2)
    one = begun.owner()
    delivery = delivery_of(one, tmp_path)
    delivery.start()
    for _ in range(3):
        begun.next().dies()
    until(delivery, Standing.BLOCKED)
    assert delivery.trouble == "its companion process died 3 times"
    assert delivery.at_rest
    assert caplog.text.count("tracklib sync delivers it") == 1
    assert one.is_for is None


def test_one_that_cannot_be_begun_again_leaves_it_to_the_journal_and_says_why(begun: Begun, tmp_path: Path) -> None:
    one = begun.owner()
    delivery = delivery_of(one, tmp_path)
    delivery.start()
    first = begun.next()
    begun.refuses = True
    first.dies()
    until(delivery, Standing.BLOCKED)
    assert delivery.trouble == "its companion process cannot be begun again: no more processes"


def test_one_that_ended_by_itself_is_begun_again_for_the_next_run_only_and_that_is_no_death(
    begun: Begun, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = begun.owner()
    first = begun.next()
    first.says(Bye())
    first.dies()
    ended(one)
    assert one.is_for is None

    delivery = delivery_of(one, tmp_path)  # it was asked for before it ended
    delivery.start()
    assert isinstance(begun.next().hears(), Open)
    assert one.is_for == HERE
    assert caplog.messages == []


def test_where_the_system_gives_no_thread_to_begin_it_again_its_run_is_blocked(
    begun: Begun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = begun.owner()
    begun.next().dies()
    ended(one)

    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    delivery = delivery_of(one, tmp_path)
    delivery.start()
    assert (delivery.standing, delivery.trouble) == (Standing.BLOCKED, "the system gives no more threads")


def _no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_without_threads_there_is_none_and_its_socket_is_closed(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    with pytest.raises(OSError, match="can't start new thread"):
        Companion(HERE)
    assert begun.next().hears() is None


def test_what_died_while_nobody_needed_it_is_not_begun_again(begun: Begun, tmp_path: Path) -> None:
    one = begun.owner()
    delivery = delivery_of(one, tmp_path)
    delivery.start()
    first = begun.next()
    assert isinstance(first.hears(), Open)
    first.says(Report(delivery.key, Standing.DONE))
    until(delivery, Standing.DONE)
    first.dies()
    ended(one)
    assert len(begun.all) == 1


def test_one_that_was_left_by_its_last_run_lets_go_when_it_dies(begun: Begun, tmp_path: Path) -> None:
    one = begun.owner()
    delivery = delivery_of(one, tmp_path)
    delivery.start()
    first = begun.next()
    assert isinstance(first.hears(), Open)
    delivery.abandon()
    assert isinstance(first.hears(), Leave)
    first.dies()
    delivery.settle()
    assert delivery.is_forgotten


def test_the_companions_words_go_to_the_log_whatever_a_handler_of_the_users_does(
    begun: Begun, caplog: pytest.LogCaptureFixture
) -> None:
    class Raising(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.put(record.getMessage())
            raise ValueError("mine")

    heard: queue.Queue[str] = queue.Queue()
    logging.getLogger("tracklib").addHandler(handler := Raising())
    try:
        begun.owner()
        one = begun.next()
        one.says(Said(logging.WARNING, "first %s"))
        one.says(Said(logging.WARNING, "second"))
        assert [heard.get(timeout=PATIENT) for _ in range(2)] == ["first %s", "second"]
    finally:
        logging.getLogger("tracklib").removeHandler(handler)


def test_runs_in_the_same_surroundings_share_one_and_others_end_the_one_that_has_nothing_to_do(
    begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = companion()
    first = begun.next()
    assert companion() is one
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    assert companion() is not one
    assert one.is_for is None
    assert first.hears() is None


def test_one_that_still_delivers_is_not_ended_for_other_surroundings(
    begun: Begun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = companion()
    delivery_of(one, tmp_path).start()
    before = one.is_for
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    assert companion() is not one
    assert one.is_for == before is not None


def test_a_companion_has_no_companion(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_COMPANION", "within")
    with pytest.raises(OSError, match="begun by a companion"):
        companion()


def test_a_forked_child_has_no_end_of_the_parents_companion(begun: Begun) -> None:
    one = companion()

    def look() -> None:
        assert not one._link._end.is_ours
        assert module._companions == []

    in_child(look)
    assert companion() is one
