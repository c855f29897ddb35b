"""What a run's points and a list of runs become in other packages' hands."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tracklib import tracking
from tracklib.reading import Run, Runs
from tracklib.reading.series import smoothed

np = pytest.importorskip("numpy")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two axes, a row of training and validation, gaps, NaN, and a metric that is called as an axis."""
    directory = tmp_path_factory.mktemp("runs") / "a"
    with tracking(output_run=directory) as t:
        t.log(0, {"loss": 0.5})
        t.log(0, {"val/loss": float("nan")})
        t.log(100, {"loss": 2.0, "epoch": 7}, axis="batch")
        t.log(1, {"loss": 0.25, "time": 3})
    return tracklib.load(directory)


def test_the_rows_are_those_of_the_csv(run: Run) -> None:
    columns = ["epoch", "batch", "time", "loss", "val/loss", "metrics.epoch", "metrics.time"]
    assert run.metrics.columns == columns
    rows = [{name: row[name] for name in columns if name != "time"} for row in run.metrics.rows()]
    assert math.isnan(rows[0].pop("val/loss"))
    assert [{name: value for name, value in row.items() if value is not None} for row in rows] == [
        {"epoch": 0, "loss": 0.5},
        {"batch": 100, "loss": 2.0, "metrics.epoch": 7.0},
        {"epoch": 1, "loss": 0.25, "metrics.time": 3.0},
    ]


def test_a_metric_on_two_axes_is_the_epochs_unless_the_axis_is_named(run: Run) -> None:
    assert run.metrics.names == ["loss", "val/loss", "epoch", "time"]
    assert list(run.metrics["loss"]) == [(0, 0.5), (1, 0.25)]
    assert list(run.metrics.series("loss", "batch")) == [(100, 2.0)]
    assert run.last["loss"].value == 0.25
    with pytest.raises(KeyError, match="no metric 'lass'; there are 'loss', 'val/loss'"):
        run.metrics["lass"]
    with pytest.raises(KeyError, match="not on the axis 'batch', but on 'epoch'"):
        run.metrics.series("val/loss", "batch")
    with pytest.raises(KeyError, match="no column 'x'; there are 'epoch', 'batch'"):
        run.metrics.column("x")


def check(rows: list[dict[str, Any]]) -> None:
    assert [row["epoch"] for row in rows] == [0, None, 1]
    assert [row["loss"] for row in rows] == [0.5, 2.0, 0.25]
    assert math.isnan(rows[0]["val/loss"])
    assert rows[1]["val/loss"] is None
    assert all(row["time"].year >= 2024 and row["time"].utcoffset().total_seconds() == 0 for row in rows)


def test_polars_tells_nan_from_missing(run: Run) -> None:
    pl = pytest.importorskip("polars")
    check(run.metrics.to_polars().rows(named=True))
    check(pl.DataFrame(run.metrics).rows(named=True))


def test_arrow_tells_nan_from_missing(run: Run) -> None:
    pa = pytest.importorskip("pyarrow")
    check(run.metrics.to_arrow().to_pylist())
    check(pa.table(run.metrics).to_pylist())


def test_pandas_has_integers_where_there_are_gaps(run: Run) -> None:
    pd = pytest.importorskip("pandas")
    frame = run.metrics.to_pandas()
    assert frame["epoch"].dtype == "Int64"
    assert frame["epoch"].isna().tolist() == [False, True, False]
    assert frame["loss"].tolist() == [0.5, 2.0, 0.25]
    assert str(frame["time"].dt.tz) == "UTC"
    assert run.metrics["loss"].to_pandas().to_dict() == {0: 0.5, 1: 0.25}
    if hasattr(pd.DataFrame, "from_arrow"):
        assert pd.DataFrame.from_arrow(run.metrics)["loss"].tolist() == [0.5, 2.0, 0.25]


def test_duckdb_takes_a_table_as_it_is(run: Run) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    metrics = run.metrics  # noqa: F841  # the query finds it by its name
    assert duckdb.sql("select max(loss), count(epoch) from metrics").fetchall() == [(2.0, 2)]


def test_arrays_are_buffers_that_numpy_does_not_copy(run: Run) -> None:
    series = run.metrics["loss"]
    values = np.asarray(series.values)
    assert values.tolist() == [0.5, 0.25]
    assert np.shares_memory(values, np.asarray(series.values))


