"""Optuna: real studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kept
import pytest
from fitted import MARKS, ends, need, own, points

from tracklib import current, tracking
from tracklib._journal.records import Begin, Log, Params, Tags

need("optuna")
pytestmark = MARKS


def objective(trial: Any) -> float:
    import optuna

    x: float = trial.suggest_float("x", 0, 1)
    if run := current():
        run.log(0, {"loss": x})
    if trial.number == 1:
        raise optuna.TrialPruned
    if trial.number == 2:
        raise ValueError("boom")
    return x


def studied(ours: Any, **options: Any) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study().optimize(ours, n_trials=4, catch=(ValueError,), **options)


def adapter(objective: Any = objective, **options: Any) -> Any:
    from tracklib.integrations.optuna import TracklibObjective

    return TracklibObjective(objective, **options)


@pytest.mark.parametrize("way", ["own, in a block", "around", "around, in threads"])
def test_each_trial_is_a_child_with_its_true_status(tmp_path: Path, way: str) -> None:
    if way == "own, in a block":
        with adapter(**own(tmp_path)) as ours:
            studied(ours)
    else:
        with tracking(**own(tmp_path)):
            studied(adapter(), n_jobs=2 if "threads" in way else 1)
    assert ends(tmp_path) == [("finished", "")]
    trials = [tmp_path / f"children/trial-{number}" for number in range(4)]
    assert [kept.statuses(trial) for trial in trials] == [["finished"], ["finished"], ["failed"], ["finished"]]
    assert [[*tags.tags] for tags in kept.records(trials[1], Tags)] == [["pruned"]]
    assert {kept.records(trial, Begin)[0].parent.uid for trial in trials} == {kept.records(tmp_path, Begin)[0].uid}
    for trial in trials:
        assert [[*params.params] for params in kept.records(trial, Params)] == [["x"]]
        assert kept.records(trial, Log)[0].metrics.keys() == {"loss"}
    assert sorted(points(tmp_path)) == [("trial", number, ["value"]) for number in (0, 3)]


def test_a_block_that_raises_has_failed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), adapter(**own(tmp_path)) as ours:
        studied(ours)
        raise ValueError("mine")
    assert ends(tmp_path) == [("failed", "ValueError")]


def test_without_a_run_the_study_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    studied(adapter())
    assert list(tmp_path.iterdir()) == []


def test_each_objective_has_its_value(tmp_path: Path) -> None:
    import optuna

    def two(trial: Any) -> tuple[int, float]:
        return trial.suggest_int("n", 0, 3), 1.0

    with tracking(**own(tmp_path)):
        optuna.create_study(directions=["minimize"] * 2).optimize(adapter(two), n_trials=1)
    assert points(tmp_path) == [("trial", 0, ["value-0", "value-1"])]
