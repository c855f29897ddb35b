"""resume=True, rewind_to=epoch: what lies behind it counts no more, and the run goes on there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kept import records, rows
from test_checkpoints import Told

from tracklib import Begin, RunDirectoryError, load, tracking
from tracklib._journal.records import Superseded

BEST: Any = {"loss": "min"}


def train(t: Any, epochs: int, value: float, by_hand: bool = False) -> list[int]:
    """The epochs that were trained; each logs two batches and a loss."""
    seen = []
    for epoch in range(epochs) if by_hand else t.epochs(epochs):
        seen.append(epoch)
        for _ in range(2):
            t.log(None, {"batch_loss": value}, axis="batch")
        t.log(epoch, {"loss": value - epoch})
        t._attempt.journal.now(later=True)  # the next epoch does not begin in the same millisecond
    return seen


@pytest.fixture(params=["a loop of t.epochs", "a loop by hand"])
def by_hand(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "a loop by hand")


def test_what_lies_behind_the_epoch_is_read_once(tmp_path: Path, by_hand: bool) -> None:
    with tracking(output_run=tmp_path, best=BEST) as t:
        train(t, 6, 10, by_hand)
    with tracking(output_run=tmp_path, best=BEST, resume=True, rewind_to=2) as t:
        assert t.best["loss"].step == 2
        if by_hand:
            assert [step for step, _ in load(tmp_path).metrics["loss"]] == [0, 1, 2]
        assert train(t, 5, 20) == ([3, 4] if not by_hand else [0, 1, 2, 3, 4])
    if by_hand:
        return
    run = load(tmp_path)
    assert list(run.metrics["loss"]) == [(0, 10), (1, 9), (2, 8), (3, 17), (4, 16)]
    assert [step for step, _ in run.metrics["batch_loss"]] == list(range(10))
    assert (run.epoch, run.best["loss"].step, run.series["epoch", "loss"].count) == (4, 2, 5)
    assert [row["loss"] for row in rows(tmp_path) if row["loss"]] == ["10.0", "9.0", "8.0", "17.0", "16.0"]


def test_batches_of_a_loop_by_hand_that_lie_behind_count_no_more(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        train(t, 4, 10, by_hand=True)
    with tracking(output_run=tmp_path, resume=True, rewind_to=1) as t:
        t.log(None, {"batch_loss": 5}, axis="batch")
        t.log(None, {"loss": 5})
    run = load(tmp_path)
    assert [step for step, _ in run.metrics["batch_loss"]] == [0, 1, 2, 3, 4]
    assert list(run.metrics["loss"]) == [(0, 10), (1, 9), (2, 5)]


def test_epochs_that_were_logged_out_of_their_order_count_no_more_either(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        t.log(7, {"early": 1})
        for epoch in t.epochs(4):
            t.log(epoch, {"loss": epoch})
    with tracking(output_run=tmp_path, resume=True, rewind_to=2):
        pass
    run = load(tmp_path)
    assert [step for step, _ in run.metrics["loss"]] == [0, 1, 2]
    assert "early" not in run.metrics.names


@pytest.mark.parametrize(("which", "goes_on"), [("latest", 4), ("best", 2), ("own", 1), (1, 2), (-1, 0), (9, 5)])
def test_it_takes_an_epoch_or_a_checkpoint(tmp_path: Path, which: Any, goes_on: int) -> None:
    (tmp_path / "model.pt").write_text("weights")
    with tracking(output_run=tmp_path / "run", best=BEST) as t:
        for epoch in t.epochs(5):
            t.log(epoch, {"loss": abs(epoch - 1)})
            if epoch in (0, 1, 3):
                t.log_checkpoint(tmp_path / "model.pt", name="own" if epoch == 0 else None)
    with tracking(output_run=tmp_path / "run", best=BEST, resume=True, rewind_to=which) as t:
        kept = t.checkpoint()
        assert (kept.epoch if kept else -1) == min(goes_on - 1, 3)
        assert list(t.epochs(6)) == list(range(goes_on, 6))
    assert len(records(tmp_path / "run", Superseded)) == (which != 9)


@pytest.mark.parametrize("which", ["latest", "best"])
def test_without_a_checkpoint_all_is_done_again(tmp_path: Path, which: str) -> None:
    with tracking(output_run=tmp_path) as t:
        train(t, 3, 1)
    with tracking(output_run=tmp_path, resume=True, rewind_to=which) as t:
        assert train(t, 2, 5) == [0, 1]
    assert list(load(tmp_path).metrics["loss"]) == [(0, 5), (1, 4)]


def test_where_there_is_no_run_yet_one_begins(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, resume=True, rewind_to=5) as t:
        assert train(t, 2, 1) == [0, 1]
    assert records(tmp_path, Superseded) == []


def test_a_run_that_was_stopped_early_goes_on_and_does_not_say_so_any_more(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        for epoch in t.epochs(10):
            if epoch == 3:
                t.stop_epochs("enough")
    with tracking(output_run=tmp_path, resume=True, rewind_to=1) as t:
        assert list(t.epochs(10)) == list(range(2, 10))
    assert load(tmp_path).tags["stopped"] == "no"


def test_the_same_object_again_does_not_go_back(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        train(t, 4, 1)
    with tracking(output_run=tmp_path, resume=True, rewind_to=1) as t:
        train(t, 4, 2)
    with t.again() as t:
        assert len(records(t, Superseded)) == 1
    assert len(load(tmp_path).attempts) == 3


def test_a_tracker_is_told_and_one_that_comes_later_gets_each_epoch_once(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        for epoch in t.epochs(3):
            t.log(epoch, {"loss": 1})
    tracker = Told()
    with tracking([tracker], output_run=tmp_path, resume=True, rewind_to=0) as t:
        for epoch in t.epochs(2):
            t.log(epoch, {"loss": 2})
    assert tracker.told == [(0, {"loss": 1.0}), 1, (1, {"loss": 2.0})]


def test_another_rank_goes_back_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tracking(output_run=tmp_path) as t:
        train(t, 4, 1)
    with tracking(output_run=tmp_path, resume=True, rewind_to=1, rank=1) as t:
        assert list(t.epochs(5)) == [2, 3, 4]
    for name, value in {"RANK": 0, "WORLD_SIZE": 2}.items():
        monkeypatch.setenv(name, str(value))
    with tracking(output_run=tmp_path, resume=True, rewind_to=1):
        assert records(tmp_path, Begin)[-1].finished == 2


@pytest.mark.parametrize("wrong", [-2, 1.5, "", [1]])
def test_what_is_no_place_to_go_back_to_is_refused(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(ValueError, match="rewind_to must be the last epoch that is to count"):
        with tracking(output_run=tmp_path, resume=True, rewind_to=wrong):
            pass


def test_it_needs_a_run_that_goes_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rewind_to needs resume=True"):
        tracking(output_run=tmp_path, rewind_to=3)


def test_a_checkpoint_that_the_run_has_not_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        train(t, 2, 1)
    before = (tmp_path / "journal.jsonl").read_bytes()
    with pytest.raises(RunDirectoryError, match="rewind_to='other': the run in .* has no such checkpoint; it has none"):
        with tracking(output_run=tmp_path, resume=True, rewind_to="other"):
            pass
    assert (tmp_path / "journal.jsonl").read_bytes() == before
