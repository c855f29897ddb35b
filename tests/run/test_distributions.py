"""Histograms: what is counted at the call, what bad input gets, and that each backend, reader and page has them."""

from __future__ import annotations

import json
import math
import re
import shutil
import sqlite3
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bare import run_bare
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from kept import records
from scripted import Scripted
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb_file import WandbFile

from tracklib import Histogram, LifecycleError, Trackers, TrackerWarning, load, tracking
from tracklib._values import binned as module
from tracklib._values.binned import BINS, Binned, binned
from tracklib.cli.commands import main
from tracklib.reading.report import report

GREATEST = 1.7976931348623157e308


def told(values: Any) -> Binned:
    found = binned(values)
    assert isinstance(found, Binned), found
    return found


# What is counted -----------------------------------------------------------------------------------------


@settings(deadline=None)  # a machine may have much else to do
@given(arrays.arrays(np.float64, st.integers(1, 200), elements=st.floats(allow_subnormal=False)))
def test_every_value_is_in_one_bin_and_the_moments_are_those_of_numpy(values: Any) -> None:
    found, finite = told(values), values[np.isfinite(values)]
    assert sum(found.counts) == len(finite)
    assert found.odd == len(values) - len(finite)
    assert len(found.counts) <= BINS
    assert all(map(math.isfinite, found[:2] + found[3:]))
    if len(finite):
        assert (found.min, found.max) == (finite.min(), finite.max())
        assert found.low <= found.min <= found.max <= found.high
        unit = np.abs(finite).max() or 1.0
        assert found.mean / unit == pytest.approx((finite / unit).mean(), abs=1e-9)
        assert found.std / unit == pytest.approx((finite / unit).std(), abs=1e-9)


def test_bins_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    counts, edges = np.histogram(values, BINS)
    found = told(values)
    assert np.abs(np.array(found.counts) - counts).sum() <= 2  # of values on an edge
    assert (found.low, found.high) == (edges[0], edges[-1])


def test_few_whole_numbers_have_a_bin_each() -> None:
    assert told([3, 5, 5, 7])[:3] == (2.5, 7.5, [1, 0, 2, 0, 1])
    assert told(np.array([True, False, True]))[:3] == (-0.5, 1.5, [1, 2])
    assert len(told(np.arange(1000)).counts) == BINS


def test_values_that_are_all_the_same_have_one_bin_around_them() -> None:
    assert told([0.25] * 3)[:3] == (-0.25, 0.75, [3])
    assert told(np.full(2, GREATEST)).counts == [2]
    assert told(np.full(2, GREATEST)).high == GREATEST


@pytest.mark.parametrize("number", [2**53, 2**63, -(2**60), 10**18 + 1])
def test_great_whole_numbers_that_are_all_the_same_have_one_bin_too(number: int) -> None:
    found = told([number, number])
    assert found.counts == [2]
    assert found.low < found.min == found.max == float(number) < found.high


def test_pieces_come_to_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(size=1000)
    whole = told(values)
    monkeypatch.setattr(module, "_PIECE", 7)
    parts = told(values)
    assert parts[:5] == whole[:5]
    assert parts.std == pytest.approx(whole.std)


class Tensor(np.ndarray):
    """As torch has it, where that is not installed: on a ``device``, in a layout of its own, or quantized."""

    device: Any = types.SimpleNamespace(type="cpu")
    layout = "strided"
    is_quantized = False
    is_complex = is_floating_point = lambda self: False

    def __array_finalize__(self, whole: Any) -> None:
        self.device = getattr(whole, "device", self.device) if isinstance(whole, Tensor) else self.device

    def detach(self) -> Any:
        return self

    def to_dense(self) -> Any:
        self.layout = "strided"
        return self

    def dequantize(self) -> Any:
        self.is_quantized = False
        return self

    def double(self) -> Any:
        return self.astype("float64")

    def float(self) -> Any:
        return self.astype("float32")

    def long(self) -> Any:
        return self.astype("int64")

    def numpy(self) -> Any:
        return np.asarray(self)


@pytest.fixture
def _torch(monkeypatch: pytest.MonkeyPatch) -> None:
    torch: Any = types.ModuleType("torch")
    torch.strided, torch.float32, torch.float64 = "strided", np.dtype("float32"), np.dtype("float64")
    torch.isfinite, torch.bincount = np.isfinite, np.bincount
    monkeypatch.setitem(sys.modules, "torch", torch)


@pytest.mark.usefixtures("_torch")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("more", [{}, {"layout": "sparse"}, {"is_quantized": True}])
def test_a_tensor_of_any_kind_is_counted_as_its_numbers_are(dtype: str, device: str, more: Any) -> None:
    values = np.random.default_rng(4).normal(size=(30, 4), scale=20).astype(dtype)
    tensor: Any = values.view(Tensor)
    tensor.is_floating_point = lambda: values.dtype.kind == "f"
    for name, value in {"device": types.SimpleNamespace(type=device), **more}.items():
        setattr(tensor, name, value)
    there, here = told(tensor), told(values)
    if device == "mps":  # whose floats are of 32 bits
        assert sum(there.counts) == 120
        assert (there.mean, there.std) == pytest.approx((here.mean, here.std), rel=1e-4)
    else:
        assert there[:5] == here[:5]
        assert there.std == pytest.approx(here.std, rel=1e-6)


