"""t.epochs follows the checkpoint: epochs that are done again count once; early stopping counts as finished."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from kept import records
from wandb_file import WandbFile

from tracklib import BaseTracker, LifecycleError, Log, TrackerWarning, load, tracking
from tracklib._journal.records import Epoch, Superseded

TRAINING = """
import os, signal, sys
from tracklib import tracking
done = int(open("ckpt").read()) if os.path.exists("ckpt") else 0
with tracking(output_run="run", resume=True, best={"acc": "max"}) as t:
    for epoch in t.epochs(8, start=done):
        for _ in range(2):
            t.log(None, {"batch_loss": done}, axis="batch")
        t.log(None, {"acc": 1 / (1 + done)} if epoch else {"acc": 0})
        done += 1
        if done % 4 == 0:
            open("ckpt", "w").write(str(done))
        if len(sys.argv) > 1 and epoch == 6:
            os.kill(os.getpid(), signal.SIGKILL)
print(done)
"""


def train(folder: Path, *crash: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TRAINING, *crash]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A folder with a run that was killed in epoch 6, of 8, and its checkpoint of 4 epochs."""
    assert train(tmp_path, "crash").returncode == -signal.SIGKILL
    return tmp_path


def table(directory: Path) -> list[str]:
    """The CSV's rows of the epochs."""
    return [row for row in (directory / "metrics.csv").read_text().splitlines()[1:] if not row.startswith(",")]


@pytest.mark.slow
def test_the_model_has_as_many_epochs_as_were_asked_for_and_each_is_there_once(killed: Path) -> None:
    done = train(killed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "8\n", "")
    assert [row.split(",")[0] for row in table(killed / "run")] == [str(epoch) for epoch in range(8)]
    run = load(killed / "run")
    assert [step for step, _ in run.metrics["acc"]] == list(range(8))
    assert run.series["epoch", "acc"].count == 8
    assert [value for _, value in run.metrics["batch_loss"]] == [epoch for epoch in range(8) for _ in range(2)]
    assert run.curve("acc").count == 8
    assert len([log for log in records(killed / "run", Log) if log.axis == "epoch"]) == 11  # the journal has all


@pytest.mark.slow
def test_whatever_the_small_files_say_the_same_is_read(killed: Path) -> None:
    live = load(killed / "run")
    assert live.series["epoch", "acc"].count == 7
    train(killed)
    fresh = load(killed / "run", whole=True)
    live.refresh()
    for run in (live, fresh):
        assert run.summary == load(killed / "run").summary
        assert list(run.curve("acc").means) == list(fresh.curve("acc").means)
        assert run.epoch == 7


def test_a_best_value_of_an_epoch_that_is_done_again_counts_no_more(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, best={"acc": "max"}) as t:
        for epoch in t.epochs(3):
            t.log(epoch, {"acc": 0.1 * (epoch + 1)})
    with tracking(output_run=tmp_path, resume=True, best={"acc": "max"}) as t:
        for _ in t.epochs(3, start=1):
            assert t.best["acc"].value == 0.1
            break
    assert load(tmp_path).best["acc"].value == 0.1
    with tracking(output_run=tmp_path, resume=True, best={"acc": "max"}) as t:
        assert t.best["acc"].value == 0.1
        for _ in t.epochs(3, start=0):
            assert t.best == {}
            break
    assert load(tmp_path).best == {}
    with tracking(output_run=tmp_path, resume=True, best={"acc": "max"}) as t:
        assert t.best == {}
        assert list(t.epochs(3)) == [0, 1, 2]


