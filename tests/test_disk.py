"""Disks that are full for real, read-only or deleted: the run goes on, and afterwards every record is there once."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kept import statuses
from mlflow import MlflowClient

from tracklib import RunDirectoryError, Trackers, TrackerWarning, tracking
from tracklib._delivery.sync import sync
from tracklib._journal.reader import Reader
from tracklib._journal.records import Begin, Log
from tracklib._run import ending as words

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of this process and of those that it starts."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr(words, "PATIENCE", 0.2)
    return folder


class SmallDisk:
    """A file system of 256 KiB."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        with (self.path / "filling").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 4096):
                pass

    def free(self) -> None:
        (self.path / "filling").unlink()


def _mounted(path: Path, options: str) -> Iterator[Path]:
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(path)]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a file system of its own takes rights that this process does not have")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    for path in _mounted(tmp_path / "disk", "size=256k"):
        yield SmallDisk(path)


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    yield from _mounted(tmp_path / "disk", "size=256k,ro")


def steps(directory: Path) -> list[int]:
    """The steps in the journal; every line that counts is of this one run."""
    reader = Reader(str(directory / "journal.jsonl"))
    records = [entry.record for entry in reader.records()]
    reader.close()
    assert len({record.uid for record in records if isinstance(record, Begin)}) == 1
    return [record.step for record in records if isinstance(record, Log)]


def in_csv(directory: Path, name: str = "metrics.csv") -> list[int]:
    return [int(step) for step in pd.read_csv(directory / name)["epoch"]]


def mended(directory: Path) -> None:
    assert [outcome.left for outcome in sync(str(directory)).outcomes if outcome.left] == []


def log_many(run: Trackers, first: int, count: int = 50) -> None:
    """Log long records: what a file that is replaced gives back on a full disk does not take them."""
    for step in range(first, first + count):
        run.log(step, {"loss": step / 2} | {f"validation/accuracy/{number}": 0.5 for number in range(20)})


