"""The owner's end of the socket to one companion process, and that process as the system tells of it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracklib._common.open_file import Descriptor
from tracklib._delivery import link as module
from tracklib._delivery import process as processes
from tracklib._delivery.link import Link
from tracklib._delivery.messages import line
from tracklib._delivery.process import Process
from tracklib._delivery.surroundings import Surroundings

PATIENT = 60.0
HERE = Surroundings({"PATH": os.defpath}, "/", [])


@pytest.fixture
def process() -> Iterator[Process]:
    """A child that only waits, and counts as one of our own."""
    child = os.fork()
    if child == 0:
        try:
            signal.pause()
        finally:
            os._exit(0)
    yield Process(child, sys.executable)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.fixture
def ends(process: Process, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Link, socket.socket]]:
    """The link, and the companion's end."""
    monkeypatch.setattr(module, "_LOOK_MILLISECONDS", 10)
    ours, theirs = socket.socketpair()
    who = os.fstat(ours.fileno())
    link = Link(Descriptor(ours.detach(), who), process, HERE)
    yield link, theirs
    theirs.close()
    link.close()


BIG = b"x" * (1 << 20) + b"\n"


def drain(end: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        got += end.recv(1 << 20)
    return got


def test_what_a_busy_companion_has_no_room_for_waits_and_comes_whole(ends: tuple[Link, socket.socket]) -> None:
    link, end = ends
    greeting = len(line(module._greeting(HERE)))
    link.send(BIG, wait=False)
    sender = threading.Thread(target=link.send, args=(b"more\n",), kwargs={"wait": True})
    sender.start()
    got = drain(end, greeting + len(BIG) + len(b"more\n"))
    sender.join(PATIENT)
    assert got.endswith(BIG + b"more\n")


def test_who_waits_for_a_companion_to_read_is_told_that_it_is_gone(ends: tuple[Link, socket.socket]) -> None:
    link, _ = ends
    link.send(BIG, wait=False)
    link.is_lost = True
    with pytest.raises(OSError, match="the companion is gone"):
        link.send(b"", wait=True)


def test_a_companion_that_is_to_end_hears_the_end_though_a_forked_child_holds_the_socket(
    ends: tuple[Link, socket.socket],
) -> None:
    link, end = ends
    copy = os.dup(link._end.fd)
    link.say_no_more()
    assert end.recv(1) == b""
    os.close(copy)
    link.close()
    link.say_no_more()  # it is closed: that is no error


def test_the_lines_end_with_a_process_that_died_while_another_holds_its_end(
    ends: tuple[Link, socket.socket], process: Process
) -> None:
    link, end = ends
    end.sendall(b"one\ntw")
    lines = link.lines()
    assert next(lines) == b"one"
    end.sendall(b"o\n")
    assert next(lines) == b"two"
    link.kill()
    assert list(lines) == []
    assert not process.is_alive


def test_the_lines_end_where_a_library_closed_the_descriptor(ends: tuple[Link, socket.socket]) -> None:
    link, end = ends
    end.sendall(b"one\n")
    lines = link.lines()
    assert next(lines) == b"one"
    os.close(link._end.fd)
    other = os.open(os.devnull, os.O_RDONLY)
    os.dup2(other, link._end.fd)  # and its number is somebody else's
    assert list(lines) == []
    os.close(other)
    with pytest.raises(OSError, match="closed by somebody else"):
        link.send(b"x", wait=False)


def test_a_companion_that_is_lost_is_not_killed_once_more(ends: tuple[Link, socket.socket], process: Process) -> None:
    link, _ = ends
    link.is_lost = True
    link.kill()
    assert process.is_alive


def test_where_no_process_can_be_begun_both_ends_are_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "START", str(tmp_path / "in-an-archive.py"))
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="not installed as files"):
        module.begin(HERE)
    assert os.listdir("/proc/self/fd") == before


def test_a_shell_that_begins_none_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_SCRIPT", "exit 2")
    with pytest.raises(OSError, match="gives no more processes"):
        Process.begin([], {}, __file__)


# A process by its number ------------------------------------------------------------------------------


def test_a_process_lives_until_it_is_killed_and_is_stopped_while_it_is(process: Process) -> None:
    assert process.is_alive
    assert not process.is_stopped
    os.kill(process._pid, signal.SIGSTOP)
    os.waitpid(process._pid, os.WUNTRACED)
    assert process.is_stopped
    process.kill()
    os.waitid(os.P_PID, process._pid, os.WEXITED | os.WNOWAIT)
    assert not process.is_alive  # it is a zombie, which the test's process has not waited for


def test_a_number_that_is_another_programs_by_now_is_neither_alive_nor_killed(process: Process) -> None:
    other = Process(process._pid, "/no/such/program.py")
    assert not other.is_alive
    other.kill()
    assert process.is_alive


def test_a_number_that_nobody_has_is_not_alive() -> None:
    gone = Process(2**22 + 1, sys.executable)  # more than Linux counts to
    assert not gone.is_alive
    assert not gone.is_stopped
    gone.kill()


def test_where_proc_is_that_of_the_outside_a_signal_asks(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "readlink", lambda path: "1")
    assert process.is_alive
    assert not process.is_stopped  # nobody tells
    process.kill()
    os.waitid(os.P_PID, process._pid, os.WEXITED | os.WNOWAIT)
    assert not Process(2**22 + 1).is_alive


def test_where_there_is_no_proc_a_signal_asks_too(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "readlink", refuse)
    assert process.is_alive
