"""`tracklib sync`: what a run left behind arrives later."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from msgspec.structs import replace

from tracklib import RunDirectoryError, TrackerWarning, tracking
from tracklib import _leaving as words
from tracklib._journal import Journal, Reader
from tracklib._records import Begin, End, Status
from tracklib._redact import redact, without_masks
from tracklib._sync import sync
from tracklib.cli import main


def killed_run(directory: Path, epochs: int = 5) -> None:
    """A process that dies inside its block, with no word to anybody."""
    script = f"""
        import os
        from tracklib import tracking
        with tracking(output_run={str(directory)!r}) as t:
            for epoch in range({epochs}):
                t.log(epoch, {{"loss": 1.0 / (epoch + 1)}})
            os._exit(9)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)]).returncode == 9


def ends(directory: Path) -> list[Status]:
    records = [entry.record for entry in Reader(str(directory / "journal.jsonl")).records()]
    return [record.status for record in records if isinstance(record, End)]


def history(uri: str, experiment: str, key: str) -> tuple[str, list[int]]:
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    (run,) = client.search_runs([found.experiment_id])
    return run.info.status, [metric.step for metric in client.get_metric_history(run.info.run_id, key)]


def test_what_a_stopped_server_missed_arrives_with_the_true_status(
    own_mlflow_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "PATIENCE", 0.5)
    config = {"type": "Mlflow", "tracking_uri": own_mlflow_server.uri, "experiment_name": "later"}
    own_mlflow_server.stop()
    with pytest.warns(TrackerWarning, match="tracklib sync"):
        with tracking([config], output_run=tmp_path / "run") as run:
            for epoch in range(5):
                run.log(epoch, {"loss": 0.1})
    own_mlflow_server.start()

    outcomes = {outcome.tracker: outcome.left for outcome in sync(str(tmp_path / "run")).outcomes}

    assert outcomes == {"Mlflow": None, "CsvLogger": None}
    assert history(own_mlflow_server.uri, "later", "loss") == ("FINISHED", [0, 1, 2, 3, 4])


def test_a_run_whose_process_died_is_killed_and_its_csv_is_whole(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    assert ends(tmp_path / "run") == []

    sync(str(tmp_path / "run"))

    assert ends(tmp_path / "run") == [Status.KILLED]
    assert (tmp_path / "run/metrics.csv").read_text().split()[1:] == [f"{e},{1.0 / (e + 1)!r}" for e in range(5)]


def test_the_second_sync_changes_nothing(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    sync(str(tmp_path / "run"))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.*")}

    sync(str(tmp_path / "run"))

    assert {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.*")} == before


def test_a_tracker_that_has_it_all_is_not_even_connected(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    config = {"type": "Mlflow", "tracking_uri": f"sqlite:///{database}", "experiment_name": "once"}
    with tracking([config], output_run=tmp_path / "run") as run:
        run.log(1, {"loss": 0.1})
    database.unlink()

    assert [outcome.left for outcome in sync(str(tmp_path / "run"), patience=0.1).outcomes] == [None, None]
    assert not database.exists()


def test_a_tracker_that_cannot_be_built_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    journal = str(tmp_path / "run/journal.jsonl")
    begin = next(entry.record for entry in Reader(journal).records() if isinstance(entry.record, Begin))
    lost = {"type": "no_such_module:Lost"}
    Journal(journal, pytest.fail).append(replace(begin, attempt=2, configs=[lost, *begin.configs]))

    csv, other = sync(str(tmp_path / "run")).outcomes

    assert (csv.tracker, csv.left) == ("CsvLogger", None)
    assert other.tracker == "Lost"
    assert "cannot be imported" in str(other.left)


def test_a_run_that_is_still_going_on_is_left_alone(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"), pytest.raises(RunDirectoryError, match="still going on"):
        sync(str(tmp_path / "run"))


def test_a_journal_without_a_beginning_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("rubbish\n")
    with pytest.raises(RunDirectoryError, match="no line of its journal.jsonl says how one began"):
        sync(str(tmp_path))


def test_the_trackers_get_what_the_environment_says_in_place_of_a_masked_secret() -> None:
    config = {"tracking_uri": "http://me:pw@host:5000", "settings": {"api_key": "x", "a": [1, "b"]}}
    assert without_masks(redact(config)) == {"tracking_uri": "http://host:5000", "settings": {"a": [1, "b"]}}


def test_the_command_says_what_it_did_and_exits_with_0_when_nothing_is_left(tmp_path: Path) -> None:
    killed_run(tmp_path / "run", epochs=3)
    result = CliRunner().invoke(main, ["sync", str(tmp_path / "run")])
    assert result.exit_code == 0
    assert "CsvLogger: 3 records delivered, complete" in result.output


def test_the_command_exits_with_1_when_something_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "PATIENCE", 0.2)
    nowhere = {"type": "Mlflow", "tracking_uri": "http://127.0.0.1:9", "experiment_name": "e"}
    with pytest.warns(TrackerWarning, match="Mlflow"), tracking([nowhere], output_run=tmp_path / "run") as run:
        run.log(1, {"loss": 0.1})
    result = CliRunner().invoke(main, ["sync", "--patience", "0.2", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert "not complete" in result.output


def test_the_command_goes_on_after_a_directory_that_holds_no_run(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    result = CliRunner().invoke(main, ["sync", str(tmp_path / "none"), str(tmp_path / "run")])
    assert result.exit_code == 1
    assert "holds no run" in result.output
    assert "complete" in result.output


def test_python_m_tracklib_is_the_same_command(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    command = [sys.executable, "-m", "tracklib", "sync", str(tmp_path / "run")]
    assert "complete" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_an_attempt_that_was_resumed_and_has_no_end_is_killed_whatever_the_one_before_said(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    sync(str(tmp_path / "run"))
    journal = str(tmp_path / "run/journal.jsonl")
    first = next(entry.record for entry in Reader(journal).records() if isinstance(entry.record, Begin))
    Journal(journal, pytest.fail).append(replace(first, attempt=2, time=first.time + 60_000))
    sync(str(tmp_path / "run"))
    assert ends(tmp_path / "run") == [Status.KILLED, Status.KILLED]


def test_a_full_disk_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_run(tmp_path / "run")

    def full(fd: int, line: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RunDirectoryError, match="No space left on device"):
        sync(str(tmp_path / "run"))
