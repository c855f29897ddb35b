"""The run's directory: made, owned, and an earlier run in it moved aside, whole."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import Scripted

from tracklib import BaseTracker, RunDirectoryError, Trackers, TrackerWarning, tracking
from tracklib._journal import layout
from tracklib._journal.directory import default_directory, owned, runs_under, set_aside


def finished_run(directory: Path, loss: float = 0.5) -> str:
    """A whole run with an artifact and a refused record; its uid."""
    run = Trackers([Scripted(script={"log": [ValueError("bad")]})], directory)
    run.init()
    run.log(1, {"loss": loss})
    run.log_artifact(__file__, name="notes.txt")
    with pytest.warns(TrackerWarning, match="Scripted refused 1 record"):
        run.finish()
    return run.uid


def test_the_directory_is_made_with_its_parents_for_the_owner_only(tmp_path: Path) -> None:
    with owned(str(tmp_path / "a/b")):
        assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700


def test_a_second_owner_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    with owned(str(tmp_path)):
        with pytest.raises(RunDirectoryError, match="still going on"), owned(str(tmp_path)):
            pass
    with owned(str(tmp_path)):
        pass


def test_an_owner_in_another_process_is_refused_too(tmp_path: Path) -> None:
    script = f"from tracklib._journal.directory import owned\nwith owned({str(tmp_path)!r}): print('owned')"
    with owned(str(tmp_path)):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "RunDirectoryError" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("a file"),
        lambda path: os.symlink("/dev/null/x", path),
        lambda path: (path.mkdir(), (path / "journal.lock").symlink_to(path / "x")),
        lambda path: (path / "journal.jsonl").mkdir(parents=True),
        lambda path: (path.mkdir(), (path / "journal.jsonl").write_text("x\n"), (path / "previous").write_text("")),
    ],
    ids=["a file", "a broken link", "its lock is a link", "its journal is a folder", "previous is a file"],
)
def test_what_cannot_be_a_runs_directory_is_told_with_what_to_do(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "run")
    run = Trackers(output_run=tmp_path / "run")
    with pytest.raises(RunDirectoryError, match="cannot be used .*choose a directory that can be written"):
        run.init()
    assert run.is_init is False


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission_is_told_with_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunDirectoryError, match="Permission denied.*mend its permissions"):
        Trackers(output_run=tmp_path / "run").init()


def test_an_error_of_the_disk_while_it_is_owned_is_told_in_the_same_words(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="cannot be used .Input/output error.*choose a directory") as caught:
        with owned(str(tmp_path)):
            raise OSError(errno.EIO, "Input/output error")
    assert isinstance(caught.value.__cause__, OSError)


def test_a_disk_that_fails_while_the_trackers_are_made_is_told_and_stops_no_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_more(path: str, flags: int, *mode: int) -> int:
        if flags & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, flags, *mode)

    real = os.open
    with monkeypatch.context() as disk:
        disk.setattr(os, "open", no_more)
        with pytest.raises(RunDirectoryError, match="Too many open files"):
            Trackers(output_run=tmp_path).init()
    with Trackers(output_run=tmp_path) as run:
        run.log(1, {"loss": 0.5})
    assert (tmp_path / "metrics.csv").read_text() == "epoch,loss\n1,0.5\n"


def test_an_ended_run_is_moved_aside_whole(tmp_path: Path) -> None:
    uid = finished_run(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in ("journal.jsonl", "metrics.csv", "rejected.jsonl")}
    with Trackers(output_run=tmp_path) as run:
        run.log(1, {"loss": 0.1})
    old = tmp_path / "previous" / uid
    assert {name: (old / name).read_bytes() for name in before} == before
    assert (old / "artifacts/notes.txt").exists()
    assert json.loads((old / "state/Scripted.json").read_text())["rejected"] == 1
    assert (tmp_path / "metrics.csv").read_text() == "epoch,loss\n1,0.1\n"
    assert sorted(os.listdir(tmp_path)) == ["journal.jsonl", "journal.lock", "metrics.csv", "previous", "state"]


def test_every_earlier_run_is_kept(tmp_path: Path) -> None:
    uids = [finished_run(tmp_path, loss) for loss in (0.1, 0.2, 0.3)]
    assert sorted(os.listdir(tmp_path / "previous")) == sorted(uids[:2])


def test_files_that_are_no_part_of_the_run_stay(tmp_path: Path) -> None:
    finished_run(tmp_path)
    (tmp_path / "train.py").write_text("mine")
    set_aside(str(tmp_path))
    assert (tmp_path / "train.py").read_text() == "mine"


def test_a_directory_without_a_run_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    set_aside(str(tmp_path))
    assert os.listdir(tmp_path) == ["artifacts"]


def test_of_the_folders_below_one_those_with_a_journal_that_says_something_are_runs(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "b") as t, t.child("c"):
        pass
    for name in ("a", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "empty/journal.jsonl").touch()
    assert [os.path.relpath(found, tmp_path) for found in runs_under(str(tmp_path))] == ["b", "b/children/c"]


def test_a_journal_that_cannot_be_read_is_kept_too(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("rubbish\n")
    set_aside(str(tmp_path))
    (kept,) = (tmp_path / "previous").iterdir()
    assert kept.name.startswith("unreadable-")
    assert (kept / "journal.jsonl").read_text() == "rubbish\n"


def test_a_move_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    uid = finished_run(tmp_path)
    old = tmp_path / "previous" / uid
    old.mkdir(parents=True)
    os.rename(tmp_path / "state", old / "state")
    set_aside(str(tmp_path))
    assert sorted(os.listdir(old)) == ["artifacts", "journal.jsonl", "metrics.csv", "rejected.jsonl", "state"]


def test_what_came_again_since_a_move_was_interrupted_keeps_no_run_from_its_place(tmp_path: Path) -> None:
    uid = finished_run(tmp_path)
    old = tmp_path / "previous" / uid
    old.mkdir(parents=True)
    os.rename(tmp_path / "state", old / "state")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/summary").write_text("newer")
    aside = Path(set_aside(str(tmp_path)))
    assert sorted(os.listdir(aside)) == ["artifacts", "journal.jsonl", "metrics.csv", "rejected.jsonl", "state"]
    assert (aside / "state/summary").read_text() == "newer"
    assert (aside / "state/begin.json").exists()  # it was brought back
    assert os.listdir(old / "state") == ["summary"]  # nothing is deleted


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("digits", "-digits"),
        ("a/../b c:d", "-a-..-b-c-d"),
        ("..", "-unnamed"),
        (None, "-abcdef"),
        ("x" * 500, "-" + "x" * 80),
    ],
)
def test_a_default_directory_is_named_after_the_run_and_stays_under_runs(name: str | None, ending: str) -> None:
    path = default_directory(name, "abcdef0123456789")
    assert path.endswith(ending)
    assert os.path.dirname(path) == "runs"


def test_two_runs_of_one_name_within_a_second_do_not_share_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda form: "20260101-000000")
    for _ in range(2):
        with Trackers(name="fold"):
            pass
    assert len(os.listdir(tmp_path / "runs")) == 2
    assert not list(tmp_path.rglob("previous"))


# Nothing is written elsewhere


@pytest.mark.parametrize("name", "state artifacts children previous wandb tensorboard journal.lock".split())
def test_a_link_in_place_of_the_runs_own_is_refused_and_nothing_is_written_where_it_leads(
    name: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = tmp_path / "run"
    run.mkdir()
    (run / name).symlink_to(elsewhere if "." not in name else elsewhere / "file")
    with pytest.raises(RunDirectoryError, match="symbolic link"):
        Trackers(output_run=run).init()
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_place_of_a_childs_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run/children").mkdir(parents=True)
    (tmp_path / "run/children/fold").symlink_to(tmp_path / "elsewhere")
    with tracking(output_run=tmp_path / "run") as run:
        with pytest.raises(RunDirectoryError, match="children/fold is a symbolic link"):
            run.child("fold")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_in_place_of_an_earlier_runs_directory_is_passed_by(tmp_path: Path) -> None:
    uid = finished_run(tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run/previous").mkdir()
    (tmp_path / "run/previous" / uid).symlink_to(tmp_path / "elsewhere")
    set_aside(str(tmp_path / "run"))
    assert (tmp_path / "run/previous" / f"{uid}-2" / "journal.jsonl").exists()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_lies_where_a_link_to_an_earlier_run_leads_is_not_taken_for_the_runs_own(tmp_path: Path) -> None:
    uid = finished_run(tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mine").write_text("mine")
    (tmp_path / "run/previous").mkdir()
    (tmp_path / "run/previous" / uid).symlink_to(tmp_path / "elsewhere")
    with tracking(output_run=tmp_path / "run", resume=True):
        pass
    assert (tmp_path / "elsewhere/mine").read_text() == "mine"


@pytest.mark.parametrize("name", [*layout.OWN, "State", "../out", "a/b", "", "."])
def test_a_tracker_that_calls_its_file_as_the_runs_own_is_refused_and_nothing_is_moved(
    name: str, tmp_path: Path
) -> None:
    finished_run(tmp_path / "run")
    before = sorted(map(str, (tmp_path / "run").rglob("*")))
    with pytest.raises(RunDirectoryError, match="among its files"):
        set_aside(str(tmp_path / "run"), [name])
    assert sorted(map(str, (tmp_path / "run").rglob("*"))) == before


def test_a_link_in_place_of_the_journal_is_moved_aside_as_an_earlier_run(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("kept")
    run = tmp_path / "run"
    run.mkdir()
    (run / "journal.jsonl").symlink_to(elsewhere)
    trackers = Trackers(output_run=run)
    trackers.init()
    trackers.log(0, {"loss": 0.5})
    trackers.finish()
    assert elsewhere.read_text() == "kept"
    assert (run / "metrics.csv").read_text() == "epoch,loss\n0,0.5\n"


@pytest.mark.parametrize("name", ["rejected.jsonl", "metrics.csv"])
def test_a_link_in_place_of_a_file_keeps_its_target(name: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kept")
    run = tmp_path / "run"
    run.mkdir()
    (run / name).symlink_to(secret)
    trackers = Trackers([Refusing()], output_run=run)
    trackers.init()
    trackers.log(0, {"loss": 0.5})
    with pytest.warns(TrackerWarning, match="refused 1 record"):
        trackers.finish()
    assert secret.read_text() == "kept"


class Refusing(BaseTracker):
    def init(self) -> None:
        pass

    def log(self, epoch: Any, log_dict: Any) -> None:
        raise ValueError("never")


def test_the_copy_of_an_artifact_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner/file").write_text("x")
    (folder / "program").write_text("x")
    (folder / "program").chmod(0o755)
    (folder / "inner").chmod(0o777)
    with tracking(output_run=tmp_path / "run") as run:
        run.log_artifact(folder)
        run.log_artifact(folder / "inner/file")
    artifacts = tmp_path / "run/artifacts"
    modes = {str(path.relative_to(artifacts)): path.stat().st_mode & 0o777 for path in artifacts.rglob("*")}
    assert modes == {
        "folder": 0o700,
        "folder/inner": 0o700,
        "folder/inner/file": 0o600,
        "folder/program": 0o700,
        "file": 0o600,
    }
