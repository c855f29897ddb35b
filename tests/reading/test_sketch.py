"""The two small files that a run writes for its readers: when, how small, and that nothing is believed blindly."""

from __future__ import annotations

import contextlib
import math
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracklib
from tracklib import tracking
from tracklib._common import clock
from tracklib._journal import curves, layout, sketch
from tracklib._journal.curve import BUCKETS, Curve
from tracklib._journal.curves import Curves, curves_of
from tracklib._journal.journal import Journal
from tracklib._journal.kept import is_in
from tracklib._journal.reader import Reader
from tracklib._journal.records import Epoch, Log, Superseded
from tracklib._journal.sketch import Sketch, kept_curves, kept_summary
from tracklib._journal.stretches import grouped
from tracklib._journal.summary import Summary


def finished(directory: Path, logs: int = 5, **options: Any) -> Path:
    with tracking(output_run=directory, **options) as t:
        for step in range(logs):
            t.log(step, {"loss": float(step)})
    return directory


def place_of(directory: Path) -> Any:
    with contextlib.closing(Reader(layout.journal_path(str(directory)))) as reader:
        return kept_summary(str(directory), reader.fileno()).place, kept_curves(str(directory), reader.fileno()).place


@pytest.mark.parametrize("error", [None, ValueError("no"), KeyboardInterrupt()])
def test_a_run_that_ended_has_a_summary_up_to_its_journals_end(tmp_path: Path, error: BaseException | None) -> None:
    with contextlib.suppress(ValueError, KeyboardInterrupt):
        with tracking(output_run=tmp_path / "run") as t:
            t.log(0, {"loss": 1.0})
            if error:
                raise error
    size = (tmp_path / "run/journal.jsonl").stat().st_size
    assert [place.offset for place in place_of(tmp_path / "run")] == [size, size]


def test_of_many_series_each_is_drawn_in_fewer_buckets_and_so_it_is_where_they_are_read_back() -> None:
    drawn = Curves()
    for number in range(600):
        drawn.add("epoch", f"loss-{number}", [1], [1], [1.0])
    assert drawn.buckets < BUCKETS
    assert curves_of(drawn.as_stored()).buckets == drawn.buckets


def test_the_files_are_small_and_the_owners_alone(tmp_path: Path) -> None:
    directory = finished(tmp_path / "run", 1000)
    for name, most in (("summary", 1500), ("curves", 26_000)):
        status = (directory / "state" / name).stat()
        assert stat.S_IMODE(status.st_mode) == 0o600
        assert status.st_size < most


def test_the_summary_of_a_resumed_run_holds_for_all_attempts(tmp_path: Path) -> None:
    finished(tmp_path / "run")
    finished(tmp_path / "run", resume=True)
    run = tracklib.load(tmp_path / "run")
    assert (run.series["epoch", "loss"].count, len(run.attempts)) == (10, 2)
    assert run.curve("loss").count == 10


def test_it_is_written_every_ten_seconds_at_most_and_when_the_run_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, written = [100.0], []
    monkeypatch.setattr(clock, "steady", lambda: now[0])
    journal = Journal(str(tmp_path / layout.JOURNAL), pytest.fail)
    reader, watching = Reader(journal.path), Sketch(str(tmp_path), "u")
    monkeypatch.setattr(watching, "write", lambda reader: written.append(now[0]))
    for second in range(25):
        now[0] = 100.0 + second
        if second < 12:
            journal.append(Log(time=second, axis="epoch", step=second, metrics={"loss": 0.5}))
        watching.take(reader.read(), reader)
    assert written == [110.0, 120.0]
    reader.close()


def test_what_is_read_once_more_is_not_counted_twice(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / layout.JOURNAL), pytest.fail)
    reader, watching = Reader(journal.path), Sketch(str(tmp_path), "u")
    for step in range(3):
        journal.append(Log(time=step, axis="epoch", step=step, metrics={"loss": 0.5}))
        watching.take(reader.read(), reader)
        reader.go_to(0, 0)
    watching.take(reader.read(), reader)
    watching.write(reader)
    assert kept_summary(str(tmp_path), reader.fileno()).value.series["epoch"]["loss"].count == 3
    reader.close()


