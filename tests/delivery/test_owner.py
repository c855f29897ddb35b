"""The training process as its companion sees it: what it says, and whether it lives."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tracklib._delivery import owner as module
from tracklib._delivery.messages import Bye, Gone, Leave, Said, Wake, line
from tracklib._delivery.owner import Fate, Owner

PATIENT = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def steady(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(module, "clock", clock := Clock())
    return clock


Made = Callable[..., tuple[Owner, socket.socket]]


@pytest.fixture
def made() -> Iterator[Made]:
    """The owner, and its end of the socket."""
    sockets: list[socket.socket] = []

    def make(rest: bytes = b"", pid: int | None = None) -> tuple[Owner, socket.socket]:
        sockets.extend(pair := socket.socketpair())
        return Owner(pair[0], rest, os.getpid() if pid is None else pid), pair[1]

    yield make
    for each in sockets:
        each.close()


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"])


def nobody_owns() -> bool:
    return False


def somebody_owns() -> bool:
    return True


def test_what_came_with_the_first_line_and_what_comes_in_pieces_are_whole_messages(made: Made) -> None:
    whole = line(Wake(1, 1, False)) + line(Leave(1, True))
    owner, end = made(whole[:30])
    end.sendall(whole[30:-5])
    assert owner.messages() == [Wake(1, 1, False)]
    end.sendall(whole[-5:])
    assert owner.messages() == [Leave(1, True)]
    assert owner.messages() == []


def test_what_is_said_goes_out_in_order_as_the_owner_reads(made: Made) -> None:
    owner, end = made()
    owner.say(Gone(1))
    owner.say(Bye())
    assert not owner.listens
    owner.wait(PATIENT)  # returns at once, as something was said
    assert owner.listens
    assert end.recv(65536) == line(Gone(1)) + line(Bye())


def test_an_owner_that_reads_nothing_holds_up_nobody_and_gets_it_all_later(made: Made) -> None:
    owner, end = made()
    said = [Said(logging.INFO, f"{number} " + "x" * 10000) for number in range(200)]
    for each in said:
        owner.say(each)
    owner.wait(0.0)
    assert not owner.listens
    end.setblocking(False)
    got, whole = b"", b"".join(map(line, said))
    while len(got) < len(whole):
        got += end.recv(1 << 20)
        owner.wait(0.0)
    assert got == whole
    assert owner.listens


def test_lines_for_the_log_are_bounded_while_nobody_reads_and_other_messages_are_not(made: Made) -> None:
    owner, _ = made()
    for number in range(module._MOST_SAID + 5):
        owner.say(Said(logging.INFO, str(number)))
    owner.say(Gone(7))
    assert len(owner._waiting) == module._MOST_SAID + 1
    assert owner._waiting[-1] == Gone(7)


def test_to_say_something_to_one_that_is_gone_is_no_error(made: Made) -> None:
    owner, end = made()
    end.close()
    owner.say(Gone(1))
    owner.wait(0.0)
    assert owner.listens


def test_a_bell_that_rings_more_often_than_anybody_listens_never_waits(made: Made) -> None:
    owner, _ = made()
    for _ in range(70000):  # more than a pipe holds
        owner.ring()
    owner.wait(PATIENT)


def test_one_that_dies_is_dead_though_another_process_holds_its_end_of_the_socket(made: Made) -> None:
    process = sleeper()
    owner, _ = made(pid=process.pid)
    assert owner.fate(nobody_owns) is Fate.LIVES
    process.kill()
    owner.wait(PATIENT)
    assert owner.fate(somebody_owns) is Fate.DIED
    process.wait()
    owner.wait(0.0)  # it looks no more


def test_one_that_had_died_before_anybody_looked_is_dead(made: Made) -> None:
    process = sleeper()
    process.kill()
    process.wait()
    owner, _ = made(pid=process.pid)
    assert owner.fate(somebody_owns) is Fate.DIED


@pytest.mark.parametrize("owns", [somebody_owns, nobody_owns])
def test_a_socket_that_ended_tells_nothing_for_two_seconds_then_the_runs_lock_does(
    owns: Callable[[], bool], made: Made, clock: Clock
) -> None:
    owner, end = made()
    end.close()
    assert owner.messages() == []
    clock.now += 1.9
    assert owner.fate(owns) is Fate.LIVES
    clock.now += 0.2
    assert owner.fate(owns) is (Fate.LEFT if owns() else Fate.DIED)


def test_one_that_lets_its_run_go_within_the_two_seconds_has_left_and_not_died(made: Made, clock: Clock) -> None:
    owner, end = made()
    end.close()
    owner.messages()
    clock.now += 1.0
    assert owner.fate(somebody_owns) is Fate.LIVES
    clock.now += 1.5
    assert owner.fate(nobody_owns) is Fate.LEFT


def test_a_socket_that_fails_has_ended(made: Made, clock: Clock) -> None:
    owner, end = made()
    end.send(b"unread, so that its end is an error")
    owner._sock.send(b"unread, too")
    end.close()
    assert owner.messages() == []
    clock.now += 2.1
    assert owner.fate(nobody_owns) is Fate.DIED


def test_where_the_system_tells_of_no_deaths_the_socket_and_the_lock_tell(
    made: Made, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd")
    owner, end = made()
    end.close()
    owner.messages()
    clock.now += 2.1
    assert owner.fate(nobody_owns) is Fate.DIED
