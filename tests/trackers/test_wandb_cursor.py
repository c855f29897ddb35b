"""An offline W&B run's file is the cursor: whatever dies, each row is written once."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wandb
from wandb_file import WandbFile

from tracklib import LifecycleError, Log, Status, TrackerLost, TrackerUnavailable, TrackerWarning, Wandb
from tracklib._delivery.sync import sync
from tracklib._journal.records import Begin, Best
from tracklib.trackers._wandb_core import core_pid, is_core
from tracklib.trackers._wandb_file import Held, held_by


def rows(*ordinals: int) -> list[Log]:
    return [Log(time=1_000 + n, axis="epoch", step=n, metrics={"loss": n / 3}, ordinal=n) for n in ordinals]


@pytest.fixture
def tracker(tmp_path: Path) -> Callable[[], Wandb]:
    """Attempts at one run: each call is a tracker of the next one."""
    begin = Begin(format=1, uid=uuid.uuid4().hex, attempt=1, name="n", pid=1, host="h", configs=[], time=0)

    def next_attempt() -> Wandb:
        made = Wandb(mode="offline", project="p", output_run=str(tmp_path))
        made.begin = begin
        return made

    return next_attempt


def files(folder: Path) -> list[str]:
    return sorted(map(str, folder.glob("wandb/offline-run-*/*.wandb")))


def steps(folder: Path) -> list[int]:
    """The steps of the rows of all files, in the files' order."""
    return [row["_step"] for file in files(folder) if os.path.getsize(file) for row in WandbFile(file).rows]


def test_a_file_tells_its_next_step_and_its_exit(tracker: Any, tmp_path: Path) -> None:
    run = tracker()
    run.init()
    run.log_batch(rows(0, 1, 5))
    run.finish(Status.FINISHED)
    (file,) = files(tmp_path)
    assert held_by(file) == Held(next_step=6, has_exit=True)


@pytest.mark.slow
def test_a_file_that_was_cut_off_anywhere_tells_the_rows_before(tracker: Any, tmp_path: Path) -> None:
    run = tracker()
    run.init()
    run.log_batch(rows(*range(20)))
    run.finish(Status.FINISHED)
    (file,) = files(tmp_path)
    content = Path(file).read_bytes()
    cut = tmp_path / "cut.wandb"
    told = []
    for length in range(0, len(content), 13):
        cut.write_bytes(content[:length])
        told.append(held_by(str(cut)).next_step)
        if content[:length].startswith(b":W&B"):
            assert told[-1] == len(WandbFile(cut).rows)
    assert told == sorted(told)
    assert {0, 1, 10, 20} <= set(told)


@pytest.mark.slow
def test_a_long_files_end_tells_what_the_whole_would(tracker: Any, tmp_path: Path, monkeypatch: Any) -> None:
    run = tracker()
    run.init()
    run.log_batch(rows(*range(1500)))
    run.finish(Status.FINISHED)
    (file,) = files(tmp_path)
    monkeypatch.setattr("tracklib.trackers._wandb_file._TAIL", 32768)
    assert os.path.getsize(file) > 3 * 32768
    assert held_by(file) == Held(next_step=1500, has_exit=True)


def test_a_long_end_without_a_row_is_read_from_the_beginning(tracker: Any, tmp_path: Path, monkeypatch: Any) -> None:
    run = tracker()
    run.init()
    run.log_batch(rows(7))
    run.log_params({f"p{n}": "x" * 1000 for n in range(100)})
    run.finish(Status.FINISHED)
    (file,) = files(tmp_path)
    monkeypatch.setattr("tracklib.trackers._wandb_file._TAIL", 32768)
    assert held_by(file).next_step == 8


def test_what_is_no_file_of_wandbs_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    (tmp_path / "y").write_bytes(b"something else" * 5000)
    assert held_by(str(tmp_path / "x")) == held_by(str(tmp_path / "y")) == Held(0, False)


@pytest.mark.slow
def test_the_next_attempt_writes_the_rows_that_no_file_has(tracker: Any, tmp_path: Path) -> None:
    first = tracker()
    first.init()
    first.log_batch(rows(0, 1, 2))
    first.finish(Status.KILLED)
    second = tracker()
    second.init()
    second.log_batch(rows(*range(6)))
    second.finish(Status.FINISHED)
    assert len(files(tmp_path)) == 2
    assert steps(tmp_path) == [0, 1, 2, 3, 4, 5]


