"""Files, figures, images, texts and tables: kept at the call, and arrived at every tracker."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import decimal
import hashlib
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import polars as pl
import pytest
from patience import PATIENT
from PIL import Image
from scripted import Scripted
from wandb_file import WandbFile

from tracklib import Mlflow, Trackers, TrackerWarning, tracking
from tracklib._journal.reader import Reader
from tracklib._journal.records import Artifact


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Trackers]:
    with Trackers(output_run=tmp_path / "run") as run:
        yield run


def kept(run: Trackers, name: str) -> Path:
    return Path(run.directory, "artifacts", name)


def names(run: Trackers) -> list[str]:
    """All that lies in the run's artifacts, what is hidden too."""
    return sorted(os.listdir(Path(run.directory, "artifacts")))


def said(directory: str | Path) -> list[Artifact]:
    found = [entry.record for entry in Reader(os.path.join(directory, "journal.jsonl")).records()]
    return [record for record in found if isinstance(record, Artifact)]


def table(run: Trackers) -> list[list[str]]:
    with kept(run, "table.csv").open(newline="") as file:
        return list(csv.reader(file))


# Figures ----------------------------------------------------------------------------------------------


@pytest.fixture
def curve() -> Any:
    importlib.import_module("matplotlib").use("agg")
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2])
    return figure


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_a_matplotlib_figure_is_a_picture(run: Trackers, curve: Any) -> None:
    run.log_figure("curve", curve)
    assert size(kept(run, "curve.png")) == (200, 100)
    assert names(run) == ["curve.png"]


def test_axes_stand_for_their_figure(run: Trackers, curve: Any) -> None:
    run.log_figure("curve", curve.axes[0])
    assert size(kept(run, "curve.png")) == (200, 100)


@pytest.mark.parametrize(
    ("name", "start"), [("curve.svg", b"<?xml"), ("curve.pdf", b"%PDF"), ("curve.JPG", b"\xff\xd8")]
)
def test_a_figures_ending_is_its_format(run: Trackers, curve: Any, name: str, start: bytes) -> None:
    run.log_figure(name, curve)
    assert kept(run, name).read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["lr=0.1", "epoch.best", "a.b.", "v1.2"])
def test_a_dot_in_a_name_is_no_format(run: Trackers, curve: Any, name: str) -> None:
    run.log_figure(name, curve)
    run.log_image(name + "i", np.zeros((2, 2)))
    run.log_table(name + "t", [{"a": 1}])
    assert names(run) == sorted([f"{name}.png", f"{name}i.png", f"{name}t.csv"])


@pytest.mark.slow
def test_a_plotly_figure_is_a_page_or_its_json(run: Trackers) -> None:
    figure = importlib.import_module("plotly.graph_objects").Figure({"data": [{"y": [1, 2]}]})
    run.log_figure("curve", figure)
    run.log_figure("curve.json", figure)
    assert "<html>" in kept(run, "curve.html").read_text()
    assert json.loads(kept(run, "curve.json").read_text())["data"][0]["y"] == [1, 2]


def test_the_ending_of_a_plotly_figure_may_be_in_capitals(run: Trackers) -> None:
    figure = importlib.import_module("plotly.graph_objects").Figure({"data": [{"y": [1, 2]}]})
    run.log_figure("curve.HTML", figure)
    run.log_figure("curve.JSON", figure)
    assert "<html>" in kept(run, "curve.HTML").read_text()
    assert kept(run, "curve.JSON").read_text().startswith("{")


def test_a_plotly_picture_is_asked_of_plotly_itself(run: Trackers) -> None:
    class Figure:
        def write_html(self, path: str, **options: Any) -> None:
            raise AssertionError

        def write_image(self, path: str) -> None:
            Path(path).write_text("a picture")

    run.log_figure("curve.png", Figure())
    assert kept(run, "curve.png").read_text() == "a picture"


