"""Runs and tables show themselves: in a notebook, live, and as plain data."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from patience import PATIENT

import tracklib
from tracklib import Log, tracking
from tracklib._journal.records import End, Record
from tracklib.reading.words import duration, number

HOSTILE = "<script>alert(1)</script>\"'`&"


class Tags(HTMLParser):
    """The elements of a piece of HTML, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, text: str) -> None:
        self.text += text


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("runs") / "a"
    with pytest.raises(ValueError, match="no"):
        with tracking(
            output_run=directory,
            name=HOSTILE,
            params={HOSTILE: HOSTILE, "long": "x" * 10_000},
            tags={HOSTILE: HOSTILE},
            best={"loss": "min"},
        ) as t:
            for step in range(3000):
                t.log(step, {"loss": 1 / (1 + step), HOSTILE: float(step), "nan": float("nan"), "x" * 5000: 1})
            t.log_text("note", "hello")
            raise ValueError(f"no {HOSTILE}")
    return directory


@pytest.mark.slow
def test_what_a_notebook_shows_has_no_script_and_nothing_from_outside(directory: Path) -> None:
    run, runs = tracklib.load(directory), tracklib.runs(directory.parent)
    for html in (run._repr_html_(), runs._repr_html_(), run.metrics._repr_html_(), str(run.plot(HOSTILE))):
        shown = Tags(html)
        assert "script" not in shown.seen
        assert HOSTILE[:20] in shown.text
        assert not any(name.startswith("on") or name in ("src", "href") for name in shown.attributes)
        assert len(html) < 60_000
    assert "failed" in Tags(run._repr_html_()).text


def test_a_chart_is_well_formed_and_has_the_band_in_which_a_spike_is(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for step in range(5000):
            t.log(step, {"loss": 1000.0 if step == 2777 else 0.0})

    chart = ET.fromstring(str(tracklib.load(tmp_path / "run").plot("loss")))

    space = "{http://www.w3.org/2000/svg}"
    band = chart.find(f"{space}polygon")
    assert band is not None
    heights = [float(point.split(",")[1]) for point in band.attrib["points"].split()]
    assert min(heights) == pytest.approx(24.0)
    assert "each point stands for 8 values" in "".join(chart.itertext())


@pytest.mark.parametrize("values", [[1.0], [float("nan")], [float("inf"), 1.0], [0.0, 0.0], [-1.7e308, 1.7e308]])
def test_any_values_are_drawn(tmp_path: Path, values: list[float]) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for step, value in enumerate(values):
            t.log(step, {"loss": value})
    svg = str(tracklib.load(tmp_path / "run").plot("loss"))
    ET.fromstring(svg)
    assert not re.search(r"[\" ,](nan|inf)[\" ,]", svg)


def test_a_run_is_plain_data_that_json_takes(directory: Path) -> None:
    told = json.loads(json.dumps(tracklib.load(directory).as_dict(), allow_nan=False))
    assert (told["name"], told["status"], told["error"]) == (HOSTILE, "failed", "ValueError")
    (loss,) = [each for each in told["metrics"] if each["name"] == "loss"]
    assert (loss["count"], loss["min"]["step"]) == (3000, 2999)
    assert [each["name"] for each in told["artifacts"]] == ["note.txt"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1234567, "0.1235"),
        (9.171e-6, "9.171e-06"),
        (3, "3"),
        (3.0, "3"),
        (12_345_678.0, "1.235e+07"),
        (12_345_678, "12345678"),
        (math.inf, "inf"),
        (None, ""),
    ],
)
def test_a_number_is_shown_in_four_digits(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.0, "59 s"),
        (842.0, "14 min 2 s"),
        (7200.0, "2 h"),
        (90_000.0, "25 h"),
        (200_000.0, "2 d 7 h"),
        (59.7, "1 min"),
    ],
)
def test_a_duration_is_shown_in_two_parts(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_following_yields_each_record_once_and_ends_with_the_run(tmp_path: Path) -> None:
    found: list[Record] = []
    begun = threading.Event()

    def follow() -> None:
        run = tracklib.load(tmp_path / "run")
        begun.set()
        found.extend(run.follow(every=0.01))

    with tracking(output_run=tmp_path / "run") as t:
        thread = threading.Thread(target=follow)
        thread.start()
        assert begun.wait(PATIENT)
        for step in range(50):
            t.log(step, {"loss": 1.0})
    thread.join(PATIENT)

    assert [record.step for record in found if isinstance(record, Log)] == list(range(50))
    assert isinstance(found[-1], End)


@pytest.mark.slow
def test_a_live_display_is_drawn_anew_until_the_runs_end(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    script = """
        import sys, tracklib
        from IPython.core.interactiveshell import InteractiveShell
        from IPython.display import DisplayHandle

        drawn, first = [], __import__("threading").Event()
        def update(self, run, **options):
            drawn.append(run.status)
            first.set()
        DisplayHandle.update = update
        InteractiveShell.instance()
        with tracklib.tracking(output_run=sys.argv[1]) as t:
            t.log(0, {"loss": 1.0})
            live = tracklib.load(sys.argv[1]).live(every=0.01)
            first.wait()
        assert live.wait(60)
        print(drawn[0], drawn[-1])
    """
    program = "\n".join(line[8:] for line in script.splitlines())
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "run"], capture_output=True, text=True, timeout=PATIENT, cwd=tmp_path
    )
    assert done.stdout.strip().splitlines()[-1:] == ["running finished"], done.stderr
