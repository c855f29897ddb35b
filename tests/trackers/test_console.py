"""The console: what a person reads while a run goes on, in a file and in a real terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import textwrap
from pathlib import Path
from typing import Any, cast

import pytest
from patience import PATIENT

from tracklib import Console, Status, tracking
from tracklib._common import clock
from tracklib._delivery.sync import sync
from tracklib._journal.records import Begin, Best, Log, Note
from tracklib.trackers._console_table import _aligned, _cell
from tracklib.trackers._console_words import duration

CONFIG = {"type": "Console"}


def record(
    step: int, axis: str = "epoch", time: float = 1.0, metrics: dict[str, float] | None = None, **named: float
) -> Log:
    return Log(time=int(1000 * time), axis=axis, step=step, metrics=metrics or named)


def managed(attempt: int = 1, time: float = 1.0, pid: int | None = None, name: str = "digits") -> Console:
    console = Console(output_run="/runs/digits")
    console.begin = Begin(
        time=int(1000 * time),
        format=1,
        uid="u",
        attempt=attempt,
        name=name,
        pid=pid or os.getpid(),
        host="h",
        configs=[],
    )
    return console


def said(console: Console, capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


@pytest.fixture
def console(capsys: pytest.CaptureFixture[str]) -> Console:
    console = managed()
    console.init()
    return console


# Lines


def test_an_epoch_is_a_line_with_its_metrics_and_the_time_that_it_took(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.log_batch([record(0, time=3.5, loss=0.5, accuracy=0.123456), record(1, time=65, loss=1e-6, accuracy=1.0)])

    assert said(console, capsys) == [
        "epoch 0  loss 0.5  accuracy 0.12346  (2.5 s)",
        "epoch 1  loss 1e-06  accuracy 1  (1 min 1 s)",
    ]


def test_records_of_one_epoch_are_one_line(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    for epoch in range(3):
        console.log_batch([record(epoch, train=0.5)])
        console.log_batch([record(epoch, val=0.25)])
    console.finish(Status.FINISHED)

    assert [line.split("  (")[0] for line in said(console, capsys)[:-1]] == [
        f"epoch {epoch}  train 0.5  val 0.25" for epoch in range(3)
    ]


def test_an_epochs_line_comes_as_soon_as_all_is_there_that_the_earlier_ones_had(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.log_batch([record(0, train=0.5), record(0, val=0.5)])
    assert said(console, capsys) == []
    console.log_batch([record(1, train=0.5)])
    assert [line[:7] for line in said(console, capsys)] == ["epoch 0"]
    console.log_batch([record(1, val=0.5)])
    assert [line[:7] for line in said(console, capsys)] == ["epoch 1"]


def test_the_first_epoch_of_a_loop_by_hand_has_its_line_once_nothing_more_comes(
    console: Console, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(clock, "steady", lambda: now)
    console.log_batch([record(0, train=0.5)])
    console.idle()
    assert said(console, capsys) == []
    now = 3.0
    console.idle()
    assert [line.split("  (")[0] for line in said(console, capsys)] == ["epoch 0  train 0.5"]
    console.log_batch([record(0, val=0.5), record(1, train=0.5)])  # the validation took minutes
    now = 9.0
    console.idle()
    assert [line.split("  (")[0] for line in said(console, capsys)] == ["epoch 0  val 0.5"]


def test_the_batches_of_a_first_epoch_do_not_have_a_line_each(
    console: Console, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(0, 1000, 10))
    monkeypatch.setattr(clock, "steady", lambda: float(next(times)))
    for batch in range(5):
        console.log_batch([record(0, loss=float(batch))])
        console.idle()
    assert [line.split("  (")[0] for line in said(console, capsys)] == ["epoch 0  loss 0"]


@pytest.mark.slow
def test_the_first_row_of_a_loop_by_hand_does_not_wait_for_the_second_epoch(tmp_path: Path) -> None:
    script = """
        from tracklib import tracking
        with tracking([{"type": "Console"}], output_run="run") as t:
            t.log(0, {"loss": 0.5})
            input()
        """
    training = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with training:
        assert training.stdin
        assert training.stderr
        assert training.stderr.readline().startswith(b"epoch 0  loss 0.5")
        training.stdin.write(b"\n")


def test_the_star_stands_right_behind_the_number() -> None:
    assert [_cell(value, is_best=True)[0] for value in (1.0, 0.5, 1e-6)] == ["1*     ", "0.5000*", "1.000e-06*"]


def test_an_epoch_that_lacks_a_metric_has_its_line_when_the_next_one_begins(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.log_batch([record(0, train=0.5, val=0.5), record(1, train=0.5), record(2, train=0.25)])

    assert [line.split("  (")[0] for line in said(console, capsys)] == [
        "epoch 0  train 0.5  val 0.5",
        "epoch 1  train 0.5",
    ]


def test_of_a_metric_that_an_epoch_has_often_the_last_value_is_shown(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.log_batch([record(epoch, loss=float(batch)) for epoch in range(3) for batch in range(100)])
    console.close()

    assert [line.split("  (")[0] for line in said(console, capsys)] == [f"epoch {epoch}  loss 99" for epoch in range(3)]


def test_another_axis_has_a_line_at_most_every_ten_seconds(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.log_batch([record(batch, "batch", time=1 + batch, loss=0.5) for batch in range(35)])

    assert said(console, capsys) == [f"batch {batch}  loss 0.5" for batch in (10, 20, 30)]


def test_a_metric_that_repeats_the_epoch_is_not_shown(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.log_batch([record(7, epoch=7.0, loss=0.5)])
    console.close()

    assert said(console, capsys) == ["epoch 7  loss 0.5  (0.0 s)"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.1, "0.1"), (2.0, "2"), (-3.0, "-3"), (1e9, "1e+09"), (1 / 3, "0.33333"), (float("nan"), "nan")]
    + [(float("-inf"), "-inf"), (-0.0, "0")],
)  # fmt: skip
def test_numbers_are_short(console: Console, capsys: pytest.CaptureFixture[str], value: Any, shown: Any) -> None:
    console.log_batch([record(0, x=value)])
    console.close()

    assert said(console, capsys) == [f"epoch 0  x {shown}  (0.0 s)"]


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(-5, "0.0 s"), (1_240, "1.2 s"), (59_000, "59 s"), (185_000, "3 min 5 s"), (7_620_000, "2 h 7 min")],
)
def test_a_length_of_time_is_said_as_a_person_says_it(milliseconds: int, words: str) -> None:
    assert duration(milliseconds) == words


def test_a_name_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console = managed(name="a\x1b[2Jb")
    console.init()
    console.log_batch([record(0, metrics={"loss\n\x1b[31m": 0.5})])
    console.finish(Status.FINISHED)

    assert said(console, capsys) == [
        "epoch 0  loss\\n\\x1b[31m 0.5  (0.0 s)",
        "a\\x1b[2Jb finished (epoch 0, 0.0 s): /runs/digits",
    ]


@pytest.mark.parametrize("status", list(Status))
def test_the_last_line_says_how_the_run_ended_and_where_it_is(
    console: Console, capsys: pytest.CaptureFixture[str], status: Any
) -> None:
    console.log_batch([record(19, time=3, loss=0.5)])
    console.ended_at = 124_000
    console.finish(status)

    assert said(console, capsys)[-1] == f"digits {status} (epoch 19, 2 min 3 s): /runs/digits"


def test_by_hand_it_prints_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.init()
    console.log(0, {"loss": 0.5})
    console.log(1, cast(Any, {"in": {"loss": 1}}))
    with pytest.warns(match="'note' is not logged"):
        console.log(1, cast(Any, {"note": "x"}))
    console.finish(Status.FINISHED)

    assert [line.split("  (")[0] for line in said(console, capsys)] == [
        "epoch 0  loss 0.5",
        "epoch 1  in/loss 1",
        "run finished (epoch 1, 0.0 s): .",
    ]


@pytest.mark.parametrize(("mode", "marked"), [("min", [0, 2]), ("max", [0, 1])])
def test_the_best_row_so_far_has_a_mark(
    console: Console, capsys: pytest.CaptureFixture[str], mode: Any, marked: Any
) -> None:
    def best(value: float, step: int) -> Best:
        return Best(time=1, name="loss", mode=mode, value=value, axis="epoch", step=step)

    values = [0.5, 0.75, 0.25]
    for step, value in enumerate(values):
        console.log_batch([record(step, loss=value, other=1.0)])
        if step in marked:
            console.log_best(best(value, step))
    console.close()

    lines = said(console, capsys)
    assert [step for step, line in enumerate(lines) if f"loss {values[step]}*" in line] == marked
    assert "".join(lines).count("*") == len(marked)


# Attempts


def test_after_a_resume_no_old_epoch_is_printed_again(capsys: pytest.CaptureFixture[str]) -> None:
    console = managed(attempt=2, time=100)
    console.init()
    console.log_batch([record(step, time=step, loss=0.5) for step in range(12)])
    assert said(console, capsys) == []
    console.log_batch([record(step, time=100 + step, loss=0.5) for step in (12, 13)])

    assert said(console, capsys) == [
        "digits goes on: attempt 2, after epoch 11",
        "epoch 12  loss 0.5  (12 s)",
        "epoch 13  loss 0.5  (1.0 s)",
    ]


def test_a_resumed_run_says_so_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for attempt in range(2):
        with tracking([CONFIG], output_run=tmp_path / "digits", resume=True) as t:
            for epoch in range(2):
                t.log(2 * attempt + epoch, {"loss": 0.5})

    lines = [re.sub(r"[\d.]+ s\b", "T s", line) for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "epoch 0  loss 0.5  (T s)",
        "epoch 1  loss 0.5  (T s)",
        f"digits finished (epoch 1, T s): {tmp_path / 'digits'}",
        "digits goes on: attempt 2, after epoch 1",
        "epoch 2  loss 0.5  (T s)",
        "epoch 3  loss 0.5  (T s)",
        f"digits finished (epoch 3, T s): {tmp_path / 'digits'}",
    ]


def test_a_dead_process_run_that_is_delivered_prints_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = f"""
        import os
        from tracklib import tracking
        with tracking([{{"type": "Console"}}], output_run={str(tmp_path / "run")!r}) as t:
            t.log(0, {{"loss": 0.5}})
            os.kill(os.getpid(), {signal.SIGKILL})
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], stderr=subprocess.DEVNULL)

    outcome = {outcome.tracker: outcome.left for outcome in sync(str(tmp_path / "run")).outcomes}

    assert outcome == {"Console": None, "CsvLogger": None}
    assert capsys.readouterr() == ("", "")


