"""Sounds, moving pictures, pages, confusion matrices and precision-recall curves: kept at the call, for browsers."""

from __future__ import annotations

import csv
import shutil
import sqlite3
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from bare import run_bare
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb_file import WandbFile

from tracklib import LifecycleError, Trackers, TrackerWarning, load, tracking
from tracklib._values.judged import confusion, precision_recall
from tracklib.reading.report import report


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Trackers]:
    with Trackers(output_run=tmp_path / "run") as run:
        yield run


def kept(run: Trackers, name: str) -> Path:
    return Path(run.directory, "artifacts", name)


def sound(path: Path) -> tuple[int, int, Any]:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return file.getframerate(), file.getnchannels(), samples.reshape(-1, file.getnchannels())


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# Sounds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        ([0.0, 1.0, -1.0, 0.5], [[0], [32767], [-32767], [16384]]),
        (np.array([[0.0, 1.0]] * 10).T, [[0, 32767]] * 10),
        (np.array([[0.0, 1.0]] * 10), [[0, 32767]] * 10),
        (np.array([1, -2], "int16"), [[1], [-2]]),
        (np.array([2**31 - 1, -(2**31)], "int32"), [[32767], [-32768]]),
        (np.array([0, 128, 255], "uint8"), [[-32768], [0], [32512]]),
        (np.array([np.nan, 0.5]), [[0], [16384]]),
    ],
)
def test_samples_of_any_kind_become_a_wav_file(run: Trackers, samples: Any, found: list[list[int]]) -> None:
    run.log_audio("tone", samples, rate=8000)
    rate, _, heard = sound(kept(run, "tone.wav"))
    assert rate == 8000
    assert heard.tolist() == found


def test_a_tensor_is_a_sound_too(run: Trackers) -> None:
    torch = pytest.importorskip("torch")
    run.log_audio("tone.wav", torch.tensor([0.5], requires_grad=True, dtype=torch.float32), rate=8000)
    assert sound(kept(run, "tone.wav"))[2].tolist() == [[16384]]


def test_what_is_too_loud_is_cut_off_and_said(run: Trackers) -> None:
    with pytest.warns(TrackerWarning, match="samples go up to 2: what is beyond 1 is cut off"):
        run.log_audio("tone", [2.0, -1.0], rate=8000)
    assert sound(kept(run, "tone.wav"))[2].tolist() == [[32767], [-32767]]


# Moving pictures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 8, 6), (5, 8, 6, 3), (5, 3, 8, 6), (5, 8, 6, 4)])
@pytest.mark.parametrize("name", ["film", "film.webp", "film.png"])
def test_an_array_becomes_moving_pictures(run: Trackers, shape: tuple[int, ...], name: str) -> None:
    video = np.random.default_rng(0).integers(0, 256, shape, "uint8")
    run.log_video(name, video, fps=20)
    with Image.open(kept(run, name if "." in name else "film.gif")) as film:
        assert (film.size, film.n_frames) == ((6, 8), 5)  # type: ignore[attr-defined]  # of a moving one
        film.seek(1)
        film.load()
        assert film.info["duration"] == 50


