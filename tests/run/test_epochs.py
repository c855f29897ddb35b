"""t.epochs: counted, shown, and gone on with after a kill."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import io
import logging
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept import logged, records
from patience import PATIENT

from tracklib import LifecycleError, Trackers, TrackerWarning, current, tracked, tracking
from tracklib._journal.records import Epoch, Log
from tracklib._run.epoch_bar import EpochBar


def finished(run: Trackers | Path) -> list[int]:
    return [record.number for record in records(run if isinstance(run, Path) else run.directory, Epoch)]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Trackers]:
    with tracking(output_run=tmp_path / "run") as t:
        yield t


@tracked
def without_epoch() -> dict[str, float]:
    return {"a": 1}


@tracked
def with_epoch(epoch: int | None = None) -> dict[str, float]:
    return {"b": 2}


# Which epoch it is --------------------------------------------------------------------------------


def test_it_counts_from_0_and_says_which_epoch_is_going_on(run: Trackers) -> None:
    before = run.epoch
    assert [(epoch, run.epoch) for epoch in run.epochs(3)] == [(0, 0), (1, 1), (2, 2)]
    assert (before, run.epoch) == (None, None)


def test_tracked_functions_log_at_the_epoch_that_is_going_on(run: Trackers) -> None:
    for _ in run.epochs(2):
        without_epoch()
        without_epoch()
        with_epoch()
    assert [epoch for epoch, _ in logged(run)] == [0, 0, 0, 1, 1, 1]


def test_an_epoch_that_is_given_wins(run: Trackers) -> None:
    for epoch in run.epochs(2):
        with_epoch(epoch + 10)
    assert [epoch for epoch, _ in logged(run)] == [10, 11]


def test_log_takes_the_epoch_that_is_going_on_for_none(run: Trackers) -> None:
    for epoch in run.epochs(2):
        run.log(None, {"a": 1})
        run.log(None, {"b": 1})
        run.log(epoch + 10, {"c": 1})
    assert [epoch for epoch, _ in logged(run)] == [0, 0, 10, 1, 1, 11]


def test_other_axes_count_by_themselves(run: Trackers) -> None:
    for _ in run.epochs(2):
        run.log(None, {"a": 1}, axis="batch")
        run.log(None, {"a": 1}, axis="batch")
    assert [(record.axis, record.step) for record in records(run.directory, Log)] == [("batch", i) for i in range(4)]


def test_each_value_of_a_tracked_generator_is_at_the_epoch(run: Trackers) -> None:
    @tracked
    def batches() -> Iterator[dict[str, float]]:
        yield {"a": 1}
        yield {"a": 2}

    for _ in run.epochs(2):
        list(batches())
    assert [epoch for epoch, _ in logged(run)] == [0, 0, 1, 1]


def test_behind_the_loop_its_last_epoch_counts(run: Trackers) -> None:
    for _ in run.epochs(3):
        without_epoch()
    without_epoch()
    run.log(None, {"b": 1})
    with_epoch()
    assert [epoch for epoch, _ in logged(run)] == [0, 1, 2, 2, 2, 2]
    assert run.epoch is None


def test_behind_a_loop_that_was_left_the_epoch_in_which_it_was_left_counts(run: Trackers) -> None:
    for epoch in run.epochs(3):
        if epoch == 1:
            break
    without_epoch()
    assert [epoch for epoch, _ in logged(run)] == [1]


def test_behind_a_loop_that_had_nothing_to_do_the_last_epoch_of_the_run_counts(tmp_path: Path) -> None:
    for _ in range(2):
        with tracking(output_run=tmp_path / "run", resume=True) as t:
            list(t.epochs(3))
            without_epoch()
    assert [epoch for epoch, _ in logged(t)] == [2, 2]


def test_a_thread_sees_the_epoch_of_the_run(run: Trackers) -> None:
    for _ in run.epochs(2):
        thread = threading.Thread(target=without_epoch)
        thread.start()
        thread.join()
    assert [epoch for epoch, _ in logged(run)] == [0, 1]


def test_nested_runs_have_epochs_of_their_own(run: Trackers, tmp_path: Path) -> None:
    for outer in run.epochs(2):
        with tracking(output_run=tmp_path / f"inner-{outer}") as inner:
            without_epoch()
            for _ in inner.epochs(3):
                without_epoch()
            assert (run.epoch, inner.epoch) == (outer, None)
            assert [epoch for epoch, _ in logged(inner)] == [0, -1, 0, 1, 2]  # early, told anew, and the loop
        assert current() is run
        without_epoch()
    assert [epoch for epoch, _ in logged(run)] == [0, 1]
    assert finished(run) == [0, 1]


# Which epochs are finished ------------------------------------------------------------------------


def test_an_epoch_is_finished_when_the_next_one_is_asked_for(run: Trackers) -> None:
    seen = [finished(run) for _ in run.epochs(3)]
    assert seen == [[], [0], [0, 1]]
    assert finished(run) == [0, 1, 2]


def test_an_epoch_that_was_left_by_break_is_not_finished(run: Trackers) -> None:
    for epoch in run.epochs(5):
        if epoch == 2:
            break
    assert (finished(run), run.epoch) == ([0, 1], None)


def test_an_epoch_that_an_exception_left_is_not_finished(run: Trackers) -> None:
    with pytest.raises(ZeroDivisionError):
        for epoch in run.epochs(5):
            assert epoch / (1 - epoch) == 0
    assert (finished(run), run.epoch) == ([0], None)


def test_a_run_that_ends_inside_the_loop_does_not_stop_it(tmp_path: Path) -> None:
    run = Trackers(output_run=tmp_path / "run")
    run.init()
    seen = []
    for epoch in run.epochs(3):
        seen.append(epoch)
        if epoch == 1:
            run.finish()
    assert seen == [0, 1, 2]
    assert finished(tmp_path / "run") == [0]


# Loop after loop ----------------------------------------------------------------------------------


def test_a_second_loop_counts_on_as_the_count_is_the_runs(run: Trackers) -> None:
    assert list(run.epochs(2)) == [0, 1]
    assert list(run.epochs(5)) == [2, 3, 4]
    assert finished(run) == [0, 1, 2, 3, 4]


def test_a_second_loop_with_nothing_to_do_is_warned_of_at_its_line(run: Trackers) -> None:
    assert list(run.epochs(3)) == [0, 1, 2]
    with pytest.warns(
        TrackerWarning, match=r"epochs\(2\) has nothing to do: .* 3; epochs\(5\) counts 2 more"
    ) as warned:
        assert list(run.epochs(2)) == []
    assert warned[0].filename == __file__


def test_a_loop_behind_break_begins_with_the_epoch_that_was_left(run: Trackers) -> None:
    for epoch in run.epochs(3):
        if epoch == 1:
            break
    assert list(run.epochs(3)) == [1, 2]


def test_a_loop_inside_another_is_refused(run: Trackers) -> None:
    for _ in run.epochs(2):
        with pytest.raises(LifecycleError, match="epoch 0 is going on: leave its loop before another begins"):
            list(run.epochs(2))
        break
    assert list(run.epochs(2)) == [0, 1]


# Bad counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [-1, 1.5, "3", None, [3], float("nan"), 2**64])
def test_what_is_no_count_is_refused(run: Trackers, count: Any) -> None:
    with pytest.raises(ValueError, match="count must be a whole number of epochs from 0 on, as 20; got"):
        run.epochs(count)


@pytest.mark.parametrize("count", [2, 2.0, np.int64(2), np.array(2)])
def test_a_whole_number_of_any_package_is_a_count(run: Trackers, count: Any) -> None:
    assert list(run.epochs(count)) == [0, 1]


def test_no_epochs_are_none(run: Trackers) -> None:
    assert list(run.epochs(0)) == []
    assert list(run.epochs(0)) == []


def test_it_is_refused_before_and_behind_the_run(tmp_path: Path) -> None:
    run = Trackers(output_run=tmp_path / "run")
    with pytest.raises(LifecycleError, match="epochs before init"):
        run.epochs(3)
    run.init()
    run.finish()
    with pytest.raises(LifecycleError, match="epochs after the end of the run"):
        run.epochs(3)


# Going on -----------------------------------------------------------------------------------------


KILLED_IN_EPOCH_3 = """
import os, signal, sys
from tracklib import tracking, tracked
@tracked
def train():
    return {"loss": 1}