def test_a_figure_that_fails_leaves_the_one_before_and_no_record(run: Trackers, curve: Any) -> None:
    class Torn:
        def savefig(self, path: str) -> None:
            Path(path).write_text("half")
            raise RuntimeError("no LaTeX")

    run.log_figure("curve", curve)
    with pytest.raises(RuntimeError, match="no LaTeX"):
        run.log_figure("curve", Torn())
    assert size(kept(run, "curve.png")) == (200, 100)
    assert names(run) == ["curve.png"]
    assert len(said(run.directory)) == 1


# Images -----------------------------------------------------------------------------------------------


def pixels(run: Trackers, image: Any) -> Any:
    run.log_image("image", image)
    with Image.open(kept(run, "image.png")) as kept_image:
        return np.asarray(kept_image)


def test_a_pillow_image_is_kept_as_it_is(run: Trackers) -> None:
    assert pixels(run, Image.new("RGB", (3, 2), (1, 2, 3))).tolist() == [[[1, 2, 3]] * 3] * 2


GREY = [[0, 255], [255, 0], [51, 102]]


@pytest.mark.parametrize(
    "image",
    [
        np.array(GREY, dtype="uint8"),
        np.array(GREY, dtype="int64"),
        np.array(GREY) / 255,
        (np.array(GREY) / 255).astype("float32"),
        np.array(GREY, dtype="uint8")[None],
        np.array(GREY, dtype="uint8")[:, :, None],
    ],
    ids=["bytes", "integers", "floats", "single", "channel in front", "channel behind"],
)
def test_an_array_of_pixels_is_a_grey_picture(run: Trackers, image: Any) -> None:
    assert pixels(run, image).tolist() == GREY


@pytest.mark.parametrize("channels", [3, 4])
def test_channels_may_be_in_front_or_behind(run: Trackers, channels: int) -> None:
    behind = np.arange(5 * 6 * channels, dtype="uint8").reshape(5, 6, channels)
    assert pixels(run, behind).tolist() == behind.tolist()
    assert pixels(run, behind.transpose(2, 0, 1)).tolist() == behind.tolist()


def test_a_mask_is_black_and_white(run: Trackers) -> None:
    assert pixels(run, np.array([[True, False]])).tolist() == [[255, 0]]


def test_nan_is_black_and_the_array_stays_as_it_is(run: Trackers) -> None:
    image = np.array([[math.nan, 1.0]])
    assert pixels(run, image).tolist() == [[0, 255]]
    assert math.isnan(image[0, 0])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.array([[0.0, 200.0]]), "go from 0 to 200: what is not within 0 to 1 is cut off"),
        (np.array([[-0.5, 1.0]]), "go from -0.5 to 1"),
        (np.array([[0, 65535]], dtype="uint16"), "go from 0 to 65535: what is not within 0 to 255"),
        (np.array([[0, math.inf]]), "go from 0 to inf"),
    ],
    ids=["bytes as floats", "normalised", "16 bits", "infinite"],
)
def test_brightness_beyond_the_scale_is_cut_off_and_told(run: Trackers, image: Any, message: str) -> None:
    with pytest.warns(TrackerWarning, match=message):
        assert pixels(run, image).tolist() == [[0, 255]]


class Tensor:
    """As torch has it: on a device, with a gradient, in a type that numpy does not know."""

    def __init__(self, steps: tuple[str, ...] = ()) -> None:
        self._steps = steps

    def is_floating_point(self) -> bool:
        return True

    def __getattr__(self, step: str) -> Any:
        if step not in ("detach", "cpu", "float"):
            raise AttributeError(step)
        return lambda: Tensor((*self._steps, step))

    def __array__(self) -> Any:
        assert self._steps == ("detach", "cpu", "float")
        return np.array([[0.0, 1.0]], dtype="float32")


def test_a_tensor_is_taken_off_its_device(run: Trackers) -> None:
    assert pixels(run, Tensor()).tolist() == [[0, 255]]