def test_a_directory_that_is_another_runs_by_now_is_not_written_into(tmp_path: Path) -> None:
    directory = finished(tmp_path / "run")
    before = (directory / "state/summary").read_bytes()
    reader, watching = Reader(layout.journal_path(str(directory))), Sketch(str(directory), "somebody else's uid")
    watching.take(reader.read(), reader)
    assert (directory / "state/summary").read_bytes() == before
    reader.close()


def test_a_disk_that_refuses_the_files_costs_the_run_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    (directory / "state/summary.tmp").mkdir(parents=True)
    finished(directory)
    assert not (directory / "state/summary").exists()
    assert tracklib.load(directory).series["epoch", "loss"].count == 5


def test_a_fault_in_it_is_no_fault_of_the_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fail(self: Sketch, entries: Any, *_: Any) -> None:
        calls.append(entries)
        raise ZeroDivisionError

    monkeypatch.setattr(Sketch, "take", fail)
    directory = finished(tmp_path / "run")
    assert len(calls) == 1
    assert len((directory / "metrics.csv").read_text().splitlines()) == 6
    assert tracklib.load(directory).series["epoch", "loss"].count == 5


def test_a_copied_directory_needs_no_second_reading(tmp_path: Path) -> None:
    directory = finished(tmp_path / "run")
    os.rename(directory, tmp_path / "moved")
    assert place_of(tmp_path / "moved")[0].offset == (tmp_path / "moved/journal.jsonl").stat().st_size