@pytest.mark.usefixtures("_torch")
def test_a_tensor_without_real_numbers_is_none() -> None:
    tensor: Any = np.zeros(3).view(Tensor)
    tensor.is_complex = lambda: True
    assert binned(tensor) == "its numbers are complex"


def test_arrays_and_tensors_of_any_package_and_lists_of_them_are_counted_alike() -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(2).normal(size=(10, 10)).astype("float32")
    whole = told(values)
    tensor = torch.tensor(values, requires_grad=True)
    for same in (
        tensor,
        tensor.T,
        pd.DataFrame(values),
        values.tolist(),
        [tensor[:3], None, tensor[3:]],
        (row for row in values),
        np.ma.masked_array(np.append(values, 99), [False] * 100 + [True]),
    ):
        assert told(same)[:5] == whole[:5]
    half = told(torch.tensor([0.5, 1.5], dtype=torch.bfloat16))
    assert (half.min, half.max, half.mean, half.std) == (0.5, 1.5, 1.0, 0.5)
    assert told(torch.tensor([1, 2, 2])).counts == [1, 2]
    assert told(torch.eye(2).to_sparse()).counts[0] == 2
    assert told([torch.ones(2), np.zeros(3)]).counts[0] == 3


def test_a_tensor_is_counted_on_its_device_as_an_array_is_here() -> None:
    torch = pytest.importorskip("torch")
    values = np.append(np.random.default_rng(3).normal(size=1000), [np.nan, np.inf])
    there = module._binned([module._Array(torch.tensor(values), torch, False)])
    here = told(values)
    assert there[:5] == here[:5]
    assert there.std == pytest.approx(here.std)
    assert there.odd == 2


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([], "it has no values"),
        ([None], "it has no values"),
        ("text", "str is no array of numbers"),
        (["a", "b"], "str is no array of numbers"),
        (np.array([1j]), "ndarray is of complex128, no real numbers"),
        (np.array(["2020-01-01"], "datetime64[D]"), "ndarray is of datetime64[D], no real numbers"),
        (object(), "object"),
    ],
)
def test_what_holds_no_numbers_has_its_reason(values: Any, why: str) -> None:
    found = binned(values)
    assert isinstance(found, str)
    assert found.startswith(why)


def test_a_list_that_holds_itself_has_its_reason() -> None:
    values: list[Any] = []
    values.append(values)
    assert binned(values) == "it is nested too deeply"


# In a run ------------------------------------------------------------------------------------------------


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_a_histogram_is_one_record_at_the_epoch_that_goes_on(where: Path) -> None:
    with tracking(output_run=where) as t:
        for _ in t.epochs(2):
            t.log_histogram(None, {"grad": {"w": np.arange(3.0)}, "b": [1, 2]})
        t.log(7, {"loss": 1.0}, axis="batch")
        t.log_histogram(None, {"a": 0.5}, axis="batch")
        t.log(None, {"loss": 1.0}, axis="batch")
    kept = records(where, Histogram)
    assert [(each.name, each.axis, each.step, sum(each.counts)) for each in kept] == [
        *[("grad/w", "epoch", 0, 3), ("b", "epoch", 0, 2), ("grad/w", "epoch", 1, 3), ("b", "epoch", 1, 2)],
        ("a", "batch", 7, 1),
    ]
    assert kept[0].edges[0] == 0
    assert kept[0].edges[-1] == 2
    assert len(kept[0].edges) == BINS + 1


def test_what_is_no_array_costs_its_own_name_and_one_warning(where: Path) -> None:
    with tracking(output_run=where) as t, pytest.warns(TrackerWarning) as warned:
        for epoch in range(3):
            t.log_histogram(epoch, {"a": [1.0], "b": "text"})
    assert [str(each.message) for each in warned] == [
        "histogram 'b' is not logged: str is no array of numbers",
    ]
    assert [each.name for each in records(where, Histogram)] == ["a"] * 3


def test_wrong_use_says_what_is_right(where: Path) -> None:
    t = Trackers(output_run=where)
    with pytest.raises(LifecycleError, match="log_histogram before init"):
        t.log_histogram(0, {"a": [1]})
    with t:
        with pytest.raises(TypeError, match="log_histogram takes names and their values, as .*; got ndarray"):
            t.log_histogram(0, np.zeros(3))
        with pytest.raises(TypeError, match="axis must be a name"):
            t.log_histogram(0, {"a": [1]}, axis=3)  # type: ignore[arg-type]