def test_without_pillow_an_array_is_refused_with_what_to_do(run: Trackers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match="pip install pillow"):
        run.log_image("image", np.zeros((2, 2)))
    assert said(run.directory) == []


# Texts ------------------------------------------------------------------------------------------------


def test_a_text_is_kept_to_the_letter(run: Trackers) -> None:
    text = "ä\r\nb\n\ud800"
    run.log_text("notes", text)
    assert kept(run, "notes.txt").read_bytes() == b"\xc3\xa4\r\nb\n\\ud800"


def test_a_texts_ending_is_any(run: Trackers) -> None:
    run.log_text("notes.md", "# It went well")
    run.log_text("v1.2", "changes")
    assert names(run) == ["notes.md", "v1.2.txt"]


def test_a_text_has_its_secrets_masked(run: Trackers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "hunter2hunter2")
    run.log_text("notes", "api_key=abcdefgh, and hunter2hunter2")
    assert kept(run, "notes.txt").read_text() == "api_key=***, and ***"


def test_a_program_that_is_kept_as_a_text_has_its_secrets_masked(run: Trackers) -> None:
    run.log_text("train.py", 'api_key: str = "hunter2hunter2"\n')
    assert kept(run, "train.py").read_text() == 'api_key: str = "***"\n'


# Tables -----------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Row:
    digit: int
    count: float


@pytest.mark.parametrize(
    "rows",
    [
        [{"digit": 1, "count": 0.5}, {"digit": 2, "count": 1.5}],
        {"digit": [1, 2], "count": np.array([0.5, 1.5])},
        [Row(1, 0.5), Row(2, 1.5)],
        pd.DataFrame({"digit": [1, 2], "count": [0.5, 1.5]}),
        pd.Series([0.5, 1.5], index=pd.Index([1, 2], name="digit"), name="count"),
        pl.DataFrame({"digit": [1, 2], "count": [0.5, 1.5]}),
    ],
    ids=["rows", "columns", "dataclasses", "pandas", "a column of pandas", "polars"],
)
def test_a_table_of_any_package_is_a_csv(run: Trackers, rows: Any) -> None:
    run.log_table("table", rows)
    assert table(run) == [["digit", "count"], ["1", "0.5"], ["2", "1.5"]]


def test_rows_may_differ_in_what_they_have(run: Trackers) -> None:
    run.log_table("table", [{"a": 1}, {"b": 2}])
    assert table(run) == [["a", "b"], ["1", ""], ["", "2"]]


def test_what_pandas_calls_missing_is_empty(run: Trackers) -> None:
    n, when = pd.array([1, None], dtype="Int64"), pd.to_datetime(pd.Series(["2026-01-02", None]))
    run.log_table("table", pd.DataFrame({"n": n, "when": when}))
    assert table(run) == [["n", "when"], ["1", "2026-01-02 00:00:00"], ["", ""]]


def test_an_index_that_says_something_is_a_column(run: Trackers) -> None:
    frame = pd.DataFrame({"set": ["a", "a", "b"], "n": [1, 2, 3]}).groupby("set").agg({"n": ["sum", "max"]})
    run.log_table("table", frame)
    assert table(run) == [["set", "n/sum", "n/max"], ["a", "3", "2"], ["b", "3", "3"]]


FORMULAS = ["=1+1", "+1", "-1", "@SUM", "\tx", "\rx"]


@pytest.mark.parametrize(
    "make",
    [
        lambda column: {"a": column},
        lambda column: pd.DataFrame({"a": column}),
        lambda column: pl.DataFrame({"a": column}),
    ],
    ids=["columns", "pandas", "polars"],
)
def test_no_text_becomes_a_formula_and_each_number_stays_one(run: Trackers, make: Callable[[Any], Any]) -> None:
    run.log_table("table", make(FORMULAS))
    assert table(run)[1:] == [["'" + formula] for formula in FORMULAS]
    run.log_table("table", make([-1.5, -math.inf]))
    assert table(run)[1:] == [["-1.5"], ["-inf"]]


