"""The examples of engines, each on a local cluster of that engine: ``nox -s engines``."""

from __future__ import annotations

from pathlib import Path

import pytest
from bare import run_bare
from kept import records, rows, statuses

from tracklib._journal.records import Log, Params

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


def test_optunas_trials_in_processes_are_child_runs_of_the_one(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    directory = run(tmp_path, "optuna_processes").with_name("processes")
    assert [statuses(directory / f"children/trial-{number}") for number in range(6)] == 6 * [["finished"]]


def test_tunes_trials_are_child_runs_though_it_changes_the_directory(tmp_path: Path) -> None:
    pytest.importorskip("ray.tune")
    directory = run(tmp_path, "tune_trials")
    for rate in (0.1, 0.2, 0.3, 0.4):
        assert statuses(directory / f"children/lr-{rate}") == ["finished"]
        assert [log.step for log in records(directory / f"children/lr-{rate}", Log)] == [0, 1, 2]


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_each_job_of_hydras_sweep_is_a_run(tmp_path: Path, launcher: str) -> None:
    pytest.importorskip("hydra")
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")
    command = ("-m", f"hydra/launcher={launcher}", "hydra.sweep.dir=sweep", "+lr=0.1,0.2")
    run_bare(tmp_path, (EXAMPLES / "hydra_sweep.py").read_text(), arguments=command, patience=3)
    for job, rate in enumerate((0.1, 0.2)):
        assert statuses(tmp_path / f"sweep/{job}") == ["finished"]
        (params,) = records(tmp_path / f"sweep/{job}", Params)
        assert params.params == {"lr": rate}


def test_submitits_tasks_are_ranks_of_one_run(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    directory = run(tmp_path, "submitit_job")
    assert [log.metrics["loss"] for log in records(directory, Log)] == [1.5 / (epoch + 1) for epoch in range(3)]
    assert statuses(directory) == ["finished"]
