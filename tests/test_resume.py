"""A run that goes on: the next attempt at the same run, at every tracker, after whatever ended the last one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pandas
import pytest
from arrived import Arrived
from patience import PATIENT
from scripted import Scripted

from tracklib import TrackerWarning, tracked, tracking
from tracklib._delivery.sync import sync
from tracklib._journal.records import Begin, Log
from tracklib._run import ending as words


@pytest.fixture
def arrived(mlflow_server: Any, tmp_path: Path) -> Arrived:
    return Arrived(tmp_path / "run", mlflow_server.uri, "resume")


@tracked
def count(start: int) -> dict[str, float]:
    return {"n": float(start)}


def died(arrived: Arrived, numbers: range, configs: Any = None, resume: bool = False) -> None:
    """A process that is killed inside its block, once all is delivered."""
    script = f"""
        import os, signal
        from tracklib import tracking
        where, params = {str(arrived.directory)!r}, {{"depth": 3}}
        with tracking({configs!r}, output_run=where, resume={resume}, params=params) as run:
            for number in {numbers!r}:
                run.log(number, {{"n": number}})
            assert run.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_after_a_kill_each_attempt_goes_on_in_the_same_run_everywhere(arrived: Arrived) -> None:
    died(arrived, range(50), arrived.configs)
    with tracking(arrived.configs, output_run=arrived.directory, resume=True) as run:
        for number in range(50, 100):
            run.log(number, {"n": number})
    assert [begin.attempt for begin in arrived.records(Begin)] == [1, 2]
    assert arrived.numbers() == list(range(100))
    assert arrived.ends() == ["killed", "finished"]
    arrived.check("finished")


def test_a_run_that_ended_goes_on_as_running_and_ends_again(arrived: Arrived) -> None:
    with pytest.raises(KeyError), tracking(arrived.configs, output_run=arrived.directory) as run:
        run.log(0, {"n": 0})
        raise KeyError
    arrived.check("failed")

    with tracking(arrived.configs, output_run=arrived.directory, resume=True) as run:
        assert run.wait_ready()
        assert arrived.mlflow_run().info.status == "RUNNING"
        run.log(1, {"n": 1})

    assert arrived.numbers() == [0, 1]
    arrived.check("finished")


def test_what_a_stopped_server_missed_arrives_with_the_next_attempt(
    own_mlflow_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "PATIENCE", 0.5)
    arrived = Arrived(tmp_path / "run", own_mlflow_server.uri, "later")
    with pytest.warns(TrackerWarning, match="Mlflow: 30 records not delivered"):
        with tracking(arrived.configs, output_run=arrived.directory, params={"depth": 3}) as run:
            run.log(0, {"n": 0})
            assert run.flush()
            own_mlflow_server.stop()
            for number in range(1, 31):
                run.log(number, {"n": number})
    own_mlflow_server.start()
    monkeypatch.setattr(words, "PATIENCE", 10.0)

    with tracking(arrived.configs, output_run=arrived.directory, resume=True) as run:
        run.log(31, {"n": 31})

    assert arrived.numbers() == list(range(32))
    arrived.check("finished")


def test_the_tail_of_the_last_attempt_comes_first_and_what_was_taken_does_not_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "PATIENCE", 0.2)
    first = Scripted(script={"log": [None, None, *[ConnectionError("down")] * 1000]})
    with pytest.warns(TrackerWarning, match="3 records not delivered"):
        with tracking([first], output_run=tmp_path) as run:
            for number in range(5):
                run.log(number, {"n": number})
    assert first.steps == [0, 1]

    second = Scripted()
    with tracking([second], output_run=tmp_path, resume=True) as run:
        run.log(5, {"n": 5})

    assert second.steps == [2, 3, 4, 5]
    assert second.of("finish") == ["finished"]


def test_a_tracker_that_was_not_told_of_the_end_is_told_of_the_last_only(tmp_path: Path) -> None:
    died(Arrived(tmp_path, "", ""), range(2))
    tracker = Scripted()
    with tracking([tracker], output_run=tmp_path, resume=True) as run:
        run.log(2, {"n": 2})
    assert tracker.calls[-1] == ("finish", "finished")
    assert len(tracker.of("finish")) == 1


def test_the_table_is_built_anew_whatever_became_of_it(arrived: Arrived) -> None:
    with tracking(output_run=arrived.directory) as run:
        for number in range(5):
            run.log(number, {"n": number})
    (arrived.directory / "metrics.csv").write_text("epoch,n\n0,0.0\n1,")
    with tracking(output_run=arrived.directory, resume=True) as run:
        run.log(5, {"n": 5, "later": 0.5})
    table = pandas.read_csv(arrived.directory / "metrics.csv")
    assert list(table["n"]) == [0, 1, 2, 3, 4, 5]
    assert list(table["later"].dropna()) == [0.5]


def test_epochs_that_are_counted_go_on_where_they_stood(tmp_path: Path) -> None:
    for start in (0, 3, 6):
        with tracking(output_run=tmp_path, resume=True) as run:
            for number in range(start, start + 3):
                count(number)
            run.log(None, {"batch_loss": 0.5}, axis="batch")
    table = pandas.read_csv(tmp_path / "metrics.csv")
    counted = table.dropna(subset="n")
    assert list(counted["epoch"]) == list(counted["n"]) == list(range(9))
    assert list(table["batch"].dropna()) == [0, 1, 2]


def test_a_tracker_that_is_new_in_the_second_attempt_gets_the_whole_run(arrived: Arrived) -> None:
    died(arrived, range(20))
    with tracking(arrived.configs, output_run=arrived.directory, resume=True) as run:
        run.log(20, {"n": 20})
    assert arrived.numbers() == list(range(21))
    arrived.check("finished")