def test_a_columns_name_is_no_formula_either(run: Trackers) -> None:
    run.log_table("table", [{"=1+1": 1}])
    assert table(run)[0] == ["'=1+1"]


@pytest.mark.parametrize(
    "make", [lambda column: {"a": column, "b": [1, 2]}, lambda column: pl.DataFrame({"a": column, "b": [1, 2]})]
)
def test_nan_is_told_from_what_is_missing(run: Trackers, make: Callable[[Any], Any]) -> None:
    run.log_table("table", make([math.nan, None]))
    assert table(run)[1:] == [["nan", "1"], ["", "2"]]


def test_numbers_of_any_package_are_numbers(run: Trackers) -> None:
    row = {
        "a": np.float32(0.5),
        "b": np.array([-3]),
        "c": decimal.Decimal("-2.5"),
        "d": True,
        "e": datetime.date(2026, 1, 2),
    }
    run.log_table("table", [row])
    assert table(run)[1] == ["0.5", "-3", "-2.5", "True", "2026-01-02"]


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([], []),
        ({}, []),
        ({"a": []}, [["a"]]),
        (pd.DataFrame({"a": []}), [["a"]]),
        (pd.DataFrame(), []),
        (pl.DataFrame({"a": []}), [["a"]]),
        (pl.DataFrame(), []),
    ],
    ids=["no rows", "no columns", "an empty column", "pandas", "nothing of pandas", "polars", "nothing of polars"],
)
def test_an_empty_table_is_a_file_all_the_same(run: Trackers, rows: Any, header: Any) -> None:
    run.log_table("table", rows)
    assert table(run) == header


def test_pandas_reads_back_what_pandas_had(run: Trackers) -> None:
    frame = pd.DataFrame(
        {"x": [0.1, math.nan], "text": ['a,b\n"c"', None], "when": pd.to_datetime(pd.Series(["2026-01-02", None]))}
    )
    run.log_table("table", frame)
    back = pd.read_csv(kept(run, "table.csv"), parse_dates=["when"])
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)


# Files and folders ------------------------------------------------------------------------------------


def test_the_journal_has_the_checksum_of_the_file(run: Trackers, tmp_path: Path, curve: Any) -> None:
    (tmp_path / "model.pt").write_bytes(b"weights")
    run.log_artifact(tmp_path / "model.pt")
    run.log_figure("curve", curve)
    for record in said(run.directory):
        assert record.sha256 == hashlib.sha256(kept(run, record.name).read_bytes()).hexdigest()
    assert [record.name for record in said(run.directory)] == ["model.pt", "curve.png"]


def test_a_link_is_what_it_leads_to(run: Trackers, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "step-5.pt").write_text("weights")
    (tmp_path / "latest.pt").symlink_to("step-5.pt")
    (tmp_path / "folder/latest.pt").symlink_to("../step-5.pt")
    (tmp_path / "link").symlink_to("folder")
    run.log_artifact(tmp_path / "latest.pt")
    run.log_artifact(tmp_path / "link")
    for name in ("latest.pt", "link", "link/latest.pt"):
        assert not kept(run, name).is_symlink()
    assert kept(run, "latest.pt").read_text() == kept(run, "link/latest.pt").read_text() == "weights"