# Streams in trouble


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


class NoTerminal(io.StringIO):
    def isatty(self) -> bool:
        raise ValueError("I/O operation on closed file")


@pytest.mark.parametrize("stream", [None, Broken(), NoTerminal()], ids=lambda stream: type(stream).__name__)
def test_a_stderr_that_is_not_there_or_broken_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: Any
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with tracking([CONFIG], output_run=tmp_path, on_error="raise") as t:
        t.log(0, {"loss": 0.5})


def test_a_stderr_that_is_closed_on_the_way_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with tracking([CONFIG], output_run=tmp_path, on_error="raise") as t:
        t.log(0, {"loss": 0.5})
        assert t.flush(60)
        stream.close()
        t.log(0, {"loss": 0.5})


def test_the_trainings_own_stdout_has_its_own_words_only(tmp_path: Path) -> None:
    script = f"""
        from tracklib import tracking
        with tracking([{{"type": "Console"}}], output_run={str(tmp_path)!r}) as t:
            t.log(0, {{"loss": 0.5}})
            print("mine")
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)

    assert ran.stdout == "mine\n"
    assert len(ran.stderr.splitlines()) == 2


def test_another_rank_prints_nothing(tmp_path: Path) -> None:
    script = f"""
        from tracklib import tracking
        with tracking([{{"type": "Console"}}], output_run={str(tmp_path)!r}, rank=1) as t:
            t.log(0, {{"loss": 0.5}})
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        check=True,
    )

    assert (ran.stdout, ran.stderr) == (b"", b"")


