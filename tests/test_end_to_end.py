"""The main job with real parts: a real MLflow server, real wandb in offline mode, and the CSV, at once."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, cast

import kept
import pytest
from mlflow import MlflowClient
from mlflow_server import free_port
from patience import PATIENT
from wandb_file import WandbFile

import tracklib
from tracklib import BaseTracker, Mlflow, Status, Trackers, TrackerWarning, tracked, tracking
from tracklib._delivery.standing import Standing
from tracklib._journal.records import End, Log
from tracklib._run import ending as words

EPOCHS = list(range(20))


def loss(epoch: int) -> float:
    return 1.0 / (epoch + 1)


@tracked
def train_epoch(epoch: int) -> dict[str, float]:
    return {"loss": loss(epoch), "accuracy": 1.0 - loss(epoch)}


class Arrived:
    """What each backend has of the run in ``where``, read back by its own means."""

    def __init__(self, where: Path, uri: str = "", experiment: str = "") -> None:
        self.where, self.uri, self.experiment = where, uri, experiment

    @property
    def mlflow_run(self) -> Any:
        client = MlflowClient(self.uri)
        found = client.get_experiment_by_name(self.experiment)
        (run,) = client.search_runs([found.experiment_id])
        return run

    def in_mlflow(self) -> list[tuple[int, float]]:
        history = MlflowClient(self.uri).get_metric_history(self.mlflow_run.info.run_id, "loss")
        return [(metric.step, metric.value) for metric in history]

    def in_wandb(self) -> list[tuple[int, float]]:
        return [(row["epoch"], row["loss"]) for row in WandbFile(self.where).rows]

    def in_csv(self) -> list[tuple[int, float]]:
        with open(self.where / "metrics.csv", newline="") as file:
            return [(int(row["epoch"]), float(row["loss"])) for row in csv.DictReader(file)]

    def in_journal(self) -> list[tuple[int, float]]:
        return [(record.step, record.metrics["loss"]) for record in self.records(Log)]

    def records(self, kind: type[Any]) -> list[Any]:
        return kept.records(self.where, kind)

    def everywhere(self) -> list[list[tuple[int, float]]]:
        return [self.in_journal(), self.in_csv(), self.in_mlflow(), self.in_wandb()]

    def statuses(self) -> tuple[list[str], str, int | None]:
        ends = [str(record.status) for record in self.records(End)]
        return ends, self.mlflow_run.info.status, WandbFile(self.where).exit_code


def expected(epochs: list[int]) -> list[tuple[int, float]]:
    return [(epoch, loss(epoch)) for epoch in epochs]


@pytest.fixture
def job(mlflow_server: Any, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[tracking, Arrived]:
    """A block with all three trackers, and what arrives from it."""
    experiment = request.node.name
    configs = [
        {"type": "Mlflow", "tracking_uri": mlflow_server.uri, "experiment_name": experiment},
        {"type": "Wandb", "project": "digits", "mode": "offline"},
    ]
    where = tmp_path / "run"
    return tracking(configs, output_run=where), Arrived(where, mlflow_server.uri, experiment)


def test_twenty_epochs_are_everywhere_and_the_run_is_finished(job: tuple[tracking, Arrived]) -> None:
    block, arrived = job
    with block:
        for epoch in EPOCHS:
            train_epoch(epoch)
    assert arrived.everywhere() == [expected(EPOCHS)] * 4
    assert arrived.statuses() == (["finished"], "FINISHED", 0)


def test_an_exception_at_epoch_seven_is_the_users_own_and_seven_epochs_are_everywhere_as_failed(
    job: tuple[tracking, Arrived],
) -> None:
    block, arrived = job
    error = RuntimeError("loss is NaN")
    with pytest.raises(RuntimeError) as caught, block:
        for epoch in EPOCHS:
            if epoch == 7:
                raise error
            train_epoch(epoch)
    assert caught.value is error
    assert error.__cause__ is error.__context__ is None
    assert not hasattr(error, "__notes__")
    assert arrived.everywhere() == [expected(EPOCHS[:7])] * 4
    assert arrived.statuses() == (["failed"], "FAILED", 1)
    (end,) = arrived.records(End)
    assert (end.error, end.message) == ("RuntimeError", "loss is NaN")


@pytest.mark.parametrize(
    ("error", "statuses"),
    [
        (KeyboardInterrupt(), (["killed"], "KILLED", 1)),
        (SystemExit(0), (["finished"], "FINISHED", 0)),
        (SystemExit(3), (["failed"], "FAILED", 1)),
    ],
    ids=["Ctrl-C", "exit 0", "exit 3"],
)
def test_the_way_out_of_the_block_is_the_status_everywhere(
    job: tuple[tracking, Arrived], error: BaseException, statuses: Any
) -> None:
    block, arrived = job
    with pytest.raises(type(error)) as caught, block:
        train_epoch(0)
        raise error
    assert caught.value is error
    assert arrived.everywhere() == [expected([0])] * 4
    assert arrived.statuses() == statuses


def test_sigterm_leaves_through_the_block_and_the_run_is_killed_everywhere(
    mlflow_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    where = tmp_path / "run"
    script = f"""
        import time
        from tracklib import tracking
        configs = [
            {{"type": "Mlflow", "tracking_uri": {mlflow_server.uri!r}, "experiment_name": "sigterm"}},
            {{"type": "Wandb", "mode": "offline"}},
        ]
        with tracking(configs, output_run={str(where)!r}) as run:
            for epoch in range(3):
                run.log(epoch, {{"loss": 1.0 / (epoch + 1)}})
            print("logged", flush=True)
            while True:  # no signal.pause(), which would sleep on where the signal came just before
                time.sleep(0.05)
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "logged\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENT) == 143
    arrived = Arrived(where, mlflow_server.uri, "sigterm")
    assert arrived.everywhere() == [expected([0, 1, 2])] * 4
    assert arrived.statuses() == (["killed"], "KILLED", 1)