def test_a_list_of_pictures_becomes_moving_pictures(run: Trackers) -> None:
    run.log_video("film", [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")])
    run.log_video("more", [np.zeros((4, 4)), np.ones((4, 4))])
    for name in ("film.gif", "more.gif"):
        with Image.open(kept(run, name)) as film:
            assert film.n_frames == 2  # type: ignore[attr-defined]  # of a moving one


def test_a_gif_that_is_too_fast_is_slower_and_said(run: Trackers) -> None:
    with pytest.warns(TrackerWarning, match=r"at most 50 pictures a second: name it with \.webp for 100"):
        run.log_video("film", np.random.default_rng(0).random((3, 4, 4)), fps=100)


# Pages -------------------------------------------------------------------------------------------------------


def test_a_page_is_whole_and_masked(run: Trackers) -> None:
    run.log_html("part", "<b>bold</b> api_key=abcdef123456")
    run.log_html("whole.html", "<!DOCTYPE html><html><body>x</body></html>")
    page = kept(run, "part.html").read_text()
    assert page == '<!doctype html>\n<meta charset="utf-8">\n<b>bold</b> api_key=***'
    assert kept(run, "whole.html").read_text() == "<!DOCTYPE html><html><body>x</body></html>"


def test_what_says_itself_as_html_is_a_page(run: Trackers) -> None:
    class Chart:
        def _repr_html_(self) -> str:
            return "<svg></svg>"

    run.log_html("chart", Chart())
    assert kept(run, "chart.html").read_text().endswith("<svg></svg>")


# Confusion ---------------------------------------------------------------------------------------------------


def test_a_confusion_matrix_is_a_table_and_a_picture(run: Trackers) -> None:
    truth, said = ["cat", "cat", "dog", "<i>"], ["cat", "dog", "dog", "cat"]
    run.log_confusion_matrix("confused", truth, said)
    assert table(kept(run, "confused.csv")) == [
        {"is": "<i>", "said <i>": "0", "said cat": "1", "said dog": "0"},
        {"is": "cat", "said <i>": "0", "said cat": "1", "said dog": "1"},
        {"is": "dog", "said <i>": "0", "said cat": "0", "said dog": "1"},
    ]
    picture = ElementTree.parse(kept(run, "confused.svg")).getroot()
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:2] == ["confused", "50.00% right"]
    assert {"<i>", "cat", "dog"} <= set(texts)


@settings(deadline=None)  # a machine may have much else to do
@given(st.lists(st.tuples(st.integers(-3, 12), st.integers(-3, 12)), min_size=1, max_size=60))
def test_every_pair_is_counted_once(pairs: list[tuple[int, int]]) -> None:
    truth, said = zip(*pairs, strict=True)
    told = confusion(np.array(truth), np.array(said))
    assert [int(label) for label in told.labels if label.isdecimal()] == sorted(
        {each for pair in pairs for each in pair if each >= 0}
    )
    for i, a in enumerate(told.labels):
        assert told.counts[i] == [pairs.count((int(a), int(b))) for b in told.labels]


def test_classes_by_number_have_names_and_all_of_them_are_there() -> None:
    told = confusion([0, 2], [2, 2], labels=["cat", "dog", "cow"])
    assert told == (["cat", "dog", "cow"], [[0, 0, 1], [0, 0, 0], [0, 0, 1]])
    assert confusion([1.0, 0.0], [True, False]).labels == ["0", "1", "False", "True"]


def test_very_many_classes_are_drawn_without_numbers(run: Trackers) -> None:
    run.log_confusion_matrix("many", list(range(300)), list(range(300)))
    assert kept(run, "many.svg").stat().st_size < 100_000


# Precision and recall ----------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(deadline=None)  # a machine may have much else to do
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=60))
def test_the_average_precision_is_that_of_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, scores = zip(*[*pairs, (True, 3)], strict=True)
    told = precision_recall(truth, scores)
    assert told.average == pytest.approx(metrics.average_precision_score(truth, scores))
    precision, recall, thresholds = metrics.precision_recall_curve(truth, scores)
    for ours, theirs in zip(told.points[::-1], list(zip(thresholds, precision, recall, strict=False)), strict=True):
        assert ours == pytest.approx(tuple(map(float, theirs)))


def test_a_curve_is_a_table_and_a_picture(run: Trackers) -> None:
    run.log_pr_curve("spam", np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7]))
    assert table(kept(run, "spam.csv")) == [
        {"threshold": "0.9", "precision": "1.0", "recall": "0.5"},
        {"threshold": "0.8", "precision": "0.5", "recall": "0.5"},
        {"threshold": "0.7", "precision": "0.6666666666666666", "recall": "1.0"},
    ]
    picture = ElementTree.parse(kept(run, "spam.svg")).getroot()
    assert "average precision 0.8333" in [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]


