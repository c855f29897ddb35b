"""A run of this process that nobody can reach any more: the cell that began it is run again."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kept import ends, records

from tracklib import CsvLogger, LifecycleError, RunDirectoryError, Trackers, tracked, tracking
from tracklib._journal.records import Log


def earlier(where: Path) -> list[Path]:
    return list((where / "previous").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"environment": True, "system_metrics": 0.01}], ids=["bare", "background"])
def test_a_run_by_hand_is_ended_as_killed_when_its_cell_is_run_again(tmp_path: Path, options: Any) -> None:
    run = tmp_path / "run"
    for _ in range(2):
        t = Trackers(output_run=run, **options)
        t.init()
        t.log(0, {"loss": 1})
    t.finish()
    assert ends(run) == ["finished"]
    (before,) = earlier(run)
    assert ends(before) == ["killed"]
    assert [log.metrics["loss"] for log in records(before, Log) if log.axis == "epoch"] == [1.0]


@pytest.mark.slow
def test_so_is_one_whose_tracker_object_is_used_again(tmp_path: Path) -> None:
    tracker = CsvLogger()
    for name in ("a", "b"):
        t = Trackers([tracker], tmp_path / name)
        t.init()
    t.finish()
    assert ends(tmp_path / "a") == ["killed"]


@pytest.mark.slow
def test_one_that_somebody_has_still_is_left_alone(tmp_path: Path) -> None:
    t = Trackers(output_run=tmp_path / "run")
    t.init()
    log: Any = t.log
    del t
    with pytest.raises(RunDirectoryError, match="belongs to a run that is still going on"):
        Trackers(output_run=tmp_path / "run").init()
    log(0, {"loss": 1})
    assert ends(tmp_path / "run") == []
    log.__self__.finish()


@pytest.mark.slow
def test_one_that_goes_on_in_a_block_is_left_alone(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        with pytest.raises(RunDirectoryError, match="belongs to a run that is still going on"):
            Trackers(output_run=tmp_path / "run").init()
    assert ends(tmp_path / "run") == ["finished"]


@pytest.mark.slow
def test_a_tracker_of_one_that_goes_on_is_refused(tmp_path: Path) -> None:
    tracker = CsvLogger()
    with (
        tracking([tracker], output_run=tmp_path / "a"),
        pytest.raises(LifecycleError, match="CsvLogger object belongs"),
    ):
        Trackers([tracker], tmp_path / "b").init()


@pytest.mark.slow
def test_a_generator_that_a_traceback_keeps_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @tracking(output_run=tmp_path / "run")
    def stream() -> Iterator[Any]:
        for epoch in range(3):
            yield tracked(lambda epoch: {"loss": epoch})(epoch)

    def cell(fails: bool) -> None:
        batches = stream()
        next(batches)
        if fails:
            raise ValueError("in the cell")
        assert len(list(batches)) == 2

    try:
        try:
            cell(fails=True)
        except ValueError as error:
            raise RuntimeError("shown") from error
    except RuntimeError as error:
        monkeypatch.setattr(sys, "last_value", error, raising=False)
    gc.collect()
    assert ends(tmp_path / "run") == []
    cell(fails=False)
    assert ends(tmp_path / "run") == ["finished"]
    (before,) = earlier(tmp_path / "run")
    assert ends(before) == ["killed"]
