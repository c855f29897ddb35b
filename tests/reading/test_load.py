"""A run, read back: what it is, how it stands, and what it said."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import tracklib
from tracklib import RunDirectoryError, Trackers, tracking


def test_a_finished_run_says_what_it_was_told(tmp_path: Path) -> None:
    with tracking(
        output_run=tmp_path / "a", params={"lr": 0.1, "model": {"width": 3}}, tags=["baseline"], best={"loss": "min"}
    ) as t:
        for epoch in range(3):
            t.log(epoch, {"loss": [0.5, 0.25, 0.75][epoch]})
        t.log_text("note", "hello")

    run = tracklib.load(tmp_path / "a")

    assert (run.status, run.name, run.uid, run.directory) == ("finished", "a", t.uid, str(tmp_path / "a"))
    assert run.params == {"lr": 0.1, "model": {"width": 3}}
    assert run.flat_params == {"lr": 0.1, "model/width": 3}
    assert run.own_tags == {"baseline": ""}
    assert (run.best["loss"].value, run.best["loss"].step) == (0.25, 1)
    assert [run.first["loss"].value, run.last["loss"].value, run.min["loss"].step, run.max["loss"].step] == [
        0.5,
        0.75,
        1,
        2,
    ]
    assert (run.metrics["loss"].steps.tolist(), run.metrics["loss"].values.tolist()) == ([0, 1, 2], [0.5, 0.25, 0.75])
    assert Path(run.artifacts["note.txt"]).read_text() == "hello"
    assert run.artifacts["note.txt"].is_intact()


@pytest.mark.slow
def test_a_run_of_this_process_is_running_and_keeps_its_lock(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "a"):
        assert tracklib.load(tmp_path / "a").status == "running"
        with pytest.raises(RunDirectoryError, match="still going on"):
            Trackers(output_run=tmp_path / "a").init()


def test_a_directory_without_a_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="holds no run: there is no journal.jsonl in it"):
        tracklib.load(tmp_path)


def test_where_another_run_has_taken_the_directory_all_that_is_read_is_the_new_one(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "a") as t:
        for epoch in range(100):
            t.log(epoch, {"loss": 1.0})
    run = tracklib.load(tmp_path / "a")
    assert (len(run.metrics), len(run.curve("loss"))) == (100, 100)

    with tracking(output_run=tmp_path / "a") as t:
        t.log(0, {"loss": 0.25})

    assert run.refresh().uid == t.uid
    assert run.metrics["loss"].values.tolist() == [0.25]
    assert run.curve("loss").means.tolist() == [0.25]


def test_a_run_and_what_it_says_travel_to_another_process(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "a", best={"loss": "min"}) as t:
        t.log(0, {"loss": 0.5})
    run = tracklib.load(tmp_path / "a")
    for told in (run.first, run.last, run.min, run.max, run.best, run.attempts, run.environment):
        assert pickle.loads(pickle.dumps(told)) == told
    copy = pickle.loads(pickle.dumps(run))
    assert (copy.status, copy.last["loss"]) == ("finished", run.last["loss"])
    assert list(copy.metrics["loss"]) == list(run.metrics["loss"])