with tracking(output_run=sys.argv[1]) as t:
    for epoch in t.epochs(6):
        train()
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The directory of a run that was killed in its epoch 3, of 6."""
    done = subprocess.run([sys.executable, "-c", KILLED_IN_EPOCH_3, tmp_path / "run"], check=False)
    assert done.returncode == -signal.SIGKILL
    return tmp_path / "run"


def test_a_killed_run_goes_on_behind_the_last_epoch_that_was_finished(killed: Path) -> None:
    with tracking(output_run=killed, resume=True) as t:
        seen = []
        for epoch in t.epochs(6):
            without_epoch()
            seen.append(epoch)
        assert seen == [3, 4, 5]
        assert [epoch for epoch, _ in logged(t)] == [0, 1, 2, 3, 3, 4, 5]
    assert finished(killed) == [0, 1, 2, 3, 4, 5]


def test_of_several_attempts_each_goes_on_behind_the_last(killed: Path) -> None:
    for attempt in range(2):
        with tracking(output_run=killed, resume=True) as t:
            for epoch in t.epochs(6):
                if epoch == 4 + attempt:
                    break
    with tracking(output_run=killed, resume=True) as t:
        assert list(t.epochs(6)) == [5]


@pytest.mark.slow
def test_all_ranks_go_on_alike_whoever_begins_first(killed: Path) -> None:
    def other(rank: int) -> contextlib.AbstractContextManager[Trackers]:
        return tracking(output_run=killed, resume=True, rank=rank)

    with other(1) as early, tracking(output_run=killed, resume=True, rank=0) as t, other(2) as late:
        assert list(zip(early.epochs(6), t.epochs(6), late.epochs(6), strict=True)) == [(i, i, i) for i in (3, 4, 5)]


@pytest.mark.slow
def test_a_rank_that_counts_late_counts_as_the_others_did(killed: Path) -> None:
    with tracking(output_run=killed, resume=True, rank=1) as other, tracking(output_run=killed, resume=True) as t:
        assert list(t.epochs(6)) == [3, 4, 5]
        assert list(other.epochs(6)) == [3, 4, 5]


def test_a_run_whose_count_is_reached_has_nothing_left_to_do(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        list(t.epochs(3))
    for rank in (0, 1):
        with tracking(output_run=tmp_path / "run", resume=True, rank=rank) as t:
            assert list(t.epochs(3)) == []
            assert list(t.epochs(0)) == []
    with tracking(output_run=tmp_path / "run", resume=True) as t:
        assert list(t.epochs(2)) == []


def test_a_resumed_run_may_be_given_more_epochs(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        list(t.epochs(2))
    with tracking(output_run=tmp_path / "run", resume=True) as t:
        assert list(t.epochs(4)) == [2, 3]


def test_a_resumed_run_that_never_counted_begins_with_0(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log(7, {"loss": 1})
    with tracking(output_run=tmp_path / "run", resume=True) as t:
        assert list(t.epochs(2)) == [0, 1]


def test_a_run_that_begins_anew_counts_from_0(tmp_path: Path) -> None:
    for _ in range(2):
        with tracking(output_run=tmp_path / "run") as t:
            assert list(t.epochs(2)) == [0, 1]


def test_a_rank_that_cannot_read_what_goes_on_says_so_on_entering(tmp_path: Path) -> None:
    (tmp_path / "run/journal.jsonl").mkdir(parents=True)
    with pytest.raises(OSError, match="cannot be used .Is a directory"):
        with tracking(output_run=tmp_path / "run", resume=True, rank=1):
            pass


def test_other_ranks_keep_nothing(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", rank=1) as t:
        assert [(epoch, t.epoch) for epoch in t.epochs(2)] == [(0, 0), (1, 1)]
        without_epoch()
    assert not (tmp_path / "run").exists()


# The bar ------------------------------------------------------------------------------------------


SHOWING = """
import sys
from tracklib import tracking, tracked
from tracklib._run import epoch_bar as _epochs
_epochs._EVERY = 0.0  # each new metric is drawn
@tracked
def train():
    return {"loss": 1 / 3}
