"""The names in a run's directory: written once, and not to be taken by a user's config."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tracklib import BaseTracker, tracking
from tracklib._journal import layout

NAMES = {value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str)}
WORDS = {name for name in NAMES if name.isalpha()}  # which may mean something else, when they are no part of a path


def written(path: Path) -> set[str]:
    """The strings in a module that are names of files: those with an ending, and the parts of joined paths."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        joined = node.args if isinstance(node, ast.Call) and ast.unparse(node.func) == "os.path.join" else []
        found |= {part.value for part in joined if isinstance(part, ast.Constant) and isinstance(part.value, str)}
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} - WORDS
    return found


@pytest.mark.slow
def test_no_other_module_writes_a_name_of_the_layout() -> None:
    house = Path(tracklib.__file__).parent
    others = {str(path.relative_to(house)): written(path) & NAMES for path in house.rglob("*.py")}
    assert {name for name, taken in others.items() if taken} == {
        "_journal/layout.py",
        "trackers/_wandb_limits.py",  # the folder of artifacts at W&B's server
    }


@pytest.mark.slow
def test_what_a_run_makes_has_the_names_of_the_layout(tmp_path: Path) -> None:
    with tracking([{"type": "TensorBoard"}], output_run=tmp_path / "run") as run:
        run.log(0, {"loss": 0.5})
        run.log_artifact(__file__)
        with run.child("fold"):
            pass
    with tracking(output_run=tmp_path / "run"):
        pass
    there = {path.name for path in (tmp_path / "run").iterdir()}
    there |= {path.name for folder in (tmp_path / "run/previous").iterdir() for path in folder.iterdir()}
    assert there <= NAMES
    assert {layout.STATE, layout.TABLE, layout.JOURNAL, layout.CHILDREN, layout.TENSORBOARD} <= there


class begin(BaseTracker):  # noqa: N801  # what a user may call a class
    """A tracker whose state would lie where the run keeps the copy of its beginning."""

    def init(self) -> None:
        self.state["met"] = "yes"

    def log(self, epoch: Any, log_dict: Any) -> None:
        pass


def test_a_tracker_called_as_a_file_of_the_runs_own_state_has_another_file(tmp_path: Path) -> None:
    for _ in range(2):
        with tracking([begin()], output_run=tmp_path / "run", resume=True) as run:
            run.log(0, {"loss": 0.5})
    kept = sorted(path.name for path in (tmp_path / "run/state").glob("*.json"))
    assert kept == ["CsvLogger.json", "begin.json", "tracker-begin.json"]
    assert run["begin"].state == {"met": "yes"}


@pytest.mark.parametrize("name", [None, 5, "", ".", "..", "a/b", "/a", "a\0b", "ä" * 101])
def test_what_is_no_files_name_is_not_free(name: object) -> None:
    assert not layout.is_free(name)


@pytest.mark.parametrize("name", ["metrics.csv", "train.csv", "state.csv", "…", "a b", "ä" * 100])
def test_any_other_file_is_the_users(name: str) -> None:
    assert layout.is_free(name)
