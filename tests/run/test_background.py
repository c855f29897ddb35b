"""What a run writes about itself while it goes on: never in the way, never the reason of a failure."""

from __future__ import annotations

import csv
import importlib
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kept import records
from patience import PATIENT
from wandb_file import WandbFile

import tracklib
from tracklib import Trackers, tracking
from tracklib._journal.records import Artifact, Log, Tags
from tracklib._run import background as _background

CAPTURED = {"command": "train.py", "git.commit": "c0ffee"}


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "tracklib-background"]


@pytest.fixture(autouse=True)
def _runs_before_are_over() -> None:
    """What a test of another module left behind ends by itself, and is none of this one's threads."""
    for thread in threads():
        thread.join(PATIENT)


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(self: Any, program: Any) -> Iterator[dict[str, Any]]:
        yield {"tags": CAPTURED}
        yield {"file": "git.patch", "text": "-a\n+b\n"}

    monkeypatch.setattr(_background.Background, "_answers", answers)


@pytest.mark.parametrize("word", ["0", "false", "No", "OFF"])
def test_what_is_switched_off_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.delenv("TRACKLIB_ENVIRONMENT")
    with tracking(output_run=tmp_path / "one", environment=False, system_metrics=None):
        assert threads() == []
    monkeypatch.setenv("TRACKLIB_ENVIRONMENT", word)
    with tracking(output_run=tmp_path / "other"):
        assert threads() == []
    for run in (tmp_path / "one", tmp_path / "other"):
        assert records(run, Tags) == records(run, Artifact) == records(run, Log) == []


def test_the_environment_is_tags_and_files_where_nobody_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACKLIB_ENVIRONMENT")
    with tracking(output_run=tmp_path):
        pass
    found = {name: value for record in records(tmp_path, Tags) for name, value in record.tags.items()}
    assert {"command", "python", "host", "os"} <= found.keys()
    assert "pytest==" in (tmp_path / "artifacts/requirements.txt").read_text()


@pytest.mark.usefixtures("captured")
def test_a_run_inside_a_run_says_it_only_if_it_is_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACKLIB_ENVIRONMENT")
    with tracking(output_run=tmp_path) as t:
        with t.child("quiet") as quiet, t.child("loud", environment=True) as loud:
            pass
    found = [len(records(Path(run.directory), Tags)) for run in (t, quiet, loud)]
    assert found == [1, 0, 1]


def in_a_process(folder: Path, script: str, *arguments: str, **variables: str) -> None:
    """Run a program in ``folder`` that leaves the environment open."""
    (folder / "train.py").write_text(textwrap.dedent(script))
    variables["PYTHONPATH"] = str(Path(tracklib.__file__).parents[1])
    env = {name: value for name, value in os.environ.items() if name != "TRACKLIB_ENVIRONMENT"} | variables
    subprocess.run([sys.executable, "train.py", *arguments], check=True, cwd=folder, timeout=PATIENT, env=env)


