"""A condition means in the page what it means in Python: one table, run against both."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import CHROMIUM, DRIVER, Browser
from where_cases import WRONG, make_runs, meanings

import tracklib
from tracklib import WhereError
from tracklib.reading.collection import Runs
from tracklib.reading.report import report
from tracklib.reading.where import parse


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    root = tmp_path_factory.mktemp("runs")
    make_runs(root)
    return tracklib.runs(root)


@pytest.mark.parametrize("meant", meanings(), ids=lambda meant: meant.condition)
def test_a_condition_leaves_the_runs_that_meet_it(runs: Runs, meant: tuple[str, set[str]]) -> None:
    condition, names = meant

    assert {run.name for run in runs.where(condition)} == names


@pytest.mark.parametrize("text", WRONG)
def test_an_error_points_at_the_place(text: str) -> None:
    with pytest.raises(WhereError) as raised:
        parse(text)

    assert (raised.value.position, raised.value.problem) == WRONG[text]


@pytest.fixture
def page(window: Browser, runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    window.open(Path(report(runs, tmp_path_factory.mktemp("page") / "report.html")))
    return window


@pytest.mark.browser
@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
def test_the_page_understands_each_condition_as_python_does(page: Browser) -> None:
    found = {
        condition: set(page.run("return runs.filter(parseWhere(arguments[0])).map((run) => run.name)", condition))
        for condition, _ in meanings()
    }

    assert found == dict(meanings())


@pytest.mark.browser
@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
def test_the_pages_errors_point_at_the_same_places(page: Browser) -> None:
    script = "try { parseWhere(arguments[0]) } catch (error) { return [error.at, error.message] }"

    assert {text: tuple(page.run(script, text)) for text in WRONG} == WRONG
