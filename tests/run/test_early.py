"""What is logged before the first loop over epochs: a sanity check is no epoch, and not the best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tracklib import load, tracked, tracking


def rows(directory: Path) -> list[str]:
    return (directory / "metrics.csv").read_text().splitlines()


@tracked
def train() -> dict[str, float]:
    return {"loss": 0.5}


def validation(*values: float) -> Any:
    left = iter(values)

    @tracked
    def validate() -> dict[str, float]:
        return {"acc": next(left)}

    return validate


def test_a_sanity_check_has_a_row_of_its_own_before_epoch_0_and_is_not_the_best(tmp_path: Path) -> None:
    validate = validation(0.99, 0.3, 0.4)
    with tracking(output_run=tmp_path / "run", best={"acc": "max"}) as t:
        validate()
        for _ in t.epochs(2):
            train()
            validate()
        assert (t.best["acc"].value, t.best["acc"].step) == (0.4, 1)
    assert rows(tmp_path / "run") == ["epoch,acc,loss", "-1,0.99,", "0,0.3,0.5", "1,0.4,0.5"]
    run = load(tmp_path / "run")
    assert list(run.metrics["acc"]) == [(-1, 0.99), (0, 0.3), (1, 0.4)]
    assert run.best["acc"].value == 0.4
    assert run.last["acc"].value == 0.4


def test_in_a_resumed_run_a_check_of_the_checkpoint_is_at_the_epoch_before(tmp_path: Path) -> None:
    validate = validation(0.3, 0.4, 0.45, 0.5)
    for count in (2, 3):
        with tracking(output_run=tmp_path / "run", resume=True) as t:
            if count == 3:
                validate()
            for _ in t.epochs(count):
                validate()
    assert rows(tmp_path / "run")[1:] == ["0,0.3", "1,0.4", "1,0.45", "2,0.5"]


def test_what_was_said_at_a_step_before_the_check_stays_there(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log(None, {"acc": 0.5})
        t.log(-3, {"parameters": 7})
        for _ in t.epochs(1):
            train()
    assert rows(tmp_path / "run") == ["epoch,parameters,acc,loss", "-3,7.0,,", "-1,,0.5,", "0,,,0.5"]


def test_an_epoch_that_was_said_before_the_loop_stays(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        t.log(0, {"parameters": 7})
        t.log(None, {"check": 1})
        t.log(5, {"said": 2})
        t.log(0, {"memory": 3}, axis="batch")
        for epoch in t.epochs(1):
            t.log(epoch, {"loss": 1})
    metrics = load(tmp_path / "run").metrics
    assert {name: list(metrics[name]) for name in metrics.names} == {
        "parameters": [(0, 7.0)],
        "check": [(-1, 1.0)],
        "said": [(5, 2.0)],
        "memory": [(0, 3.0)],
        "loss": [(0, 1.0)],
    }


@pytest.mark.parametrize("count", [0, 1, 100])
def test_who_trains_without_a_loop_of_ours_counts_from_0_whatever_comes_then(tmp_path: Path, count: int) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for _ in range(100):
            train()
        list(t.epochs(count))
    assert [step for step, _ in load(tmp_path / "run").metrics["loss"]] == list(range(100))


def test_a_tracked_function_is_called_unlogged_by_its_wrapped_one(tmp_path: Path) -> None:
    class Model:
        @tracked
        def score(self, by: float) -> dict[str, float]:
            return {"score": by}

    with tracking(output_run=tmp_path / "run"):
        assert train.__wrapped__() == {"loss": 0.5}  # type: ignore[attr-defined]  # each decorated function has it
        assert Model().score.__wrapped__(2) == {"score": 2}  # type: ignore[attr-defined]  # as above
    assert load(tmp_path / "run").metrics.names == []
