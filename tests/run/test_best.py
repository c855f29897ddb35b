"""best: the best value of a metric, and where it was."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept import records
from mlflow import MlflowClient
from mlflow_server import MlflowServer
from patience import PATIENT
from scripted import Scripted
from tensorboard.backend.event_processing.event_accumulator import STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator
from wandb_file import WandbFile

from tracklib import Best, Trackers, tracking
from tracklib._journal.journal import Journal
from tracklib._run.best import Bests


class Keeps(Scripted):
    """A tracker that has a place for best values."""

    def log_best(self, best: Best) -> None:
        self._do("log_best", (best.name, best.value, best.axis, best.step))


def best_of(run: Trackers) -> dict[str, tuple[float, int]]:
    return {name: (best.value, best.step) for name, best in run.best.items()}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Trackers]:
    with tracking(output_run=tmp_path / "run", best={"loss": "min", "val/accuracy": "max"}) as t:
        yield t


# Which is the best --------------------------------------------------------------------------------


def test_the_best_is_known_at_once_with_its_epoch(run: Trackers) -> None:
    assert run.best == {}
    for epoch, (loss, accuracy) in enumerate([(3, 0.1), (1, 0.7), (2, 0.9), (4, 0.2)]):
        run.log(epoch, {"loss": loss, "val": {"accuracy": accuracy}, "other": 1})
    assert best_of(run) == {"loss": (1.0, 1), "val/accuracy": (0.9, 2)}


def test_of_two_that_are_as_good_the_first_is_the_best(run: Trackers) -> None:
    for epoch in range(3):
        run.log(epoch, {"loss": 1.0, "val/accuracy": 0.5})
    assert best_of(run) == {"loss": (1.0, 0), "val/accuracy": (0.5, 0)}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_never_the_best(run: Trackers, value: float) -> None:
    run.log(0, {"loss": value, "val/accuracy": value})
    assert run.best == {}
    run.log(1, {"loss": 5.0, "val/accuracy": 0.5})
    run.log(2, {"loss": value, "val/accuracy": value})
    assert best_of(run) == {"loss": (5.0, 1), "val/accuracy": (0.5, 1)}


def test_a_best_value_says_on_which_axis_it_was(run: Trackers) -> None:
    run.log(150, {"loss": np.float32(2)}, axis="batch")
    best = run.best["loss"]
    assert (best.name, best.mode, best.value, best.axis, best.step) == ("loss", "min", 2.0, "batch", 150)


def test_a_value_that_is_no_number_is_no_best(run: Trackers) -> None:
    with pytest.warns(UserWarning, match="'loss' is not logged"):
        run.log(0, {"loss": "low"})
    assert run.best == {}


def test_a_new_best_is_a_record_of_its_own_and_no_other_value_is(run: Trackers) -> None:
    for epoch, loss in enumerate([3, 4, 2, 2, 5, 1]):
        run.log(epoch, {"loss": loss})
    found = [(best.name, best.mode, best.value, best.step) for best in records(Path(run.directory), Best)]
    assert found == [("loss", "min", 3.0, 0), ("loss", "min", 2.0, 2), ("loss", "min", 1.0, 5)]


def test_a_run_that_was_not_asked_keeps_none(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log(0, {"loss": 1})
        assert t.best == {}
    assert records(tmp_path / "run", Best) == []


@pytest.mark.parametrize("mode", ["maximum", "", None, 1])
def test_another_word_than_max_and_min_is_refused(tmp_path: Path, mode: Any) -> None:
    with pytest.raises(ValueError, match="must say what is better: 'max' or 'min'"):
        with tracking(output_run=tmp_path / "run", best={"loss": mode}):
            pass
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("best", ["loss", ["loss"], 1, {1: "max"}, {None: "min"}])
def test_what_names_no_metrics_is_refused(tmp_path: Path, best: Any) -> None:
    with pytest.raises(TypeError, match="best must map names to 'max' or 'min', as {'val/accuracy': 'max'}; got"):
        with tracking(output_run=tmp_path / "run", best=best):
            pass


def test_of_many_threads_the_best_is_the_best_and_the_journals_last(run: Trackers) -> None:
    together = threading.Barrier(8)

    def log(thread: int) -> None:
        together.wait()
        for i in range(200):
            run.log(i, {"loss": float((i * 7919 + thread * 104729) % 100_003)})

    threads = [threading.Thread(target=log, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lowest = min(float((i * 7919 + thread * 104729) % 100_003) for i in range(200) for thread in range(8))
    values = [best.value for best in records(Path(run.directory), Best)]
    assert run.best["loss"].value == lowest == values[-1]
    assert values == sorted(values, reverse=True)


def test_a_value_that_another_thread_has_overtaken_is_said_no_more(tmp_path: Path) -> None:
    journal, bests = Journal(str(tmp_path / "journal.jsonl"), pytest.fail), Bests({"loss": "min"})
    with bests._lock:  # where the other one waits, having seen that its value is better than what was known
        worse = threading.Thread(target=bests._keep, args=("loss", "min", 0.5, "epoch", 0, journal))
        worse.start()
        bests.see({"loss": 0.25}, "epoch", 1, journal)
    worse.join()
    assert bests.found["loss"].value == 0.25
    assert [best.value for best in records(tmp_path, Best)] == [0.25]


def test_where_a_loop_goes_back_what_was_best_before_it_is_said_once(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, best={"loss": "min", "acc": "max"}) as t:
        for epoch in t.epochs(2):
            t.log(epoch, {"loss": [0.1, 0.5][epoch], "acc": [0.3, 0.9][epoch]})
        for epoch in t.epochs(2, start=1):
            t.log(epoch, {"loss": 0.4, "acc": 0.2})
        assert best_of(t) == {"loss": (0.1, 0), "acc": (0.3, 0)}
    assert [(best.name, best.value) for best in records(tmp_path, Best)] == [
        ("loss", 0.1), ("acc", 0.3), ("acc", 0.9), ("acc", 0.3),
    ]  # fmt: skip


def test_names_of_metrics_that_are_made_up_at_each_step_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracklib._run.best._SEEN", 10)
    journal, bests = Journal(str(tmp_path / "journal.jsonl"), pytest.fail), Bests({"loss": "min"})
    for step in range(50):
        bests.see({f"loss-{step}": 1.0}, "epoch", step, journal)
        bests.see_shared({f"shared-{step}": 1.0})
    assert len(bests.seen) <= 11


def test_a_forked_child_may_log_while_a_thread_of_its_parent_keeps_a_best(run: Trackers) -> None:
    with run._attempt.bests._lock:  # as another thread's, at the moment of the fork
        child = os.fork()
        if child == 0:
            os._exit(0 if _ends(lambda: run.log(1, {"loss": 0.5})) else 1)
    assert os.waitpid(child, 0)[1] == 0


def _ends(work: Any) -> bool:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENT)
    return not thread.is_alive()


def test_a_silent_rank_knows_no_best(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", best={"loss": "min"}, rank=1) as t:
        t.log(0, {"loss": 1})
        assert t.best == {}


# Kept over resume ---------------------------------------------------------------------------------


def test_a_resumed_run_knows_what_was_best_before(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", best={"loss": "min"}) as t:
        t.log(0, {"loss": 3})
        t.log(1, {"loss": 5})
    with tracking(output_run=tmp_path / "run", best={"loss": "min"}, resume=True) as t:
        assert best_of(t) == {"loss": (3.0, 0)}
        t.log(2, {"loss": 4})
        assert best_of(t) == {"loss": (3.0, 0)}
        t.log(3, {"loss": 2})
        assert best_of(t) == {"loss": (2.0, 3)}


def test_a_killed_run_knows_what_was_best_before(tmp_path: Path) -> None:
    code = f"""
