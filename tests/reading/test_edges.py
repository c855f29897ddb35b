"""What reading says of odd runs: empty, huge, moved, of one name, seen again."""

from __future__ import annotations

import math
import os
import sys
from array import array
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tracklib import tracking
from tracklib._journal.statistics import At
from tracklib.errors import RunDirectoryError
from tracklib.reading.attempts import moment
from tracklib.reading.collection import Runs, column
from tracklib.reading.column import Column
from tracklib.reading.page.drawn import Zoom
from tracklib.reading.page.inline import Inline
from tracklib.reading.page.packed import packed
from tracklib.reading.page.points import Points as PagePoints
from tracklib.reading.page.sections import _thinned
from tracklib.reading.page.told import _metrics, plain
from tracklib.reading.run import Run
from tracklib.reading.series import Series
from tracklib.reading.showing import table_as_html
from tracklib.reading.table import Table


def finished(directory: Path, **options: Any) -> Run:
    with tracking(output_run=directory, environment=False, **options) as t:
        for epoch in range(4):
            t.log(epoch, {"loss": 1 / (epoch + 1)})
    return tracklib.load(directory)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished(tmp_path_factory.mktemp("edges") / "run")


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (lambda run: run.curve("loss"), "<Buckets of 'loss': 4 of 1 values each>"),
        (lambda run: run.metrics["loss"], "<Series 'loss' of 4 values over epoch>"),
        (lambda run: run.metrics["loss"].table().column("loss"), "<Column of 4: 1.0, 0.5, 0.3333333333333333, 0.25>"),
        (lambda run: Column("int", array("q", range(6))), "<Column of 6: 0, 1, 2, 3, 4, ...>"),
        (lambda run: Runs([run]), "<1 runs>"),
        (lambda run: Runs([run], {"x": "y"}), "<1 runs, 1 that cannot be read>"),
    ],
)
def test_each_part_says_in_short_what_it_is(run: Run, of: Callable[[Run], Any], told: str) -> None:
    assert repr(of(run)) == told


def test_the_last_values_say_themselves_as_a_dict_does(run: Run) -> None:
    assert repr(run.last) == repr(dict(run.last))
    with pytest.raises(KeyError, match="^'accuracy'$"):
        run.last["accuracy"]


def test_a_pictures_text_is_its_svg_and_what_it_says_in_short_is_not(run: Run) -> None:
    picture = run.plot("loss")

    assert str(picture) == picture._repr_html_()
    assert repr(picture) == f"<Picture of {len(str(picture))} characters>"


@pytest.mark.parametrize("milliseconds", [2**62, 10**15])
def test_a_time_beyond_the_calendar_is_the_last_one_there_is(milliseconds: int) -> None:
    assert moment(milliseconds) == datetime.max.replace(tzinfo=UTC)


def test_a_metric_that_is_not_there_is_told_with_those_that_are(run: Run) -> None:
    with pytest.raises(KeyError, match="no metric 'accuracy' on 'epoch'; there are 'loss'"):
        run.curve("accuracy")
    with pytest.raises(KeyError, match="no column 'accuracy'; there are 'epoch', 'time', 'loss'"):
        run.metrics.column("accuracy")


@pytest.mark.parametrize("most", [0, -1])
def test_buckets_are_one_at_least(run: Run, most: int) -> None:
    with pytest.raises(ValueError, match="most must be at least one bucket, as 1000; got"):
        run.metrics["loss"].buckets(most)


def test_a_series_is_a_table_and_may_be_asked_for_by_time(run: Run) -> None:
    series = run.metrics["loss"]

    assert [*series.table().rows()][1] == {"epoch": 1, "time": series.times[1], "loss": 0.5}
    assert series.between_times(series.times[0], series.times[-1]).steps.tolist() == [0, 1, 2, 3]
    assert len(series.between_times(0, 1)) == 0


def test_two_runs_of_one_name_are_named_by_their_directories(tmp_path: Path) -> None:
    for directory in ("a", "b"):
        finished(tmp_path / directory, name="same")

    with pytest.raises(KeyError, match=f"2 runs are called 'same': name one by its directory, of {tmp_path}/a, "):
        tracklib.runs(tmp_path)["same"]