def test_another_rank_checks_alike_and_keeps_nothing(where: Path) -> None:
    with tracking(output_run=where, rank=1) as t:
        with pytest.raises(TypeError, match="log_histogram takes names"):
            t.log_histogram(0, [1, 2])
        t.log_histogram(0, {"a": [1, 2]})
    assert not where.exists()


class Histograms(Scripted):
    def log_histogram(self, histogram: Histogram) -> None:
        self._do("log_histogram", (histogram.name, histogram.step, histogram.ordinal))


def test_a_tracker_gets_its_portion_of_them_by_their_ordinals_and_no_superseded_one(where: Path) -> None:
    with tracking(output_run=where) as t:
        for epoch in t.epochs(3):
            t.log_histogram(epoch, {"a": [1], "b": [2]})
    with tracking(output_run=where, resume=True) as t:
        for epoch in t.epochs(4, start=2):
            t.log_histogram(epoch, {"a": [1], "b": [2]})
    tracker = Histograms().gets(exclude="b", rename={"a": "A"}, every={"epoch": 2})
    with tracking([tracker], output_run=where, resume=True):
        pass
    assert [each[:2] for each in tracker.of("log_histogram")] == [("A", 0), ("A", 2)]
    ordinals = [each[2] for each in tracker.of("log_histogram")]
    assert ordinals == sorted(set(ordinals))
    assert [each.step for each in load(where).histograms["a"]] == [0, 1, 2, 3]


def test_the_page_has_their_ridges_and_a_long_series_thinned_to_its_ends(where: Path, tmp_path: Path) -> None:
    with tracking(output_run=where, environment=False) as t:
        for epoch in range(100):
            t.log_histogram(epoch, {"a": [1.0, 2.0]})
    page = Path(report([load(where)], tmp_path / "page.html")).read_text()
    told = json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[0])
    [one] = told["runs"][0]["sections"]["histograms"]
    steps = [ridge[0] for ridge in one["ridges"]]
    assert (one["count"], len(steps), steps[0], steps[-1]) == (100, 40, 0, 99)
    assert one["ridges"][0][3] == [1] + [0] * (BINS - 2) + [1]


def test_show_says_the_newest_of_each_name(where: Path) -> None:
    with tracking(output_run=where, environment=False) as t:
        t.log_histogram(3, {"a": [1, 3], "b": [math.nan]})
    shown = CliRunner().invoke(main, ["show", str(where)]).output
    assert "a (1; epoch 3: 2 ± 1, 1 to 3)" in shown
    assert "b (1; epoch 3: NaN and infinities only)" in shown
    told = json.loads(CliRunner().invoke(main, ["show", "--json", str(where)]).output)
    assert told["histograms"]["a"]["last"]["counts"] == [1, 0, 1]


PROGRAM = """
import numpy
from tracklib import tracking

mlflow = {"type": "Mlflow", "tracking_uri": "sqlite:///m.db"}
configs = [mlflow, {"type": "Wandb", "mode": "offline"}, {"type": "TensorBoard"}]
random = numpy.random.default_rng(0)
with tracking(configs, output_run="run", environment=False) as t:
    for epoch in range(3):
        t.log_histogram(epoch, {"grad/w": random.normal(epoch, 1, 1000), "odd": [float("nan")]})
        t.log(epoch, {"grad/w": 1.0})
"""


@pytest.mark.slow  # SDKs in a companion process of their own
def test_real_backends_have_them(tmp_path: Path, mlflow_database: Path) -> None:
    shutil.copy(mlflow_database, tmp_path / "m.db")
    run_bare(tmp_path, PROGRAM)
    kept = load(tmp_path / "run").histograms["grad/w"]
    wandb = WandbFile(tmp_path / "run")
    name = "histograms/grad/w"
    there = [row for row in wandb.rows if f"{name}/bins" in row]
    assert [[row[key] for key in ("epoch", f"{name}/_type", f"{name}/values", f"{name}/bins")] for row in there] == [
        [each.step, "histogram", each.counts, each.edges] for each in kept
    ]
    assert len([row for row in wandb.rows if "grad/w" in row]) == 3
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"histograms": 0}).Reload()
    shown = events.Histograms("histograms/grad/w")
    assert [event.step for event in shown] == [0, 1, 2]
    assert shown[2].histogram_value.bucket == kept[2].counts
    assert shown[2].histogram_value.sum == pytest.approx(kept[2].mean * 1000)
    with sqlite3.connect(tmp_path / "m.db") as database:
        [[artifacts]] = database.execute("select artifact_uri from runs").fetchall()
    file = Path(artifacts.removeprefix("file://")) / "histograms/grad/w/epoch-2.json"
    at_mlflow = json.loads((tmp_path / file).read_text())
    assert (at_mlflow["counts"], at_mlflow["edges"], at_mlflow["std"]) == (kept[2].counts, kept[2].edges, kept[2].std)


def test_without_numpy_an_array_is_left_out_and_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    with tracking(output_run=tmp_path) as t, pytest.warns(TrackerWarning, match="it needs numpy: pip install numpy"):
        t.log_histogram(0, {"weights": [1.0, 2.0]})