@pytest.mark.slow
def test_rows_of_a_killed_process_that_wandb_had_not_written_come_with_sync(tmp_path: Path) -> None:
    script = f"""
        import os, signal
        from tracklib import tracking
        with tracking([{{"type": "Wandb", "mode": "offline", "project": "p"}}], output_run={str(tmp_path)!r}) as t:
            t.wait_ready()
            for epoch in range(30):
                t.log(epoch, {{"loss": 0.5}})
            t.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)]).returncode == -signal.SIGKILL

    synced = sync(str(tmp_path))

    assert [outcome.left for outcome in synced.outcomes] == [None, None]
    assert steps(tmp_path) == list(range(1, 31))
    assert WandbFile(files(tmp_path)[-1]).exit_code == 1


@pytest.mark.slow
def test_when_wandbs_process_dies_the_run_is_lost_and_taken_up_again(tracker: Any, tmp_path: Path) -> None:
    run = tracker()
    run.init()
    run.log_batch(rows(0, 1))
    os.kill(core_pid(), signal.SIGKILL)
    with pytest.raises(TrackerLost, match="W&B's own process died"):
        for ordinal in itertools.count(2):  # the first rows may still find room on their way to nobody
            run.log_batch(rows(ordinal))
    run.init()
    run.log_batch(rows(0, 1, 2))
    run.finish(Status.FINISHED)
    assert steps(tmp_path) == [0, 1, 2]


def test_when_wandbs_process_dies_before_the_end_the_run_is_not_finished(tracker: Any) -> None:
    run = tracker()
    run.init()
    run.log_batch(rows(0))
    os.kill(core_pid(), signal.SIGKILL)
    with pytest.raises(TrackerLost):
        run.finish(Status.FINISHED)


def test_a_file_whose_end_does_not_come_is_lost(tracker: Any, monkeypatch: Any) -> None:
    run = tracker()
    run.init()
    monkeypatch.setattr("tracklib.trackers._wandb_file.held_by", lambda file: Held(0, False))
    monkeypatch.setattr("tracklib.trackers._wandb_offline.FINISH_SECONDS", 0.0)
    with pytest.raises(TrackerLost, match="did not write all"):
        run.finish(Status.FINISHED)


@pytest.mark.slow
def test_a_folder_that_was_deleted_is_lost_and_written_anew(tracker: Any, tmp_path: Path) -> None:
    run = tracker()
    run.init()
    run.log_batch(rows(0, 1))
    shutil.rmtree(tmp_path / "wandb")
    with pytest.raises(TrackerLost, match="is gone"):
        run.log_batch(rows(2))
    run.init()
    run.log_batch(rows(0, 1, 2))
    run.finish(Status.FINISHED)
    assert steps(tmp_path) == [0, 1, 2]


@pytest.mark.slow
def test_somebody_elses_wandb_init_gets_a_run_of_its_own(tracker: Any, tmp_path: Path) -> None:
    ours = tracker()
    ours.init()
    ours.log_batch(rows(0))
    theirs = wandb.init(mode="offline", project="theirs", dir=str(tmp_path / "elsewhere"))
    ours.log_batch(rows(1))
    theirs.log({"loss": 7.0})
    assert theirs.id != ours.run.id
    assert wandb.run is theirs
    theirs.finish()
    ours.log_batch(rows(2))
    ours.finish(Status.FINISHED)
    assert steps(tmp_path) == [0, 1, 2]


@pytest.mark.slow
def test_a_run_that_somebody_finished_is_lost_and_goes_on(tracker: Any, tmp_path: Path) -> None:
    run = tracker()
    run.init()
    run.log_batch(rows(0, 1))
    run.run.finish()
    with pytest.raises(TrackerLost, match="somebody finished W&B's run: it is taken up again"):
        run.log_batch(rows(2))
    run.init()
    run.log_batch(rows(0, 1, 2))
    run.finish(Status.FINISHED)
    assert steps(tmp_path) == [0, 1, 2]


@pytest.mark.slow
def test_the_status_is_ours_though_somebody_finished_the_run(tracker: Any, tmp_path: Path) -> None:
    run = tracker()
    run.init()
    run.log_batch(rows(0))
    run.run.finish()
    with pytest.raises(TrackerLost, match="somebody finished"):
        run.finish(Status.FAILED)
    run.init()
    run.finish(Status.FAILED)
    assert WandbFile(files(tmp_path)[-1]).exit_code == 1


@pytest.mark.parametrize("call", ["log_params", "log_tags", "log_best", "log_artifact"])
def test_whatever_is_said_to_a_run_that_somebody_finished_comes_again(tracker: Any, tmp_path: Path, call: str) -> None:
    (tmp_path / "note.txt").write_text("hi")
    run = tracker()
    run.init()
    run.run.finish()
    said = {
        "log_params": ({"lr": 1},),
        "log_tags": ({"t": ""},),
        "log_best": (Best(time=1, name="loss", mode="min", value=0.5, axis="epoch", step=1),),
        "log_artifact": ("note.txt", str(tmp_path / "note.txt")),
    }[call]
    with pytest.raises(TrackerLost, match="somebody finished"):
        getattr(run, call)(*said)


SAYS_WHICH_RUN = """
    from tracklib.trackers import Wandb
    from tracklib._journal.records import Begin, Status
    tracker = Wandb(output_run=sys.argv[1])
    begin = Begin(time=1, format=1, uid="uid1", attempt=1, name="n", pid=1, host="h", configs=[])
    tracker.attach(begin, sys.argv[1], dict(pair.split("=") for pair in sys.argv[2:]))
    tracker.init()
    tracker.log(1, {"loss": 0.5})
    print(tracker.run.id, tracker.run.group, tracker.run.project, tracker.run.name, tracker.run.settings.mode, sep=",")
    tracker.finish(Status.FINISHED)