with tracking(output_run=sys.argv[1], name="digits", rank=int(sys.argv[2]), resume=True, quiet=True) as t:
    for epoch in t.epochs(int(sys.argv[3])):
        t.log(epoch, {"batch_loss": epoch + 0.25}, axis="batch")
        t.log(epoch, {"system/cpu": 97}, axis="system")
        train()
"""


def at_a_terminal(*arguments: Any, code: str = SHOWING, with_stdout: bool = False) -> str:
    """What a script shows at a real terminal, of its stderr; each drawing of a bar begins with CR."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))  # lines, columns
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stderr=theirs, stdout=theirs if with_stdout else subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while piece := os.read(ours, 65536):
                shown += piece
        os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


@pytest.mark.slow
def test_a_terminal_shows_a_bar_with_the_newest_metrics(tmp_path: Path) -> None:
    drawn = at_a_terminal(tmp_path / "run", 0, 2).split("\r")

    assert any("digits:   0%" in line and "0/2" in line and "batch_loss=0.25" in line for line in drawn)
    assert any("0/2" in line and "batch_loss=0.25, loss=0.333" in line for line in drawn)
    assert any("digits:  50%" in line and "1/2" in line and "batch_loss=1.25, loss=0.333" in line for line in drawn)
    (last,) = [line for line in drawn if line.strip()][-1:]
    assert "digits: 100%" in last
    assert "2/2" in last
    assert "batch_loss=1.25, loss=0.333" in last
    assert not any("system" in line for line in drawn)