def test_a_tracker_that_is_gone_in_the_second_attempt_is_no_trouble(arrived: Arrived) -> None:
    died(arrived, range(20), arrived.configs[1:])
    with tracking(output_run=arrived.directory, resume=True) as run:
        run.log(20, {"n": 20})
    assert arrived.in_csv() == arrived.numbers() == list(range(21))


def test_a_changed_param_is_beside_the_first_and_its_neighbours_arrive(arrived: Arrived) -> None:
    with tracking(arrived.configs, output_run=arrived.directory, params={"lr": 0.1, "depth": 3}) as run:
        run.log(0, {"n": 0})
    for attempt, lr in ((1, 0.2), (2, 0.2), (3, 0.3)):
        params = {"lr": lr, "depth": 3, f"new{attempt}": "x"}
        with tracking(arrived.configs, output_run=arrived.directory, params=params, resume=True) as run:
            run.log(attempt, {"n": attempt})
    assert arrived.mlflow_run().data.params == {
        "lr": "0.1", "lr.v2": "0.2", "lr.v3": "0.3", "depth": "3", "new1": "x", "new2": "x", "new3": "x"
    }  # fmt: skip
    assert arrived.wandb_files()[-1].config["lr"] == 0.3
    assert not (arrived.directory / "rejected.jsonl").exists()
    assert arrived.numbers() == [0, 1, 2, 3]


def test_the_run_keeps_its_name_and_its_place_in_the_family(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "outer"):
        with tracking(output_run=tmp_path / "inner", name="mine"):
            pass
    with tracking(output_run=tmp_path / "inner", resume=True):
        pass
    first, second = Arrived(tmp_path / "inner", "", "").records(Begin)
    assert (second.uid, second.name, second.parent) == (first.uid, "mine", first.parent)
    assert second.parent is not None


def test_where_there_is_no_run_one_begins(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "none", resume=True) as run:
        run.log(0, {"n": 0})
    (begin,) = Arrived(tmp_path / "none", "", "").records(Begin)
    assert begin.attempt == 1
    assert not (tmp_path / "none/previous").exists()


def test_to_go_on_without_a_directory_is_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match="resume=True needs output_run: the directory of the run that goes on"):
        tracking(resume=True).__enter__()


def test_each_call_of_a_decorated_function_is_the_next_attempt(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path, resume=True)
    def train(number: int) -> None:
        count(number)

    train(0)
    train(1)
    arrived = Arrived(tmp_path, "", "")
    assert [begin.attempt for begin in arrived.records(Begin)] == [1, 2]
    assert arrived.in_csv() == arrived.numbers() == [0, 1]


def test_a_silent_rank_touches_nothing_of_the_run(tmp_path: Path) -> None:
    arrived = Arrived(tmp_path / "run", "", "")
    died(arrived, range(3))
    before = arrived.content()
    with tracking(output_run=arrived.directory, resume=True, rank=1) as run:
        run.log(3, {"n": 3})
    assert arrived.content() == before


def test_records_of_one_step_and_value_in_two_attempts_differ_in_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A resume within one tick of the clock.
    monkeypatch.setattr("tracklib._common.clock.wall", lambda: 10**12)
    for _ in range(3):
        with tracking(output_run=tmp_path, resume=True) as run:
            run.log(7, {"same": 1.0})
    times = [record.time for record in Arrived(tmp_path, "", "").records(Log)]
    assert len(set(times)) == 3  # else MLflow would take them for one that came again
    assert times == sorted(times)


def test_a_directory_that_was_moved_goes_on_where_it_is_now(arrived: Arrived) -> None:
    died(arrived, range(5), arrived.configs)
    moved = Arrived(arrived.directory.with_name("moved"), arrived.uri, arrived.experiment)
    arrived.directory.rename(moved.directory)
    with tracking(moved.configs, output_run=moved.directory, resume=True) as run:
        run.log(5, {"n": 5})
    assert moved.numbers() == list(range(6))
    moved.check("finished")


TRAINING = """
    import sys, time
    from pathlib import Path
    from tracklib import tracked, tracking

    checkpoint = Path(sys.argv[1]) / "checkpoint"

    @tracked
    def train_epoch(epoch):
        return {{"n": epoch}}

    with tracking({configs!r}, output_run=Path(sys.argv[1]) / "run", resume=True, params={{"lr": 0.1}}) as run:
        begin = int(checkpoint.read_text()) if checkpoint.exists() else 0
        for epoch in range(begin, 30):
            train_epoch(epoch)
            checkpoint.write_text(str(epoch + 1))
            if epoch == 9:
                print("epoch", epoch, flush=True)
                while True:  # until a signal comes
                    time.sleep(0.05)
"""


def test_a_job_that_slurm_requeues_is_one_run_from_its_first_epoch_to_its_last(arrived: Arrived) -> None:
    job = arrived.directory.parent / "job.py"
    job.write_text(textwrap.dedent(TRAINING).format(configs=arrived.configs))
    slurm = os.environ | {"SLURM_JOB_ID": "71", "SLURM_PROCID": "0"}
    command = [sys.executable, str(job), str(job.parent)]
    with subprocess.Popen(command, env=slurm, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "epoch 9\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENT) == 143
    assert arrived.mlflow_run().info.status == "KILLED"
    assert arrived.wandb_files()[-1].preempting
    done = subprocess.run(command, env=slurm | {"SLURM_RESTART_COUNT": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    assert arrived.ends() == ["preempted", "finished"]
    assert arrived.numbers() == list(range(30))
    arrived.check("finished")
    assert [outcome.delivered for outcome in sync(str(arrived.directory)).outcomes] == [0, 0, 0]
