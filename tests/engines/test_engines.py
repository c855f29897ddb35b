"""The examples of engines, each on a local cluster of that engine: ``nox -s engines``."""

from __future__ import annotations

from pathlib import Path

import pytest
from bare import run_bare
from kept import records, rows, statuses

from tracklib._journal.records import Log

pytestmark = pytest.mark.engines

EXAMPLES = Path(__file__).parents[2] / "examples" / "engines"


def run(folder: Path, example: str) -> Path:
    """Run the example in ``folder``; its run."""
    run_bare(folder, (EXAMPLES / f"{example}.py").read_text(), patience=3)
    return folder / "runs" / example.partition("_")[0]


@pytest.mark.parametrize(("engine", "example"), [("joblib", "joblib_workers"), ("distributed", "dask_workers")])
def test_workers_log_into_the_run(tmp_path: Path, engine: str, example: str) -> None:
    pytest.importorskip(engine)
    directory = run(tmp_path, example)
    logs = [(log.step, *log.metrics) for log in records(directory, Log)]
    assert sorted(logs) == sorted((epoch, f"fold-{fold}/loss") for epoch in range(10) for fold in range(4))
    assert sum(bool(value) for row in rows(directory) for name, value in row.items() if name != "epoch") == 40


def test_rays_tasks_and_actors_have_the_run(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    directory = run(tmp_path, "ray_tasks")
    logs = records(directory, Log)
    assert sorted(log.step for log in logs if "trials/loss" in log.metrics) == [0, 1, 2, 3]
    assert [log.step for log in logs if log.axis == "step"] == [0, 1, 2]
    for number in range(4):
        assert statuses(directory / f"children/trial-{number}") == ["finished"]


def test_optunas_trials_are_child_runs(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    directory = run(tmp_path, "optuna_trials")
    assert [statuses(directory / f"children/trial-{number}") for number in range(8)] == 8 * [["finished"]]