@pytest.mark.slow
def test_a_name_that_would_steer_the_terminal_is_shown_as_it_is_written(tmp_path: Path) -> None:
    code = SHOWING.replace('"digits"', r'"di\x1b[31m"').replace('"batch_loss"', r'"batch\nloss\x1b[2J"')
    shown = at_a_terminal(tmp_path / "run", 0, 1, code=code)
    assert r"batch\nloss\x1b[2J=0.25" in shown
    assert r"di\x1b[31m:   0%" in shown
    assert "\x1b[31m" not in shown
    assert "\x1b[2J" not in shown


@pytest.mark.slow
def test_the_bar_of_a_resumed_run_begins_where_it_goes_on(tmp_path: Path) -> None:
    at_a_terminal(tmp_path / "run", 0, 2)
    drawn = at_a_terminal(tmp_path / "run", 0, 4).split("\r")
    assert not any("0/4" in line or "1/4" in line for line in drawn)
    assert any("2/4" in line for line in drawn)


def test_another_rank_shows_nothing_at_a_terminal(tmp_path: Path) -> None:
    assert at_a_terminal(tmp_path / "run", 1, 2) == ""


def test_a_pipe_shows_nothing_and_needs_no_tqdm(tmp_path: Path) -> None:
    code = SHOWING + "\nassert 'tqdm' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "run", "0", "2"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_a_loop_that_is_left_leaves_the_bar_as_it_is(tmp_path: Path) -> None:
    code = SHOWING + "        break\nprint('behind', file=sys.stderr)"
    *_, bar, behind = at_a_terminal(tmp_path / "run", 0, 2, code=code).replace("\r\n", "\n").strip().split("\n")
    assert "0/2" in bar.split("\r")[-1]
    assert behind == "behind"


