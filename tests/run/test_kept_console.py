"""console=True: what a run prints is kept, and goes where it went, whoever is killed; real programs in processes."""

from __future__ import annotations

import io
import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from click.testing import CliRunner
from forked import in_child
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import records
from patience import PATIENT

import tracklib
from tracklib import load, tracking
from tracklib._common.open_file import pipe, socket_pair
from tracklib._journal.records import Artifact
from tracklib._run.console import Console
from tracklib._run.console_text import ConsoleText
from tracklib._run.overheard import overhear
from tracklib._values.screen import Screen
from tracklib.cli.commands import main
from tracklib.reading.report import report

HEAD = """
import os, signal, sys, time
from tracklib import tracking

def reader():
    "The process that reads what this one prints."
    while True:
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            try:
                said = open(f"/proc/{pid}/cmdline", "rb").read()
            except OSError:
                continue
            if b"console_process" in said and f'"owner": {os.getpid()},'.encode() in said:
                return int(pid)

def kill_once_idle(number):
    "What it has in hand at that moment would be lost."
    while "first" not in open("run/console.txt").read():
        time.sleep(0.01)
    pid = reader()
    os.kill(pid, number)
    while number == signal.SIGKILL and os.path.exists(f"/proc/{pid}"):
        time.sleep(0.01)
"""


