"""A program's own tests: tracklib switched off by a variable, or its run in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENT

import tracklib.testing
from tracklib import ConfigError, Trackers, current, tracked, tracking
from tracklib.testing import MemoryTracker


@pytest.fixture
def off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("TRACKLIB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@tracked
def train_epoch(epoch: int) -> dict[str, float]:
    return {"loss": 1 / (epoch + 1)}


def test_a_program_that_is_switched_off_runs_and_leaves_nothing(off: Path) -> None:
    (off / "note.txt").write_text("x")
    with tracking([{"type": "Mlflow", "experiment_name": "x"}], best={"loss": "min"}, params={"lr": 1}) as t:
        assert current() is t
        for epoch in t.epochs(3):
            assert train_epoch(epoch)["loss"] > 0
        with t.child("inner") as inner:
            inner.log(0, {"a": 1})
        t.log_artifact("note.txt")
        assert t.wait_ready(1)
        assert t.flush(1)
    assert os.listdir(off) == ["note.txt"]


def test_what_is_wrong_is_an_error_all_the_same(off: Path) -> None:
    with pytest.raises(ConfigError, match="Wandb has no option 'projct'"):
        Trackers([{"type": "Wandb", "projct": "x"}])
    with pytest.raises(FileNotFoundError), tracking() as t:
        t.log_artifact("nowhere.txt")


def test_a_tracker_whose_package_is_not_there_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, off: Path) -> None:
    monkeypatch.setattr("tracklib.Wandb.requires", ("no_such_sdk_z",))
    with tracking([{"type": "Wandb"}]) as t:
        t.log(0, {"a": 1})
    monkeypatch.delenv("TRACKLIB_MODE")
    with pytest.raises(ConfigError, match="no_such_sdk_z"):
        Trackers([{"type": "Wandb"}])


def test_another_mode_is_an_error_that_says_what_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_MODE", "quiet")
    with pytest.raises(
        ConfigError, match="TRACKLIB_MODE is 'quiet': set it to 'disabled' to keep nothing, to 'offline'"
    ):
        Trackers()


def test_a_switched_off_program_begins_no_companion_and_prints_nothing(tmp_path: Path) -> None:
    code = (
        "from tracklib import tracking\n"
        "with tracking([{'type': 'Wandb', 'mode': 'offline'}], output_run='run') as t:\n"
        "    for epoch in t.epochs(2): t.log({'a': 1.0})\n"
        "    import sys, threading\n"
        "    print('wandb' in sys.modules, threading.active_count(), t.wait_ready(0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path, env=os.environ | {"TRACKLIB_MODE": "disabled"}, capture_output=True, text=True, timeout=PATIENT,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("False 1 True\n", "")
    assert os.listdir(tmp_path) == []


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Trackers]:
    with tracking([MemoryTracker()], output_run=tmp_path / "run", environment=False) as t:
        yield t


def test_a_fixture_gives_the_code_under_test_a_run_in_memory(run: Trackers) -> None:
    train_epoch(epoch=0)
    train_epoch(epoch=1)
    run.log(7, {"b": 2.0}, axis="batch")
    run.log_params({"lr": 0.1})
    run.log_tags(["quick"])
    assert run.flush(PATIENT)
    memory = run["MemoryTracker"]
    assert isinstance(memory, MemoryTracker)
    assert memory.metrics == {"loss": [(0, 1.0), (1, 0.5)], "batch/b": [(7, 2.0)]}
    assert (memory.params, memory.tags, memory.status) == ({"lr": 0.1}, {"quick": ""}, None)


def test_the_memory_has_the_best_the_artifacts_and_the_status(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"\1\2")
    memory = MemoryTracker()
    with (
        pytest.raises(ValueError, match="^no$"),
        tracking([memory], output_run=tmp_path / "run", best={"loss": "min"}) as t,
    ):
        t.log(0, {"loss": 2.0})
        t.log(1, {"loss": 1.0})
        t.log_artifact(folder)
        t.log_artifact(folder / "weights", name="w.bin")
        raise ValueError("no")
    assert memory.best["loss"].step == 1
    assert memory.artifacts == {"model/weights": b"\1\2", "w.bin": b"\1\2"}
    assert memory.status == "failed"
    assert [record.step for record in memory.records] == [0, 1]


def test_the_memory_forgets_epochs_that_are_done_again(tmp_path: Path) -> None:
    memory = MemoryTracker()
    with tracking([memory], output_run=tmp_path / "run") as t:
        for start in (0, 1):
            for epoch in t.epochs(2, start=start):
                t.log({"a": float(10 * start + epoch)})
    assert memory.metrics == {"a": [(0, 0.0), (1, 11.0)]}


def test_a_child_has_a_memory_of_its_own(run: Trackers) -> None:
    with run.child("inner") as child:
        child.log(0, {"a": 1.0})
        memory: Any = child["MemoryTracker"]
    assert memory.metrics == {"a": [(0, 1.0)]}
    assert run["MemoryTracker"] is not memory


def test_the_memory_needs_no_pytest() -> None:
    code = "import sys, tracklib; tracklib.testing.MemoryTracker(); print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENT, check=True)
    assert done.stdout == "False\n"


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        tracklib.testing.nonsense  # noqa: B018