# A terminal


def in_terminal(script: str, folder: Path, columns: int = 100, **environment: str) -> list[str]:
    """What a script writes on a real terminal, line by line."""
    program = folder / "program.py"
    program.write_text(textwrap.dedent(script))
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    unset = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM")
    env = {name: value for name, value in os.environ.items() if name not in unset}
    process = subprocess.Popen(
        [sys.executable, str(program)], stdin=terminal, stdout=terminal, stderr=terminal, cwd=folder,
        env={**env, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    os.close(terminal)
    written = b""
    while chunk := _read(controller):
        written += chunk
    os.close(controller)
    assert process.wait(PATIENT) == 0, written.decode()
    return written.decode().split("\r\n")[:-1]


def _read(controller: int) -> bytes:
    try:
        return os.read(controller, 65536)
    except OSError:  # Linux's word for the end
        return b""


def plain(lines: list[str]) -> list[str]:
    """Without the colours; every other way to steer a terminal would stay."""
    return [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]


RUN = """
    from tracklib import tracking
    with tracking([{"type": "Console"}], output_run="run", quiet=True) as t:
        for epoch in range(3):
            t.log(epoch, {"train/loss": 0.5 / (epoch + 1), "lr": 1e-4})
            t.log(epoch, {"val/accuracy": float("nan") if epoch == 1 else 0.25})
            t.flush()
            print("mine", epoch)
"""


def test_in_a_terminal_the_epochs_are_the_rows_of_a_table(tmp_path: Path) -> None:
    lines = in_terminal(RUN, tmp_path)

    header, *rows, last = [line for line in plain(lines) if not line.startswith("mine")]
    assert header == "   epoch   train/loss           lr  val/accuracy      time"
    assert len({row.index(".") for row in rows}) == 1
    assert [row.split()[:4] for row in rows] == [
        ["0", "0.5000", "0.0001", "0.2500"], ["1", "0.2500", "0.0001", "nan"], ["2", "0.1667", "0.0001", "0.2500"]
    ]  # fmt: skip
    assert {len(row) for row in rows} == {len(header)}
    assert re.fullmatch(rf"run finished \(epoch 2, [\d.]+ s\): {tmp_path}/run", last)
    assert [line for line in lines if line.startswith("mine")] == ["mine 0", "mine 1", "mine 2"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (12.34567, "12.3457"), (1.0, "1"), (0.001, "0.0010"), (0.00123456, "1.235e-03")]
    + [(-1e-6, "-1.000e-06"), (123456.7, "1.235e+05"), (1234567.0, "1234567"), (float("-inf"), "-inf")],
)  # fmt: skip
def test_in_a_table_the_decimal_points_stand_below_each_other_and_no_number_is_cut(value: Any, cell: str) -> None:
    assert _aligned(value).rstrip() == cell.rstrip()
    assert len(_aligned(value)) <= 10


def test_colours_are_all_that_steers_the_terminal(tmp_path: Path) -> None:
    written = "\n".join(in_terminal(RUN, tmp_path))

    assert re.search(r"\x1b\[31m +nan *\x1b\[0m", written)
    assert "\x1b" not in plain([written])[0]
    assert "\r" not in written


def test_a_metric_that_comes_late_has_a_new_header(tmp_path: Path) -> None:
    script = """
        from tracklib import tracking
        with tracking([{"type": "Console"}], output_run="run", quiet=True) as t:
            for epoch in range(3):
                t.log(epoch, {"loss": 0.5, **({"late": 1} if epoch == 1 else {})})
    """
    lines = [line[:34].split() for line in plain(in_terminal(script, tmp_path))[:-1]]

    assert lines[:4] == [
        ["epoch", "loss", "time"],
        ["0", "0.5000", *lines[1][2:]],
        ["epoch", "loss", "late"],
        ["1", "0.5000", "1"],
    ]
    assert lines[4:] == [["2", "0.5000"]]  # the place of the metric that it lacks is empty


def test_a_row_that_is_too_wide_for_the_terminal_is_a_line(tmp_path: Path) -> None:
    first = plain(in_terminal(RUN, tmp_path, columns=40))[0]

    assert re.fullmatch(r"epoch 0  train/loss 0\.5  lr 0\.0001  val/accuracy 0\.25  \([\d.]+ s\)|mine 0", first)


@pytest.mark.parametrize("without", ["rich", "a terminal that can do anything"])
def test_a_terminal_without_rich_or_colours_has_plain_lines(tmp_path: Path, without: str) -> None:
    if without == "rich":
        (tmp_path / "rich.py").write_text("raise ImportError\n")
    environment: dict[str, Any] = {"TERM": "dumb"} if without != "rich" else {}
    lines = in_terminal(RUN, tmp_path, **environment)

    assert "\x1b" not in "".join(lines)
    assert [line[:7] for line in lines if line.startswith("epoch")] == ["epoch 0", "epoch 1", "epoch 2"]


def test_a_bar_of_rich_stays_below(tmp_path: Path) -> None:
    script = """
        from rich.progress import Console, Progress
        from tracklib import tracking
        with Progress(console=Console(stderr=True), auto_refresh=False) as bar:
            with tracking([{"type": "Console"}], output_run="run", quiet=True) as t:
                for epoch in bar.track(range(3), description="bar"):
                    t.log(epoch, {"loss": 0.5})
                    t.flush()
    """
    lines = plain(in_terminal(script, tmp_path))

    rows = [re.split(r"\x1b\[2K", line)[-1].split() for line in lines if " 0.5000 " in line]
    assert [row[:2] for row in rows] == [["0", "0.5000"], ["1", "0.5000"], ["2", "0.5000"]]
    assert "100%" in lines[-1]


@pytest.mark.slow
def test_a_bar_of_tqdm_stays_below(tmp_path: Path) -> None:
    script = """
        from tqdm import tqdm
        from tracklib import tracking
        with tracking([{"type": "Console"}], output_run="run", quiet=True) as t:
            for epoch in tqdm(range(3), mininterval=0, ncols=60):
                t.log(epoch, {"loss": 0.5})
                t.flush()
    """
    lines = plain(in_terminal(script, tmp_path))

    shown = [line.split("\r")[-1] for line in lines]  # what is left of a line at its end
    assert [line.split()[0] for line in shown if "0.5" in line] == ["0", "1", "2"]
    assert [line for line in shown if "%|" in line] == [shown[-2]]  # one bar, left behind when it was done
    assert "100%" in shown[-2]


def test_a_note_is_a_line_of_this_attempt_only(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.log_note(Note(time=console.begin.time - 1, text="of the attempt before"))
    console.log_note(Note(time=console.begin.time, text="lr\nlowered\x1b[31m", step=12))
    console.log_note(Note(time=console.begin.time, text="by itself"))
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith("note")] == [
        "note (epoch 12): lr lowered\\x1b[31m",
        "note: by itself",
    ]