def test_an_epoch_that_was_left_is_done_again_and_counts_once(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        for epoch in t.epochs(3):
            t.log(epoch, {"loss": epoch})
            if epoch == 1:
                break
        for epoch in t.epochs(3):
            t.log(epoch, {"loss": epoch + 10})
    assert list(load(tmp_path).metrics["loss"]) == [(0, 0.0), (1, 11.0), (2, 12.0)]
    assert table(tmp_path) == ["0,0.0", "1,11.0", "2,12.0"]


def test_what_was_logged_between_two_loops_stays(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        list(t.epochs(2))
        t.log(None, {"test": 1})
        list(t.epochs(4))
    with tracking(output_run=tmp_path, resume=True) as t:
        t.log(9, {"said": 1})
        list(t.epochs(6))
    assert records(tmp_path, Superseded) == []
    assert load(tmp_path).metrics.names == ["test", "said"]


def test_a_checkpoint_ahead_of_what_is_known_to_be_finished_is_followed(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        for epoch in t.epochs(8):
            t.log(epoch, {"loss": 1})
            if epoch == 3:
                break
    with tracking(output_run=tmp_path, resume=True) as t:
        assert list(t.epochs(6, start=4)) == [4, 5]
    assert [step for step, _ in load(tmp_path).metrics["loss"]] == [0, 1, 2, 3]


def test_an_attempt_that_died_before_it_finished_one_goes_on_where_it_began(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        list(t.epochs(5))
    with tracking(output_run=tmp_path, resume=True) as t:
        next(t.epochs(5, start=2))
    with tracking(output_run=tmp_path, resume=True) as t:
        assert list(t.epochs(5)) == [2, 3, 4]


@pytest.mark.parametrize("start", [-1, 1.5, "3", float("nan")])
def test_what_is_no_start_is_refused(tmp_path: Path, start: Any) -> None:
    with tracking(output_run=tmp_path) as t:
        with pytest.raises(ValueError, match="start must be a whole number of epochs from 0 on, as 20; got"):
            t.epochs(3, start)


def test_another_rank_counts_from_the_same_start(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", rank=1) as t:
        assert list(t.epochs(4, start=2)) == [2, 3]


# A tracker ----------------------------------------------------------------------------------------


class Told(BaseTracker):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def init(self) -> None:
        """Nothing is needed."""

    def log(self, epoch: int, log_dict: Any) -> None:
        self.told.append((epoch, dict(log_dict)))

    def log_superseded(self, superseded: Superseded) -> None:
        self.told.append(superseded.epoch)


def test_a_tracker_of_ones_own_is_told_what_is_superseded(tmp_path: Path) -> None:
    tracker = Told()
    with tracking([tracker], output_run=tmp_path) as t:
        for epoch in t.epochs(2):
            t.log(epoch, {"loss": 1})
        t.flush()
        for epoch in t.epochs(2, start=1):
            t.log(epoch, {"loss": 2})
    assert tracker.told == [(0, {"loss": 1.0}), (1, {"loss": 1.0}), 1, (1, {"loss": 2.0})]


def test_a_tracker_that_comes_later_gets_each_epoch_once(tmp_path: Path) -> None:
    for start in (0, 1):
        with tracking(output_run=tmp_path, resume=True) as t:
            for epoch in t.epochs(2, start=start):
                t.log(epoch, {"loss": start})
    tracker = Told()
    with tracking([tracker], output_run=tmp_path, resume=True):
        pass
    assert tracker.told == [(0, {"loss": 0.0}), 1, (1, {"loss": 1.0})]


# Early stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("breaks", [True, False])
def test_early_stopping_counts_as_finished_also_by_break(tmp_path: Path, breaks: bool) -> None:
    with tracking(output_run=tmp_path) as t:
        seen = []
        for epoch in t.epochs(10):
            seen.append(epoch)
            if epoch == 2:
                t.stop_epochs()
                if breaks:
                    break
    assert seen == [0, 1, 2]
    assert [(each.number, each.last) for each in records(tmp_path, Epoch)] == [(0, False), (1, False), (2, True)]


def test_a_resumed_run_that_was_stopped_has_nothing_left_to_do_unless_it_is_told_to(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        for _ in t.epochs(10):
            t.stop_epochs()
    with tracking(output_run=tmp_path, resume=True) as t:
        with pytest.warns(TrackerWarning, match=r"stop_epochs ended it behind 1; epochs\(10, start=1\) goes on"):
            assert list(t.epochs(10)) == []
        assert list(t.epochs(3, start=1)) == [1, 2]
        assert list(t.epochs(4)) == [3]


def test_stop_epochs_outside_of_a_loop_says_where_it_belongs(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        with pytest.raises(LifecycleError, match="call it inside `for epoch in t.epochs"):
            t.stop_epochs()


# At the backends ------------------------------------------------------------------------------------


def train_again(folder: Path, tracker: dict[str, Any], *, killed: bool) -> None:
    """A run that does its last epoch of three again, behind a checkpoint: in one process, or in two."""
    script = f"""
        import os, sys
        from tracklib import tracking
        tracker = {tracker!r}
        again = "again" in sys.argv
        with tracking([tracker], output_run="run", resume=again, environment=False) as t:
            for first in [2] if again else [0] if {killed} else [0, 2]:
                for epoch in t.epochs(3, start=first):
                    t.log(epoch, {{"loss": 10 * first + epoch}})
                    if not first and epoch == 2:
                        t.flush()
                        if {killed}:
                            os._exit(9)
    """
    (folder / "again.py").write_text(textwrap.dedent(script))
    for words in ([], ["again"]) if killed else ([],):
        done = subprocess.run(
            [sys.executable, "again.py", *words], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == (9 if killed and not words else 0), done.stderr


@pytest.mark.slow
def test_mlflow_says_which_points_count_no_more(tmp_path: Path, mlflow_database: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    shutil.copy(mlflow_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    train_again(tmp_path, {"type": "Mlflow", "tracking_uri": uri, "experiment_name": "again"}, killed=True)
    client = mlflow.MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("again").experiment_id])
    points = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "loss")]
    assert sorted(points) == [(0, 0), (1, 1), (2, 2), (2, 22)]
    assert run.data.tags["tracklib.superseded"].startswith("epochs from 2 on, as logged from 20")


@pytest.mark.slow
def test_wandb_says_which_rows_count_no_more(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    train_again(tmp_path, {"type": "Wandb", "mode": "offline", "project": "again"}, killed=True)
    files = [WandbFile(path) for path in sorted((tmp_path / "run/wandb").rglob("*.wandb"))]
    rows = {(row["epoch"], row["loss"]) for file in files for row in file.rows if "loss" in row}
    assert rows == {(0, 0), (1, 1), (2, 2), (2, 22)}
    assert files[-1].config["tracklib_superseded"].startswith("epochs from 2 on, as logged from 20")


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_tensorboard_has_each_epoch_once(tmp_path: Path, killed: bool) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train_again(tmp_path, {"type": "TensorBoard"}, killed=killed)
    events = accumulator.EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(0, 0), (1, 1), (2, 22)]
