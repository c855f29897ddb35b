"""Ray: real trials and workers, on a cluster of this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kept
import pytest
from fitted import MARKS, ends, need, params, points

from tracklib import tracking
from tracklib._journal.records import Begin

need("ray", "torch")
pytestmark = [*MARKS, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """One for all, as it takes some 20 seconds. Ray writes a token into the home directory unless it is told not to."""
    os.environ["RAY_AUTH_MODE"] = "disabled"
    os.environ["RAY_TRAIN_V2_ENABLED"] = "1"
    import ray

    here = os.pathsep.join(filter(None, sys.path))  # workers import this file
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": here}})
    yield
    ray.shutdown()


def trial(config: dict[str, Any]) -> None:
    from ray import tune

    for epoch in range(3):
        tune.report({"loss": config["lr"] * epoch, "nested": {"a": 1}})
        if config["lr"] == 2 and epoch == 1:
            raise ValueError("boom")


def tuned(callback: Any, folder: Path, rates: tuple[int, ...] = (1, 2)) -> Any:
    from ray import tune

    tuner = tune.Tuner(
        trial,
        param_space={"lr": tune.grid_search([*rates])},
        run_config=tune.RunConfig(storage_path=str(folder / "ray"), callbacks=[callback], verbose=0),
    )
    return tuner.fit()


def test_each_trial_is_a_child_with_its_true_status(tmp_path: Path) -> None:
    from tracklib.integrations.ray import TracklibCallback

    with tracking(output_run=tmp_path / "run", environment=False):
        tuned(TracklibCallback(), tmp_path)
    assert ends(tmp_path / "run") == [("finished", "")]
    by_rate = {params(path)[0]["lr"]: path for path in (tmp_path / "run/children").iterdir()}
    assert {rate: kept.statuses(path) for rate, path in by_rate.items()} == {1: ["finished"], 2: ["failed"]}
    found = points(by_rate[1])
    assert [(axis, step) for axis, step, _ in found] == [("iteration", 1), ("iteration", 2), ("iteration", 3)]
    assert found[0][2] == ["loss", "nested/a", "time_this_iter_s", "time_total_s"]
    assert len(points(by_rate[2])) == 2
    uid = kept.records(tmp_path / "run", Begin)[0].uid
    assert {kept.records(path, Begin)[0].parent.uid for path in by_rate.values()} == {uid}


def test_a_run_of_its_own_ends_with_the_sweep_and_none_is_kept_without(tmp_path: Path) -> None:
    from tracklib.integrations.ray import TracklibCallback

    tuned(TracklibCallback(output_run=tmp_path / "run", environment=False), tmp_path, (1,))
    assert ends(tmp_path / "run") == [("finished", "")]
    tuned(TracklibCallback(), tmp_path, (1,))
    assert sorted(os.listdir(tmp_path)) == ["ray", "run"]


def test_a_trial_that_is_begun_again_goes_on_with_its_run(tmp_path: Path) -> None:
    from ray import tune

    from tracklib.integrations.ray import TracklibCallback

    def fails_once(config: dict[str, Any]) -> None:
        tune.report({"loss": 1.0})
        if not (marker := tmp_path / "failed").exists():
            marker.touch()
            raise ValueError("boom")

    failure = tune.FailureConfig(max_failures=1)
    run_config = tune.RunConfig(
        storage_path=str(tmp_path / "ray"), callbacks=[TracklibCallback()], failure_config=failure, verbose=0
    )
    with tracking(output_run=tmp_path / "run", environment=False):
        tune.Tuner(fails_once, run_config=run_config).fit()
    (child,) = (tmp_path / "run/children").iterdir()
    assert kept.statuses(child)[-1] == "finished"
    assert len(points(child)) == 2


def work(config: dict[str, Any]) -> None:
    from ray import train

    for epoch in range(2):
        train.report({"loss": 1.0 / (epoch + 1), "epoch": epoch} if config["with_epochs"] else {"loss": 1.0})
    if config["fail"]:
        raise ValueError("boom")


def trained(folder: Path, **config: bool) -> None:
    from ray import train
    from ray.train.torch import TorchTrainer

    from tracklib.integrations.ray import TracklibTrainCallback

    TorchTrainer(
        work,
        train_loop_config={"with_epochs": True, "fail": False, **config},
        scaling_config=train.ScalingConfig(num_workers=1),
        run_config=train.RunConfig(storage_path=str(folder / "ray"), callbacks=[TracklibTrainCallback()]),
    ).fit()


@pytest.mark.parametrize("with_epochs", [True, False])
def test_what_workers_report_is_in_the_run_around(tmp_path: Path, with_epochs: bool) -> None:
    with tracking(output_run=tmp_path / "run", environment=False):
        trained(tmp_path, with_epochs=with_epochs)
    assert ends(tmp_path / "run") == [("finished", "")]
    axis = "epoch" if with_epochs else "report"
    assert points(tmp_path / "run") == [(axis, 0, ["loss"]), (axis, 1, ["loss"])]


def test_a_training_that_fails_has_failed(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="boom"), tracking(output_run=tmp_path / "run", environment=False):
        trained(tmp_path, fail=True)
    assert [status for status, _ in ends(tmp_path / "run")] == ["failed"]


def test_without_a_run_around_nothing_is_kept(tmp_path: Path) -> None:
    trained(tmp_path)
    assert os.listdir(tmp_path) == ["ray"]