def test_runs_are_read_on_together(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", environment=False) as t:
        runs = tracklib.runs(tmp_path)
        t.log(0, {"loss": 0.5})
        assert [dict(run.last) for run in runs] == [{}]
        assert runs.refresh() is runs
        assert runs[0].last["loss"].value == 0.5


def test_runs_are_arrow_as_their_table_is(run: Run) -> None:
    arrow = pytest.importorskip("pyarrow")

    assert arrow.table(Runs([run])).column("run").to_pylist() == ["run"]
    assert Runs([run]).to_arrow().num_rows == len(Runs([run]).to_pandas()) == len(Runs([run]).to_polars()) == 1


def test_a_column_with_gaps_is_had_by_its_rows() -> None:
    gaps = column([1.5, None, 2.5])

    assert (gaps[0], gaps[1], gaps[-1], gaps[1:]) == (1.5, None, 2.5, [None, 2.5])
    assert gaps.dense().tolist()[::2] == [1.5, 2.5]
    assert math.isnan(gaps.dense()[1])
    assert column(["a", None]).dense() == ["a", None]


@pytest.mark.parametrize("kind", ["to_polars", "to_arrow"])
def test_values_of_several_kinds_are_texts_in_a_frame_and_what_is_nested_is_json(kind: str) -> None:
    table = Table({"mixed": column([1, "two", None, True]), "nested": column([{"a": [1]}, [2], None, "x"])}, 4)

    frame = getattr(table, kind)()

    told = {name: list(frame[name].to_pylist() if kind == "to_arrow" else frame[name]) for name in ("mixed", "nested")}

    assert told["mixed"][:2] + told["mixed"][3:] == ["1", "two", "true"]
    assert [value.replace(" ", "") for value in told["nested"][:2]] == ['{"a":[1]}', "[2]"]


def test_polars_reads_the_arrays_where_there_is_no_numpy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("polars")
    monkeypatch.setitem(sys.modules, "numpy", None)

    assert run.metrics.to_polars()["loss"].to_list() == [1.0, 0.5, 1 / 3, 0.25]


def test_a_metric_called_as_its_axis_that_only_repeats_the_step_is_no_column(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", environment=False) as t:
        for epoch in range(2):
            t.log(epoch, {"epoch": epoch, "loss": 1.0})
    assert tracklib.load(tmp_path / "run").metrics.columns == ["epoch", "time", "loss"]


def test_metrics_called_as_an_axis_and_as_the_column_of_one_have_a_column_each(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", environment=False) as t:
        t.log(0, {"epoch": 0.5, "metrics.epoch": 2.0})

    (row,) = tracklib.load(tmp_path / "run").metrics.rows()
    assert row | {"time": 0} == {
        "epoch": 0,
        "time": 0,
        "metrics.epoch_": 0.5,
        "metrics.epoch": 2.0,
    }


def test_following_ends_where_another_run_is_there(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", environment=False) as t:
        t.log(0, {"loss": 1.0})
        seen = tracklib.load(tmp_path / "run")
    finished(tmp_path / "run")

    assert [*seen.follow(every=0.01)] == []


def test_a_folders_size_is_that_of_its_files_and_it_is_intact_while_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"12345")
    with tracking(output_run=tmp_path / "run", environment=False) as t:
        t.log_artifact(tmp_path / "kept")
        t.log_artifact(tmp_path / "b")
    kept, file = tracklib.load(tmp_path / "run").artifacts.values()

    assert (kept.size, kept.is_intact(), file.is_intact()) == (3, True, True)
    os.unlink(file.path)
    (tmp_path / "run/artifacts/kept/a").unlink()
    (tmp_path / "run/artifacts/kept").rmdir()
    assert (kept.size, kept.is_intact(), file.is_intact()) == (0, False, False)


def test_what_a_loop_that_went_back_said_before_counts_in_nothing_that_is_read(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", environment=False) as t:
        for epoch in range(4):
            t.log(epoch, {"loss": float(epoch)})
            t.log_histogram(epoch, {"weights": [float(epoch)]})
        seen = tracklib.load(tmp_path / "run")
        assert (seen.curve("loss").count, len(seen.metrics), len(seen.histograms["weights"])) == (4, 4, 4)
    with tracking(output_run=tmp_path / "run", environment=False, resume=True, rewind_to=1) as t:
        t.log(2, {"loss": 20.0})

        for run in (seen.refresh(), tracklib.load(tmp_path / "run"), tracklib.load(tmp_path / "run", whole=True)):
            assert run.metrics["loss"].values.tolist() == [0.0, 1.0, 20.0]
            assert run.curve("loss").means.tolist() == [0.0, 1.0, 20.0]
            assert [each.step for each in run.histograms["weights"]] == [0, 1]


def test_a_report_that_cannot_take_its_place_leaves_no_part_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: object) -> None:
        raise OSError("no")

    run = finished(tmp_path / "run")
    monkeypatch.setattr(os, "replace", refuse)

    with pytest.raises(OSError, match="no"):
        Runs([run]).report(tmp_path / "page.html")
    assert [each.name for each in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("zoom", "steps"),
    [
        (Zoom("step", 1, 2), [1, 2]),
        (Zoom("share", 0.5, 1), [2, 3, 4]),
        (Zoom("time", 1, 3), [1, 2, 3]),
        (Zoom("clock", 1001, 1002), [1, 2]),
    ],
)
def test_a_zoom_is_by_steps_share_time_or_the_clock(zoom: Zoom, steps: list[int]) -> None:
    times = array("q", [1_000_000 + 1000 * step for step in range(5)])
    series = Series("loss", "step", array("q", range(5)), times, array("d", range(5)))

    assert zoom.part_of(series, 1_000_000).steps.tolist() == steps


@pytest.mark.parametrize("odd", [math.nan, math.inf, 1.7e308])
@pytest.mark.parametrize("count", [10, 11])
def test_a_page_with_room_for_few_points_hides_no_spike_whatever_is_beside_it(odd: float, count: int) -> None:
    values = array("d", [1.0, odd, odd, odd] + [1.0] * (count - 5) + [-5.0])
    series = Series("x", "step", array("q", range(count)), array("q", range(count)), values)
    curve = series.buckets(count)
    first, last = (At(values[place], place, place) for place in (0, count - 1))

    found = PagePoints(curve, first, last, 3)

    assert len(found.steps) == len(found.times) == len(found.means) == len(found.mins) == len(found.maxs) <= 4
    assert min(value for value in found.mins if value == value) == -5.0
    assert odd != odd or max(value for value in found.maxs if value == value) == odd
    assert found.steps.tolist() == sorted(found.steps)


@pytest.mark.parametrize(
    ("value", "told"),
    [(math.nan, "nan"), (-math.inf, "-inf"), (2**60, str(2**60)), (True, True), (3, 3), ([1], "[1]"), (None, None)],
)
def test_a_browser_gets_no_number_that_it_would_misread(value: Any, told: Any) -> None:
    assert plain(value) == told


def test_steps_whose_outermost_stand_apart_are_packed_in_few_bytes() -> None:
    assert packed(array("q", [0, *range(5, 205, 10), 207])).endswith(":0:207")


def test_a_table_shows_its_ends_and_gaps() -> None:
    html = table_as_html(Table({"x": column([None if i == 1 else i for i in range(100)])}, 100))

    assert "<small>100 rows, 1 columns</small>" in html
    assert "…" in html


def test_a_run_that_is_moved_while_its_list_is_made_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="is no directory that can be read"):
        tracklib.runs(tmp_path / "nowhere")


def test_a_page_shows_what_of_an_artifact_it_can_and_links_to_the_rest(tmp_path: Path) -> None:
    kinds = {
        "a.png": b"\x89PNG",
        "a.wav": b"RIFF",
        "a.csv": b"x,y\n1,2\n",
        "b.csv": b"x" * 150_000,
        "a.txt": b"said",
        "b.txt": b"said",
        "a.bin": b"\0",
        "git.patch": b"+a",
        "gone.txt": b"",
    }
    with tracking(output_run=tmp_path / "run", environment=False) as t:
        for name, content in kinds.items():
            (tmp_path / name).write_bytes(content)
            t.log_artifact(tmp_path / name)
    (tmp_path / "run/artifacts/gone.txt").unlink()
    inline = Inline(str(tmp_path))

    told = {name: inline.artifact(each) for name, each in tracklib.load(tmp_path / "run").artifacts.items()}
    assert told["a.png"]["picture"] == "data:image/png;base64,iVBORw=="
    assert told["a.wav"]["sound"] == "data:audio/wav;base64,UklGRg=="
    assert (told["a.csv"]["table"], told["b.csv"]["table"]) == ([["x", "y"], ["1", "2"]], [["x" * 150_000]])
    assert told["a.txt"]["text"] == told["b.txt"]["text"] == inline.texts.index("said")
    assert {"picture", "text", "table"} & (set(told["a.bin"]) | set(told["git.patch"])) == set()
    assert told["gone.txt"]["note"] == "it is no longer there"
    assert told["a.bin"]["href"] == "run/artifacts/a.bin"


def test_of_many_distributions_a_page_has_the_first_and_the_last_among_those_that_it_shows() -> None:
    assert _thinned(list(range(100)), 5) == [0, 25, 50, 74, 99]
    assert _thinned([1, 2], 5) == [1, 2]


def test_a_notebook_shows_the_error_the_damage_and_how_much_more_there_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="<b>"), tracking(output_run=tmp_path / "run", environment=False) as t:
        t.log(0, {f"m{i}": 1.0 for i in range(200)})
        raise ValueError("<b>no</b>")
    with open(tmp_path / "run/journal.jsonl", "ab") as journal:
        journal.write(b"damaged\n")
    run = tracklib.load(tmp_path / "run")

    html = run._repr_html_()
    assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in html
    assert "1 damaged lines of the journal were passed over" in html
    assert " more metrics: run.last, run.plot(name)" in html
    many = Runs([run] * 300, {"x": "why"})._repr_html_()
    assert "300 runs; the first " in many
    assert "1 cannot be read: see .unreadable" in many
    assert "not shown: " in many


def test_a_metric_on_two_axes_is_the_epochs_in_the_pages_table(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", environment=False) as t:
        t.log(0, {"loss": 1.0})
        t.log(7, {"loss": 2.0}, axis="step")

    assert _metrics(tracklib.load(tmp_path / "run"))["loss"][:4] == ["epoch", 1, 1.0, 0]


def test_a_run_has_the_values_of_conditions_and_no_checkpoint_that_it_does_not_keep(run: Run) -> None:
    assert (run.value("status"), run.value("min.loss"), run.value("nothing")) == ("finished", 0.25, None)
    assert (run.checkpoint(), run.checkpoint("best"), run.checkpoints) == (None, None, [])
