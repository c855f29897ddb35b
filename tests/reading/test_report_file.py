"""The report's file: what is in it, without a browser to look at it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import stat
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracklib
from tracklib import tracking
from tracklib.reading.page.html import _OF_ONE, _OF_SEVERAL, _SCRIPTS
from tracklib.reading.page.packed import packed
from tracklib.reading.page.sections import SECTIONS
from tracklib.reading.page.told import points_for
from tracklib.reading.report import report

ASSETS = Path(tracklib.__file__).parent / "reading/page/assets"


def data_of(path: Path) -> Any:
    """What the page is told."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_uplot_is_the_version_that_it_says_with_its_licence() -> None:
    said = json.loads((ASSETS / "uplot/VERSION.json").read_text())

    assert "Permission is hereby granted" in (ASSETS / "uplot/LICENSE").read_text()
    for name, digest in said["sha256"].items():
        assert hashlib.sha256((ASSETS / "uplot" / name).read_bytes()).hexdigest() == digest


def test_the_page_carries_the_licence_of_what_draws_it(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", environment=False):
        pass
    page = Path(report([tracklib.load(tmp_path / "run")], tmp_path / "report.html")).read_text()
    assert (ASSETS / "uplot/LICENSE").read_text() in page


def test_every_script_and_style_is_allowed_by_its_hash_and_nothing_else_is(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        pass
    page = Path(report([tracklib.load(tmp_path / "run")], tmp_path / "report.html")).read_text()

    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    for kind in ("script", "style"):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "connect-src" not in policy


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        pass
    old = os.umask(0)
    try:
        path = Path(report([tracklib.load(tmp_path / "run")], tmp_path / "report.html"))
    finally:
        os.umask(old)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_no_artifact_is_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    with tracking(output_run=tmp_path / "run") as t:
        t.log_text("note", "hello")
    (tmp_path / "run/artifacts/note.txt").unlink()
    (tmp_path / "run/artifacts/note.txt").symlink_to(tmp_path / "secret.txt")

    page = Path(tracklib.runs(tmp_path).report(tmp_path / "report.html"))

    assert "the secret" not in page.read_text()


def test_a_text_that_many_runs_share_is_in_it_once(tmp_path: Path) -> None:
    for number in range(3):
        with tracking(output_run=tmp_path / f"{number}") as t:
            t.log_text("same", "a long text " * 50)

    page = Path(tracklib.runs(tmp_path).report(tmp_path / "report.html"))

    assert page.read_text().count("a long text a long text a long text") < 60
    assert len(data_of(page)["texts"]) == 1


def unpacked(text: str) -> list[float]:
    """As the page's own ``decode``."""
    if text.startswith("r:"):
        first, step, count, *around = map(int, text[2:].split(":"))
        even: list[float] = [first + step * i for i in range(count)]
        return [around[0], *even, around[1]] if around else even
    return list(array({"f4": "f", "f8": "d"}[text[:2]], base64.b64decode(text[3:])))


@given(st.lists(st.floats(width=64)))
def test_packed_numbers_are_right_to_a_thousandth_of_what_they_span(values: list[float]) -> None:
    found = unpacked(packed(values))

    finite = [value for value in values if math.isfinite(value)]
    span = max(finite, default=0) - min(finite, default=0)
    assert len(found) == len(values)
    for value, other in zip(values, found, strict=True):
        if math.isfinite(value):
            assert abs(other - value) <= span / 1000 + abs(value) * 1e-6
        else:
            assert repr(other) == repr(value)


@given(st.lists(st.integers(-(2**60), 2**60)))
def test_packed_steps_are_right(steps: list[int]) -> None:
    found = unpacked(packed(array("q", steps)))

    assert found == pytest.approx(steps, rel=1e-6, abs=1e-3 * (max(steps, default=0) - min(steps, default=0)))


def test_even_steps_with_others_around_them_take_no_room() -> None:
    steps = [0.0, *(192.0 + 128 * i for i in range(780)), 99_999.0]

    assert packed(steps) == "r:192:128:780:0:99999"
    assert unpacked(packed(steps)) == steps


@pytest.mark.parametrize(
    ("series", "least", "most"), [(1, 1024, 1024), (200, 600, 1024), (2500, 50, 150), (100_000, 16, 16)]
)
def test_a_page_has_as_many_points_as_let_it_open_at_once(series: int, least: int, most: int) -> None:
    assert least <= points_for(series) <= most


@pytest.mark.parametrize("name", SECTIONS)
def test_each_section_of_a_run_has_a_script_that_says_how_it_looks(name: str) -> None:
    assert f'section("{name}", ' in (ASSETS / f"sections/{name}.js").read_text()


def test_a_page_holds_no_script_of_sections_that_none_of_its_runs_has(tmp_path: Path) -> None:
    for name in ("plain", "kept"):
        with tracking(output_run=tmp_path / name, environment=False) as t:
            if name == "kept":
                t.log_artifact(__file__)

    without = Path(report([tracklib.load(tmp_path / "plain")], tmp_path / "one.html")).read_text()
    both = Path(report(tracklib.runs(tmp_path), tmp_path / "both.html")).read_text()

    assert not re.findall(r'section\("(\w+)", ', without)
    assert re.findall(r'section\("(\w+)", ', both) == ["artifacts"]
    assert [[*run["sections"]] for run in data_of(tmp_path / "both.html")["runs"]] == [["artifacts"], []]


@pytest.mark.parametrize("choosing", [_OF_ONE, _OF_SEVERAL])
def test_no_two_scripts_of_a_page_declare_one_name(choosing: tuple[str, ...]) -> None:
    scripts = [(ASSETS / f"{name}.js").read_text() for name in (*_SCRIPTS, *choosing) if "/" not in name]
    declared = re.compile(r"^(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)

    names = [name for script in scripts for name in declared.findall(script)]

    assert [name for name in names if names.count(name) > 1] == []