"""


def which_run(folder: Path, *state: str, **environment: str) -> list[str]:
    """The run that a process with these variables writes, as it says; offline, unless they say otherwise."""
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import sys\n" + textwrap.dedent(SAYS_WHICH_RUN), str(folder), *state],
        env=os.environ | {"WANDB_MODE": "offline"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip().split(",")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "at"),
    [
        ({"WANDB_RUN_ID": "other", "WANDB_NAME": "theirs"}, {0: "uid1", 3: "n"}),
        ({"WANDB_RESUME": "must"}, {0: "uid1"}),
        ({"WANDB_REINIT": "finish_previous"}, {0: "uid1"}),
        ({"WANDB_RUN_GROUP": "theirs", "WANDB_PROJECT": "theirs"}, {1: "theirs", 2: "theirs"}),
        ({"WANDB_MODE": "disabled"}, {0: "uid1", 4: "disabled"}),
        ({"WANDB_SWEEP_ID": "s", "WANDB_RUN_ID": "trial"}, {0: "trial"}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) and "WANDB" in str(value) else "",
)
def test_what_a_setting_of_wandbs_in_the_environment_does_here(
    tmp_path: Path, variables: dict[str, str], at: dict[int, str]
) -> None:
    said = which_run(tmp_path, **variables)
    assert {place: said[place] for place in at} == at
    assert len(files(tmp_path)) == (variables.get("WANDB_MODE") != "disabled")


@pytest.mark.slow
def test_a_run_of_a_sweep_goes_on_as_itself_where_there_is_no_sweep(tmp_path: Path) -> None:
    assert which_run(tmp_path, "run_id=trial")[0] == "trial"


@pytest.mark.slow
def test_a_run_that_the_environment_disables_is_said_once(tracker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tracker()
    run.mode = None
    wandb.teardown()
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with pytest.warns(TrackerWarning, match="it keeps nothing of this run"):
        run.init()
    run.log_artifact("note.txt", __file__)
    run.log_batch(rows(0))
    run.finish(Status.FINISHED)
    wandb.teardown()


def test_before_init_a_log_is_refused_with_the_way_out(tracker: Any) -> None:
    with pytest.raises(LifecycleError, match=r"call init\(\)"):
        tracker().log_batch(rows(0))


def test_an_error_of_the_record_is_no_loss(tracker: Any, monkeypatch: Any) -> None:
    run = tracker()
    run.init()
    monkeypatch.setattr(run._at, "log_row", lambda *row: (_ for _ in ()).throw(ValueError("too large")))
    with pytest.raises(ValueError, match="too large"):
        run.log_batch(rows(0))
    run.finish(Status.FINISHED)


def test_an_earlier_attempts_process_that_still_writes_is_waited_for(tracker: Any, tmp_path: Path) -> None:
    core = tmp_path / "wandb-core"
    shutil.copy(shutil.which("sleep") or "", core)
    with subprocess.Popen([core, "60"]) as writing:
        run = tracker()
        run.state["core"] = f"{socket.gethostname()} {writing.pid}"
        with pytest.raises(TrackerUnavailable, match=f"the W&B process {writing.pid}"):
            run.init()
        writing.kill()
    run.init()
    run.finish(Status.FINISHED)


def test_a_process_of_that_number_on_another_machine_is_not(tracker: Any) -> None:
    run = tracker()
    run.state["core"] = f"another-host {os.getpid()}"
    run.init()
    run.finish(Status.FINISHED)


def test_only_a_live_process_of_wandbs_counts_as_one() -> None:
    assert not is_core(0)
    assert not is_core(os.getpid())
    with subprocess.Popen(["true"]) as done:
        done.wait()
    assert not is_core(done.pid)


@pytest.mark.parametrize(("listed", "is_one"), [("wandb-core\n", True), ("python\n", False)])
def test_where_there_is_no_proc_ps_is_asked(listed: str, is_one: bool, monkeypatch: Any, tmp_path: Path) -> None:
    (tmp_path / "ps").write_text(f"#!/bin/sh\nprintf '{listed}'\n")
    (tmp_path / "ps").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("tracklib.trackers._wandb_core._PROC", str(tmp_path / "none"))
    assert is_core(12345) is is_one


def test_without_a_service_no_process_is_known() -> None:
    wandb.teardown()
    assert core_pid() == 0