def test_a_long_curve_is_thinned_to_its_end() -> None:
    random = np.random.default_rng(0)
    told = precision_recall(random.integers(0, 2, 50_000), random.random(50_000))
    assert 900 < len(told.points) <= 1001
    assert told.points[-1][2] == 1.0


# Wrong use ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "arguments", "error", "why"),
    [
        ("audio", ([0.0], {"rate": 0}), ValueError, "rate must be how many samples there are in a second"),
        ("audio", ([], {"rate": 8000}), ValueError, "audio has no samples"),
        ("audio", (np.zeros((9, 9)), {"rate": 8000}), TypeError, "up to 8 channels"),
        ("audio", (np.array(["a"]), {"rate": 8000}), TypeError, "audio must be floats from -1 to 1"),
        ("video", (np.zeros((4, 4)),), TypeError, "time by height by width"),
        ("video", ([],), ValueError, "a picture at least"),
        ("video", ("film.mp4",), TypeError, "must be an array, or a list of pictures; got str"),
        ("video", ([np.zeros((4, 4)), np.zeros((5, 5))],), TypeError, "of one size"),
        ("video", (np.zeros((2, 4, 4)), {"fps": 0}), ValueError, "fps must be"),
        ("video", (np.zeros((2, 4, 4)), {"fps": 1e-9}), ValueError, "from one a minute to 1000; got 1e-09"),
        ("audio", ([[0.1, 0.2], [0.3]], {"rate": 8000}), TypeError, "audio must be one array: its lists are not"),
        ("html", (3,), TypeError, "html must be a text, or say itself as HTML"),
        ("confusion_matrix", ([1], [1, 2]), ValueError, "both arrays must be as long; they have 1 and 2"),
        ("confusion_matrix", ([], []), ValueError, "both arrays are empty"),
        ("confusion_matrix", ("cat", "cat"), TypeError, "truth must be an array or a list; got str"),
        ("confusion_matrix", ([[0.1, 0.9]], [[0.1, 0.9]]), TypeError, "give the argmax"),
        ("confusion_matrix", (["x"], ["a"], {"labels": ["a"]}), ValueError, "'x' is none of the labels a"),
        ("confusion_matrix", (list(range(501)), list(range(501))), ValueError, "may have 500 labels; there are 501"),
        ("confusion_matrix", ([0], [1], {"labels": ["a", "a"]}), ValueError, "labels must differ; 'a' is there"),
        ("pr_curve", ([0, 1], ["a", "b"]), TypeError, "scores must be numbers"),
        ("pr_curve", ([0, 1], [10**400, 0]), TypeError, "scores must be numbers"),
        ("pr_curve", ([0, 0], [0.1, 0.2]), ValueError, "truth has no positive one"),
        ("pr_curve", ([0, 2], [0.1, 0.2]), ValueError, "truth must be booleans, or 0 and 1; it has 2"),
        ("pr_curve", ([0, 1], [0.1, float("nan")]), ValueError, "scores must be no NaN"),
        ("pr_curve", ([0, 1], [None, 0.2]), TypeError, "scores must be numbers"),
    ],
)
@pytest.mark.parametrize("rank", [0, 1])
def test_wrong_use_is_said_on_every_rank_and_leaves_nothing(
    tmp_path: Path, word: str, arguments: tuple[Any, ...], error: type[Exception], why: str, rank: int
) -> None:
    values = [each for each in arguments if not isinstance(each, dict)]
    named = next((each for each in arguments if isinstance(each, dict)), {})
    with tracking(output_run=tmp_path / "run", rank=rank) as t:
        with pytest.raises(error, match=why):
            getattr(t, f"log_{word}")("name", *values, **named)
        with pytest.raises(ValueError, match="folder|name"):
            t.log_html("a/b", "x")
        with pytest.raises(TypeError, match="takes the name first"):
            t.log_html(3, "x")  # type: ignore[arg-type]
    assert not [*tmp_path.glob("run/artifacts/*")]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_name_that_no_file_can_have_is_said_so(tmp_path: Path, rank: int) -> None:
    with tracking(output_run=tmp_path / "run", rank=rank) as t:
        for say in (t.log_html, t.log_text):
            with pytest.raises(ValueError, match="has 25[67] bytes: a file's name may have 255; shorten it"):
                say("x" * 252, "text")
    assert not [*tmp_path.glob("run/artifacts/*")]


