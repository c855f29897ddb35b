"""Runs inside a run: a directory, a status and trackers of their own, and the outer one around them."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from kept import records, rows, statuses
from patience import PATIENT
from scripted import Scripted
from wandb_file import WandbFile

from tracklib import (
    BaseTracker,
    CsvLogger,
    DeliveryError,
    LifecycleError,
    Mlflow,
    RunDirectoryError,
    TrackerBlocked,
    Trackers,
    TrackerWarning,
    Wandb,
    current,
    tracked,
    tracking,
)
from tracklib._journal.records import Begin, Params, Tags


def run_id(run: Trackers) -> str | None:
    """MLflow's own id of the run."""
    return cast(Mlflow, run["Mlflow"]).run_id


@tracked
def train(loss: float = 0.5) -> dict[str, float]:
    return {"loss": loss}


# Where it lies, and which run is current --------------------------------------------------------------


def test_a_child_has_a_directory_of_its_own_inside(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        with t.child("fold-3", params={"fold": 3}, tags=["cv"]) as fold:
            fold.log(0, {"loss": 0.5})
        t.log(0, {"mean_loss": 0.5})
    inside = tmp_path / "children/fold-3"
    assert rows(inside) == [{"epoch": "0", "loss": "0.5"}]
    assert rows(tmp_path) == [{"epoch": "0", "mean_loss": "0.5"}]
    assert records(inside, Params)[0].params == {"fold": 3}
    assert records(inside, Tags)[0].tags == {"cv": ""}
    assert (inside / "artifacts").exists() is False


def test_the_childs_beginning_says_whose_child_it_is(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t, t.child("fold-3"):
        pass
    (begin,) = records(tmp_path / "children/fold-3", Begin)
    assert (begin.name, begin.parent.uid, begin.parent.output_run) == ("fold-3", t.uid, str(tmp_path))


def test_the_child_is_current_inside_and_the_outer_run_again_after(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        train()
        with t.child("a") as child:
            assert current() is child
            train(0.25)
        assert current() is t
        train(0.125)
    assert [row["loss"] for row in rows(tmp_path)] == ["0.5", "0.125"]
    assert [row["loss"] for row in rows(tmp_path / "children/a")] == ["0.25"]


def test_children_may_have_children(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t, t.child("a") as a, a.child("b") as b:
        assert current() is b
    (begin,) = records(tmp_path / "children/a/children/b", Begin)
    assert begin.parent.uid == a.uid


@pytest.mark.parametrize("outer", [tracking, Trackers])
def test_a_child_in_an_async_block_lets_the_loop_run_while_it_waits(tmp_path: Path, outer: Any) -> None:
    """The child's tracker finishes only when another task of the loop lets it."""
    free = threading.Event()

    class Waiting(Scripted):
        def __init__(self, *, output_run: str | None = None) -> None:
            super().__init__(script={"finish": itertools.repeat(free)}, output_run=output_run)

    async def main() -> None:
        async with outer([Waiting()], output_run=tmp_path) as t:
            async with t.child("a") as child:
                assert current() is child
                asyncio.get_running_loop().call_later(0.05, free.set)
            assert free.is_set()
            assert current() is t

    asyncio.run(main())
    assert statuses(tmp_path / "children/a") == ["finished"]


def test_children_in_tasks_beside_each_other_do_not_meet(tmp_path: Path) -> None:
    async def fold(t: Trackers, number: int) -> None:
        async with t.child(f"fold-{number}"):
            for _ in range(3):
                train(float(number))
                await asyncio.sleep(0)

    async def main() -> None:
        async with tracking(output_run=tmp_path) as t:
            await asyncio.gather(fold(t, 0), fold(t, 1))

    asyncio.run(main())
    for number in (0, 1):
        assert [float(row["loss"]) for row in rows(tmp_path / f"children/fold-{number}")] == [number] * 3


# How it ends ------------------------------------------------------------------------------------------


def test_a_child_that_fails_does_not_make_the_outer_run_fail(tmp_path: Path) -> None:
    error = ValueError("diverged")
    with tracking(output_run=tmp_path) as t:
        with pytest.raises(ValueError, match="diverged") as caught:
            with t.child("a"):
                raise error
        assert caught.value is error
        assert current() is t
    assert statuses(tmp_path / "children/a") == ["failed"]
    assert statuses(tmp_path) == ["finished"]


def test_what_a_child_raises_and_nobody_catches_fails_both(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="diverged"), tracking(output_run=tmp_path) as t, t.child("a"):
        raise ValueError("diverged")
    assert statuses(tmp_path / "children/a") == statuses(tmp_path) == ["failed"]


def test_sigterm_in_a_child_kills_both(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from tracklib import tracking
        with tracking(output_run=sys.argv[1]) as t, t.child("a"):
            os.kill(os.getpid(), signal.SIGTERM)
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], timeout=PATIENT, stderr=subprocess.DEVNULL
    )
    assert statuses(tmp_path / "children/a") == statuses(tmp_path) == ["killed"]


def test_a_child_raises_for_a_tracker_where_the_outer_block_does(tmp_path: Path) -> None:
    blocked = {"type": "test_child:Blocked"}
    with pytest.raises(DeliveryError), tracking([blocked], output_run=tmp_path, on_error="raise") as t:
        with pytest.raises(DeliveryError), t.child("a"):
            pass


class Blocked(Scripted):
    def __init__(self, *, output_run: str | None = None) -> None:
        super().__init__(script={"init": itertools.repeat(TrackerBlocked("no key"))}, output_run=output_run)


# Names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../out", "/etc/x", "a/b", "..", ".", "a b", "ä:*?", "x" * 300, "a\nb", "a\0b"])
def test_no_childs_name_leads_out_of_the_run(tmp_path: Path, name: str) -> None:
    with tracking(output_run=tmp_path / "run") as t, t.child(name):
        pass
    (folder,) = (tmp_path / "run/children").iterdir()
    assert records(folder, Begin)[0].name == name
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("resume", [False, True])
def test_names_that_are_written_alike_are_children_apart(tmp_path: Path, resume: bool) -> None:
    long = "x" * 100
    names = ["a/b", "a-b", "a b", long + "1", long + "2"]
    with tracking(output_run=tmp_path, resume=resume) as t:
        for name in names:
            with t.child(name) as child:
                child.log(0, {"loss": 0.5})
    folders = list((tmp_path / "children").iterdir())
    assert sorted(records(folder, Begin)[0].name for folder in folders) == sorted(names)
    assert [len(rows(folder)) for folder in folders] == [1] * 5


def test_a_secret_in_a_name_is_in_no_folders_and_no_files_name(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_text("weights")
    with tracking(output_run=tmp_path / "run") as t:
        with t.child("token=hunter2hunter2"), t.child("token=hunter3hunter3"):
            pass
        t.log_artifact(tmp_path / "model.pt", "password=hunter2hunter2")
    assert len(list((tmp_path / "run/children").iterdir())) == 2
    assert [str(path) for path in tmp_path.rglob("*hunter*")] == []


def test_what_a_file_may_be_called_is_the_folders_name_as_it_is(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        for name in ("lr=0.1", "fold-3", "größe_2"):
            with t.child(name):
                pass
    assert sorted(os.listdir(tmp_path / "children")) == sorted(["lr=0.1", "fold-3", "größe_2"])


def test_a_second_child_of_a_name_moves_the_first_aside(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        with t.child("a") as first:
            first.log(0, {"loss": 1.0})
        with t.child("a") as second:
            second.log(0, {"loss": 2.0})
    assert [float(row["loss"]) for row in rows(tmp_path / "children/a")] == [2.0]
    assert [float(row["loss"]) for row in rows(tmp_path / "children/a/previous" / first.uid)] == [1.0]


@pytest.mark.slow
def test_a_second_child_of_a_name_beside_the_first_is_refused(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t, t.child("a"):
        with pytest.raises(RunDirectoryError, match="still going on"), t.child("a"):
            pass
        assert current() is not t


def test_a_new_run_in_the_directory_takes_no_children_over(tmp_path: Path) -> None:
    for loss in (1.0, 2.0):
        with tracking(output_run=tmp_path) as t, t.child("a") as child:
            child.log(0, {"loss": loss})
    (old,) = (tmp_path / "previous").iterdir()
    assert [float(row["loss"]) for row in rows(old / "children/a")] == [1.0]
    assert not (tmp_path / "children/a/previous").exists()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: t.child(""), ValueError, "name must say which child it is, as 'fold-3'"),
        (lambda t: t.child(3), TypeError, "name must be text"),
        (lambda t: t.child("a", param={"lr": 1}), TypeError, "unexpected keyword argument 'param'"),
        (lambda t: t.child("a", params=5), TypeError, "params must map names to values"),
    ],
)
def test_bad_input_says_what_to_do(tmp_path: Path, call: Any, error: Any, message: str) -> None:
    with tracking(output_run=tmp_path) as t:
        with pytest.raises(error, match=message):
            call(t)
    assert not (tmp_path / "children").exists()


def test_before_and_after_the_outer_run_there_is_no_child(tmp_path: Path) -> None:
    run = Trackers(output_run=tmp_path)
    with pytest.raises(LifecycleError, match="child before init"):
        run.child("a")
    with run:
        pass
    with pytest.raises(LifecycleError, match="child after the end of the run"):
        run.child("a")


# Its trackers -----------------------------------------------------------------------------------------


class Lines(BaseTracker):
    """A user's tracker, which does not keep what it was given under the same name."""

    made: list[tuple[str, int]] = []

    def __init__(self, prefix: str, *, number: int = 1, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self._prefix = prefix
        self.number = number
        self.made.append((prefix, number))

    def init(self) -> None:
        pass

    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        pass


class Anything(Lines):
    def __init__(self, **options: Any) -> None:
        super().__init__(options["prefix"])
        self.given = options


def test_a_tracker_that_is_described_by_a_dict_is_made_again_from_it(tmp_path: Path) -> None:
    Lines.made.clear()
    with tracking([{"type": "test_child:Lines", "prefix": "p", "number": 2}], output_run=tmp_path) as t:
        with t.child("a") as a, a.child("b"):
            pass
    assert Lines.made == [("p", 2)] * 3


def test_a_tracker_that_takes_any_options_is_made_again_with_them(tmp_path: Path) -> None:
    with tracking([{"type": "test_child:Anything", "prefix": "p"}], output_run=tmp_path) as t, t.child("a") as child:
        assert child["Anything"].given == {"prefix": "p"}  # type: ignore[attr-defined]


def test_a_tracker_object_is_made_again_from_its_attributes(tmp_path: Path) -> None:
    given = [
        Mlflow(tracking_uri="sqlite:///x.db", experiment_name="e", run_name="outer", tags={"a": 1}),
        Wandb(project="p", name="outer", config={"lr": 1}),
        CsvLogger(csv_filename="other.csv"),
    ]
    again = [importlib.import_module("tracklib.trackers._configs").another(tracker) for tracker in given]
    mlflow, wandb, csv_logger = again
    assert (mlflow.tracking_uri, mlflow.experiment_name, mlflow.tags) == (given[0].tracking_uri, "e", {"a": 1})  # type: ignore[attr-defined]
    assert (wandb.project, wandb.config, csv_logger._given("csv_filename")) == ("p", {"lr": 1}, "other.csv")
    assert wandb.config is not given[1].config  # type: ignore[attr-defined]
    assert (mlflow.run_name, wandb.name) == (None, None)  # a child has a name of its own


def test_a_tracker_that_cannot_be_made_again_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with tracking([Lines("p")], output_run=tmp_path) as t:
        with pytest.raises(TypeError, match=r"needs a Lines of its own.*describe it by a dict, or keep each argument"):
            t.child("a")
    assert statuses(tmp_path) == ["finished"]


def test_a_child_by_hand_is_a_run_of_its_own(tmp_path: Path) -> None:
    run = Trackers(output_run=tmp_path)
    run.init()
    with run.child("a") as child:
        child.log(0, {"loss": 0.5})
    by_hand = run.child("b")
    assert isinstance(by_hand, Trackers)
    by_hand.init()
    by_hand.finish("failed")

    async def in_a_loop() -> None:
        async with run.child("c") as child:
            child.log(0, {"loss": 0.5})

    asyncio.run(in_a_loop())
    run.finish()
    assert [statuses(tmp_path / "children" / name) for name in "abc"] == [["finished"], ["failed"], ["finished"]]


def test_a_child_on_another_rank_keeps_nothing(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", rank=1) as t, t.child("a") as child:
        assert current() is child
        child.log(0, {"loss": 0.5})
        child.log_text("notes", "x")
        assert list(child.epochs(2)) == [0, 1]
    assert list(tmp_path.iterdir()) == []


def test_a_child_by_the_launchers_rank_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.warns(match="finds no run of rank 0"), tracking(output_run=tmp_path / "run") as t, t.child("a"):
        train()
    assert list(tmp_path.iterdir()) == []


# Going on ---------------------------------------------------------------------------------------------


def test_a_resumed_run_sweeps_only_what_is_missing(tmp_path: Path) -> None:
    trained = []

    def sweep(until: int | None) -> None:
        with tracking(output_run=tmp_path, resume=True) as t:
            for fold in range(3):
                with t.child(f"fold-{fold}") as run:
                    for epoch in run.epochs(2):
                        trained.append((fold, epoch))
                        if len(trained) == until:
                            raise KeyboardInterrupt
                        train()

    with pytest.raises(KeyboardInterrupt):
        sweep(until=4)
    assert trained == [(0, 0), (0, 1), (1, 0), (1, 1)]
    trained.clear()
    sweep(until=None)
    assert trained == [(1, 1), (2, 0), (2, 1)]
    assert [len(rows(tmp_path / f"children/fold-{fold}")) for fold in range(3)] == [2, 2, 2]
    assert statuses(tmp_path / "children/fold-1") == ["killed", "finished"]
    assert not list(tmp_path.rglob("previous"))


def test_a_child_that_shall_begin_anew_says_so(tmp_path: Path) -> None:
    for _ in range(2):
        with tracking(output_run=tmp_path, resume=True) as t, t.child("a", resume=False) as child:
            child.log(0, {"loss": 0.5})
    assert len(rows(tmp_path / "children/a")) == 1


# At the trackers --------------------------------------------------------------------------------------


def test_a_child_at_mlflow_has_its_parent_and_its_own_name(mlflow_server: Any, tmp_path: Path) -> None:
    uri = mlflow_server.uri
    outer = Mlflow(tracking_uri=uri, experiment_name="children", run_name="sweep")
    with tracking([outer], output_run=tmp_path, name="other") as t:
        with t.child("fold-0") as fold:
            train()
            with fold.child("deep") as deep:
                pass
    client = importlib.import_module("mlflow").MlflowClient(uri)
    found = {run: client.get_run(run_id(run)) for run in (t, fold, deep)}
    assert [run.info.run_name for run in found.values()] == ["sweep", "fold-0", "deep"]
    parents = [run.data.tags.get("mlflow.parentRunId") for run in found.values()]
    assert parents == [None, run_id(t), run_id(fold)]
    assert found[fold].data.metrics == {"loss": 0.5}
    assert {run.info.status for run in found.values()} == {"FINISHED"}


@pytest.mark.slow
def test_children_at_wandb_are_a_group_with_names_of_their_own(tmp_path: Path) -> None:
    config = {"type": "Wandb", "project": "p", "name": "sweep", "mode": "offline"}
    with tracking([config], output_run=tmp_path / "sweep") as t:
        for fold in range(2):
            with t.child(f"fold-{fold}"):
                train()
    importlib.import_module("wandb").teardown()
    children = [WandbFile(tmp_path / f"sweep/children/fold-{fold}/wandb") for fold in range(2)]
    assert [child.run.display_name for child in children] == ["fold-0", "fold-1"]
    assert {child.run.run_group for child in children} == {f"sweep-{t.uid[:6]}"}
    assert [len(child.rows) for child in children] == [1, 1]
    assert WandbFile(tmp_path / "sweep/wandb").run.display_name == "sweep"


def test_the_children_of_a_killed_sweep_go_on_as_the_same_runs_at_mlflow(mlflow_server: Any, tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from tracklib import tracking
        config = {"type": "Mlflow", "tracking_uri": sys.argv[1], "experiment_name": "killed-sweep"}
        with tracking([config], output_run=sys.argv[2], resume=True) as t:
            for fold in range(2):
                with t.child(f"fold-{fold}") as run:
                    for epoch in run.epochs(2):
                        run.log(epoch, {"loss": 0.5})
                        if sys.argv[3] == "kill" and (fold, epoch) == (1, 0):
                            os.kill(os.getpid(), signal.SIGKILL)
    """
    for then, code in (("kill", -signal.SIGKILL), ("go on", 0)):
        command = [sys.executable, "-c", textwrap.dedent(script), mlflow_server.uri, str(tmp_path), then]
        assert subprocess.run(command, timeout=PATIENT).returncode == code
    client = importlib.import_module("mlflow").MlflowClient(mlflow_server.uri)
    runs = client.search_runs([client.get_experiment_by_name("killed-sweep").experiment_id])
    assert sorted(run.info.run_name for run in runs) == sorted([tmp_path.name, "fold-0", "fold-1"])
    assert {run.info.status for run in runs} == {"FINISHED"}
    steps = {run.info.run_name: [m.step for m in client.get_metric_history(run.info.run_id, "loss")] for run in runs}
    assert steps["fold-0"] == [0, 1]
    assert sorted(set(steps["fold-1"])) == [0, 1]


def test_a_blocked_tracker_of_a_child_is_told_with_the_childs_own_directory(tmp_path: Path) -> None:
    with pytest.warns(TrackerWarning) as caught:
        with tracking([{"type": "test_child:Blocked"}], output_run=tmp_path) as t, t.child("a") as child:
            child.log(0, {"loss": 0.5})
    assert any(str(tmp_path / "children/a") in str(warning.message) for warning in caught)
