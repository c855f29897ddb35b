"""How a run stands, asked from outside: while its process writes, after it died, resumed, damaged, read-only, of
another user. Never a write, never a lock."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from patience import PATIENT
from somebody import as_nobody

import tracklib
from tracklib import RunDirectoryError, Trackers, tracking
from tracklib._journal.lines import line_of
from tracklib._journal.lock import Holding, holding
from tracklib.cli.commands import main
from tracklib.reading import Run


class Writer:
    """A run in a process of its own: it logs the numbers that it is told."""

    SCRIPT = """
        import sys
        from tracklib import tracking

        with tracking(output_run=sys.argv[1], resume="resume" in sys.argv) as t:
            print("begun", flush=True)
            for line in sys.stdin:
                t.log(int(line), {"loss": 1 / (1 + int(line))})
                print("logged", flush=True)
    """

    def __init__(self, directory: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(self.SCRIPT), directory, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect("begun")

    def _expect(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == word

    def log(self, step: int) -> None:
        assert self.process.stdin is not None
        print(step, file=self.process.stdin, flush=True)
        self._expect("logged")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENT)

    def finish(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(PATIENT)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Callable[..., Writer]]:
    with contextlib.ExitStack() as stack:

        def begin(*options: str) -> Writer:
            writer = Writer(tmp_path / "run", *options)
            stack.enter_context(writer.process)
            stack.callback(writer.kill)
            return writer

        yield begin


def inside(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_live_run_is_running_and_shows_what_it_has_logged(writer: Callable[..., Writer], tmp_path: Path) -> None:
    live = writer()
    live.log(0)
    run = tracklib.load(tmp_path / "run")
    assert (run.status, run.is_live, run.ended) == ("running", True, None)
    assert run.last["loss"].step == 0

    live.log(1)

    assert run.refresh().last["loss"].step == 1
    assert run.metrics["loss"].steps.tolist() == [0, 1]
    with pytest.raises(RunDirectoryError, match="still going on"):
        Trackers(output_run=tmp_path / "run").init()
    live.finish()
    assert run.refresh().status == "finished"


def test_a_killed_run_is_killed_at_once(writer: Callable[..., Writer], tmp_path: Path) -> None:
    live = writer()
    live.log(0)
    run = tracklib.load(tmp_path / "run")

    live.process.send_signal(signal.SIGKILL)
    live.process.wait(PATIENT)

    before = inside(tmp_path)
    assert run.refresh().status == "killed"
    assert run.ended is not None
    assert run.metrics["loss"].values.tolist() == [1.0]
    assert inside(tmp_path) == before


@pytest.mark.slow
def test_a_resumed_run_has_all_its_attempts(writer: Callable[..., Writer], tmp_path: Path) -> None:
    first = writer()
    first.log(0)
    first.kill()
    second = writer("resume")
    second.log(1)
    run = tracklib.load(tmp_path / "run")

    assert [attempt.status for attempt in run.attempts] == ["killed", "running"]
    assert run.metrics["loss"].steps.tolist() == [0, 1]
    second.finish()
    assert [attempt.status for attempt in run.refresh().attempts] == ["killed", "finished"]
    assert run.took <= sum(attempt.took for attempt in run.attempts) + 1e-9


def test_a_reader_in_the_runs_own_process_takes_no_lock_from_it(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        os.symlink(tmp_path / "run", tmp_path / "link")
        assert tracklib.load(tmp_path / "link").status == "running"
        assert holding(str(tmp_path / "run")) is Holding.HELD
        asked = "import sys, tracklib; print(tracklib.load(sys.argv[1]).status)"
        done = subprocess.run([sys.executable, "-c", asked, tmp_path / "run"], capture_output=True, text=True)
        assert done.stdout.strip() == "running", done.stderr


def test_a_forked_child_sees_its_parents_run_running(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        child = os.fork()
        if child == 0:
            os._exit(0 if tracklib.load(tmp_path / "run").status == "running" else 1)
        assert os.waitpid(child, 0)[1] == 0


def finished(directory: Path, logs: int = 20) -> Path:
    with tracking(output_run=directory) as t:
        for step in range(logs):
            t.log(step, {"loss": float(step)})
    return directory


def test_a_journal_that_was_cut_is_read_up_to_the_cut(tmp_path: Path) -> None:
    directory = finished(tmp_path / "run")
    journal = directory / "journal.jsonl"
    os.truncate(journal, journal.stat().st_size // 2)

    run = tracklib.load(directory)

    assert run.status == "killed"
    assert 0 < run.series["epoch", "loss"].count < 20
    assert run.series["epoch", "loss"].count == len(run.metrics["loss"])


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_called_a_journal_and_is_no_file_is_passed_over(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "odd").mkdir()
    make(tmp_path / "odd/journal.jsonl")
    finished(tmp_path / "run")

    runs = tracklib.runs(tmp_path)

    assert [run.name for run in runs] == ["run"]
    assert list(runs.unreadable) == [str(tmp_path / "odd")]
    assert "its journal.jsonl is no file" in runs.unreadable[str(tmp_path / "odd")]


def test_an_empty_journal_is_no_run_yet(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").touch()
    with pytest.raises(RunDirectoryError, match=r"nothing in journal.jsonl or in state/ says how it began"):
        tracklib.load(tmp_path)


def test_a_newer_tracklibs_run_is_refused_with_what_to_do(tmp_path: Path) -> None:
    directory = finished(tmp_path / "run")
    journal = directory / "journal.jsonl"
    first, *others = journal.read_bytes().splitlines(keepends=True)
    newer = line_of(b"{" + first[18:].rstrip().replace(b'"format":1', b'"format":2'))
    journal.write_bytes(newer + b"".join(others))
    (directory / "state/summary").unlink()
    with pytest.raises(
        RunDirectoryError, match="written by a newer tracklib .format 2.; this one reads up to 1: upgrade"
    ):
        tracklib.load(directory)


def test_damaged_lines_are_counted_and_the_others_are_read(tmp_path: Path) -> None:
    directory = finished(tmp_path / "run")
    journal = directory / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b"loss", b"lass")
    journal.write_bytes(b"".join(lines))

    whole = tracklib.load(directory, whole=True)

    assert (whole.damaged, whole.status, len(whole.metrics)) == (1, "finished", 19)


def test_a_damaged_first_line_is_told_by_its_second_copy(tmp_path: Path) -> None:
    directory = finished(tmp_path / "run")
    journal = directory / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"x" + b"".join(lines))

    run = tracklib.load(directory)

    assert (run.damaged, run.name, run.status) == (1, "run", "finished")


def let_all_read(directory: Path, folder: int, file: int) -> None:
    for path in [directory, *directory.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):  # a run that goes on has replaced it
            path.chmod(folder if path.is_dir() else file)
    for parent in directory.parents:
        with contextlib.suppress(OSError):
            parent.chmod(parent.stat().st_mode | 0o055)


def test_a_run_that_nobody_may_write_into_is_read_and_stays_as_it_is(tmp_path: Path) -> None:
    directory = finished(tmp_path / "run")
    (directory / "state/summary").unlink()
    let_all_read(directory, 0o555, 0o444)
    before = inside(directory)

    def ask() -> str:
        run = tracklib.load(directory)
        return f"{run.status} {run.last['loss'].value} {len(run.metrics)} {run.curve('loss').count}"

    assert as_nobody(ask) == "finished 19.0 20 20"
    assert inside(directory) == before
    let_all_read(directory, 0o755, 0o644)


def test_another_users_run_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    directory = finished(tmp_path / "runs/theirs")
    let_all_read(directory, 0o755, 0o644)
    (directory / "journal.jsonl").chmod(0o000)

    def ask() -> str:
        runs = tracklib.runs(tmp_path / "runs")
        return f"{len(runs)} {runs.unreadable[str(directory)]}"

    assert as_nobody(ask) == (
        f"0 the run in {directory} cannot be read (Permission denied): ask its owner, or root, for the permission"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_a_live_run_of_another_users_whose_lock_may_not_be_read_is_perhaps_running(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log(0, {"loss": 1.0})
        let_all_read(tmp_path / "run", 0o755, 0o644)
        (tmp_path / "run/journal.lock").chmod(0o000)

        assert as_nobody(lambda: Run(tmp_path / "run").status) == "running?"


def test_readers_beside_a_writer_never_see_a_wrong_number(tmp_path: Path) -> None:
    wrong: list[str] = []
    over = threading.Event()

    def read() -> None:
        seen = 0
        while not over.is_set():
            run = tracklib.load(tmp_path / "run")
            known = run.series.get(("epoch", "loss"))
            if known and (
                known.count < seen or known.last.value != known.count - 1 or known.max.step != known.count - 1
            ):
                wrong.append(repr(known))
            seen = known.count if known else 0

    with tracking(output_run=tmp_path / "run") as t:
        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for step in range(3000):
            t.log(step, {"loss": float(step)})
        over.set()
        for reader in readers:
            reader.join()
    assert wrong == []


KILLED = """
import os, sys
from tracklib import tracking
with tracking(output_run=sys.argv[1]) as t:
    t.log(0, {"loss": 1})
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A mount that nobody can write to, of a finished run, one without a summary, and one that was killed."""
    runs, mounted = tmp_path / "runs", tmp_path / "mounted"
    mounted.mkdir()
    for name in ("finished", "bare"):
        with tracking(output_run=runs / name) as t:
            t.log(0, {"loss": 0.5})
    for file in (runs / "bare/state").iterdir():
        file.unlink()
    subprocess.run([sys.executable, "-c", KILLED, runs / "killed"], timeout=60)
    if subprocess.run(["mount", "--bind", runs, mounted], stderr=-1).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", mounted], check=True)
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", mounted], check=True)


def test_runs_on_a_read_only_file_system_are_read(read_only: Path) -> None:
    runs = tracklib.runs(read_only)

    assert {run.name: run.status for run in runs} == {"bare": "finished", "finished": "finished", "killed": "killed"}
    assert [run.metrics["loss"].values.tolist() for run in runs] == [[0.5], [0.5], [1.0]]
    assert [run.curve("loss").means.tolist() for run in runs] == [[0.5], [0.5], [1.0]]
    with pytest.raises(OSError, match="Read-only"):
        runs.report(read_only / "report.html")


def test_a_folder_that_may_not_be_looked_into_is_told_of_beside_the_runs_that_may(tmp_path: Path) -> None:
    finished(tmp_path / "runs/mine")
    finished(tmp_path / "runs/theirs")
    let_all_read(tmp_path / "runs", 0o755, 0o644)
    (tmp_path / "runs/theirs").chmod(0o000)

    def ask() -> str:
        runs = tracklib.runs(tmp_path / "runs")
        return f"{[run.name for run in runs]} {[*runs.unreadable]}"

    assert as_nobody(ask) == f"['mine'] {[str(tmp_path / 'runs/theirs')]}"
    (tmp_path / "runs/theirs").chmod(0o700)


def test_what_the_summary_knows_and_a_spoiled_line_no_longer_says_is_not_there(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", environment=False, best={"loss": "min"}) as t:
        t.log_histogram(0, {"weights": [1.0, 2.0]})
        t.log(0, {"loss": 1.0})
    journal = tmp_path / "run/journal.jsonl"
    for kind in (b'"histogram"', b'"log"'):
        journal.write_bytes(journal.read_bytes().replace(b'"type":' + kind, b'"type":' + kind.upper()))

    assert tracklib.load(tmp_path / "run").histograms == {}
    said = [["show"], ["show", "--json"], ["plot"], ["watch"], ["report", "-o", str(tmp_path / "page.html")]]
    for words in said * 2:
        done = CliRunner().invoke(main, [words[0], str(tmp_path / "run"), *words[1:]])
        assert isinstance(done.exception, SystemExit | None), words
        if words == said[-1]:  # then of the metric its best value alone is there
            (tmp_path / "run/state/summary").unlink(missing_ok=True)
