"""Ranks meet: another rank takes from rank 0's beginning which run this is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kept import records
from patience import PATIENT

from tracklib import RunDirectoryError, tracking
from tracklib._journal import layout
from tracklib._journal.records import Begin
from tracklib._run import launch, meeting
from tracklib._run.launch import LAUNCHES, launch_key
from tracklib._run.rank import Rank

Be = Callable[[int], None]


@pytest.fixture
def be(monkeypatch: pytest.MonkeyPatch) -> Be:
    """This process is that rank of two of one launch."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(meeting, "PATIENCE_RESUMED", 0.0)
    return lambda rank: monkeypatch.setenv("RANK", str(rank))


def test_a_late_rank_sees_the_epochs_that_rank_0_saw(tmp_path: Path, be: Be) -> None:
    be(0)
    with tracking(output_run=tmp_path / "run", resume=True) as t:
        assert list(t.epochs(3)) == [0, 1, 2]
        be(1)
        with tracking(output_run=tmp_path / "run", resume=True) as late:
            assert (list(late.epochs(3)), late.uid) == ([0, 1, 2], t.uid)


def test_after_a_restart_all_ranks_go_on_at_the_same_epoch(tmp_path: Path, be: Be) -> None:
    for begun, count in (([0, 1], 2), ([2, 3], 4)):
        be(0)
        with tracking(output_run=tmp_path / "run", resume=True) as t:
            assert list(t.epochs(count)) == begun
            be(1)
            with tracking(output_run=tmp_path / "run", resume=True) as late:
                assert list(late.epochs(count)) == begun


def test_what_stop_epochs_ended_is_ended_for_all_ranks(tmp_path: Path, be: Be) -> None:
    be(0)
    with tracking(output_run=tmp_path / "run", resume=True) as t:
        for _ in t.epochs(5):
            t.stop_epochs()
    with tracking(output_run=tmp_path / "run", resume=True):
        be(1)
        with tracking(output_run=tmp_path / "run", resume=True) as late:
            assert list(late.epochs(5)) == []


