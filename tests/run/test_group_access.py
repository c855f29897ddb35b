"""A run's directory that is shared with its group: all that is made in it, by whoever makes it, is the group's too."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from patience import PATIENT
from somebody import as_nobody

import tracklib
from tracklib import RunDirectoryError, tracking

GROUP = 4711
"""The lab's: nobody here is in it but who is made so."""


@pytest.fixture(autouse=True)
def _a_strict_umask_is_no_obstacle() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder that others get to."""
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH and folder.stat().st_uid == os.geteuid():
            folder.chmod(stat.S_IMODE(folder.stat().st_mode) | 0o011)
    return tmp_path


def modes(directory: Path) -> set[tuple[bool, int]]:
    return {(path.is_dir(), stat.S_IMODE(path.lstat().st_mode)) for path in [directory, *directory.rglob("*")]}


READ = {(True, 0o2750), (False, 0o640)}
WRITE = {(True, 0o2770), (False, 0o660)}
PRIVATE = {(True, 0o700), (False, 0o600)}


def train(directory: Path, **options: Any) -> None:
    with tracking(output_run=directory, **{"environment": False} | options) as t:
        t.log(0, {"loss": 0.5})
        t.log_text("notes", "as it was")
        with t.child("fold") as fold:
            fold.log(0, {"loss": 0.5})


@pytest.mark.slow
@pytest.mark.parametrize(("access", "expected"), [("read", READ), ("write", WRITE), (None, PRIVATE)])
def test_all_that_a_run_makes_has_the_mode_that_its_option_says(
    lab: Path, access: str | None, expected: set[tuple[bool, int]]
) -> None:
    for _ in range(2):  # the second one moves the first one into previous/
        train(lab / "run", group_access=access, environment=True)
    assert {path.name for path in (lab / "run").iterdir()} >= {"previous", "children", "artifacts", "state"}
    assert modes(lab / "run") == expected


def test_who_goes_on_with_a_shared_run_need_not_say_it_again(lab: Path) -> None:
    train(lab / "run", group_access="write")
    train(lab / "run", resume=True)
    assert modes(lab / "run") == WRITE


def test_a_run_that_was_its_owners_alone_is_shared_whole(lab: Path) -> None:
    train(lab / "run")
    train(lab / "run", resume=True, group_access="read")
    assert modes(lab / "run") == READ
    train(lab / "run", resume=True, group_access="write")
    assert modes(lab / "run") == WRITE


def test_a_run_in_a_shared_folder_is_its_owners_alone_unless_it_says_so(lab: Path) -> None:
    (lab / "runs").mkdir()
    (lab / "runs").chmod(0o2775)
    train(lab / "runs/mine")
    assert {mode & 0o777 for _, mode in modes(lab / "runs/mine")} == {0o700, 0o600}


def test_a_directory_that_somebody_shared_by_hand_is_taken_as_it_is(lab: Path) -> None:
    (lab / "run").mkdir()
    (lab / "run").chmod(0o2770)
    train(lab / "run")
    assert modes(lab / "run") == WRITE


def test_a_directory_that_others_may_read_does_not_open_what_is_in_it(lab: Path) -> None:
    (lab / "run").mkdir()
    (lab / "run").chmod(0o755)
    train(lab / "run")
    assert modes(lab / "run") == PRIVATE | {(True, 0o755)}


def test_the_folders_above_that_are_made_let_the_group_through(lab: Path) -> None:
    train(lab / "runs/digits/first", group_access="read")
    train(lab / "runs/digits/second")
    assert [stat.S_IMODE((lab / name).stat().st_mode) for name in ("runs", "runs/digits")] == [0o2750, 0o2750]
    assert modes(lab / "runs/digits/first") == READ
    assert {mode & 0o777 for _, mode in modes(lab / "runs/digits/second")} == {0o700, 0o600}


def test_a_folder_above_that_keeps_the_group_out_is_named_once(lab: Path, caplog: pytest.LogCaptureFixture) -> None:
    (lab / "home").mkdir(mode=0o700)
    train(lab / "home/run", group_access="read")
    (message,) = caplog.messages
    assert message.endswith(f"{lab / 'home'} lets in its owner alone: chmod g+x {lab / 'home'}")


def test_another_word_than_these_is_refused() -> None:
    with pytest.raises(ValueError, match="group_access must be 'read', 'write' or None, got 'all'"):
        tracking(group_access="all")  # type: ignore[arg-type]  # that is the mistake


def test_a_file_system_that_keeps_no_such_mode_is_told(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "chmod", lambda *args, **options: None)
    with pytest.raises(RunDirectoryError, match="cannot be shared with its group"):
        train(lab / "run", group_access="read")


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


@pytest.fixture
def groups_folder(lab: Path) -> Path:
    os.chown(lab, -1, GROUP)
    lab.chmod(0o2775)
    return lab


@root_only
def test_a_colleague_reads_a_shared_run_live_and_ended_and_no_other(groups_folder: Path) -> None:
    def ask(name: str) -> str:
        run = tracklib.load(groups_folder / name)
        return f"{run.status} {len(run.metrics['loss'].values)}"

    with tracking(output_run=groups_folder / "run", group_access="read") as t:
        t.log(0, {"loss": 0.5})
        assert as_nobody(lambda: ask("run"), (GROUP,)) == "running 1"
    assert as_nobody(lambda: ask("run"), (GROUP,)) == "finished 1"
    assert "Permission denied" in as_nobody(lambda: ask("run"))
    train(groups_folder / "other")
    assert "Permission denied" in as_nobody(lambda: ask("other"), (GROUP,))


@root_only
def test_a_colleague_goes_on_with_a_run_and_its_owner_after_him(groups_folder: Path) -> None:
    train(groups_folder / "run", group_access="write")

    def go_on() -> str:
        train(groups_folder / "run", resume=True)
        return "done"

    assert as_nobody(go_on, (GROUP,)) == "done"
    train(groups_folder / "run", resume=True)
    run = tracklib.load(groups_folder / "run")
    assert [attempt.status for attempt in run.attempts] == ["finished"] * 3
    assert run.metrics["loss"].values.tolist() == [0.5, 0.5, 0.5]
    assert modes(groups_folder / "run") == WRITE
    assert {path.stat().st_gid for path in (groups_folder / "run").rglob("*")} == {GROUP}


@root_only
def test_a_colleague_may_not_go_on_with_a_run_that_he_may_read(groups_folder: Path) -> None:
    train(groups_folder / "run", group_access="read")

    def go_on() -> str:
        train(groups_folder / "run", resume=True)
        return "done"

    assert "cannot be used (Permission denied)" in as_nobody(go_on, (GROUP,))


@pytest.mark.slow
def test_what_the_companion_and_sync_write_is_shared_too(lab: Path) -> None:
    run_bare(
        lab,
        """
        import os
        from tracklib import tracking
        os.umask(0o077)
        with tracking([{"type": "Wandb", "mode": "offline"}], output_run="run", group_access="write") as t:
            t.log(0, {"loss": 0.5})
            t.flush()
            os._exit(1)
        """,
        code=1,
    )
    sync = [sys.executable, "-m", "tracklib", "sync", str(lab / "run")]
    subprocess.run(sync, umask=0o077, capture_output=True, timeout=PATIENT, check=True)
    ours = [path for path in (lab / "run").rglob("*") if lab / "run/wandb" not in path.parents]
    assert (lab / "run/state/Wandb.json") in ours
    assert {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in ours} == WRITE