import os, signal
from tracklib import tracking
with tracking(output_run={str(tmp_path / "run")!r}, best={{"a/\\"b\\"": "max", "loss": "min"}}) as t:
    for epoch, value in enumerate([1, 7, 3]):
        t.log(epoch, {{'a/"b"': value, "loss": -value}})
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL

    with tracking(output_run=tmp_path / "run", best={'a/"b"': "max", "loss": "min"}, resume=True) as t:
        assert best_of(t) == {'a/"b"': (7.0, 1), "loss": (-7.0, 1)}


def test_a_resumed_run_that_wants_the_other_end_begins_anew(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", best={"loss": "max"}) as t:
        t.log(0, {"loss": 3})
    with tracking(output_run=tmp_path / "run", best={"loss": "min"}, resume=True) as t:
        assert t.best == {}
        t.log(1, {"loss": 4})
        assert best_of(t) == {"loss": (4.0, 1)}


def test_a_new_run_in_the_same_directory_knows_nothing_of_the_old_one(tmp_path: Path) -> None:
    for _ in range(2):
        with tracking(output_run=tmp_path / "run", best={"loss": "min"}) as t:
            assert t.best == {}
            t.log(0, {"loss": 3})


# At the trackers ----------------------------------------------------------------------------------


def test_a_tracker_with_a_place_for_it_is_told_each_new_best_behind_its_row(tmp_path: Path) -> None:
    tracker = Keeps()
    with tracking([tracker], output_run=tmp_path / "run", best={"loss": "min"}) as t:
        for epoch, loss in enumerate([3, 4, 2]):
            t.log(epoch, {"loss": loss})
    assert tracker.of("log_best") == [("loss", 3.0, "epoch", 0), ("loss", 2.0, "epoch", 2)]
    order = [call for call, _ in tracker.calls if call in ("log", "log_best")]
    assert order == ["log", "log_best", "log", "log", "log_best"]


def test_a_tracker_without_a_place_for_it_does_nothing(tmp_path: Path) -> None:
    tracker = Scripted()
    with tracking([tracker], output_run=tmp_path / "run", best={"loss": "min"}, on_error="raise") as t:
        t.log(0, {"loss": 3})
    assert tracker.steps == [0]


def test_mlflow_has_it_as_a_metric_at_its_step(mlflow_server: MlflowServer, tmp_path: Path) -> None:
    config = {"type": "Mlflow", "tracking_uri": mlflow_server.uri, "experiment_name": "best"}
    with tracking([config], output_run=tmp_path / "run", best={"val/accuracy": "max"}) as t:
        for epoch, accuracy in enumerate([0.5, 0.9, 0.7]):
            t.log(epoch, {"val/accuracy": accuracy})
    with tracking([config], output_run=tmp_path / "run", best={"val/accuracy": "max"}, resume=True) as t:
        t.log(3, {"val/accuracy": 0.8})
        t.log(4, {"val/accuracy": 0.95})
        run_id = None
        assert t.flush(60)
        run_id = t["Mlflow"].state["run_id"]

    client = MlflowClient(mlflow_server.uri)
    history = [(metric.step, metric.value) for metric in client.get_metric_history(run_id, "best/val/accuracy")]
    assert history == [(0, 0.5), (1, 0.9), (4, 0.95)]
    assert client.get_run(run_id).data.metrics["best/val/accuracy"] == 0.95


@pytest.mark.parametrize(("mode", "values"), [("min", [0.5, 0.4]), ("max", [0.4, 0.5])])
@pytest.mark.parametrize("steps", [(10, 3), (3, 3)])
def test_mlflow_shows_the_best_value_wherever_its_step_is(
    mlflow_server: MlflowServer, tmp_path: Path, mode: Any, values: list[float], steps: tuple[int, int]
) -> None:
    config = {"type": "Mlflow", "tracking_uri": mlflow_server.uri, "experiment_name": "best"}
    with tracking([config], output_run=tmp_path / "run", best={"x": mode}) as t:
        for step, value in zip(steps, values, strict=True):
            t.log(step, {"x": value})
        assert t.flush(60)
        run_id = t["Mlflow"].state["run_id"]
    assert MlflowClient(mlflow_server.uri).get_run(run_id).data.metrics["best/x"] == values[-1]
    assert (t.best["x"].value, t.best["x"].step) == (values[-1], steps[-1])


def test_wandb_has_it_in_its_summary_with_its_epoch(tmp_path: Path) -> None:
    wandb = pytest.importorskip("wandb")
    config = {"type": "Wandb", "project": "best", "mode": "offline"}
    with tracking([config], output_run=tmp_path / "run", best={"val/accuracy": "max", "v.loss": "min"}) as t:
        for epoch, accuracy in enumerate([0.5, 0.9, 0.7]):
            t.log(epoch, {"val/accuracy": accuracy, "v.loss": epoch})
    wandb.teardown()

    assert summary(WandbFile(tmp_path / "run")) == {
        "best/val/accuracy": 0.9, "best/val/accuracy/epoch": 1, "best/v.loss": 0, "best/v.loss/epoch": 0
    }  # fmt: skip


def summary(file: WandbFile) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for change in file.of("summary"):
        for item in change.update:
            found[item.key or "/".join(item.nested_key)] = json.loads(item.value_json)
    return {name: value for name, value in found.items() if name.startswith("best/")}


def test_an_async_log_best_is_refused_as_the_other_methods_are(tmp_path: Path) -> None:
    class Late(Scripted):
        async def log_best(self, best: Best) -> None:  # type: ignore[override]
            pass

    with pytest.raises(ValueError, match="Late.log_best is async"):
        Trackers([Late()], output_run=tmp_path / "run")


def test_tensorboard_has_each_as_a_scalar_at_its_step_once(tmp_path: Path) -> None:
    for values in ([0.5, 0.9, 0.7], [0.8, 0.95]):
        with tracking([{"type": "TensorBoard"}], output_run=tmp_path, best={"val/accuracy": "max"}, resume=True) as t:
            for value in values:
                t.log(None, {"val/accuracy": value})
    events = EventAccumulator(str(tmp_path / "tensorboard"), STORE_EVERYTHING_SIZE_GUIDANCE).Reload()
    found = [(event.step, round(event.value, 3)) for event in events.Scalars("best/val/accuracy")]
    assert found == [(0, 0.5), (1, 0.9), (4, 0.95)]


def test_the_console_says_it_at_the_end_also_after_a_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best: Any = {"val/accuracy": "max", "loss": "min"}
    with tracking([{"type": "Console"}], output_run=tmp_path / "run", best=best) as t:
        t.log(0, {"val/accuracy": 0.5, "loss": 2.0})
        t.log(1, {"val/accuracy": 0.9, "loss": 1.0})
    with tracking([{"type": "Console"}], output_run=tmp_path / "run", best=best, resume=True) as t:
        t.log(2, {"val/accuracy": 0.7, "loss": 0.25})
    assert capsys.readouterr().err.splitlines()[-3:-1] == [
        "best val/accuracy: 0.9 at epoch 1",
        "best loss: 0.25 at epoch 2",
    ]
