"""`tracklib sync`: what a run left behind arrives later."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import filed
import pytest
from click.testing import CliRunner
from kept import ends
from mlflow import MlflowClient
from msgspec.structs import replace
from patience import PATIENT

from tracklib import RunDirectoryError, TrackerWarning, tracking
from tracklib._common.secrets import redact, without_masks
from tracklib._delivery.sync import sync
from tracklib._journal.journal import Journal
from tracklib._journal.reader import Reader
from tracklib._journal.records import Begin, Log, Status
from tracklib._run import ending as words
from tracklib.cli.commands import main
from tracklib.cli.sync_outcome import Verdict, worst


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


def everything_in(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Each file and folder with its inode, its time of change and its content."""
    found = {}
    for path in [directory, *directory.rglob("*")]:
        stat = path.stat()
        found[str(path)] = (stat.st_ino, stat.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
    return found


def history(uri: str, experiment: str, key: str) -> tuple[str, list[int]]:
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    (run,) = client.search_runs([found.experiment_id])
    return run.info.status, [metric.step for metric in client.get_metric_history(run.info.run_id, key)]


def test_what_a_stopped_server_missed_arrives_with_the_true_status(
    own_mlflow_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    before = everything_in(tmp_path / "run")

    synced = sync(str(tmp_path / "run"))

    assert everything_in(tmp_path / "run") == before
    assert (synced.status, synced.was_cut_off, synced.outcomes[0].delivered) == (Status.KILLED, False, 0)


@pytest.mark.slow
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


def test_where_a_tracker_refused_a_record_nobody_says_complete(tmp_path: Path) -> None:
    """Neither flush, nor the command by its words and its exit code, nor a look from outside."""
    config = {"type": "filed:Filed", "path": str(tmp_path / "there")}
    with pytest.warns(TrackerWarning, match="refused 1 record"), tracking([config], output_run=tmp_path / "run") as run:
        run.log(1, {"loss": 0.1})
        assert run.flush(PATIENT)
        filed.set_fault(str(tmp_path / "there"), "refuse")
        run.log(2, {"loss": 0.2})
        assert not run.flush(PATIENT)
        filed.clear_fault(str(tmp_path / "there"))
        run.log(3, {"loss": 0.3})
        assert not run.flush(PATIENT)

    for more in ([], ["--dry-run"]):
        result = CliRunner().invoke(main, ["sync", str(tmp_path / "run"), *more])
        assert result.exit_code == 6
        assert ", 1 refused (see rejected.jsonl)" in result.output
        assert "Filed: 0 records delivered, 1 refused (see rejected.jsonl), complete" not in result.output
    told = json.loads(CliRunner().invoke(main, ["sync", "--json", str(tmp_path / "run")]).output)
    told = told if isinstance(told, dict) else told[0]
    assert (told["verdict"], [one["complete"] for one in told["trackers"]]) == ("refused", [False, True])


def refused_run(folder: Path) -> None:
    """A run whose first metrics and params a tracker refused, and took the rest."""
    there = str(folder / "there")
    filed.set_fault(there, "refuse")
    with (
        pytest.warns(TrackerWarning, match="--retry-rejected"),
        tracking([{"type": "filed:Filed", "path": there}], output_run=folder / "run", params={"lr": 0.1}) as run,
    ):
        for epoch in range(5):
            run.log(epoch, {"loss": float(epoch)})
        assert not run.flush(PATIENT)
        filed.clear_fault(there)
        run.log(9, {"loss": 9.0})


def taken(folder: Path) -> Counter[Any]:
    lines = [json.loads(line) for line in (folder / "there").read_text().splitlines()]
    return Counter(json.dumps(line[1:]) for line in lines if line[0] in ("log", "params"))


def test_retry_rejected_sends_what_was_refused_once_more_and_nothing_else(tmp_path: Path) -> None:
    refused_run(tmp_path)
    assert len(taken(tmp_path)) == 1

    result = CliRunner().invoke(main, ["sync", str(tmp_path / "run"), "--retry-rejected"])

    assert (result.exit_code, "Filed: 6 records delivered, complete" in result.output) == (0, True), result.output
    logs = [
        record for record in Reader(str(tmp_path / "run/journal.jsonl")).records() if isinstance(record.record, Log)
    ]
    said = [[log.ordinal, "epoch", log.record.step, log.record.metrics] for log in logs]  # type: ignore[union-attr]
    assert taken(tmp_path) == Counter(map(json.dumps, [*said, [{"lr": 0.1}]]))
    assert not (tmp_path / "run/rejected.jsonl").exists()
    assert CliRunner().invoke(main, ["sync", str(tmp_path / "run"), "--retry-rejected"]).exit_code == 0
    assert set(taken(tmp_path).values()) == {1}


def test_what_is_refused_once_more_stays_refused_once(tmp_path: Path) -> None:
    refused_run(tmp_path)
    before = (tmp_path / "run/rejected.jsonl").read_text()
    filed.set_fault(str(tmp_path / "there"), "refuse")

    for _ in range(2):
        result = CliRunner().invoke(main, ["sync", str(tmp_path / "run"), "--retry-rejected"])
        assert (result.exit_code, ", 6 refused (see rejected.jsonl)" in result.output) == (6, True)
        assert (tmp_path / "run/rejected.jsonl").read_text() == before


def test_a_retry_that_breaks_off_loses_no_refused_record(tmp_path: Path) -> None:
    refused_run(tmp_path)
    filed.set_fault(str(tmp_path / "there"), "down")
    result = CliRunner().invoke(main, ["sync", str(tmp_path / "run"), "--retry-rejected", "--patience", "0.1"])
    assert result.exit_code == 1
    assert len((tmp_path / "run/rejected.jsonl").read_text().splitlines()) == 6
    filed.clear_fault(str(tmp_path / "there"))
    assert CliRunner().invoke(main, ["sync", str(tmp_path / "run"), "--retry-rejected"]).exit_code == 0
    assert len(taken(tmp_path)) == 7


def test_of_several_runs_the_gravest_verdict_is_the_exit_code() -> None:
    assert worst([Verdict.COMPLETE, Verdict.REFUSED]) is Verdict.REFUSED
    assert worst([Verdict.LEFT, Verdict.REFUSED]) is Verdict.LEFT
    assert worst([Verdict.BROKEN, Verdict.REFUSED, Verdict.IN_USE]) is Verdict.BROKEN
    assert worst([]) is Verdict.COMPLETE


def test_the_command_goes_on_after_a_directory_that_holds_no_run(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    result = CliRunner().invoke(main, ["sync", str(tmp_path / "none"), str(tmp_path / "run")])
    assert result.exit_code == 4
    assert "holds no run" in result.output
    assert "complete" in result.output


@pytest.mark.slow
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


# To a further tracker -----------------------------------------------------------------------------------


def small_run(directory: Path, epochs: int = 4) -> None:
    """A run that has its CSV only, with params, tags, an artifact, and a step that comes twice."""
    with tracking(output_run=directory, name="digits", params={"lr": 0.1}, tags=["baseline"]) as run:
        for epoch in range(epochs):
            run.log(epoch, {"loss": 1.0 / (epoch + 1)})
        run.log(epochs - 1, {"loss": 0.0})


def stored(uri: str, experiment: str) -> tuple[Any, ...]:
    """What MLflow holds of an experiment's one run."""
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    (run,) = client.search_runs([found.experiment_id])
    metrics = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    rows = {key: [(row.step, row.value, row.timestamp) for row in history] for key, history in metrics.items()}
    return run.info.run_name, run.info.status, run.data.params, "baseline" in run.data.tags, rows


def logged(directory: Path) -> list[tuple[int, float, int]]:
    records = [entry.record for entry in Reader(str(directory / "journal.jsonl")).records()]
    return [(record.step, record.metrics["loss"], record.time) for record in records if isinstance(record, Log)]


def database(path: Path, experiment: str) -> dict[str, str]:
    return {"type": "Mlflow", "tracking_uri": f"sqlite:///{path / 'mlflow.db'}", "experiment_name": experiment}


@pytest.mark.slow
def test_a_run_that_had_its_csv_only_is_replayed_to_a_database_a_week_later(tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    to = database(tmp_path, "replayed")

    (outcome,) = sync(str(tmp_path / "run"), to).outcomes

    assert (outcome.delivered, outcome.left) == (7, None)
    name, status, params, has_tag, rows = stored(to["tracking_uri"], "replayed")
    assert (name, status, params, has_tag) == ("digits", "FINISHED", {"lr": "0.1"}, True)
    assert sorted(rows["loss"]) == sorted(logged(tmp_path / "run"))


def test_a_run_is_replayed_to_a_server_with_its_true_status(mlflow_server: Any, tmp_path: Path) -> None:
    killed_run(tmp_path / "run", epochs=3)
    to = {"type": "Mlflow", "tracking_uri": mlflow_server.uri, "experiment_name": "replayed-killed"}
    sync(str(tmp_path / "run"), to)
    assert history(mlflow_server.uri, "replayed-killed", "loss") == ("KILLED", [0, 1, 2])


@pytest.mark.slow
def test_replaying_twice_changes_nothing_there_nor_here(tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    to = database(tmp_path, "twice")
    sync(str(tmp_path / "run"), to)
    before, there = everything_in(tmp_path / "run"), stored(to["tracking_uri"], "twice")

    assert [(outcome.delivered, outcome.left) for outcome in sync(str(tmp_path / "run"), to).outcomes] == [(0, None)]

    assert everything_in(tmp_path / "run") == before
    assert stored(to["tracking_uri"], "twice") == there


@pytest.mark.slow
def test_replaying_once_more_without_the_state_stores_nothing_twice(tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    to = database(tmp_path, "stateless")
    sync(str(tmp_path / "run"), to)
    there = stored(to["tracking_uri"], "stateless")
    shutil.rmtree(tmp_path / "run/state")
    sync(str(tmp_path / "run"), to)
    assert stored(to["tracking_uri"], "stateless") == there


@pytest.mark.slow
def test_a_replay_leaves_the_runs_own_trackers_alone(tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    own = {path.name: path.read_bytes() for path in (tmp_path / "run/state").iterdir()}
    sync(str(tmp_path / "run"), database(tmp_path, "further"))
    found = {path.name: path.read_bytes() for path in (tmp_path / "run/state").iterdir()}
    assert {name: found[name] for name in own} == own
    (further,) = found.keys() - own.keys()
    assert further.startswith("Mlflow-")


def test_two_further_trackers_of_one_kind_keep_apart_whatever_their_order(tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    one, two = ({"type": "CsvLogger", "csv_filename": name} for name in ("one.csv", "two.csv"))
    sync(str(tmp_path / "run"), [one, two])
    outcomes = sync(str(tmp_path / "run"), [two, one]).outcomes
    assert [outcome.delivered for outcome in outcomes] == [0, 0]
    assert (tmp_path / "run/one.csv").read_text() == (tmp_path / "run/two.csv").read_text()


def test_a_replay_that_was_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    to = {"type": "scripted:Written", "path": str(tmp_path / "there"), "fails_at": 3}
    (first,) = sync(str(tmp_path / "run"), to, patience=0.1).outcomes
    assert first.left is not None
    (tmp_path / "there.mended").touch()
    (second,) = sync(str(tmp_path / "run"), to).outcomes
    assert (first.delivered + second.delivered, second.left) == (7, None)
    lines = [json.loads(line) for line in (tmp_path / "there").read_text().splitlines()]
    assert [line["step"] for line in lines if "step" in line] == [0, 1, 2, 3, 3]
    assert [line for line in lines if "step" not in line] == [
        {"params": {"lr": 0.1}},
        {"tags": {"baseline": ""}},
        {"status": "finished"},
    ]


def command(*arguments: object) -> Any:
    return CliRunner().invoke(main, ["sync", *map(str, arguments)])


@pytest.mark.parametrize("as_list", [False, True])
def test_the_command_takes_the_further_tracker_as_json(tmp_path: Path, as_list: bool) -> None:
    small_run(tmp_path / "run")
    config = {"type": "CsvLogger", "csv_filename": "again.csv"}
    result = command("--to", json.dumps([config] if as_list else config), tmp_path / "run")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "7 records delivered, complete" in result.output
    assert (tmp_path / "run/again.csv").read_text() == (tmp_path / "run/metrics.csv").read_text()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("to.toml", '[[trackers]]\ntype = "CsvLogger"\ncsv_filename = "again.csv"\n'),
        ("to.json", '[{"type": "CsvLogger", "csv_filename": "again.csv"}]'),
        ("to.yaml", "- type: CsvLogger\n  csv_filename: again.csv\n"),
    ],
)
def test_the_command_takes_the_further_tracker_as_a_file(tmp_path: Path, name: str, content: str) -> None:
    small_run(tmp_path / "run")
    (tmp_path / name).write_text(content)
    assert command("--to", tmp_path / name, tmp_path / "run").exit_code == 0
    assert (tmp_path / "run/again.csv").exists()


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("{", "--to"),
        ("[1]", "--to"),
        ('{"type": "Mlfow"}', "Mlflow"),
        ('{"type": "CsvLogger", "file": "x"}', "file"),
        ("none.toml", "none.toml"),
        ("", "--to"),
    ],
)
def test_a_wrong_to_is_a_usage_error_and_touches_no_run(tmp_path: Path, to: str, told: str) -> None:
    killed_run(tmp_path / "run")
    before = everything_in(tmp_path / "run")
    result = command("--to", to, tmp_path / "run")
    assert result.exit_code == 2
    assert "Usage:" in result.output
    assert told in result.output
    assert "Traceback" not in result.output
    assert everything_in(tmp_path / "run") == before


# Whole trees --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_all_closes_the_zombies_of_a_tree_those_that_were_set_aside_too(tmp_path: Path) -> None:
    runs = [tmp_path / name for name in ("a", "deep/er/b", "c")]
    for directory in runs:
        killed_run(directory, epochs=2)
    killed_run(tmp_path / "c", epochs=3)  # sets the first one aside
    (aside,) = (tmp_path / "c/previous").iterdir()

    result = command("--all", tmp_path)

    assert result.exit_code == 0
    assert result.output.count("the run's status is killed now") == 4
    for directory in (*runs, aside):
        assert ends(directory) == [Status.KILLED]
    assert (aside / "metrics.csv").read_text().count("\n") == 3
    assert "died" not in command("--all", tmp_path).output


def test_all_leaves_a_live_run_alone_and_delivers_its_predecessor(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    with tracking(output_run=tmp_path / "run") as run:
        run.log(1, {"loss": 0.1})
        result = command("--all", tmp_path)
        assert ends(tmp_path / "run") == []
    assert result.exit_code == 0
    assert f"{tmp_path / 'run'}: still going on, and left alone" in result.output
    (aside,) = (tmp_path / "run/previous").iterdir()
    assert ends(aside) == [Status.KILLED]
    assert ends(tmp_path / "run") == [Status.FINISHED]


def test_a_live_run_that_was_named_is_an_error(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        result = command(tmp_path / "run")
    assert result.exit_code == 3
    assert "still going on" in result.stderr


def test_all_looks_into_no_run_for_what_is_none(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    for name in ("artifacts/copy", "state/x", "wandb/y"):
        (tmp_path / "run" / name).mkdir(parents=True)
        shutil.copy(tmp_path / "run/journal.jsonl", tmp_path / "run" / name)
    command("--all", tmp_path)
    assert ends(tmp_path / "run") == [Status.KILLED]
    assert ends(tmp_path / "run/artifacts/copy") == []


def test_all_goes_on_behind_a_run_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/journal.jsonl").write_text("rubbish\n")
    killed_run(tmp_path / "b")
    result = command("--all", tmp_path)
    assert result.exit_code == 5
    assert "holds no run" in result.stderr
    assert ends(tmp_path / "b") == [Status.KILLED]


@pytest.mark.slow
def test_all_takes_several_roots_and_directories_at_once(tmp_path: Path) -> None:
    for name in ("one/a", "two/b", "three"):
        killed_run(tmp_path / name)
    assert command("--all", tmp_path / "one", "--all", tmp_path / "two", tmp_path / "three").exit_code == 0
    assert [ends(tmp_path / name) for name in ("one/a", "two/b", "three")] == [[Status.KILLED]] * 3


def test_an_empty_tree_is_complete_and_a_missing_one_a_usage_error(tmp_path: Path) -> None:
    assert command("--all", tmp_path).exit_code == 0
    assert command("--all", tmp_path / "none").exit_code == 2


def test_without_a_directory_the_command_says_how_it_is_used(tmp_path: Path) -> None:
    result = command()
    assert result.exit_code == 2
    assert "name the directory of a run, or --all ROOT" in result.output


def test_all_replays_a_whole_tree_to_a_further_tracker(tmp_path: Path) -> None:
    for name in ("a", "b"):
        small_run(tmp_path / name)
    to = '{"type": "CsvLogger", "csv_filename": "again.csv"}'
    assert command("--all", tmp_path, "--to", to).exit_code == 0
    assert len(list(tmp_path.glob("*/again.csv"))) == 2


# What is said -------------------------------------------------------------------------------------------


def test_damaged_lines_are_counted_and_said(tmp_path: Path) -> None:
    killed_run(tmp_path / "run")
    journal = tmp_path / "run/journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[2] = b"x" + lines[2][1:]
    journal.write_bytes(b"".join(lines) + b"torn")
    result = command(tmp_path / "run")
    assert result.exit_code == 0
    assert "2 damaged lines of the journal passed over" in result.output
    assert "CsvLogger: 4 records delivered, complete" in result.output


class Terminal(io.StringIO):
    """Where a person looks."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("where", "shown"), [(Terminal(), True), (io.StringIO(), False)], ids=["terminal", "file"])
def test_long_work_shows_its_progress_on_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: io.StringIO, shown: bool
) -> None:
    killed_run(tmp_path / "run")
    monkeypatch.setattr("tracklib.cli.sync._LONG_SECONDS", 0.0)
    monkeypatch.setattr(sys, "stderr", where)
    with pytest.raises(SystemExit):
        main(["sync", str(tmp_path / "run")])
    assert (f"{tmp_path / 'run'}:" in where.getvalue()) == shown


def test_the_progress_is_told_in_bytes_of_the_journal(tmp_path: Path) -> None:
    killed_run(tmp_path / "run", epochs=50)
    told: list[tuple[int, int]] = []
    sync(str(tmp_path / "run"), on_progress=lambda done, of: told.append((done, of)))
    size = (tmp_path / "run/journal.jsonl").stat().st_size
    assert {of for _, of in told} == {size}
    assert told == sorted(told)
    assert told[-1][0] <= size