def run(folder: Path, program: str, code: int = 0) -> tuple[str, str]:
    """What it printed to both streams, each a pipe of its own."""
    (folder / "train.py").write_text(HEAD + textwrap.dedent(program))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKLIB_", "PYTEST_"))}
    environment |= {"PYTHONPATH": str(Path(tracklib.__file__).parents[1]), "TRACKLIB_ENVIRONMENT": "0"}
    command = [sys.executable, "train.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENT)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def console(folder: Path) -> str:
    return (folder / "run" / "console.txt").read_text()


# Folding -----------------------------------------------------------------------------------------------------


def shown(*pieces: str) -> list[str]:
    screen = Screen()
    return [line for piece in pieces for line in screen.feed(piece)] + screen.shown


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a\nb\n", ["a", "b"]),
        ("\r  0%|   |\r 50%|#  |\r100%|###|\n", ["100%|###|"]),
        ("loading...\rdone\x1b[K\n", ["done"]),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07plain\n", ["red plain"]),
        ("one\ntwo\n\x1b[2A\x1b[2KONE\n\x1b[2KTWO\n", ["ONE", "TWO"]),
        ("abc\b\bX\n", ["aXc"]),
        ("no end", ["no end"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("\x1b[5;3Hgone\n", ["gone"]),
        ("one\n\x1b[Bthree\n", ["one", "", "three"]),
        ("one\ntwo\x1b[FONE\x1b[EX\n", ["ONE", "Xwo"]),
        ("a\x1b[3Cb\x1b[2DX\x1b[Gc\n", ["c  Xb"]),
        ("abcdef\x1b[3D\x1b[1KX\n", ["   Xef"]),
        ("one\ntwo\n\x1b[2Ao\x1b[Jn\n", ["on"]),
        ("one\x1b[2Jtwo\x1b[9zthree\n", ["onetwothree"]),
        ("a" * 10_000 + "left out\n", ["a" * 10_000]),
    ],
)
def test_a_text_is_what_a_terminal_would_show(text: str, lines: list[str]) -> None:
    assert shown(text) == lines
    assert shown(*text) == lines  # character by character


@settings(deadline=None)  # a machine may have much else to do
@given(st.lists(st.text("ab\r\n\b\t\x1b[]0;2AKJmHCD\x07", max_size=40), max_size=20))
def test_any_text_is_shown_somehow(pieces: list[str]) -> None:
    assert all("\n" not in line for line in shown(*pieces))


@settings(deadline=None)  # a machine may have much else to do
@given(st.lists(st.text(st.characters(exclude_categories=["C"]), max_size=10), max_size=300))
def test_plain_lines_stay_as_they_are(lines: list[str]) -> None:
    expected = [line.rstrip() for line in lines]
    assert shown(*(line + "\n" for line in lines)) == expected


# The text ----------------------------------------------------------------------------------------------------


def text_of(path: Path, *pieces: bytes, most: int = 2**20) -> str:
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    text = ConsoleText(fd, most)
    for piece in pieces:
        text.feed(piece)
        while text.has_work:
            text.work()
        text.show()
    text.show(is_over=True)
    os.close(fd)
    return path.read_text()


def test_secrets_are_masked_also_where_they_go_over_many_lines(tmp_path: Path) -> None:
    key = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"MIIEow\n" * 90 + b"-----END RSA PRIVATE KEY-----\n"
    found = text_of(
        tmp_path / "a", b"password=hunter2hunter2\n", *(line + b"\n" for line in key.splitlines()), b"end\n"
    )
    assert found == "password=***\n***\nend\n"


@pytest.mark.slow
def test_a_long_text_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    lines = [b"line %06d\n" % number for number in range(10_000)]
    found = text_of(tmp_path / "a", *lines, most=8192)
    assert len(found) < 9000
    assert found.startswith("line 000000\n")
    assert found.endswith("line 009999\n")
    assert re.search(r"\n\.\.\. \d+ bytes are left out \.\.\.\n", found)


def test_what_is_printed_faster_than_it_is_looked_at_is_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracklib._run.console_text._WAITING", 10_000)
    found = text_of(tmp_path / "a", b"a" * 10_000 + b"b" * 500, b"\nbehind\n")
    assert found == "... 500 bytes that came too fast are left out ...\n" + "a" * 10_000 + "\nbehind\n"


def test_nothing_is_written_where_nothing_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    text = ConsoleText(fd, 8192)
    text.feed(b"line\n")
    text.show()
    monkeypatch.setattr(os, "pwrite", lambda *_: pytest.fail("written"))
    text.show()
    os.close(fd)


def test_bytes_that_are_no_text_are_spelled(tmp_path: Path) -> None:
    assert text_of(tmp_path / "a", "ü".encode()[:1], "ü".encode()[1:], b"\xff\n") == "ü\\xff\n"


# Programs ----------------------------------------------------------------------------------------------------


def test_what_python_c_and_children_print_is_kept_and_printed(tmp_path: Path) -> None:
    out, err = run(
        tmp_path,
        """
        import ctypes, subprocess
        print("before")
        with tracking(output_run="run", console=True) as t:
            print("python api_key=abcdef123456")
            ctypes.CDLL(None).printf(b"library\\n")
            subprocess.run([sys.executable, "-c", "import sys; print('child'); sys.stderr.write('trouble\\\\n')"])
        print("after")
        """,
    )
    assert out.split("\n") == ["before", "python api_key=abcdef123456", "library", "child", "after", ""]
    assert "trouble" in err
    assert sorted(console(tmp_path).split("\n")) == ["", "child", "library", "python api_key=***", "trouble"]
    assert (tmp_path / "run/artifacts/console.txt").read_text() == console(tmp_path)
    assert [each.name for each in records(tmp_path / "run", Artifact)] == ["console.txt"]


@pytest.mark.slow
def test_a_killed_reader_breaks_no_printing_and_loses_none_of_it(tmp_path: Path) -> None:
    out, _ = run(
        tmp_path,
        """
        with tracking(output_run="run", console=True) as t:
            print("first", flush=True)
            kill_once_idle(signal.SIGKILL)
            for number in range(100_000):
                print("line", number, "x" * 20)
            t.log(0, {"loss": 1.0})
        print("after")
        """,
    )
    assert out == "first\n" + "".join(f"line {n} {'x' * 20}\n" for n in range(100_000)) + "after\n"
    assert load(tmp_path / "run").status == "finished"


MANY_FILES = """
import resource
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
"""


@pytest.mark.slow
@pytest.mark.skipif(0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2048, reason="a process may have few files")
@pytest.mark.parametrize("kill", ["", "kill_once_idle(signal.SIGKILL)"])
def test_a_run_with_more_than_a_thousand_files_open_prints_and_keeps_as_any(tmp_path: Path, kill: str) -> None:
    program = f"""
        with tracking(output_run="run", console=True) as t:
            print("first", flush=True)
            {kill}
            os.system("echo child")
            is_alive = t._attempt.console._watching.is_alive
        print("after", is_alive() and not {bool(kill)})
    """
    out, said = run(tmp_path, MANY_FILES + textwrap.dedent(program))
    assert out == "first\nchild\nafter False\n"
    assert "Traceback" not in said
    assert [each.name for each in records(tmp_path / "run", Artifact)] == ["console.txt"]


@pytest.mark.slow
def test_a_stopped_reader_is_ended_and_printing_goes_on(tmp_path: Path) -> None:
    out, _ = run(
        tmp_path,
        """
        with tracking(output_run="run", console=True) as t:
            print("first", flush=True)
            kill_once_idle(signal.SIGSTOP)
            for number in range(60_000):
                print("line", number, "x" * 20)
        """,
    )
    assert out.endswith(f"line 59999 {'x' * 20}\n")
    assert out.count("\n") == 60_001


def test_a_killed_run_has_its_last_word(tmp_path: Path) -> None:
    out, _ = run(
        tmp_path,
        """
        with tracking(output_run="run", console=True) as t:
            print("last word", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        code=-signal.SIGKILL,
    )
    assert out == "last word\n"
    until = time.monotonic() + PATIENT
    while "last word" not in console(tmp_path) and time.monotonic() < until:
        select.select([], [], [], 0.02)
    assert console(tmp_path) == "last word\n"


def test_a_forked_child_prints_too_and_on_after_the_run(tmp_path: Path) -> None:
    out, _ = run(
        tmp_path,
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of a fork beside threads
        come, go = os.pipe()
        wait, may = os.pipe()
        with tracking(output_run="run", console=True) as t:
            if not (child := os.fork()):
                print("child within", flush=True)
                os.write(go, b".")
                os.close(go)
                os.read(wait, 1)
                print("child behind", flush=True)
                os._exit(0)
            os.read(come, 1)
            print("parent", flush=True)
        print("after", flush=True)
        os.write(may, b".")
        os.waitpid(child, 0)
        """,
    )
    assert sorted(out.split()) == sorted("child within child behind parent after".split())
    assert sorted(console(tmp_path).split("\n")) == ["", "child within", "parent"]


def test_both_streams_of_one_file_keep_their_order(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        HEAD
        + textwrap.dedent(
            """
            with tracking(output_run="run", console=True) as t:
                for number in range(50):
                    os.write(1 + number % 2, b"%d\\n" % number)
            """
        )
    )
    environment = os.environ | {"PYTHONPATH": str(Path(tracklib.__file__).parents[1])}
    with open(tmp_path / "log", "wb") as log:
        subprocess.run(
            [sys.executable, "train.py"],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
            timeout=PATIENT,
            check=True,
        )
    assert (tmp_path / "log").read_text().split() == console(tmp_path).split() == [str(n) for n in range(50)]


def test_a_terminal_stays_a_terminal_of_the_same_size(tmp_path: Path) -> None:
    program = """
    with tracking(output_run="run", console=True, quiet=True) as t:
        print(sys.stdout.isatty(), os.isatty(2), tuple(os.get_terminal_size(1)))
    print(sys.stdout.isatty())
    """
    (tmp_path / "train.py").write_text(HEAD + textwrap.dedent(program))
    environment = os.environ | {"PYTHONPATH": str(Path(tracklib.__file__).parents[1])}
    master, slave = pty.openpty()
    import termios

    termios.tcsetwinsize(slave, (33, 77))
    process = subprocess.Popen([sys.executable, "train.py"], cwd=tmp_path, env=environment, stdout=slave, stderr=slave)
    os.close(slave)
    printed = b""
    try:
        while part := os.read(master, 65536):
            printed += part
    except OSError:  # nobody has the terminal any more
        pass
    os.close(master)
    assert process.wait(PATIENT) == 0
    assert printed.decode().split("\r\n") == ["True True (77, 33)", "True", ""]
    assert console(tmp_path) == "True True (77, 33)\n"


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_nothing(tmp_path: Path) -> None:
    program = """
    with tracking(output_run="run", console=True) as t:
        for number in range(100_000):
            print(number)
        t.log(0, {"loss": 1.0})
    sys.stdout = None
    os._exit(0)
    """
    (tmp_path / "train.py").write_text(HEAD + textwrap.dedent(program))
    environment = os.environ | {"PYTHONPATH": str(Path(tracklib.__file__).parents[1])}
    line = f"{sys.executable} train.py | head -1"
    done = subprocess.run(
        line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENT
    )
    assert done.stdout == "0\n"
    assert load(tmp_path / "run").status == "finished"


def test_streams_that_are_closed_or_led_elsewhere_are_left_alone(tmp_path: Path) -> None:
    out, _ = run(
        tmp_path,
        """
        os.close(2)
        with tracking(output_run="run", console=True) as t:
            print("kept", flush=True)
            there = os.open("mine", os.O_WRONLY | os.O_CREAT)
            os.dup2(there, 1)
            print("in my file", flush=True)
        print("still in my file", flush=True)
        """,
    )
    assert out == "kept\n"
    assert (tmp_path / "mine").read_text() == "in my file\nstill in my file\n"
    assert console(tmp_path) == "kept\n"


def test_a_notebooks_streams_are_heard_and_put_back(tmp_path: Path) -> None:
    out, _ = run(
        tmp_path,
        """
        import io
        real, sys.stdout = sys.stdout, io.StringIO()
        mine = sys.stdout
        with tracking(output_run="run", console=True) as t:
            print("in the notebook")
        assert sys.stdout is mine
        real.write(mine.getvalue())
        """,
    )
    assert out == "in the notebook\n"
    assert console(tmp_path) == "in the notebook\n"


def test_a_run_inside_another_has_a_console_of_its_own(tmp_path: Path) -> None:
    out, _ = run(
        tmp_path,
        """
        with tracking(output_run="run", console=True) as t:
            print("outer")
            with t.child("a", console=True):
                print("inner")
            print("outer again")
        """,
    )
    assert out == "outer\ninner\nouter again\n"
    assert console(tmp_path) == out
    assert (tmp_path / "run/children/a/console.txt").read_text() == "inner\n"


@pytest.mark.slow
def test_an_attempt_that_goes_on_is_told_apart(tmp_path: Path) -> None:
    for word in ("one", "two"):
        run(tmp_path, f'with tracking(output_run="run", console=True, resume=True): print("{word}")')
    assert re.fullmatch(r"one\n--- attempt 2, [-\d]+ [:\d]+ ---\ntwo\n", console(tmp_path))


def test_show_and_the_page_have_its_end(tmp_path: Path) -> None:
    run(tmp_path, 'with tracking(output_run="run", console=True):\n    for n in range(2000): print("<b>", n)')
    shown = CliRunner().invoke(main, ["show", "--console", str(tmp_path / "run")]).output
    assert shown.splitlines()[-1] == "<b> 1999"
    assert len(shown.splitlines()) == 200
    page = Path(report([load(tmp_path / "run")], tmp_path / "page.html")).read_text()
    assert '"all":2000' in page
    assert "\\u003cb> 1999" in page
    assert load(tmp_path / "run").console.count("\n") == 2000


def test_show_of_a_run_without_one_says_so(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        pass
    done = CliRunner().invoke(main, ["show", "--console", str(tmp_path / "run")])
    assert done.exit_code != 0
    assert "has no console: it printed nothing, or not with console=True" in done.output


def test_another_rank_keeps_nothing_and_what_is_no_switch_is_refused(tmp_path: Path) -> None:
    wrong: Any = "yes"
    with pytest.raises(TypeError, match="console must be True or False"):
        tracking(output_run=tmp_path, console=wrong)
    with tracking(output_run=tmp_path / "run", rank=1, console=True):
        pass
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_that_prints_nothing_is_left_at_once_and_no_process_stays(tmp_path: Path) -> None:
    out = run_bare(
        tmp_path,
        HEAD
        + textwrap.dedent(
            """
            with tracking(output_run="run", console=True, environment=False) as t:
                pid = reader()
            while os.path.exists(f"/proc/{pid}"):
                time.sleep(0.01)
            print("gone")
            """
        ),
    )
    assert out == "gone\n"


def test_a_console_that_cannot_be_kept_costs_the_run_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/console.txt").mkdir()
    with tracking(output_run=tmp_path / "run", console=True) as t:
        t.log(0, {"loss": 1.0})
        print("shown")
    assert "what the run prints cannot be kept" in caplog.text
    assert capfd.readouterr().out == "shown\n"


class Stream(io.StringIO):
    """As a notebook's, which leads to no number."""


def test_each_write_into_a_stream_of_pythons_own_is_heard_once_and_none_of_a_forked_childs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[bytes] = []
    monkeypatch.setattr(sys, "stdout", shown := Stream())
    monkeypatch.setattr(sys, "stderr", None)
    (overheard,) = overhear(heard.append)
    sys.stdout.writelines(["one\n", "two\n"])
    in_child(lambda: sys.stdout.write("a child's"))
    print("three")
    assert b"".join(heard) == b"one\ntwo\nthree\n"
    sys.stdout = mine = Stream()
    overheard.end()
    assert sys.stdout is mine  # somebody else stands there by now
    overheard.write("no more\n")
    assert shown.getvalue() == "one\ntwo\nthree\nno more\n"
    assert len(heard) == 4


def test_where_the_process_is_gone_or_does_not_answer_the_text_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console.__new__(Console)
    console._control, theirs = socket_pair()
    reading, console._beside = pipe()
    monkeypatch.setattr("tracklib._run.console._KEPT_SECONDS", 0.01)
    assert not console._is_kept()
    with socket.socket(fileno=os.dup(theirs.fd)) as ending:
        ending.shutdown(socket.SHUT_WR)
    monkeypatch.setattr("tracklib._run.console._KEPT_SECONDS", PATIENT)
    assert not console._is_kept()
    for each in (console._control, theirs, reading, console._beside):
        each.close()
    console._hear(b"too late")  # whoever writes is not disturbed


def test_a_forked_childs_streams_are_not_put_back_by_what_ends_there() -> None:
    console = Console.__new__(Console)
    console._process_id = os.getppid()  # it was the parent's
    assert console.end() is False