def test_a_folder_with_a_link_to_nowhere_is_refused_by_its_name(run: Trackers, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/gone.pt").symlink_to("nowhere")
    with pytest.raises(OSError, match="gone.pt"):
        run.log_artifact(tmp_path / "folder")
    assert names(run) == []


def test_a_name_that_is_no_utf8_is_spelled_out_and_found_again(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/model-\xff.pt"
    Path(os.fsdecode(path)).write_text("weights")
    tracker = Scripted()
    with Trackers([tracker], tmp_path / "run") as run:
        run.log_artifact(path)  # type: ignore[arg-type]
    ((name, copy),) = tracker.of("log_artifact")
    assert name == "model-\\udcff.pt"
    assert Path(copy).read_text() == "weights"


MEASURED = """
    import resource, sys
    from tracklib import Trackers
    with Trackers(output_run=sys.argv[1]) as run:
        run.log_text("small", "so that all is imported")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run.log_artifact(sys.argv[2])
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    print((after - before) * unit)
"""


@pytest.mark.slow
def test_a_large_file_streams(tmp_path: Path) -> None:
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(200 * 2**20)
    command = [sys.executable, "-c", textwrap.dedent(MEASURED), str(tmp_path / "run"), str(tmp_path / "large.bin")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENT)
    assert int(done.stdout) < 20 * 2**20
    (record,) = [record for record in said(tmp_path / "run") if record.name == "large.bin"]
    with (tmp_path / "large.bin").open("rb") as file:
        assert record.sha256 == hashlib.file_digest(file, "sha256").hexdigest()


# What is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("say", "error", "message"),
    [
        (lambda run: run.log_figure("x", object()), TypeError, "must be matplotlib's or plotly's; got object"),
        (lambda run: run.log_figure(object(), "x"), TypeError, r"log_figure takes the name first, as log_figure\('s"),
        (lambda run: run.log_table([{"a": 1}], "x"), TypeError, "got list first"),
        (lambda run: run.log_image("x", "cat.png"), TypeError, "got str; a picture that is a file is kept"),
        (lambda run: run.log_image("x", [[0, 1]]), TypeError, "an array of pixels; got list"),
        (lambda run: run.log_image("x", np.zeros((2, 2, 2))), TypeError, r"its shape is \(2, 2, 2\)"),
        (lambda run: run.log_image("x", np.zeros((8, 3, 9, 9))), TypeError, r"its shape is \(8, 3, 9, 9\)"),
        (lambda run: run.log_image("x", np.zeros((0, 5))), TypeError, r"its shape is \(0, 5\)"),
        (lambda run: run.log_image("x", np.array([["a"]])), TypeError, "must be of numbers; it is of <U1"),
        (lambda run: run.log_table("x", 5), TypeError, "a list of dicts, or a dict of lists; got int"),
        (lambda run: run.log_table("x", [{"a": 1}, 5]), TypeError, "got a list of int"),
        (lambda run: run.log_table("x", {"a": 1}), TypeError, "column must be a list of values; 'a' is int"),
        (lambda run: run.log_table("x", {"a": "abc"}), TypeError, "'a' is str"),
        (lambda run: run.log_table("x", {"a": [1], "b": []}), ValueError, r"equally long; they are {'a': 1, 'b': 0}"),
        (lambda run: run.log_artifact(""), ValueError, "path must say which file or folder"),
        (lambda run: run.log_artifact(os.devnull), OSError, "it is neither a file nor a folder: '/dev/null'"),
        (lambda run: run.log_artifact(None), TypeError, "NoneType"),
        (lambda run: run.log_artifact(__file__, name=5), ValueError, "name=5 must be a file's name"),
    ],
)
def test_bad_input_says_what_to_do_and_is_no_record(run: Trackers, say: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        say(run)
    assert said(run.directory) == []


WORDS: dict[str, Callable[[Any, str], None]] = {
    "log_artifact": lambda run, name: run.log_artifact(__file__, name=name),
    "log_text": lambda run, name: run.log_text(name, "x"),
    "log_table": lambda run, name: run.log_table(name, [{"a": 1}]),
    "log_image": lambda run, name: run.log_image(name, np.zeros((2, 2))),
    "log_figure": lambda run, name: run.log_figure(name, importlib.import_module("matplotlib.figure").Figure()),
}


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "..", "", "x\0"])
def test_no_name_leaves_the_artifacts_on_any_rank(tmp_path: Path, rank: int, word: str, name: str) -> None:
    with Trackers(output_run=tmp_path / "run", rank=rank) as run:
        with pytest.raises(ValueError, match="must be a file's name without a folder, as 'model.pt'"):
            WORDS[word](run, name)
    assert not (tmp_path / "run/artifacts").exists()