def test_a_traceback_begins_on_a_line_of_its_own_and_no_bar_follows_it(tmp_path: Path) -> None:
    code = SHOWING + "        if epoch: raise SystemExit('stopped')\n"
    ours = code.replace("import sys\n", "import sys, atexit, os\natexit.register(lambda: os._exit(0))\n", 1)
    *_, bar, last = at_a_terminal(tmp_path / "run", 0, 3, code=ours).replace("\r\n", "\n").strip().split("\n")
    assert "1/3" in bar.split("\r")[-1]
    assert last == "stopped"


@pytest.mark.slow
def test_ten_metrics_stay_within_the_terminal(tmp_path: Path) -> None:
    many = "t.log(epoch, {f'a_metric_{i}': i / 3 for i in range(10)})"
    shown = at_a_terminal(
        tmp_path / "run", 0, 2, code=SHOWING.replace("train()\n", f"{many}\n").replace("@tracked\ndef ", "def ")
    )
    lines = [line for part in shown.split("\n") for line in part.split("\r")]
    assert max(map(len, lines)) <= 120
    assert any("a_metric_0=0, a_metric_1=0.3333" in line and ", +" in line for line in lines)
    assert all("epoch" in line and "2/2" in line for line in lines if "100%" in line)


def screen_of(shown: str) -> list[str]:
    """The lines that stand on a terminal at the end."""
    lines, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[A|[\r\n]|[^\r\n\x1b]+", shown):
        if piece == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif piece == "\r":
            column = 0
        elif piece == "\x1b[A":
            row -= 1
        else:
            lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + len(piece) :]
            column += len(piece)
    return [line.rstrip() for line in lines if line.strip()]