def test_a_server_that_is_down_from_the_start_costs_one_message_and_no_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "PATIENCE", 1.0)
    where = tmp_path / "run"
    nowhere = {"type": "Mlflow", "tracking_uri": f"http://127.0.0.1:{free_port()}", "experiment_name": "down"}
    with pytest.warns(TrackerWarning) as caught, tracking([nowhere], output_run=where):
        for epoch in EPOCHS:
            train_epoch(epoch)
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith("Mlflow: 20 records not delivered (")
    assert f"deliver what is left with: tracklib sync {where}\n" in message
    assert message.endswith(f"send the run to the right one with: tracklib sync {where} --to CONFIG")
    arrived = Arrived(where)
    assert arrived.in_journal() == arrived.in_csv() == expected(EPOCHS)
    assert [end.status for end in arrived.records(End)] == [Status.FINISHED]


def test_a_server_that_stops_in_the_middle_costs_one_message_and_no_epoch(
    own_mlflow_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "PATIENCE", 1.0)
    where = tmp_path / "run"
    config = {"type": "Mlflow", "tracking_uri": own_mlflow_server.uri, "experiment_name": "stopped"}
    with pytest.warns(TrackerWarning) as caught, tracking([config], output_run=where) as run:
        for epoch in EPOCHS:
            if epoch == 12:
                assert run.flush(PATIENT)
                own_mlflow_server.stop()
            train_epoch(epoch)
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith("Mlflow: 8 records not delivered (")
    arrived = Arrived(where, own_mlflow_server.uri, "stopped")
    assert arrived.in_journal() == arrived.in_csv() == expected(EPOCHS)
    own_mlflow_server.start()
    assert arrived.in_mlflow() == expected(EPOCHS[:12])


@pytest.mark.slow
def test_after_an_exception_a_server_that_is_down_is_a_note_on_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "PATIENCE_AFTER_ERROR", 1.0)
    error = ValueError("mine")
    nowhere = {"type": "Mlflow", "tracking_uri": f"http://127.0.0.1:{free_port()}", "experiment_name": "down"}
    with pytest.raises(ValueError, match="mine") as caught, tracking([nowhere], output_run=tmp_path / "run"):
        train_epoch(0)
        raise error
    assert caught.value is error
    (note,) = error.__notes__
    assert note.startswith("Mlflow: 1 record not delivered (")


