"""t.epochs(100, patience=5) stops when no best value has come for five epochs, says why, and counts as finished."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kept import records
from scripted import Scripted
from test_agreeing import together

from tracklib import Trackers, TrackerWarning, load, tracking
from tracklib._journal.records import Epoch

BEST: Any = {"loss": "min"}


@pytest.fixture
def ranks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Trackers]]:
    """Three ranks of one run, in this process."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    monkeypatch.setenv("WORLD_SIZE", "3")
    with contextlib.ExitStack() as stack:
        entered = []
        for rank in range(3):
            monkeypatch.setenv("RANK", str(rank))
            entered.append(stack.enter_context(tracking(output_run=tmp_path / "run", best=BEST)))
        yield entered


def train(t: Any, losses: list[float], count: int = 20, **options: Any) -> list[int]:
    """The epochs that were trained, of a loop that logs these losses."""
    seen = []
    for epoch in t.epochs(count, **options):
        seen.append(epoch)
        t.log(epoch, {"loss": losses[epoch]})
    return seen


LOSSES = [3.0, 2.0, 2.5, 1.0, 1.5, 1.2, 1.1, float("nan"), *[0.1] * 20]


@pytest.mark.parametrize(("patience", "last"), [(1, 2), (2, 5), (3, 6), (4, 7), (5, 13)])
def test_the_loop_ends_when_no_best_value_has_come_for_so_many_epochs(tmp_path: Path, patience: int, last: int) -> None:
    with tracking(output_run=tmp_path, best=BEST) as t:
        assert train(t, LOSSES, patience=patience) == list(range(last + 1))
    run = load(tmp_path)
    assert (run.status, run.epoch) == ("finished", last)
    assert records(tmp_path, Epoch)[-1].last


def test_it_says_why_in_a_tag_that_every_tracker_gets_and_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = Scripted(batch_size=100)
    with caplog.at_level(logging.INFO), tracking([tracker], output_run=tmp_path, best=BEST) as t:
        train(t, LOSSES, patience=3)
    assert load(tmp_path).tags["stopped"] == "no better loss since epoch 3"
    assert ("log_tags", {"stopped": "no better loss since epoch 3"}) in tracker.calls
    assert "stopped behind epoch 6: no better loss since epoch 3" in caplog.text


def test_a_resumed_run_counts_the_epochs_of_earlier_attempts(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, best=BEST) as t:
        assert train(t, LOSSES, 6, patience=4) == [0, 1, 2, 3, 4, 5]
    with tracking(output_run=tmp_path, best=BEST, resume=True) as t:
        assert train(t, LOSSES, patience=4) == [6, 7]
    with tracking(output_run=tmp_path, best=BEST, resume=True) as t:
        with pytest.warns(TrackerWarning, match="has nothing to do"):
            assert train(t, LOSSES, patience=4) == []
        assert train(t, LOSSES, 10, patience=4, start=8) == [8, 9]


def test_any_of_several_best_values_counts(tmp_path: Path) -> None:
    best: Any = {"loss": "min", "accuracy": "max"}
    with tracking(output_run=tmp_path, best=best) as t:
        seen = []
        for epoch in t.epochs(20, patience=2):
            seen.append(epoch)
            t.log(epoch, {"loss": 1, "accuracy": min(epoch, 4)})
    assert seen == [0, 1, 2, 3, 4, 5, 6]
    assert load(tmp_path).tags["stopped"] == "no better loss or accuracy since epoch 4"


def test_a_best_value_on_another_axis_counts_for_the_epoch_that_was_going_on(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, best=BEST) as t:
        seen = []
        for epoch in t.epochs(20, patience=3):
            seen.append(epoch)
            for batch in range(10):
                t.log(10 * epoch + batch, {"loss": 5 - min(epoch, 2)}, axis="batch")
    assert seen == [0, 1, 2, 3, 4, 5]


def test_before_the_first_best_value_no_epoch_is_counted(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, best=BEST) as t:
        seen = []
        for epoch in t.epochs(10, patience=2):
            seen.append(epoch)
            if epoch >= 5:
                t.log(epoch, {"loss": 1})
    assert seen == list(range(8))


def test_a_best_value_that_is_superseded_counts_no_more(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, best=BEST) as t:
        train(t, [4, 3, 2, 1], 4)
        assert train(t, [4, 3, 9, 9, 9, 9], 20, start=2, patience=2) == [2, 3]


def test_the_epoch_that_is_left_by_break_stops_nothing(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, best=BEST) as t:
        for epoch in t.epochs(20, patience=1):
            t.log(epoch, {"loss": epoch})
            if epoch == 1:
                break
    assert "stopped" not in load(tmp_path).tags


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "5"])
def test_what_is_no_patience_is_refused(tmp_path: Path, wrong: Any) -> None:
    with tracking(output_run=tmp_path, best=BEST) as t:
        with pytest.raises(ValueError, match="patience must be a whole number of epochs from 1 on, as 5; got"):
            t.epochs(3, patience=wrong)


def test_without_a_metric_that_says_what_is_better_it_is_refused(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        with pytest.raises(ValueError, match=r"patience=5 needs to know what is better: .* best=\{'val/loss': 'min'\}"):
            t.epochs(3, patience=5)


def test_of_several_ranks_rank_0_decides_and_all_end_behind_one_epoch(ranks: list[Trackers]) -> None:
    assert together(ranks, lambda t, rank: train(t, LOSSES, patience=3)) == 3 * [list(range(7))]
    assert [load(t.directory).epoch for t in ranks] == [6, 6, 6]


@pytest.mark.parametrize("options", [{"rank": 1}, {"ranks": "mean"}])
def test_where_the_ranks_cannot_be_told_or_the_metrics_come_late_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Any
) -> None:
    if "ranks" in options:
        for name, value in {"RANK": 0, "WORLD_SIZE": 2}.items():
            monkeypatch.setenv(name, str(value))
    with tracking(output_run=tmp_path, best=BEST, **options) as t:
        with pytest.raises(ValueError, match=r"would end the loop on rank 0 alone.*each call t.stop_epochs\(\)"):
            t.epochs(3, patience=5)


def test_who_stops_by_hand_may_say_why(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        for _ in t.epochs(3):
            t.stop_epochs("the loss is flat, token=hunter2hunter2")
            with pytest.raises(TypeError, match="why must be text"):
                t.stop_epochs(3)  # type: ignore[arg-type]
    assert load(tmp_path).tags["stopped"].startswith("the loss is flat, token=")
    assert "hunter2" not in load(tmp_path).tags["stopped"]
