"""``tracklib note`` and ``tracklib tag``: what is said about a run afterwards, synced like the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kept import records, statuses
from patience import PATIENT
from running import tracklib

from tracklib import load, tracking
from tracklib._delivery.sync import sync
from tracklib._journal.records import End, Note, Tags


@pytest.fixture
def ended(tmp_path: Path) -> Path:
    with tracking(output_run=tmp_path / "run", tags={"stage": "old"}) as t:
        t.log(3, {"loss": 1})
    return tmp_path / "run"


def test_a_run_that_has_ended_gets_records_behind_its_end(ended: Path) -> None:
    before = (ended / "journal.jsonl").read_bytes()
    assert tracklib("note", ended, "looks good, token=hunter2hunter2", "--epoch", 3).output == "run noted\n"
    assert tracklib("tag", ended, "stage=best", "paper").output == "run tagged\n"
    run = load(ended)
    assert (run.status, run.tags) == ("finished", {"stage": "best", "paper": ""})
    (note,) = run.notes
    assert (note.text[:10], note.step, "hunter2" in note.text) == ("looks good", 3, False)
    assert (ended / "journal.jsonl").read_bytes().startswith(before)
    assert [type(record) for record in records(ended)][-3:] == [End, Note, Tags]
    assert "epoch 3: looks good" in tracklib("show", ended).output
    assert tracklib("doctor", ended).exit_code == 0


@pytest.mark.slow
def test_a_run_that_goes_on_takes_it_over_itself(tmp_path: Path) -> None:
    program = "import sys; from tracklib.cli.commands import main; main(sys.argv[1:])"
    run = tmp_path / "run"
    with tracking(output_run=run) as t:
        for words in (["note", str(run), "while it goes on"], ["tag", str(run), "live"]):
            done = subprocess.run(
                [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=PATIENT, check=True
            )
            assert done.stdout.endswith("; the run takes it over\n")
        t.log(0, {"loss": 1})
    assert [note.text for note in load(run).notes] == ["while it goes on"]
    assert load(run).tags == {"live": ""}
    assert [type(record) for record in records(run)][-1] is End


def test_a_run_whose_process_died_was_killed(ended: Path) -> None:
    path = ended / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"type":"end"' not in line))
    assert tracklib("tag", ended, "odd").exit_code == 0
    assert statuses(ended) == ["killed"]
    assert load(ended).tags["odd"] == ""


@pytest.mark.slow
def test_sync_delivers_it_to_the_runs_trackers_and_the_status_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mlflow_database: Path
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    shutil.copy(mlflow_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    wanted = [{"type": "Mlflow", "tracking_uri": uri, "experiment_name": "e"}, {"type": "TensorBoard"}]
    with pytest.raises(ValueError, match="x"), tracking(wanted, output_run="run", environment=False) as t:
        t.log(0, {"loss": 1})
        t.note("said in the run")
        t.flush(PATIENT)
        raise ValueError("x")
    client = mlflow.MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("e").experiment_id])
    client.set_tag(run.info.run_id, "mlflow.note.content", run.data.tags["mlflow.note.content"] + "\n\nby hand")
    said = tracklib("note", "run", "said afterwards").output
    assert said == "run noted; to deliver it: tracklib sync run\n"
    tracklib("tag", "run", "stage=late")
    assert all(outcome.is_complete for outcome in sync("run").outcomes)
    after = client.get_run(run.info.run_id)
    first, by_hand, last = after.data.tags["mlflow.note.content"].split("\n\n")
    assert first.endswith("epoch 0: said in the run")
    assert by_hand == "by hand"
    assert last.endswith(": said afterwards")
    assert (after.data.tags["stage"], after.info.status, after.info.end_time) == ("late", "FAILED", run.info.end_time)
    assert sum(outcome.delivered for outcome in sync("run").outcomes) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["note", "RUN", " "], "a note must say something"),
        (["tag", "RUN"], "Missing argument 'TAG...'"),
        (["tag", "RUN", "=x"], "a tag needs a name"),
        (["note", "nowhere", "x"], "nowhere"),
        (["tag", "nowhere", "x"], "nowhere"),
    ],
)
def test_what_cannot_be_said_is_refused(ended: Path, words: list[str], told: str) -> None:
    done = tracklib(*[str(ended) if word == "RUN" else word for word in words])
    assert done.exit_code != 0
    assert told in done.output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_told(ended: Path) -> None:  # pragma: no cover  # not as root
    ended.chmod(0o500)
    done = tracklib("tag", ended, "x")
    assert (done.exit_code, "cannot be" in done.output) == (1, True)