def python(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


# Full ---------------------------------------------------------------------------------------------------


def test_space_that_is_freed_in_the_middle_of_the_run_takes_all_that_waited(
    small_disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    directory = small_disk.path / "run"
    with caplog.at_level(logging.WARNING, "tracklib"), tracking(output_run=directory) as run:
        log_many(run, 0)
        small_disk.fill()
        log_many(run, 50)
        assert caplog.text.count("cannot be written") == 1
        small_disk.free()
        log_many(run, 100)
    assert steps(directory) == in_csv(directory) == list(range(150))
    assert caplog.text.count("cannot be written") == 1
    assert statuses(directory) == ["finished"]


@pytest.mark.parametrize("taken_first", [0, 50], ids=["full from the beginning", "full in the middle"])
def test_what_a_disk_that_stays_full_did_not_take_is_taken_in_by_sync_once(
    small_disk: SmallDisk, temporary: Path, taken_first: int
) -> None:
    directory = small_disk.path / "run"
    if not taken_first:
        small_disk.fill()
    with pytest.warns(TrackerWarning, match="kept in .*/tmp/tracklib-[0-9a-f]{16}.jsonl"):
        with tracking(output_run=directory) as run:
            log_many(run, 0, taken_first)
            small_disk.fill()
            log_many(run, taken_first)
    (spilled,) = temporary.iterdir()
    assert stat.S_IMODE(spilled.stat().st_mode) == 0o600

    small_disk.free()
    for _ in range(2):
        mended(directory)
        assert steps(directory) == in_csv(directory) == list(range(taken_first + 50))
        assert statuses(directory) == ["finished"]
    assert list(temporary.iterdir()) == []


def test_sync_on_a_disk_that_is_still_full_says_so_and_loses_nothing(small_disk: SmallDisk) -> None:
    directory = small_disk.path / "run"
    with pytest.warns(TrackerWarning), tracking(output_run=directory) as run:
        small_disk.fill()
        log_many(run, 0)
    for _ in range(3):
        with pytest.raises(RunDirectoryError, match="No space left on device"):
            sync(str(directory))
    small_disk.free()
    mended(directory)
    assert steps(directory) == in_csv(directory) == list(range(50))


def test_a_run_that_goes_on_where_the_disk_is_still_full_keeps_both_attempts(
    small_disk: SmallDisk, temporary: Path
) -> None:
    directory = small_disk.path / "run"
    with pytest.warns(TrackerWarning), tracking(output_run=directory) as run:
        small_disk.fill()
        log_many(run, 0)
    with pytest.warns(TrackerWarning), tracking(output_run=directory, resume=True) as run:
        log_many(run, 50)
    assert len(list(temporary.iterdir())) == 2
    small_disk.free()
    mended(directory)
    assert steps(directory) == in_csv(directory) == list(range(100))
    assert statuses(directory) == ["finished", "finished"]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("call", ["os.unlink", "os.write"])
@pytest.mark.parametrize("count", [1, 5, 10])
def test_a_sync_that_is_killed_while_it_takes_in_what_was_spilled_doubles_nothing(
    small_disk: SmallDisk, call: str, count: int
) -> None:
    directory = small_disk.path / "run"
    with pytest.warns(TrackerWarning), tracking(output_run=directory) as run:
        small_disk.fill()
        log_many(run, 0)
    small_disk.free()
    script = f"""
        import itertools, os, sys
        from tracklib._delivery.sync import sync
        calls, real = itertools.count(1), {call}
        def dies(*arguments):
            if next(calls) == int(sys.argv[2]):
                os._exit(9)
            return real(*arguments)
        {call} = dies
        sync(sys.argv[1])
    """
    killed = python(script, directory, count)
    assert killed.returncode == (9 if call == "os.write" or count == 1 else 0), killed.stderr
    mended(directory)
    assert steps(directory) == in_csv(directory) == list(range(50))
    assert statuses(directory) == ["finished"]


def test_where_the_folder_for_temporary_files_is_full_too_the_message_says_that_the_records_are_lost(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(small_disk.path))
    with pytest.warns(
        TrackerWarning, match="did not take .* records, and no other place did .*No space left on device.*lost"
    ):
        with tracking(output_run=small_disk.path / "run") as run:
            small_disk.fill()
            log_many(run, 0)


LIMITED = """
    import resource, signal, sys, warnings
    from tracklib import tracking

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with tracking(output_run=sys.argv[1]) as run:
        for step in range(150):
            if step == 80:
                limit(25_000)
            if step == 120 and sys.argv[2] == "lifted":
                limit(resource.RLIM_INFINITY)
            run.log(step, {f"metric/{number}": number / 8 for number in range(10)})
    print("the end")
"""


@pytest.mark.parametrize("ending", ["lifted", "kept"])
def test_a_limit_on_a_files_size_costs_nothing(tmp_path: Path, ending: str) -> None:
    ran = python(LIMITED, tmp_path / "run", ending)
    assert (ran.returncode, ran.stdout) == (0, "the end\n")
    assert ran.stderr.count("cannot be written") == 1
    assert ("TrackerWarning" in ran.stderr) == (ending == "kept")
    mended(tmp_path / "run")
    assert steps(tmp_path / "run") == in_csv(tmp_path / "run") == list(range(150))
    assert statuses(tmp_path / "run") == ["finished"]


# Read-only ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "run"])
def test_a_read_only_disk_is_told_when_the_block_is_entered(read_only_disk: Path, name: str) -> None:
    with pytest.raises(RunDirectoryError, match="Read-only file system.*choose a directory that can be written"):
        with tracking(output_run=read_only_disk / name):
            pytest.fail("it was entered")


WITHOUT_RIGHTS = """
    import os, sys
    import pandas  # before the rights go
    from tracklib import tracking
    from tracklib._delivery.sync import sync

    directory = sys.argv[1]
    sync(sys.argv[2])  # imports what comes late
    if os.geteuid() == 0:
        os.chown(directory, 65534, 65534)
        os.seteuid(65534)
    with tracking(output_run=directory + "/run") as run:
        run.log(0, {"loss": 0.5})
        run.flush(5)
        for name in ("/run/state", "/run"):
            os.chmod(directory + name, 0o500)
        for step in range(1, 20):
            run.log(step, {"loss": 0.5, f"late{step}": 1.0})
        run.flush(0.5)
        if sys.argv[3] == "mended":
            for name in ("/run", "/run/state"):
                os.chmod(directory + name, 0o700)
            run.log(20, {"loss": 0.5})
    print("the end")
"""


@pytest.mark.parametrize("ending", ["mended", "left so"])
def test_a_directory_that_becomes_read_only_in_the_middle_costs_nothing(tmp_path: Path, ending: str) -> None:
    with tracking(output_run=tmp_path / "other"):
        pass
    # pytest's own folders are closed to other users
    with contextlib.ExitStack() as stack:
        folder = Path("/tmp") / f"{os.getpid()}-{ending[0]}-{tmp_path.name}"
        folder.mkdir(mode=0o755)
        stack.callback(shutil.rmtree, folder)
        ran = python(WITHOUT_RIGHTS, folder, tmp_path / "other", ending)
        assert (ran.returncode, ran.stdout) == (0, "the end\n"), ran.stderr
        for name in ("run", "run/state"):
            (folder / name).chmod(0o700)
        mended(folder / "run")
        expected = list(range(21 if ending == "mended" else 20))
        assert steps(folder / "run") == in_csv(folder / "run") == expected
        assert statuses(folder / "run") == ["finished"]


# Deleted ------------------------------------------------------------------------------------------------


def remove(path: Path) -> None:
    """As ``rm -rf`` in another terminal; a directory is moved first, so that nothing is made in it meanwhile."""
    gone = path.with_name("being deleted")
    if not path.exists():  # it was deleted before, and nobody has needed it since
        return
    os.rename(path, gone)
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()


def modes(directory: Path) -> set[tuple[bool, int]]:
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [directory, *directory.rglob("*")]}


@pytest.mark.parametrize(
    ("name", "times"),
    [(".", 1), (".", 3), ("journal.jsonl", 2), ("metrics.csv", 2), ("state", 2), ("journal.lock", 1)],
)
def test_whatever_is_deleted_during_the_run_everything_is_there_at_its_end(
    tmp_path: Path, name: str, times: int
) -> None:
    directory = tmp_path / "run"
    with tracking(output_run=directory) as run:
        for round in range(times):
            log_many(run, 50 * round)
            assert run.flush(10.0)
            run._attempt.journal.sync()  # the second of a delivery's tick
            remove(directory / name if name != "." else directory)
        log_many(run, 50 * times)
        assert run.flush(10.0)
    mended(directory)
    assert steps(directory) == in_csv(directory) == list(range(50 * times + 50))
    assert statuses(directory) == ["finished"]
    assert modes(directory) == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize("content", ["", "mine,yours\n1,2\n", "epoch,loss\n" * 100])
def test_a_csv_that_somebody_replaced_is_written_anew(tmp_path: Path, content: str) -> None:
    directory = tmp_path / "run"
    with tracking(output_run=directory) as run:
        log_many(run, 0)
        assert run.flush(10.0)
        (directory / "metrics.csv").unlink()
        (directory / "metrics.csv").write_text(content)
        log_many(run, 50)
        assert run.flush(10.0)
    assert in_csv(directory) == list(range(100))


ANOTHER = """
    import sys
    from tracklib import tracking
    with tracking(output_run=sys.argv[1]) as run:
        for step in range(7):
            run.log(step, {"other": 1.0})
        assert run.flush(10.0)
        print("in", flush=True)
        sys.stdin.read()
        run.log(7, {"other": 1.0})
"""


def another_run(directory: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(ANOTHER), str(directory)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("other_ends", ["first", "last"])
def test_a_directory_that_was_deleted_and_taken_by_another_run_keeps_both_runs(tmp_path: Path, other_ends: str) -> None:
    directory = tmp_path / "run"
    with contextlib.ExitStack() as stack:
        with pytest.warns(TrackerWarning, match="deliver what is left with") as told:
            with tracking(output_run=directory) as run:
                log_many(run, 0)
                assert run.flush(10.0)
                with run._attempt.journal._sync_lock:  # else the run may be back before the other one begins
                    remove(directory)
                    other = stack.enter_context(another_run(directory))
                    assert other.stdout
                    assert other.stdout.readline() == "in\n"
                log_many(run, 50)
                run._attempt.journal.sync()  # the second of a delivery's tick
                if other_ends == "first":
                    other.communicate()
        other.communicate()
    (restored,) = (directory / "previous").iterdir()
    assert f"tracklib sync {restored}" in str(told[0].message)
    for run_directory, count in ((directory, 8), (restored, 100)):
        assert steps(run_directory) == list(range(count))
        mended(run_directory)
        assert in_csv(run_directory) == list(range(count))
        assert statuses(run_directory) == ["finished"]


# State files --------------------------------------------------------------------------------------------


def _flip(path: Path, others: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path, bytes], Any]] = {
    "flipped": _flip,
    "truncated": lambda path, others: os.truncate(path, 30),
    "empty": lambda path, others: os.truncate(path, 0),
    "missing": lambda path, others: path.unlink(),
    "no JSON": lambda path, others: path.write_text("rubbish"),
    "another run's": lambda path, others: path.write_bytes(others),
}


def test_a_damaged_state_file_neither_loses_nor_doubles_a_record_at_mlflow_or_in_the_csv(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    config = {"type": "Mlflow", "tracking_uri": uri, "experiment_name": "damaged"}
    for name in ("run", "other"):
        with tracking([config], output_run=tmp_path / name) as run:
            log_many(run, 0)
            assert run.flush(60.0)
    client = MlflowClient(uri)
    run_id = run["Mlflow"].state["run_id"]
    directory = tmp_path / "other"

    for damage in DAMAGE.values():
        for file in ("Mlflow.json", "CsvLogger.json", "begin.json"):
            others = (tmp_path / "run/state" / file).read_bytes()
            damage(directory / "state" / file, others)
        mended(directory)
        found = client.search_runs([client.get_run(run_id).info.experiment_id])
        assert len(found) == 2
        history = client.get_metric_history(run_id, "loss")
        assert sorted(metric.step for metric in history) == in_csv(directory) == list(range(50))
        assert client.get_run(run_id).info.status == "FINISHED"
