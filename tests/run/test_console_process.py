"""The process between a run and its console, without the run: what comes is handed on at once, and kept."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracklib._run.console_process import Desk, Source, main
from tracklib._run.console_text import ConsoleText


class Served:
    """A desk in a thread: what is printed into ``printing`` comes out of ``shown``."""

    def __init__(self, path: Path, owner: int) -> None:
        self.path = path
        self._source, self.printing = os.pipe()
        self.shown, self.to = os.pipe()
        self.control, theirs = socket.socketpair()
        self._text = os.open(path, os.O_RDWR | os.O_CREAT)
        text = ConsoleText(self._text, 2**20)
        desk = Desk(text, [Source(self._source, self.to)], theirs.detach(), owner)
        self._thread = threading.Thread(target=desk.serve)
        self._thread.start()

    def prints(self, text: bytes) -> None:
        while text:
            text = text[os.write(self.printing, text) :]

    def shows(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            found += os.read(self.shown, size - len(found))
        return found

    def ends(self) -> str:
        """What is kept of a run that is over."""
        self.control.sendall(b"end\n")
        assert self.control.recv(100) == b"kept\n"
        return self.path.read_text()

    def close(self) -> None:
        os.close(self.printing)  # nobody can print any more
        self._thread.join()
        self.control.close()
        for fd in (self._source, self.shown, self.to, self._text):
            os.close(fd)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def serve(owner: int | None = None) -> Served:
        made.append(Served(tmp_path / "console.txt", os.getpid() if owner is None else owner))
        return made[-1]

    yield serve
    for each in made:
        each.close()


def test_what_is_printed_is_shown_at_once_and_kept_until_the_run_is_over(serve: Callable[..., Served]) -> None:
    served = serve()
    served.prints(b"one\n")
    assert served.shows(4) == b"one\n"
    served.prints(b"two\n")
    assert served.ends() == "one\ntwo\n"
    served.prints(b"a child's\n")
    assert served.shows(14) == b"two\na child's\n"
    assert served.path.read_text() == "one\ntwo\n"


def test_much_at_once_is_handed_on_whole_as_fast_as_it_is_read(serve: Callable[..., Served]) -> None:
    served = serve()
    os.set_blocking(served.to, False)  # as some program has set its terminal
    lines = b"".join(b"line %06d\n" % number for number in range(60_000))
    printing = threading.Thread(target=served.prints, args=(lines,))
    printing.start()
    assert served.shows(len(lines)) == lines
    printing.join()
    assert served.ends().startswith("line 000000\n")


def test_where_nobody_reads_it_any_more_it_is_kept_still(serve: Callable[..., Served]) -> None:
    served = serve()
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), served.shown)  # as `| head` that has ended
    for line in (b"one\n", b"two\n"):
        served.prints(line)
    assert served.ends() == "one\ntwo\n"


def test_what_a_run_printed_whose_process_is_killed_is_kept(serve: Callable[..., Served]) -> None:
    owner = os.fork()
    if owner == 0:
        signal.pause()
        os._exit(0)
    served = serve(owner)
    served.prints(b"its last word")
    os.kill(owner, signal.SIGKILL)
    assert served.control.recv(100) == b"kept\n"
    os.waitpid(owner, 0)
    assert served.path.read_text() == "its last word\n"


def test_a_run_whose_process_is_gone_already_is_served_until_nobody_prints(tmp_path: Path) -> None:
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    served = Served(tmp_path / "console.txt", gone)
    served.prints(b"a child's\n")
    served.close()
    assert served.path.read_text() == "a child's\n"


def sized(fd: int, rows: int, columns: int) -> bytes:
    size = struct.pack("HHHH", rows, columns, 0, 0)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, size)
    return size


def test_the_runs_terminal_is_as_large_as_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    (theirs, before), (reading, now) = pty.openpty(), pty.openpty()
    source = Source(reading, before)
    for rows in (30, 30, 50):
        size = sized(before, rows, 100)
        source.follow_size()
        assert fcntl.ioctl(now, termios.TIOCGWINSZ, bytes(8)) == size
    for fd in (theirs, before, now):
        os.close(fd)
    source.follow_size()  # it is gone
    assert source.read() is None
    os.close(reading)
    Source(reading, -1).follow_size()


def test_the_program_serves_the_run_that_it_is_told_of(tmp_path: Path) -> None:
    (source, printing), (shown, to) = os.pipe(), os.pipe()
    control, theirs = socket.socketpair()
    text = os.open(tmp_path / "console.txt", os.O_RDWR | os.O_CREAT)
    os.write(printing, b"printed\n")
    told = {
        "text": text,
        "control": theirs.fileno(),
        "sources": [[source, to]],
        "owner": os.getpid(),
        "most": 2**20,
        "path": sys.path,
    }

    control.sendall(b"end\n")
    child = os.fork()
    if child == 0:
        os.close(printing)
        sys.argv = ["console_process.py", json.dumps(told)]
        main()
        os._exit(0)
    assert control.recv(100) == b"kept\n"
    os.close(printing)  # now nobody can print any more
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(shown, 100) == b"printed\n"
    for fd in (source, shown, to, text):
        os.close(fd)
    control.close()
    theirs.close()
    assert (tmp_path / "console.txt").read_text() == "printed\n"