@pytest.mark.parametrize("name", ["summary", "curves"])
def test_no_flipped_bit_is_believed(tmp_path: Path, name: str) -> None:
    path = finished(tmp_path / "run", 3) / "state" / name
    whole = path.read_bytes()
    for place in range(0, len(whole), 1 + len(whole) // 300):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert place_of(tmp_path / "run")[name == "curves"].offset == 0, place


def test_another_journal_under_an_old_summary_is_read_anew(tmp_path: Path) -> None:
    directory, other = finished(tmp_path / "run", 9), finished(tmp_path / "other", 30)
    (directory / "journal.jsonl").write_bytes((other / "journal.jsonl").read_bytes())
    with contextlib.closing(Reader(layout.journal_path(str(directory)))) as reader:
        assert kept_summary(str(directory), reader.fileno()).place.offset == 0
        assert is_in(kept_summary(str(other), reader.fileno()).place, reader.fileno())
    assert tracklib.load(directory).series["epoch", "loss"].count == 30


@pytest.mark.parametrize("same", [False, True])
def test_what_waits_for_more_of_it_is_folded_as_if_it_came_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    monkeypatch.setattr(sketch, "_GROUPED", 500)
    journal = Journal(str(tmp_path / layout.JOURNAL), pytest.fail)
    for step in range(40):
        journal.append(Log(time=step, axis="epoch", step=step, metrics={"loss": step / 7, "rate": 0.1}))
        journal.append(Log(time=step, axis="epoch", step=step, metrics={"loss" if same else "val/loss": -step / 7}))
    read, pieces = Reader(journal.path), Sketch(str(tmp_path), "u")
    for entry in read.read():
        read.offset, read.ordinal = entry.end, entry.ordinal + 1
        pieces.take([entry], read)
    pieces.write(read)
    kept = kept_summary(str(tmp_path), read.fileno()).value.series["epoch"], kept_curves(str(tmp_path), read.fileno())

    whole = Summary()
    drawn = Curves()
    whole.take(grouped([entry.record for entry in Reader(journal.path).read() if isinstance(entry.record, Log)]), drawn)
    assert {name: (known.count, known.min, known.max, known.last) for name, known in kept[0].items()} == {
        name: (known.count, known.min, known.max, known.last) for name, known in whole.series["epoch"].items()
    }
    assert [kept[1].value.of["epoch"][name].means for name in kept[0]] == [
        drawn.of["epoch"][name].means for name in kept[0]
    ]
    read.close()


# Curves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "piece"),
    [(count, piece) for count in (1, 7, 1024, 1025, 2048, 5000) for piece in (1, 13, 1300)] + [(100_003, 1300)],
)
def test_no_spike_is_lost_and_memory_stays_flat(count: int, piece: int) -> None:
    values = [math.sin(step) for step in range(count)]
    for spike in range(0, count, max(1, count // 20)):
        values[spike] = 100.0 + spike
    curve = Curve()
    for start in range(0, count, piece):
        steps = list(range(start, min(start + piece, count)))
        curve.add(steps, steps, values[start : start + piece])

    assert len(curve.steps) <= 1024
    assert curve.count == count == sum(curve.finite)
    for index, step in enumerate(curve.steps):
        part = values[step : step + curve.width]
        assert (curve.mins[index], curve.maxs[index]) == (min(part), max(part))
        assert curve.means[index] == pytest.approx(sum(part) / len(part))


@given(
    pieces=st.lists(st.lists(st.floats(width=32) | st.floats(-1, 1), min_size=1, max_size=40), min_size=1, max_size=8),
    buckets=st.sampled_from([2, 3, 8]),
)
def test_in_whatever_pieces_they_come_each_bucket_is_of_its_own_values(pieces: list[list[float]], buckets: int) -> None:
    curve, values = Curve(), [value for piece in pieces for value in piece]
    steps = range(len(values))
    for piece in pieces:
        more = steps[curve.count : curve.count + len(piece)]
        known = curve.add(more, more, piece, buckets)
        assert (known.finite, known.nans) == (sum(map(math.isfinite, piece)), sum(map(math.isnan, piece)))

    assert curve.steps.tolist() == curve.times.tolist() == [*steps[:: curve.width]]
    for index, start in enumerate(curve.steps):
        part = [value for value in values[start : start + curve.width] if not math.isnan(value)]
        assert (curve.mins[index], curve.maxs[index]) == (min(part, default=math.inf), max(part, default=-math.inf))
        finite = [value for value in part if math.isfinite(value)]
        assert curve.finite[index] == len(finite)
        span = max(map(abs, finite), default=0.0)
        assert not finite or abs(curve.means[index] - math.fsum(finite) / len(finite)) <= 1e-9 * span


def test_means_are_of_the_finite_values_and_no_sum_overflows() -> None:
    curve = Curve(4)
    curve.add(range(4), range(4), [1.7e308, 1.7e308, math.nan, 1.7e308])
    curve.add(range(4, 8), range(4, 8), [math.nan] * 4)
    assert curve.means[0] == pytest.approx(1.7e308)
    assert curve.finite.tolist() == [3, 0]
    assert math.isnan(curve.means[1])


def test_many_series_share_the_buckets_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "_ALL_BUCKETS", 4096)
    monkeypatch.setattr(curves, "SERIES", 8)
    drawn = Curves()
    for number in range(10):
        drawn.add("epoch", f"m{number}", range(5000), range(5000), [float(step) for step in range(5000)])
    assert len(drawn.of["epoch"]) == 8
    assert sum(len(curve.steps) for curve in drawn.of["epoch"].values()) <= 4096
    assert all(
        (curve.mins[0], curve.maxs[-1], curve.count) == (0.0, 4999.0, 5000) for curve in drawn.of["epoch"].values()
    )


def test_a_series_beyond_those_that_are_drawn_is_drawn_from_its_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "SERIES", 1)
    with tracking(output_run=tmp_path / "run") as t:
        for step in range(5):
            t.log(step, {"a": 1.0, "b": float(step)})
    assert tracklib.load(tmp_path / "run").curve("b").means.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_summary_that_is_folded_on_knows_what_counts_no_more() -> None:
    summary, again = Summary(), Superseded(time=9, since=1, epoch=2)
    summary.take([Epoch(time=1, number=number) for number in range(4)], Curves())
    summary.take([again, again, Superseded(time=9, since=1, epoch=0, only_epochs=True)], Curves())
    assert summary.superseded == [again, Superseded(time=9, since=1, epoch=0, only_epochs=True)]
    assert summary.finished_epochs == 2