PRINTING = """
import sys, io, os
from tracklib import tracking
stdout = sys.stdout
with tracking(output_run=sys.argv[1], name="digits", quiet=True) as t:
    for epoch in t.epochs(3):
        t.log(epoch, {"loss": 0.5})
        PRINTS
assert sys.stdout is stdout
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prints", "expected"),
    [
        ("print('epoch', epoch, 'is done')", [f"epoch {epoch} is done" for epoch in range(3)]),
        ("print('first\\nsecond')", ["first", "second"] * 3),
        ("print('x', end=''); t.log(epoch, {'loss': 0.25}); print('y')", ["xy"] * 3),
        ("print('.', end='', flush=True)", ["..."]),
        ("sys.stdout.writelines(['a\\n', 'b\\n'])", ["a", "b"] * 3),
        ("from tqdm import tqdm; tqdm.write('above')", ["above"] * 3),
        ("os.system('true'); sys.stdout.write('hello' + chr(10))", ["hello"] * 3),
    ],
)
def test_what_is_printed_in_the_loop_stands_above_the_bar(tmp_path: Path, prints: str, expected: list[str]) -> None:
    shown = at_a_terminal(tmp_path / "run", code=PRINTING.replace("PRINTS", prints), with_stdout=True)
    *above, bar = screen_of(shown)
    assert above == expected
    assert bar.startswith("digits: 100%")


@pytest.mark.slow
def test_a_bar_within_the_loop_and_what_is_printed_in_it_have_lines_of_their_own(tmp_path: Path) -> None:
    prints = "from tqdm import tqdm; [print('batch', i) for i in tqdm(range(2), leave=False)]"
    shown = at_a_terminal(tmp_path / "run", code=PRINTING.replace("PRINTS", prints), with_stdout=True)
    *above, bar = screen_of(shown)
    assert above == ["batch 0", "batch 1"] * 3
    assert bar.startswith("digits: 100%")


@pytest.mark.slow
def test_a_forked_child_prints_as_if_there_were_no_bar(tmp_path: Path) -> None:
    prints = (
        "import warnings; warnings.simplefilter('ignore')  # Python's own of forks beside threads, from 3.12 on\n"
        "        pid = os.fork(); pid or (print('from the fork', flush=True), os._exit(0)); os.waitpid(pid, 0)"
    )
    shown = at_a_terminal(tmp_path / "run", code=PRINTING.replace("PRINTS", prints), with_stdout=True)
    assert shown.count("from the fork") == 3


@pytest.mark.slow
def test_output_that_is_no_terminal_is_left_alone(tmp_path: Path) -> None:
    code = PRINTING.replace("PRINTS", "assert sys.stdout is stdout")
    at_a_terminal(tmp_path / "run", code=code)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        raise OSError("the terminal is gone")


@pytest.mark.parametrize("stderr", [None, Terminal(), "closed"])
def test_a_terminal_that_is_gone_stops_no_training(run: Trackers, monkeypatch: pytest.MonkeyPatch, stderr: Any) -> None:
    if stderr == "closed":
        stderr = io.StringIO()
        stderr.close()
    monkeypatch.setattr(sys, "stderr", stderr)
    for _ in run.epochs(2):
        without_epoch()
    assert [epoch for epoch, _ in logged(run)] == [0, 1]


def test_new_metrics_are_drawn_ten_times_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    class Bar:
        desc = ""

        def set_postfix_str(self, metrics: str) -> None:
            drawn.append(metrics)

        def update(self) -> None:
            pass

        close = update

    now = 100.0
    monkeypatch.setattr("tracklib._common.clock.steady", lambda: now)
    bar = EpochBar("digits", 0, 3, silent=True)
    bar._bar = Bar()
    for value in range(1000):
        bar.show({"loss": value})
    assert drawn == ["loss=0"]
    now += 0.11
    bar.advance()
    assert drawn[1:] == ["loss=999"]
    bar.show({"loss": 1e-7, "accuracy": 0.123456})
    bar.close()
    assert drawn[2:] == ["loss=1e-07, accuracy=0.1235"]


def test_a_forked_childs_metrics_are_not_drawn(run: Trackers) -> None:
    for _ in run.epochs(1):
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                run.log(0, {"loss": 1})
                os._exit(0 if run._attempt.bar is None else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert run._attempt.bar is not None


@pytest.mark.parametrize("has_widgets", [True, False])
def test_in_a_notebook_the_bar_is_a_widget_where_there_are_any(
    monkeypatch: pytest.MonkeyPatch, has_widgets: bool
) -> None:
    made: list[tuple[str, int]] = []
    notebook: Any = types.ModuleType("tqdm.notebook")
    notebook.tqdm = lambda **options: made.append((options["desc"], options["total"]))
    ipython: Any = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    found = importlib.util.find_spec
    monkeypatch.setitem(sys.modules, "tqdm.notebook", notebook)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: has_widgets if name == "ipywidgets" else found(name))
    stdout = sys.stdout
    bar = EpochBar("digits", 0, 3)
    assert sys.stdout is stdout  # what a notebook shows cannot be stood beside
    bar.close()
    assert made == ([("digits", 3)] if has_widgets else [])


@pytest.mark.slow
def test_a_notebook_shows_the_bar(tmp_path: Path) -> None:
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    code = f"import sys; sys.argv = ['', {str(tmp_path / 'run')!r}, '0', '2']\n{SHOWING}"
    shown = in_a_kernel(code)
    assert "digits" in shown
    assert "2/2" in shown
    assert "loss=0.333" in shown


def in_a_kernel(code: str) -> str:
    """What a real Jupyter kernel shows while it runs ``code``."""
    asked = f"""
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(startup_timeout={2 * PATIENT})
try:
    def show(message):
        content = message["content"]
        sys.stdout.write(str(content.get("text") or content.get("data", "") or content.get("traceback", "")))
    client.execute_interactive({code!r}, output_hook=show, timeout={2 * PATIENT})
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_of_it_is_said_in_the_log(run: Trackers, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "tracklib"):
        list(run.epochs(2))
    assert caplog.messages == []
