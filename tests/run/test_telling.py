"""What a run says of itself: one line at its end, to a person in a terminal and to nobody else."""

from __future__ import annotations

import io
import os
import pickle
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tracklib import Trackers, tracking

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
from tracklib import tracking
with tracking(output_run="runs/digits", best={"loss": "min"}, name="digits" OPTIONS) as t:
    for epoch in range(3):
        t.log(epoch, {"loss": [0.5, 0.25, 0.75][epoch]})
    BODY
"""


def in_a_terminal(folder: Path, options: str = "", body: str = "pass", before: str = "") -> str:
    """What the program says to a terminal on stderr."""
    reader, terminal = pty.openpty()
    program = before + PROGRAM.replace("OPTIONS", options).replace("BODY", body)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        stderr=terminal,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TRACKLIB_ENVIRONMENT": "0", "PYTHON_COLORS": "0"},
    ) as process:
        os.close(terminal)
        said = b""
        while part := _read(reader):
            said += part
        process.wait(60)
    os.close(reader)
    return said.decode().replace("\r\n", "\n")


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except OSError:  # nobody writes any more
        return b""


def test_the_end_is_one_line_with_status_best_values_and_what_shows_more(tmp_path: Path) -> None:
    said = in_a_terminal(tmp_path)

    assert said == "tracklib: finished, best loss 0.25 (min, epoch 1) · tracklib show runs/digits\n"


SILENT = """
import socket
silent = socket.create_server(("127.0.0.1", 0))
trackers = {"type": "Mlflow", "tracking_uri": f"http://127.0.0.1:{silent.getsockname()[1]}", "experiment_name": "e"}
from tracklib._run import ending, telling
telling.LONG_SECONDS, ending.PATIENCE = 0.0, 0.5
"""


@pytest.mark.slow
def test_a_long_wait_is_told_with_what_is_left_and_how_to_leave_it(tmp_path: Path) -> None:
    """For a server that accepts and never answers."""
    said = in_a_terminal(tmp_path, ", configs=trackers", before=SILENT)

    waiting = said.splitlines()[0]
    assert waiting.startswith("tracklib: waiting for Mlflow (5 records left")
    assert waiting.endswith("; Ctrl-C leaves the rest to: tracklib sync runs/digits")


def test_a_failed_run_says_so_before_the_users_own_traceback(tmp_path: Path) -> None:
    said = in_a_terminal(tmp_path, body="raise RuntimeError('boom')")

    assert said.splitlines()[0].startswith("tracklib: failed, best loss 0.25")
    assert said.rstrip().endswith("RuntimeError: boom")


@pytest.mark.slow
def test_where_an_earlier_run_went_is_said(tmp_path: Path) -> None:
    in_a_terminal(tmp_path)

    first, last = in_a_terminal(tmp_path).splitlines()

    (previous,) = (tmp_path / "runs/digits/previous").iterdir()
    assert first == f"tracklib: the earlier run in runs/digits is kept in runs/digits/previous/{previous.name}"
    assert last.startswith("tracklib: finished")


@pytest.mark.slow
def test_quiet_says_nothing(tmp_path: Path) -> None:
    in_a_terminal(tmp_path)

    assert in_a_terminal(tmp_path, ", quiet=True") == ""


def test_a_child_run_leaves_it_to_the_run_around_it(tmp_path: Path) -> None:
    said = in_a_terminal(tmp_path, body="t.child('fold').__enter__().finish()")

    assert said.count("tracklib:") == 1


def test_where_stderr_is_no_terminal_nothing_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = PROGRAM.replace("OPTIONS", "").replace("BODY", "pass")
    subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True
    )

    assert capfd.readouterr() == ("", "")


def test_a_run_says_in_short_where_it_is_how_it_stands_and_its_best(tmp_path: Path) -> None:
    run = Trackers(output_run=tmp_path / "run", best={"loss": "min"})
    assert repr(run) == f"<Trackers {os.fspath(tmp_path / 'run')!r} not begun>"
    with run as t:
        t.log(3, {"loss": 0.25})
        assert repr(t) == f"<Trackers {os.fspath(tmp_path / 'run')!r} going on, best loss 0.25 (min, epoch 3)>"
        there = "import pickle, sys; print(pickle.load(sys.stdin.buffer))"
        said = subprocess.run([sys.executable, "-c", there], input=pickle.dumps(t), capture_output=True, check=True)
        assert said.stdout.decode() == f"<Trackers {os.fspath(tmp_path / 'run')!r} going on in another process>\n"
    assert repr(t) == f"<Trackers {os.fspath(tmp_path / 'run')!r} finished, best loss 0.25 (min, epoch 3)>"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_who_is_offline_is_told_what_had_nothing_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with tracking([{"type": "Mlflow", "experiment_name": "e"}], output_run="run"):
        pass
    assert "tracklib: offline, so Mlflow had nothing yet · tracklib sync run\n" in terminal.getvalue()


def test_why_a_loop_was_stopped_is_said_in_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tracking(output_run=tmp_path) as t:
        for _ in t.epochs(3):
            monkeypatch.setattr(sys, "stderr", terminal := Terminal())
            t.stop_epochs("token=hunter2hunter2 is enough")
    assert "tracklib: stopped behind epoch 0: token=*** is enough\n" in terminal.getvalue()


def test_where_there_is_no_stderr_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Terminal()
    closed.close()
    for stderr in (None, closed):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stderr)
            with tracking(output_run=tmp_path / "run"):
                pass
