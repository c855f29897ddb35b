"""What a run writes about itself while it goes on: never in the way, never the reason of a failure."""

from __future__ import annotations

import csv
import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted import PATIENT
from wandb_file import WandbFile

from tracklib import Trackers, _background, _capture, tracking
from tracklib._journal import Reader
from tracklib._records import Artifact, Log, Tags

CAPTURED = {"command": "train.py", "git.commit": "c0ffee"}


def records(directory: Path, kind: Any) -> list[Any]:
    found = [entry.record for entry in Reader(str(directory / "journal.jsonl")).records()]
    return [record for record in found if isinstance(record, kind)]


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tracklib-background"]


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_capture, "tags", lambda folder: iter([CAPTURED]))
    monkeypatch.setattr(_capture, "files", lambda folder: iter([("git.patch", "-a\n+api_key = 'abcdefgh'\n")]))


@pytest.mark.parametrize("options", [{}, {"environment": False, "system_metrics": None}], ids=["default", "off"])
def test_what_is_not_asked_for_is_not_there(tmp_path: Path, options: dict[str, Any]) -> None:
    with tracking(output_run=tmp_path, **options):
        assert threads() == []
    assert records(tmp_path, Tags) == records(tmp_path, Artifact) == records(tmp_path, Log) == []


def test_the_environment_is_tags_and_files(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, environment=True):
        pass
    found = {name: value for record in records(tmp_path, Tags) for name, value in record.tags.items()}
    assert {"command", "python", "host", "os"} <= found.keys()
    assert "pytest==" in (tmp_path / "artifacts/requirements.txt").read_text()


@pytest.mark.usefixtures("captured")
def test_the_patch_has_its_secrets_masked(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, environment=True):
        pass
    assert (tmp_path / "artifacts/git.patch").read_text() == "-a\n+api_key = '***'\n"


@pytest.mark.usefixtures("captured")
def test_the_environment_arrives_at_mlflow_and_wandb(mlflow_server: Any, tmp_path: Path) -> None:
    mlflow = {"type": "Mlflow", "tracking_uri": mlflow_server.uri, "experiment_name": "environment"}
    with tracking([mlflow, {"type": "Wandb", "mode": "offline"}], output_run=tmp_path, environment=True) as t:
        pass
    importlib.import_module("wandb").teardown()
    client = importlib.import_module("mlflow").MlflowClient(mlflow_server.uri)
    run_id = t["Mlflow"].run_id  # type: ignore[attr-defined]
    assert CAPTURED.items() <= client.get_run(run_id).data.tags.items()
    assert [file.path for file in client.list_artifacts(run_id)] == ["git.patch"]
    assert WandbFile(tmp_path).tags == ["command:train.py", "git.commit:c0ffee"]
    assert "git.patch" in WandbFile(tmp_path).files


def test_a_question_that_hangs_delays_the_end_for_a_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, asked = threading.Event(), threading.Event()

    def hang(folder: str) -> Iterator[dict[str, str]]:
        yield {"python": "3"}
        asked.set()
        assert free.wait(PATIENT)
        yield {"git.commit": "too late"}

    monkeypatch.setattr(_capture, "tags", hang)
    monkeypatch.setattr(_background, "_PATIENCE", 0.05)
    with tracking(output_run=tmp_path, environment=True):
        assert asked.wait(PATIENT)
    (late,) = threads()  # the block was left all the same
    free.set()
    late.join(PATIENT)
    assert [record.tags for record in records(tmp_path, Tags)] == [{"python": "3"}]


@pytest.mark.parametrize("what", ["tags", "files"])
def test_whatever_fails_in_it_is_no_matter_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def fails(folder: str) -> Iterator[Any]:
        raise OSError("full")
        yield

    monkeypatch.setattr(_capture, what, fails)
    monkeypatch.setattr(_background, "SystemMetrics", fails)
    with tracking(output_run=tmp_path, environment=True, system_metrics=0.001) as t:
        t.log(0, {"loss": 0.5})
    assert [record.metrics for record in records(tmp_path, Log)] == [{"loss": 0.5}]


def test_a_system_that_gives_no_thread_costs_the_environment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_background, "_thread", lambda work, *arguments: Refused(target=work))
    with tracking(output_run=tmp_path, environment=True, system_metrics=1) as t:
        t.log(0, {"loss": 0.5})
    assert len(records(tmp_path, Log)) == 1


class Machine:
    """Says its number of the sample, and has an event for the third."""

    def __init__(self) -> None:
        self.samples = 0
        self.third = threading.Event()

    def sample(self) -> dict[str, float]:
        self.samples += 1
        if self.samples == 3:
            self.third.set()
        return {"system/cpu_percent": float(self.samples)}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(_background, "SystemMetrics", lambda directory: machine)
    return machine


def test_samples_of_the_machine_have_an_axis_of_their_own(tmp_path: Path, machine: Machine) -> None:
    with tracking([{"type": "Wandb", "mode": "offline"}], output_run=tmp_path, system_metrics=0.01) as t:
        t.log(7, {"loss": 0.5})
        assert machine.third.wait(PATIENT)
    importlib.import_module("wandb").teardown()
    logs = [record for record in records(tmp_path, Log) if record.axis == "system"]
    assert [record.step for record in logs] == list(range(machine.samples))
    with (tmp_path / "metrics.csv").open(newline="") as file:
        found = [row for row in csv.DictReader(file) if row["system"]]
    assert [(row["epoch"], row["system"], float(row["system/cpu_percent"])) for row in found] == [
        ("", str(step), step + 1.0) for step in range(machine.samples)
    ]
    assert WandbFile(tmp_path).step_metrics["system/cpu_percent"] == "system"


def test_a_resumed_run_goes_on_with_the_samples_numbers(tmp_path: Path, machine: Machine) -> None:
    with tracking(output_run=tmp_path, system_metrics=0.01):
        assert machine.third.wait(PATIENT)
    first, machine.samples = machine.samples, 0
    machine.third.clear()
    with tracking(output_run=tmp_path, system_metrics=0.01, resume=True):
        assert machine.third.wait(PATIENT)
    assert [record.step for record in records(tmp_path, Log)] == list(range(first + machine.samples))


@pytest.mark.usefixtures("machine")
def test_no_thread_is_left_behind(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, environment=True, system_metrics=60):
        assert len(threads()) >= 1
    assert threads() == []


def test_on_another_rank_there_is_none(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", environment=True, system_metrics=1, rank=1):
        assert threads() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("every", [0, -1, float("nan"), True, "often"])
def test_seconds_that_are_none_are_refused(every: Any) -> None:
    with pytest.raises(ValueError, match="system_metrics must be a number of seconds above 0, as system_metrics=10"):
        Trackers(system_metrics=every)


def test_a_folder_that_was_deleted_is_no_matter(tmp_path: Path) -> None:
    script = f"""if True:
        import os
        from tracklib import tracking
        os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
        with tracking(output_run={str(tmp_path / "run")!r}, environment=True): pass
    """
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, timeout=PATIENT)
    assert {"python"} <= {name for record in records(tmp_path / "run", Tags) for name in record.tags}