def test_no_data_frame_package_is_imported_until_it_is_asked_for(run: Run) -> None:
    asked = (
        "import sys, tracklib; run = tracklib.load(sys.argv[1]); run.metrics['loss']; run._repr_html_();"
        "print([name for name in ('numpy', 'pandas', 'polars', 'pyarrow', 'IPython') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", asked, run.directory], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_without_pandas_to_pandas_says_what_to_install(run: Run) -> None:
    asked = (
        "import sys; sys.modules['numpy'] = sys.modules['pandas'] = None\n"
        "import tracklib\n"
        "try: tracklib.load(sys.argv[1]).metrics.to_pandas()\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", asked, run.directory], capture_output=True, text=True)
    assert done.stdout == "to_pandas needs pandas, which is not installed: pip install pandas\n", done.stderr


def test_without_pyarrow_and_polars_the_capsule_says_what_to_install(run: Run) -> None:
    asked = (
        "import sys; sys.modules['pyarrow'] = sys.modules['polars'] = None\n"
        "import tracklib\n"
        "try: tracklib.load(sys.argv[1]).metrics.__arrow_c_stream__()\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", asked, run.directory], capture_output=True, text=True)
    assert "needs pyarrow or polars, and neither is installed" in done.stdout, done.stderr


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    root = tmp_path_factory.mktemp("sweep")
    for number, rate in enumerate([0.1, 0.2]):
        params = {"lr": rate, "seed": number, "model": {"width": 64}, "betas": [0.9, rate]}
        with tracking(output_run=root / f"run-{number}", params=params, tags={"stage": "x"}, best={"loss": "min"}) as t:
            for step in range(3):
                t.log(step, {"loss": rate / (step + 1), f"only-{number}": 1})
    return tracklib.runs(root)


def test_runs_are_a_table_of_one_row_each(sweep: Runs) -> None:
    frame = sweep.to_polars()
    assert frame["run"].to_list() == ["run-0", "run-1"]
    assert frame["params/lr"].to_list() == [0.1, 0.2]
    assert frame["params/model/width"].to_list() == [64, 64]
    assert frame["params/betas"].to_list() == ["[0.9,0.1]", "[0.9,0.2]"]
    assert frame["best/loss"].to_list() == pytest.approx([0.1 / 3, 0.2 / 3])
    assert frame["last/only-0"].to_list() == [1.0, None]
    assert frame["tags/stage"].to_list() == ["x", "x"]
    assert sweep.to_pandas().shape == sweep.to_arrow().shape == frame.shape


def test_points_of_many_runs_are_in_long_form(sweep: Runs) -> None:
    frame = sweep.metrics("loss").to_polars()
    assert frame.columns == ["run", "metric", "axis", "step", "time", "value"]
    assert frame["step"].to_list() == [0, 1, 2, 0, 1, 2]
    assert len(sweep.metrics()) == 12


def test_comparing_tells_what_differs_only(sweep: Runs) -> None:
    table = sweep.compare()
    names = list(table["name"])
    assert table.columns == ["name", "run-0", "run-1"]
    assert {"params/lr", "params/seed", "best/loss"} <= set(names)
    assert {"params/model/width", "tags/stage", "status"} & set(names) == set()
    assert list(table["run-1"])[names.index("params/lr")] == 0.2


def test_a_run_is_named_by_its_name_or_the_beginning_of_its_uid(sweep: Runs) -> None:
    assert sweep["run-1"] is sweep[1]
    assert sweep[sweep[0].uid[:8]] is sweep[0]
    with pytest.raises(KeyError, match="no run is called 'run-2', of 2"):
        sweep["run-2"]
    assert [run.name for run in sweep[1:]] == ["run-1"]


def test_smoothing_is_debiased_and_weighted_by_the_steps() -> None:
    assert smoothed([0, 1, 2], [1.0, 2.0, 3.0], 0).tolist() == [1.0, 2.0, 3.0]
    constant = smoothed(range(100), [5.0] * 100, 0.99)
    assert constant.tolist() == pytest.approx([5.0] * 100)
    dense = smoothed(range(1000), [0.0] * 500 + [1.0] * 500, 0.9)
    assert dense[499] == 0.0
    assert 0.0 < dense[500] < 0.1
    assert dense[-1] == pytest.approx(1.0)
    assert [str(value) for value in smoothed([0, 1, 2], [1.0, math.nan, 1.0], 0.9)] == ["1.0", "nan", "1.0"]
    with pytest.raises(ValueError, match="weight must be from 0 to less than 1"):
        smoothed([0], [1.0], 1.0)


def test_a_series_between_two_steps_is_what_was_logged_there_which_may_be_nothing(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for step in (3, 1, 2, 2):
            t.log(step, {"loss": float(step)})
    loss = tracklib.load(tmp_path / "run").metrics["loss"]

    assert loss.between(2, 3).values.tolist() == [3.0, 2.0, 2.0]
    assert (len(loss.between(7, 9)), len(loss.between(7, 9).buckets(10)), len(loss.between(7, 9).smooth(0.5))) == (
        0,
        0,
        0,
    )