def test_another_rank_keeps_nothing_of_what_it_renders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with Trackers(output_run=tmp_path / "run", rank=1) as run:
        for say in WORDS.values():
            say(run, "x")
    assert not (tmp_path / "run").exists()
    assert list(scratch.iterdir()) == []


# At the trackers --------------------------------------------------------------------------------------


def say_all(run: Trackers, curve: Any, tmp_path: Path) -> dict[str, bytes]:
    """Log one of each; what the files hold, by their names."""
    (tmp_path / "plots/deep").mkdir(parents=True)
    (tmp_path / "plots/deep/a.txt").write_text("a")
    (tmp_path / "plots/b.txt").write_text("b")
    run.log_artifact(tmp_path / "plots")
    run.log_artifact(tmp_path / "plots/deep/a.txt", name="config.yaml")
    run.log_artifact(tmp_path / "plots/deep/a.txt", name="50% of [it] #1? & lr=0.1.bin")
    run.log_figure("curve", curve)
    run.log_image("sample", np.zeros((2, 2)))
    run.log_text("notes", "It went well")
    run.log_table("table", [{"a": 1}])
    run.log_table("empty", [])
    artifacts = Path(run.directory, "artifacts")
    return {str(path.relative_to(artifacts)): path.read_bytes() for path in artifacts.rglob("*") if path.is_file()}


def at_mlflow(uri: str, run_id: str, folder: Path) -> dict[str, bytes]:
    mlflow = importlib.import_module("mlflow")
    mlflow.MlflowClient(uri).download_artifacts(run_id, "", str(folder))
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_of_it_arrives_at_mlflow(
    mlflow_server: Any, tmp_path: Path, curve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)  # of the download, which is not ours
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    config = {"type": "Mlflow", "tracking_uri": mlflow_server.uri, "experiment_name": "media"}
    with tracking([config], output_run=tmp_path / "run") as run:
        expected = say_all(run, curve, tmp_path)
    expected["50_ of [it] _1_ & lr=0.1.bin"] = expected.pop("50% of [it] #1? & lr=0.1.bin")
    (tmp_path / "back").mkdir()
    assert at_mlflow(mlflow_server.uri, cast(Mlflow, run["Mlflow"]).run_id, tmp_path / "back") == expected


@pytest.mark.slow
def test_all_of_it_arrives_in_the_files_of_wandb(tmp_path: Path, curve: Any) -> None:
    with tracking([{"type": "Wandb", "mode": "offline"}], output_run=tmp_path / "run") as run:
        expected = say_all(run, curve, tmp_path)
    importlib.import_module("wandb").teardown()
    expected["artifacts/config.yaml"] = expected.pop("config.yaml")  # W&B writes one of its own
    files = Path(run["Wandb"].location, "files")
    found = {name: (files / name).read_bytes() for name in WandbFile(tmp_path / "run").files if name in expected}
    assert found == expected


KILLED = """
    import os, signal, sys
    from tracklib import Trackers
    run = Trackers([{"type": "Mlflow", "tracking_uri": sys.argv[1], "experiment_name": "killed"}], sys.argv[2])
    run.init()
    run.log_text("notes", "before the kill")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_said_arrives_with_sync(own_mlflow_server: Any, tmp_path: Path) -> None:
    own_mlflow_server.stop()
    command = [sys.executable, "-c", textwrap.dedent(KILLED), own_mlflow_server.uri, str(tmp_path / "run")]
    assert subprocess.run(command, timeout=PATIENT).returncode == -signal.SIGKILL
    own_mlflow_server.start()

    subprocess.run([sys.executable, "-m", "tracklib", "sync", str(tmp_path / "run")], check=True, timeout=PATIENT)

    client = importlib.import_module("mlflow").MlflowClient(own_mlflow_server.uri)
    (run,) = client.search_runs([client.get_experiment_by_name("killed").experiment_id])
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["notes.txt"]
    assert run.info.status == "KILLED"