def test_names_and_labels_of_any_text_are_kept_and_secrets_are_not(run: Trackers) -> None:
    secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    run.log_confusion_matrix("a\udcff", ["<b>\udcff"], ["x\0"])
    run.log_html(f"token={secret}", "text")
    names = sorted(path.name for path in Path(run.directory, "artifacts").iterdir() if path.suffix != ".txt")
    assert names == ["a\\udcff.csv", "a\\udcff.svg", "token=***.html"]
    ElementTree.parse(kept(run, "a\\udcff.svg"))


def test_before_the_run_there_is_no_word(tmp_path: Path) -> None:
    with pytest.raises(LifecycleError, match="log_confusion_matrix before init"):
        Trackers(output_run=tmp_path / "run").log_confusion_matrix("a", [1], [1])


# Everywhere --------------------------------------------------------------------------------------------------


def test_the_page_has_the_picture_the_table_and_the_sound(run: Trackers, tmp_path: Path) -> None:
    run.log_confusion_matrix("confused", [0, 1], [0, 1])
    run.log_audio("tone", [0.5], rate=8000)
    page = Path(report([load(run.directory)], tmp_path / "page.html")).read_text()
    assert "data:image/svg+xml;base64," in page
    assert '"sound":"data:audio/wav;base64,' in page
    assert "media-src data:" in page


PROGRAM = """
import numpy
from tracklib import tracking

mlflow = {"type": "Mlflow", "tracking_uri": "sqlite:///m.db"}
configs = [mlflow, {"type": "Wandb", "mode": "offline"}, {"type": "TensorBoard"}]
with tracking(configs, output_run="run", environment=False) as t:
    t.log_audio("tone", numpy.sin(numpy.arange(800) / 5), rate=8000)
    t.log_video("film", numpy.random.default_rng(0).random((3, 8, 8)))
    t.log_html("page", "<b>x</b>")
    t.log_confusion_matrix("confused", [0, 1], [1, 1])
    t.log_pr_curve("curve", [0, 1], [0.2, 0.7])
"""


@pytest.mark.slow  # SDKs in a companion process of their own
def test_real_backends_have_them(tmp_path: Path, mlflow_database: Path) -> None:
    shutil.copy(mlflow_database, tmp_path / "m.db")
    run_bare(tmp_path, PROGRAM)
    expected = "confused.csv confused.svg curve.csv curve.svg film.gif page.html tone.wav".split()
    assert sorted(load(tmp_path / "run").artifacts) == expected
    assert set(expected) <= set(WandbFile(tmp_path / "run").files)
    with sqlite3.connect(tmp_path / "m.db") as database:
        [[artifacts]] = database.execute("select artifact_uri from runs").fetchall()
    there = tmp_path / artifacts.removeprefix("file://")
    assert sorted(path.name for path in there.iterdir()) == expected
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    [heard] = events.Audio("artifacts/tone.wav")
    assert heard.encoded_audio_string == (tmp_path / "run/artifacts/tone.wav").read_bytes()
    [seen] = events.Images("artifacts/film.gif")
    assert (seen.width, seen.height) == (8, 8)


def test_what_a_sound_and_a_video_need_is_said_with_how_to_get_it(
    run: Trackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match="a video is written by Pillow: pip install pillow"):
        run.log_video("v", np.zeros((2, 4, 4), "uint8"))
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match="audio of an array needs numpy: pip install numpy"):
        run.log_audio("a", [0.0, 0.5], rate=8000)


def test_a_picture_of_a_video_that_is_none_is_named(run: Trackers) -> None:
    with pytest.raises(TypeError, match="must be Pillow's, or arrays of pixels; one is str"):
        run.log_video("v", [Image.new("L", (4, 4)), "frame.png"])