def test_without_output_run_all_ranks_have_the_directory_of_rank_0(
    tmp_path: Path, be: Be, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    be(0)
    with tracking() as t:
        be(1)
        with tracking() as other:
            assert (other.uid, other.directory) == (t.uid, t.directory)
            assert Path(other.output_run).samefile(t.output_run)
    be(0)
    (word,) = (tmp_path / "runs" / layout.LAUNCHES).iterdir()
    os.utime(word.rename(word.with_name("old.json")), (0, 0))
    with tracking():
        assert (tmp_path / "runs" / layout.LAUNCHES / "old.json").exists() is False


def test_a_rank_that_comes_when_rank_0_has_left_has_its_run(
    tmp_path: Path, be: Be, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    be(0)
    with tracking() as t:
        list(t.epochs(2))
    be(1)
    with tracking() as late:
        assert (late.uid, late.directory, list(late.epochs(2))) == (t.uid, t.directory, [0, 1])


def test_what_rank_0_is_refused_is_refused_to_all(tmp_path: Path, be: Be) -> None:
    with tracking(output_run=tmp_path / "run"):
        be(0)
        with pytest.raises(RunDirectoryError, match="belongs to a run that is still going on"):
            with tracking(output_run=tmp_path / "run", environment=False):
                pass
        be(1)
        with pytest.raises(RunDirectoryError, match="rank 0: .* belongs to a run that is still going on"):
            with tracking(output_run=tmp_path / "run"):
                pass
    be(0)
    with tracking(output_run=tmp_path / "run") as t:  # and no longer, once it is not
        be(1)
        with tracking(output_run=tmp_path / "run") as other:
            assert other.uid == t.uid


def test_a_rank_that_meets_nobody_says_what_it_is_to_say_if_it_is_a_run_of_its_own(tmp_path: Path, be: Be) -> None:
    be(1)
    with pytest.warns(match=f"rank 1 finds no run of rank 0 in {tmp_path}/run, and keeps nothing: .* say rank=0"):
        with tracking(output_run=tmp_path / "run") as t:
            t.log(0, {"loss": 0.5})
    assert not (tmp_path / "run").exists()


def test_a_rank_that_meets_nobody_does_not_resume(tmp_path: Path, be: Be) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        list(t.epochs(2))
    be(1)
    with pytest.raises(RunDirectoryError, match="would not count the same epochs"):
        with tracking(output_run=tmp_path / "run", resume=True):
            pass


def test_a_rank_that_says_itself_which_it_is_waits_for_nobody(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", rank=1) as t:
        t.log(0, {"loss": 0.5})


def test_the_run_of_an_earlier_launch_with_the_same_key_is_not_met(tmp_path: Path, be: Be) -> None:
    be(0)
    with tracking(output_run=tmp_path / "run"):
        pass
    long_ago = 1_000_000_000
    os.utime(tmp_path / "run/journal.jsonl", (long_ago, long_ago))
    be(1)
    with pytest.warns(match="finds no run of rank 0"), tracking(output_run=tmp_path / "run"):
        pass


def test_the_run_of_another_launch_is_not_met(tmp_path: Path, be: Be, monkeypatch: pytest.MonkeyPatch) -> None:
    be(0)
    with tracking(output_run=tmp_path / "run"):
        be(1)
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "another")
        with pytest.warns(match="finds no run of rank 0"), tracking(output_run=tmp_path / "run"):
            pass


def test_rank_0_of_a_job_of_one_has_no_launch(tmp_path: Path, be: Be, monkeypatch: pytest.MonkeyPatch) -> None:
    be(0)
    monkeypatch.setenv("WORLD_SIZE", "1")
    with tracking(output_run=tmp_path / "run"):
        pass
    (begin,) = records(tmp_path / "run", Begin)
    assert begin.launch == ""


@pytest.mark.parametrize("names", LAUNCHES, ids=lambda names: names[0])
def test_a_key_is_that_of_the_launcher(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for each in {name for row in LAUNCHES for name in row}:
        monkeypatch.delenv(each, raising=False)
    told = Rank(1, 2, "RANK")
    started = launch_key(told)
    for number, name in enumerate(names):
        monkeypatch.setenv(name, f"a{number}")
    key = launch_key(told)
    assert key == launch_key(None) != started
    assert str(os.getppid()) in started
    for name in names:
        monkeypatch.setenv(name, "other")
        assert launch_key(told) != key
        key = launch_key(told)


def test_who_is_numbered_by_nobody_has_no_key() -> None:
    assert launch_key(Rank(0, None, "")) == launch.launch_key(Rank(0, 1, "RANK")) == ""


SCRIPT = """
    import json, os, sys, time
    from tracklib import tracking
    if os.environ["RANK"] == LATE:
        sys.stdin.readline()
    with tracking(output_run=OUTPUT, resume=RESUME) as t:
        epochs = []
        for epoch in t.epochs(4):
            epochs.append(epoch)
        print(json.dumps([epochs, t.uid, t.directory]), flush=True)
        if os.environ["RANK"] == "0":
            sys.stdin.readline()
"""


@pytest.mark.parametrize(("output", "resume"), [("'run'", "True"), ("None", "False")], ids=["resumed", "without"])
@pytest.mark.parametrize("late", ["0", "1"])
def test_two_processes_of_one_launch_have_one_run(tmp_path: Path, output: str, resume: str, late: str) -> None:
    program = textwrap.dedent(SCRIPT).replace("LATE", repr(late)).replace("OUTPUT", output).replace("RESUME", resume)
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=-1, stdout=-1, text=True, cwd=tmp_path,
            env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "TRACKLIB_ENVIRONMENT": "0"},
        )
        for rank in range(2)
    ]  # fmt: skip
    first, last = (ranks[1], ranks[0]) if late == "0" else (ranks[0], ranks[1])
    told: dict[int, Any] = {}
    if late == "1":
        told[0] = _told(first)
    assert last.stdin is not None
    last.stdin.write("\n")
    last.stdin.flush()
    told.setdefault(0, None)
    told[0] = told[0] or _told(ranks[0])
    told[1] = _told(ranks[1])
    for process in ranks:
        process.communicate("\n", timeout=PATIENT)
    assert told[0] == told[1]
    assert told[0][0] == [0, 1, 2, 3]


def _told(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())