def test_a_server_that_comes_back_in_the_middle_gets_every_epoch_once(own_mlflow_server: Any, tmp_path: Path) -> None:
    where = tmp_path / "run"
    config = {"type": "Mlflow", "tracking_uri": own_mlflow_server.uri, "experiment_name": "back"}
    with tracking([config], output_run=where) as run:
        for epoch in EPOCHS:
            if epoch == 5:
                assert run.flush(PATIENT)
                own_mlflow_server.stop()
            if epoch == 12:
                until_retrying(run)
                own_mlflow_server.start()
            train_epoch(epoch)
    arrived = Arrived(where, own_mlflow_server.uri, "back")
    assert arrived.in_mlflow() == arrived.in_csv() == expected(EPOCHS)
    assert arrived.mlflow_run.info.status == "FINISHED"


def until_retrying(run: Trackers) -> None:
    delivery = run._attempt.deliveries[0]
    for _ in range(int(PATIENT * 10)):
        if delivery.standing is Standing.RETRYING:
            return
        delivery.changed.wait(0.1)
    raise AssertionError(delivery.standing)


def test_a_block_inside_another_is_its_child_run_at_mlflow(mlflow_server: Any, tmp_path: Path) -> None:
    config = {"type": "Mlflow", "tracking_uri": mlflow_server.uri, "experiment_name": "nested"}
    with tracking([config], output_run=tmp_path / "outer") as outer:
        train_epoch(0)
        with tracking([config], output_run=tmp_path / "inner") as inner:
            train_epoch(1)
        train_epoch(2)
    client = MlflowClient(mlflow_server.uri)
    outer_id, inner_id = cast(Mlflow, outer["Mlflow"]).run_id, cast(Mlflow, inner["Mlflow"]).run_id
    assert client.get_run(inner_id).data.tags["mlflow.parentRunId"] == outer_id
    assert "mlflow.parentRunId" not in client.get_run(outer_id).data.tags
    steps = {run: [m.step for m in client.get_metric_history(run, "loss")] for run in (outer_id, inner_id)}
    assert steps == {outer_id: [0, 2], inner_id: [1]}


# The two examples of the owner, as they stand ---------------------------------------------------------


def test_a_custom_tracker_works_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    class MyCustomTracker(BaseTracker):
        def init(self):  # type: ignore[no-untyped-def]
            pass

        def log(self, epoch, log_dict):  # type: ignore[no-untyped-def]
            pass

        def close(self):  # type: ignore[no-untyped-def]
            pass

    tracker: Any = MyCustomTracker(output_run="./logs")
    tracker.init()
    tracker.log(epoch=1, log_dict={"loss": 0.1, "accuracy": 0.9})
    tracker.close()
    assert tracker.output_run == "./logs"


def test_a_manager_of_wandb_and_mlflow_works_by_hand(
    own_mlflow_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(tracklib.__file__).parents[1]))
    monkeypatch.setenv("WANDB_MODE", "offline")  # wandb reads it once a process, so this is a fresh one
    example = """
        from tracklib.trackers import Trackers

        trackers_manager = Trackers(loggers_configs=[
            {"type": "Wandb", "entity": "my_entity"},
            {"type": "Mlflow", "tracking_uri": "http://localhost:5000", "experiment_name": "my_experiment"}
        ], output_run='./logs')

        trackers_manager.init()
        trackers_manager.log(epoch=1, log_dict={'loss': 0.1, 'accuracy': 0.9})
        trackers_manager.finish()
    """
    script = textwrap.dedent(example).replace("http://localhost:5000", own_mlflow_server.uri)
    command = [sys.executable, "-W", "error", "-c", script]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=PATIENT)

    arrived = Arrived(tmp_path / "logs", own_mlflow_server.uri, "my_experiment")
    assert arrived.everywhere() == [[(1, 0.1)]] * 4
    assert arrived.statuses() == (["finished"], "FINISHED", 0)
    assert WandbFile(tmp_path / "logs").run.entity == "my_entity"
