"""Rows of the CSV, and as they are read: one for an epoch, whatever comes in between; two axes in one record."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tracklib import Trackers, load, tracking
from tracklib.trackers import csv_logger


def table(directory: Path) -> list[dict[str, str]]:
    with open(directory / "metrics.csv", newline="") as file:
        return [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(file)]


def read(directory: Path) -> list[dict[str, float]]:
    """The same rows, as they are read back."""
    return [
        {name: value for name, value in row.items() if value is not None and name != "time"}
        for row in load(directory).metrics.rows()
    ]


@pytest.mark.parametrize("flushes", [True, False])
def test_another_axis_in_between_splits_no_epochs_row(tmp_path: Path, flushes: bool) -> None:
    with tracking(output_run=tmp_path) as t:
        for epoch in range(2):
            t.log(epoch, {"loss": 1})
            for batch in range(2):
                t.log(2 * epoch + batch, {"batch_loss": 2, "loss": 3}, axis="batch")
                if flushes:
                    t.flush()
            t.log(epoch, {"late": 4} if epoch else {"acc": 4})
    assert table(tmp_path) == [
        {"epoch": "0", "loss": "1.0", "acc": "4.0"},
        {"batch": "0", "batch_loss": "2.0", "loss": "3.0"},
        {"batch": "1", "batch_loss": "2.0", "loss": "3.0"},
        {"epoch": "1", "loss": "1.0", "late": "4.0"},
        {"batch": "2", "batch_loss": "2.0", "loss": "3.0"},
        {"batch": "3", "batch_loss": "2.0", "loss": "3.0"},
    ]
    assert read(tmp_path) == [{name: float(cell) for name, cell in row.items()} for row in table(tmp_path)]


def test_a_row_that_lies_far_back_is_complete(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        for between in (csv_logger._REACH - 1, csv_logger._REACH):
            t.log(between, {"loss": 1})
            for batch in range(between):
                t.log(batch, {"x": 2}, axis="batch")
            t.log(between, {"acc": 3})
    of_epochs = [row for row in table(tmp_path) if "epoch" in row]
    assert [sorted(row) for row in of_epochs] == [["acc", "epoch", "loss"], ["epoch", "loss"], ["acc", "epoch"]]
    assert read(tmp_path) == [{name: float(cell) for name, cell in row.items()} for row in table(tmp_path)]


def test_a_large_file_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_logger, "_REPLACED_BYTES", 0)
    with tracking(output_run=tmp_path) as t:
        for epoch in range(3):
            t.log(epoch, {"loss": 1})
            t.flush()
            t.log(epoch, {"x": 2}, axis="batch")
            t.flush()
            t.log(epoch, {"acc": 0.123456789 * epoch})
            t.flush()
    rows = [{"epoch": str(e), "loss": "1.0", "acc": repr(0.123456789 * e)} for e in range(3)]
    assert table(tmp_path) == [row for e in range(3) for row in (rows[e], {"batch": str(e), "x": "2.0"})]


def test_a_record_may_say_where_it_is_on_another_axis_too(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        t.log(100, {"loss": 1, "epoch": 0.5}, axis="step")
        t.log(200, {"loss": 2, "epoch": 1}, axis="step")
        t.log(1, {"acc": 3, "step": 200})
    assert table(tmp_path) == [
        {"step": "100", "loss": "1.0", "epoch": "0.5"},
        {"step": "200", "loss": "2.0", "epoch": "1.0"},
        {"epoch": "1", "acc": "3.0", "step": "200.0"},
    ]


def test_a_metric_that_is_called_as_an_axis_that_comes_later_has_its_column(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path) as t:
        t.log(1, {"acc": 3, "step": 200})
        t.log(300, {"loss": 1}, axis="step")
    assert table(tmp_path) == [{"epoch": "1", "acc": "3.0", "step": "200.0"}, {"step": "300", "loss": "1.0"}]


def test_a_metric_that_is_called_as_its_own_axis_and_says_something_else_has_another_name(tmp_path: Path) -> None:
    run = Trackers(output_run=tmp_path)
    run.init()
    run.log(1, {"epoch": 0.5})
    run.finish()
    (row,) = table(tmp_path)
    assert row.pop("epoch") == "1"
    assert [*row.values()] == ["0.5"]
