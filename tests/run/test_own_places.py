"""What a run keeps in its directory itself: no tracker's option leads there, and no other run begins there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tracklib import ConfigError, RunDirectoryError, Trackers, tracking
from tracklib._journal import layout

OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"type": "CsvLogger"}, "csv_filename"),
    ({"type": "TensorBoard"}, "log_dir"),
    ({"type": "DvcLive"}, "folder"),
    ({"type": "Comet"}, "folder"),
    ({"type": "Neptune"}, "folder"),
    ({"type": "SwanLab"}, "folder"),
    ({"type": "Aim"}, "repo"),
]


@pytest.fixture(autouse=True)
def _has_all_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracklib.trackers._configs.missing_packages", lambda tracker: [])


@pytest.mark.parametrize(
    "inside", ["state/x.csv", "children/fold/x.csv", "Artifacts/x", "ranks/./x", "wandb/../writers/x"]
)
@pytest.mark.parametrize(
    ("config", "option"), OPTIONS, ids=lambda given: given if isinstance(given, str) else given["type"]
)
def test_no_option_of_a_tracker_leads_to_what_the_run_keeps_itself(
    tmp_path: Path, config: dict[str, Any], option: str, inside: str
) -> None:
    with pytest.raises(ConfigError, match=f"{option}=.* which the run keeps in its directory itself"):
        Trackers([config | {option: f"{tmp_path}/run/{inside}"}], output_run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_path_that_leads_there_by_a_link_or_a_relative_way_is_refused_on_every_rank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    for path in ("link/state", "run/state", "./run//children"):
        with pytest.raises(ConfigError, match="TensorBoard's log_dir"):
            Trackers([{"type": "TensorBoard", "log_dir": path}], output_run="run", rank=rank)


def test_nor_does_the_database_of_mlflow(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/run/state/mlflow.db?timeout=3"
    with pytest.raises(ConfigError, match="tracking_uri=.* leads to 'state'"):
        Trackers([{"type": "Mlflow", "tracking_uri": uri}], output_run=tmp_path / "run")


@pytest.mark.parametrize("name", [layout.JOURNAL, "JOURNAL.jsonl", layout.LOCK, layout.STATE])
def test_an_absolute_csv_is_not_called_as_a_run_calls_its_own_files(tmp_path: Path, name: str) -> None:
    """A run inside the run has its table under that name in its own directory."""
    with pytest.raises(ConfigError, match="no name that the run's directory needs itself"):
        Trackers([{"type": "CsvLogger", "csv_filename": f"{tmp_path}/elsewhere/{name}"}], output_run=tmp_path / "run")


def test_other_places_in_the_directory_are_free(tmp_path: Path) -> None:
    configs = [
        {"type": "CsvLogger", "csv_filename": f"{tmp_path}/run/tables/all.csv"},
        {"type": "TensorBoard", "log_dir": f"{tmp_path}/run/{layout.TENSORBOARD}"},
    ]
    with tracking(configs, output_run=tmp_path / "run") as t:
        t.log(0, {"loss": 1.0})
    assert (tmp_path / "run/tables/all.csv").read_text() == "epoch,loss\n0,1.0\n"


@pytest.mark.parametrize(
    "name",
    [layout.STATE, layout.CHILDREN, layout.PREVIOUS, layout.ARTIFACTS, layout.RANKS, "State", "artifacts/of/mine"],
)
@pytest.mark.parametrize("rank", [0, 1])
def test_no_run_begins_in_a_folder_of_another_run(tmp_path: Path, name: str, rank: int) -> None:
    with tracking(output_run=tmp_path / "run"):
        pass
    with (
        pytest.raises(RunDirectoryError, match="keeps something itself: choose another output_run"),
        tracking(output_run=tmp_path / "run" / name, rank=rank),
    ):
        pass
    assert tracklib.load(tmp_path / "run").status == "finished"


@pytest.mark.parametrize("folder", [layout.CHILDREN, layout.PREVIOUS])
def test_where_a_run_has_other_runs_another_one_may_begin(tmp_path: Path, folder: str) -> None:
    with tracking(output_run=tmp_path / "run"):
        pass
    with tracking(output_run=tmp_path / "run" / folder / "mine"):
        pass
    assert tracklib.load(tmp_path / "run" / folder / "mine").status == "finished"


def test_a_directory_that_is_only_called_so_is_a_directory(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "children") as t:
        t.log(0, {"loss": 1.0})
    assert tracklib.load(tmp_path / "children").last["loss"].value == 1.0


def test_a_checkpoint_is_not_called_as_a_half_written_one(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.write_text("weights")
    with tracking(output_run=tmp_path / "run") as t, pytest.raises(ValueError, match=r"must not begin with '\.new-'"):
        t.log_checkpoint(model, name=".new-model")


def test_a_file_that_is_called_so_hinders_no_resume(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log_checkpoint(__file__)
    left = tmp_path / "run" / layout.CHECKPOINTS / ".new-left"
    left.write_text("half")
    os.utime(left, (0, 0))
    with tracking(output_run=tmp_path / "run", resume=True):
        assert not left.exists()