@pytest.mark.slow
def test_the_code_of_a_real_program_is_known_and_its_secrets_are_not(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    for command in ("init -q", "add train.py", "-c user.name=a -c user.email=a@b commit -qm begin"):
        subprocess.run(["git", *command.split()], check=True, cwd=tmp_path)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    script = """
        from tracklib import tracking
        api_key = "abcdefgh"
        password: str | None = "abcdefgh"
        with tracking(output_run="run") as t:
            for thread in t._attempt.background._threads:  # leaving waits for it for two seconds only
                thread.join()
    """
    in_a_process(tmp_path, script, "--token", "hunter2hunter2", "a", MY_SECRET="correct horse battery")
    found = {name: value for record in records(tmp_path / "run", Tags) for name, value in record.tags.items()}
    assert found["command"] == "train.py --token '***' a"
    assert (found["git.commit"], found["git.dirty"]) == (commit.stdout.strip(), "true")
    patch = (tmp_path / "run/artifacts/git.patch").read_text()
    assert '+api_key = "***"' in patch
    assert '+password: str | None = "***"' in patch
    assert "+from tracklib import tracking" in patch


@pytest.mark.slow
def test_a_module_of_the_programs_that_is_called_like_one_of_pythons_is_no_matter(tmp_path: Path) -> None:
    (tmp_path / "platform.py").write_text("raise SystemExit('mine')\n")
    script = """
        import sys
        here = sys.path.pop(0)
        from tracklib import tracking
        sys.path.insert(0, here)
        with tracking(output_run="run") as t:
            for thread in t._attempt.background._threads:  # leaving waits for it for two seconds only
                thread.join()
    """
    in_a_process(tmp_path, script)
    assert "python" in records(tmp_path / "run", Tags)[0].tags


@pytest.mark.parametrize(("frozen", "executable"), [(True, sys.executable), (False, "/opt/app/app"), (False, None)])
def test_a_program_that_is_its_own_interpreter_is_not_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frozen: bool, executable: str | None
) -> None:
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    monkeypatch.setattr(sys, "executable", executable)
    with tracking(output_run=tmp_path, environment=True):
        pass
    assert records(tmp_path, Tags) == []


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
    asked = tmp_path / "asked"
    os.mkfifo(asked)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(f"#!/bin/sh\necho $$ > {asked}\nexec sleep 600\n")
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(_background, "_PATIENCE", 0.05)
    with tracking(output_run=tmp_path / "run", environment=True):
        git = int(asked.read_text())  # it has begun
    for thread in threads():  # the block was left all the same, and the process that asked is gone
        thread.join(PATIENT)
    assert threads() == []
    with pytest.raises(ProcessLookupError):
        os.kill(git, 0)
    assert "git.commit" not in {name for record in records(tmp_path / "run", Tags) for name in record.tags}


class Held(NamedTuple):
    """The process that asks is held up, from the moment when it ``begins`` until it ``goes_on``."""

    begins: threading.Event
    goes_on: threading.Event

    def let_go(self) -> None:
        self.goes_on.set()
        for thread in threads():
            thread.join(PATIENT)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held(threading.Event(), threading.Event())

    def python() -> str:
        held.begins.set()
        assert held.goes_on.wait(PATIENT)
        return sys.executable

    monkeypatch.setattr(_background, "interpreter", python)
    yield held
    held.let_go()


def test_a_process_that_begins_when_nobody_waits_any_more_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: Held
) -> None:
    monkeypatch.setattr(_background, "_PATIENCE", 0.01)
    with tracking(output_run=tmp_path, environment=True):
        assert held.begins.wait(PATIENT)
    held.let_go()
    assert (threads(), records(tmp_path, Tags)) == ([], [])


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()], ids=lambda error: type(error).__name__)
def test_an_end_that_is_no_normal_one_does_not_wait_for_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: Held, error: BaseException
) -> None:
    monkeypatch.setattr(_background, "_PATIENCE", PATIENT)  # the test would fail by the time that python() waits
    with pytest.raises(type(error)):
        with tracking(output_run=tmp_path, environment=True):
            assert held.begins.wait(PATIENT)
            raise error
    assert len(threads()) == 1  # the answers are still awaited


def test_whatever_fails_in_it_is_no_matter_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise OSError("full")

    monkeypatch.setattr(_background.Background, "_answers", fails)
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

    monkeypatch.setattr(_background, "thread", lambda work, *arguments: Refused(target=work))
    with tracking(output_run=tmp_path, environment=True, system_metrics=1) as t:
        t.log(0, {"loss": 0.5})
    assert len(records(tmp_path, Log)) == 1


class Machine:
    """Says its number of the sample, and has an event for the third."""

    def __init__(self) -> None:
        self.samples = 0
        self.third = threading.Event()

    def begin(self) -> None:
        pass

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


@pytest.mark.parametrize("every", [0, -1, float("nan"), float("inf"), 1e12, True, "often"])
def test_seconds_that_are_none_are_refused(every: Any) -> None:
    with pytest.raises(ValueError, match="system_metrics must be a number of seconds above 0, as system_metrics=10"):
        Trackers(system_metrics=every)


@pytest.mark.slow
def test_a_folder_that_was_deleted_is_no_matter(tmp_path: Path) -> None:
    script = f"""if True:
        import os
        from tracklib import tracking
        os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
        with tracking(output_run={str(tmp_path / "run")!r}, environment=True): pass
    """
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, timeout=PATIENT)
    assert {"python"} <= {name for record in records(tmp_path / "run", Tags) for name in record.tags}
