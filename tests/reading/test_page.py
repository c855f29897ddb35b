"""The report in a real browser: what a reader sees, does and prints, and that it asks nobody for anything."""

from __future__ import annotations

import math
import random
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import CHROMIUM, DRIVER, Browser
from patience import PATIENT

import tracklib
from tracklib import tracking
from tracklib.cli.serve import Server, Source
from tracklib.reading.report import report

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"),
]

HOSTILE = [
    "<script>window.hacked = 1</script>",
    "\"quotes' & <b>bold</b> --> ]]> </script>",
    "x" * 10_000,
    "\x1b[31m\u202etxt",
    "${7*7}`",
]


def sweep(root: Path, count: int, epochs: int = 8) -> None:
    """So many runs that differ in their params."""
    chance = random.Random(1)
    for number in range(count):
        params = {"lr": 10 ** chance.uniform(-4, -1), "optimizer": ["adam", "sgd"][number % 2], "seed": number}
        best = {"val/loss": "min", "val/accuracy": "max"}
        with tracking(output_run=root / f"run-{number:02d}", params=params, best=best) as t:  # type: ignore[arg-type]
            for epoch in range(epochs):
                loss = (number + 1) / 10 + math.exp(-epoch)
                t.log(epoch, {"val/loss": loss, "val/accuracy": 1 - loss / 10, "train/loss": loss / 2})
                t.log(2 * epoch, {"speed": 100.0 + epoch}, axis="batch")


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("twelve")
    sweep(root, 12)
    return Path(report(tracklib.runs(root), root / "report.html"))


@pytest.fixture(scope="module")
def thirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("thirty")
    sweep(root, 30, epochs=3)
    return Path(report(tracklib.runs(root), root / "report.html"))


@pytest.fixture
def at(window: Browser) -> Iterator[Callable[..., Browser]]:
    """Opens a page; whatever the browser then complains of fails the test."""

    def opened(path: Path | str, hash: str = "") -> Browser:
        window.complaints()
        window.requests()
        window.open(path, hash)
        window.wait(DRAWN)
        return window

    yield opened
    assert window.complaints() == []


BOX = "card.node.getBoundingClientRect()"
IN_SIGHT = f"cards.filter((card) => {BOX}.height && {BOX}.top < innerHeight)"
DRAWN = f"(!coming.length && !waiting.size && {IN_SIGHT}.every((card) => card.chart || card.host.textContent))"
NAMES = "#table tbody td.name a"


def test_a_note_is_a_marker_on_each_chart_and_stands_in_a_list(at: Callable[..., Browser], tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for epoch in t.epochs(20):
            t.log(epoch, {"flat": 1.0, "other": 2.0})
            for batch in range(3):
                t.log(3 * epoch + batch, {"speed": 1.0}, axis="batch")
            if epoch == 12:
                t.note("<b>lr</b> lowered")
    page = at(Path(report([tracklib.load(tmp_path / "run")], tmp_path / "report.html")))

    assert page.texts("ol.notes li")[0].endswith("epoch 12 <b>lr</b> lowered")
    marked = """
        const { plot } = cards.find((card) => card.metric === arguments[0]).chart;
        const { left, top, width, height } = plot.bbox;
        const rows = [...Array(Math.round(height / 5)).keys()];
        const area = plot.ctx.getImageData(left, top + 20, width, rows.length).data;
        const isMarked = (x) => rows.filter((y) => area[4 * (y * width + x) + 3] > 100).length > 8;
        return [...Array(width).keys()].filter(isMarked).map((x) => plot.posToVal((x + 0.5) / devicePixelRatio, "x"));
    """
    assert {round(x) for x in page.run(marked, "flat")} == {12}
    assert len({round(x) for x in page.run(marked, "speed")}) == 1  # by its moment, as it was said at an epoch


def test_the_table_is_sorted_by_what_the_runs_were_asked_to_keep_best_first(
    at: Callable[..., Browser], twelve: Path
) -> None:
    page = at(twelve)

    assert page.texts(NAMES) == [f"run-{number:02d}" for number in range(12)]
    assert page.one("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    assert page.texts("tbody tr:first-child td.best") == page.texts("td.best") != []


def test_a_click_on_a_column_sorts_by_it_and_a_second_one_turns_it_round(
    at: Callable[..., Browser], twelve: Path
) -> None:
    page = at(twelve)
    seed = next(th for th in page.all("#table th") if th.text.endswith("seed"))

    seed.find_element("css selector", "button").click()
    first = page.texts(NAMES)
    page.run("[...document.querySelectorAll('#table th button')].find((b) => b.textContent.includes('seed')).click()")

    assert first == page.texts(NAMES)[::-1] == [f"run-{number:02d}" for number in range(12)]


def test_the_filter_leaves_what_meets_it_in_the_table_and_in_the_charts(
    at: Callable[..., Browser], twelve: Path
) -> None:
    page = at(twelve)

    page.one("#q").send_keys("optimizer = adam and val/loss < 0.4")
    page.wait(DRAWN)

    assert page.texts(NAMES) == ["run-00", "run-02"]
    assert page.one("#count").text == "2 of 12 runs"
    assert page.wait("drawnCharts().length && drawnCharts().every((chart) => chart.lines.length === 2)")


def test_a_condition_that_is_none_points_at_the_place_and_leaves_the_table_alone(
    at: Callable[..., Browser], twelve: Path
) -> None:
    page = at(twelve)

    page.one("#q").send_keys("lr < 9 and or")

    assert page.texts("#trouble pre") == ["lr < 9 and or\n           ^"]
    assert "a name is wanted before 'or'" in page.one("#trouble").text
    assert page.texts(NAMES) == []  # as "lr < 9 and o" left none, until it is right again
    page.one("#q").send_keys("\ue003\ue003 lr > 0")
    assert len(page.texts(NAMES)) == 12


def test_a_click_on_a_row_hides_the_run_and_another_brings_it_back(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve)

    page.one("#table tbody tr:nth-child(2) td:nth-child(3)").click()
    page.wait("drawnCharts().length && drawnCharts().every((chart) => chart.lines.length === 11)")
    assert page.texts("tr.off td.name a") == ["run-01"]
    page.one("#table tbody tr:nth-child(2) td:nth-child(3)").click()
    page.wait("drawnCharts().length && drawnCharts().every((chart) => chart.lines.length === 12)")

    assert page.texts("tr.off td.name a") == []


def test_the_keyboard_goes_through_the_table_into_a_run_and_back(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve)

    page.press("j")
    page.press("j")
    page.press("j")
    assert page.run("return document.activeElement.run.name") == "run-02"
    page.press(" ")
    assert page.texts("tr.off td.name a") == ["run-02"]
    page.wait("document.activeElement.run?.name === 'run-02'")
    page.press("\ue007")
    assert page.one("#run h2").text.startswith("run-02")
    page.press("\ue00c")

    assert page.run("return document.getElementById('run').hidden")
    page.press("/")
    assert page.run("return document.activeElement.id") == "q"


def test_what_was_chosen_is_in_the_address_and_survives_a_reload_and_the_back_button(
    at: Callable[..., Browser], twelve: Path
) -> None:
    page = at(twelve)
    page.run("choose({ q: 'lr < 1', x: 'time', smooth: 0.6, log: true, sort: '-params.seed' })")
    page.run("choose({ run: runs[3].uid })")

    page.driver.refresh()
    page.wait(DRAWN)

    assert page.one("#run h2").text.startswith("run-03")
    assert page.run("return [state.q, state.x, state.smooth, state.log, state.sort]") == [
        "lr < 1",
        "time",
        0.6,
        True,
        "-params.seed",
    ]
    page.run("choose({ run: '' })")
    page.driver.back()
    page.wait("!document.getElementById('run').hidden")


WRONG = "#x=evil&view=no&theme=purple&sort=no&cols=no&group=__proto__&smooth=no&constructor=1&zoom=step:epoch%09NaN%091"


def test_what_no_page_of_ours_writes_into_the_address_changes_nothing(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve, f"{WRONG}&run=no")

    assert page.run("return [state.x, state.view, state.smooth, Object.hasOwn(state, 'constructor')]") == [
        "step",
        "",
        0,
        False,
    ]
    assert page.run("return drawnCharts().length") > 0


def test_dragging_over_a_chart_zooms_all_of_the_same_axis_and_a_double_click_zooms_out(
    at: Callable[..., Browser], twelve: Path
) -> None:
    page = at(twelve)
    over = page.one(".u-over")
    width = over.size["width"]

    page.drag(over, -width // 4, width // 4)
    page.wait("state.zoom !== ''")
    page.wait(DRAWN)
    ranges = page.run("return drawnCharts().map((c) => [c.axis, c.plot.scales.x.min, c.plot.scales.x.max])")
    first = ranges[0]

    assert 1 < first[1] < 3
    assert 4 < first[2] < 6
    assert all(found[1:] == first[1:] for found in ranges if found[0] == "epoch")
    page.run("document.querySelector('.u-over').dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))")
    page.wait("state.zoom === ''")


def test_the_keyboard_zooms_too_as_closely_by_the_clock(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve, "#x=clock")
    spans = "[...new Set(drawnCharts().map((c) => c.plot.scales.x.max - c.plot.scales.x.min))]"
    (whole,) = page.run(f"return {spans}")

    for key, share in [("+", 1 / 2), ("+", 1 / 4), ("\ue014", 1 / 4), ("-", 1 / 2), ("-", 1)]:
        page.press(key)
        page.wait(DRAWN)
        assert page.run(f"return {spans}") == pytest.approx([whole * share], rel=1e-3)
    assert page.run("return state.zoom") == ""


def test_the_cursor_tells_of_the_nearest_run_and_is_in_each_chart(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve)
    over = page.one(".u-over")

    page.point(over, 0, over.size["height"] // 2 - 4)

    assert page.wait("!tooltip.hidden && tooltip.querySelector('.row.hot')?.textContent").startswith("run-00")
    assert "epoch" in page.one(".tip .head").text
    lefts = page.run("return drawnCharts().filter((c) => c.axis === 'epoch').map((c) => c.plot.cursor.left)")
    assert len(lefts) >= 2
    assert all(left > 0 for left in lefts)


CHOICES = ["log: true, tame: true", "smooth: 0.9", "group: 'params.optimizer'", "group: '*', log: true", ""]


@pytest.mark.parametrize("x", ["step", "time", "clock", "share"])
def test_each_x_goes_with_each_choice(at: Callable[..., Browser], twelve: Path, x: str) -> None:
    page = at(twelve)

    for more in CHOICES:
        page.run(f"choose({{ smooth: 0, log: false, tame: false, group: '', x: '{x}', {more} }})")
        page.wait(DRAWN)
        spans = page.run(
            "return drawnCharts().map(({ plot }) => [plot.scales.x.min, plot.scales.x.max, plot.scales.y.min])"
        )
        assert spans
        assert all(low < high and y is not None for low, high, y in spans)
        if x == "share":
            assert spans[0][:2] == [0, 1]


def test_a_group_is_the_mean_of_its_runs_in_a_band_of_their_deviation(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve)

    page.run("choose({ group: 'params.optimizer' })")
    page.wait("drawnCharts().length && drawnCharts().every((chart) => chart.lines.length === 2)")
    name, y, low = page.run(
        "const l = drawnCharts().find((c) => c.metric === 'val/loss').lines[0]; return [l.name, l.y[7], l.low[7]]"
    )

    values = [(number + 1) / 10 + math.exp(-7) for number in range(0, 12, 2)]
    mean = sum(values) / 6
    assert name == "adam (6)"
    assert y == pytest.approx(mean, rel=1e-6)
    assert low == pytest.approx(mean - math.sqrt(sum((value - mean) ** 2 for value in values) / 6), rel=1e-6)


def test_smoothing_is_that_of_python(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve)

    page.run("choose({ smooth: 0.8 })")
    page.wait("drawnCharts().length && drawnCharts()[0].lines[0].y !== drawnCharts()[0].lines[0].raw")
    found = page.run(
        "return [...drawnCharts().find((c) => c.metric === 'val/loss').lines.find((l) => l.name === 'run-04').y]"
    )

    expected = tracklib.load(twelve.parent / "run-04").metrics["val/loss"].smooth(0.8).values
    assert found == pytest.approx(list(expected), rel=1e-5)


def test_of_thirty_runs_ten_are_strong_by_rank_and_the_rest_grey(at: Callable[..., Browser], thirty: Path) -> None:
    page = at(thirty)

    grey = page.run("return colour('--faint')")
    colours = page.run("return filtered.map((run) => run.colour)")
    assert len(set(colours[:10])) == 10
    assert grey not in colours[:10]
    assert set(colours[10:]) == {grey}
    assert "20 more in grey" in page.one("#legend").text


def test_parallel_coordinates_and_the_scatter_have_each_run_once(at: Callable[..., Browser], thirty: Path) -> None:
    page = at(thirty)

    page.one("[data-view=parallel]").click()
    assert len(page.all("svg.parallel path")) == 30
    page.one("[data-view=scatter]").click()
    assert len(page.all("svg.scatter circle")) == 30


def test_a_run_without_a_value_goes_by_an_axis_as_a_dashed_line(at: Callable[..., Browser], tmp_path: Path) -> None:
    for number, params in enumerate([{"a": 1, "b": "x", "c": 1}, {"a": 2, "c": 2}, {"b": "y"}]):
        with tracking(output_run=tmp_path / str(number), params=params, environment=False) as t:
            t.log(0, {"loss": number})
    page = at(Path(report(tracklib.runs(tmp_path), tmp_path / "report.html")), "#view=parallel&sort=last.loss")

    told = "[...document.querySelectorAll('.parallel path')].map((p) => [p.textContent, p.matches('.missing')])"
    assert sorted(page.run(f"return {told}")) == [["0", False], ["1", False], ["1", True], ["2", True]]


def test_dragging_along_an_axis_writes_a_filter(at: Callable[..., Browser], thirty: Path) -> None:
    page = at(thirty, "#view=parallel")
    brush = page.all("svg.parallel rect.brush")[0]
    from selenium.webdriver import ActionChains

    ActionChains(page.driver).move_to_element(brush).click_and_hold().move_by_offset(0, 60).release().perform()
    page.wait("state.q !== ''")

    assert page.run("return state.q").startswith("params.lr >= ")
    assert 0 < page.run("return filtered.length") < 30


REACH_SEVEN = """
const plot = drawnCharts()[0].plot, { ctx, bbox } = plot, found = [];
const row = ctx.getImageData(bbox.left, Math.round(plot.valToPos(7, "y", true)), bbox.width, 1).data;
const isPainted = (x) => row[4 * x + 3] > 20 && Math.max(row[4 * x], row[4 * x + 1]) < 235;
for (let x = 0; x < bbox.width; x++) if (isPainted(x)) found.push(plot.posToVal(x / devicePixelRatio, "x"));
return found;
"""


def test_no_spike_of_one_step_is_hidden(at: Callable[..., Browser], tmp_path: Path) -> None:
    spikes = [4_321 + 4_807 * number for number in range(20)]
    with tracking(output_run=tmp_path / "run") as t:
        for step in range(100_000):
            t.log(step, {"loss": 9.0 if step in spikes else 1.0}, axis="batch")
    page = at(Path(report([tracklib.load(tmp_path / "run")], tmp_path / "report.html")))

    for choice in ("", "choose({ smooth: 0.9 })"):
        page.run(choice)
        page.wait(DRAWN)
        seen = page.run(REACH_SEVEN)
        assert all(any(abs(step - near) < 400 for near in seen) for step in spikes)
    assert page.run("return drawnCharts()[0].lines[0].x[0]") == 0
    assert page.run("return drawnCharts()[0].lines[0].x.at(-1)") == 99_999
    assert "records" in page.one(".note").text


def test_odd_values_are_drawn_as_gaps_and_counted(at: Callable[..., Browser], tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", params={"nan": math.nan, "big": 2**70}) as t:
        for step, value in enumerate([1.0, math.nan, 3.0, math.inf, -math.inf, 1e300, 1e-300, -5.0, 0.0]):
            t.log(step, {"odd": value, "none": math.nan, "same": 5.0})
        t.log(2**60, {"far": 1.0})
        for step, value in enumerate([1e16, 1e16 + 2, 1e16 + 4]):
            t.log(step, {"close": value, "wide": [-1.7e308, 0.0, 1.7e308][step]})
    page = at(Path(report([tracklib.load(tmp_path / "run")], tmp_path / "report.html")))

    drawn = [float(text) for text in page.run("return [...cards[0].chart.lines[0].y].map(String)")]
    assert drawn == pytest.approx([1.0, math.nan, 3.0, math.nan, math.nan, 1e300, 1e-300, -5.0, 0.0], nan_ok=True)
    assert "3 values not finite" in page.texts(".note")
    page.run("choose({ log: true })")
    page.wait(DRAWN)
    assert any("not above 0" in note for note in page.texts(".note"))


def test_printing_draws_every_chart_in_light_and_every_row(at: Callable[..., Browser], thirty: Path) -> None:
    page = at(thirty, "#theme=dark")
    assert page.run("return drawnCharts().length < cards.length || innerHeight > 800")
    page.run(
        """window.paper = [];
        const rows = () => document.querySelectorAll("#table tbody tr").length;
        const theme = () => document.documentElement.dataset.theme;
        const box = document.querySelector(".scroll.runs");
        const isWhole = () => box.scrollHeight <= box.clientHeight && box.scrollWidth <= box.clientWidth;
        const look = () => paper.push(drawnCharts().length, cards.length, rows(), theme(), isWhole());
        addEventListener("beforeprint", look);"""
    )

    pdf = page.printed()

    assert pdf.startswith(b"%PDF")
    drawn, cards, rows, theme, is_whole = page.wait("paper.length && paper.slice(0, 5)")
    assert (drawn, rows, theme, is_whole) == (cards, 30, "light", True)
    assert page.wait("document.documentElement.dataset.theme") == "dark"


def test_hostile_names_stay_texts(at: Callable[..., Browser], tmp_path: Path) -> None:
    for number, name in enumerate(HOSTILE):
        told = {name: number, "lr": number}
        with tracking(
            output_run=tmp_path / f"{number}", name=name, params=told, tags={name: name}, best={name: "min"}
        ) as t:
            t.log(0, {name: 1.0, f"{name}/{name}": number})
            t.log_text("note", name)
    page = at(Path(report(tracklib.runs(tmp_path), tmp_path / "report.html", title=HOSTILE[0])))

    assert page.run("return window.hacked") is None
    assert page.one("#title").text == HOSTILE[0]
    assert set(page.run("return runs.map((run) => run.name)")) == {
        tracklib.load(tmp_path / f"{n}").name for n in range(5)
    }
    assert page.all("b, script:not([id])") == page.all("script:not([id])")
    for number in range(5):
        page.run("choose({ run: runs[arguments[0]].uid })", number)
        page.wait(DRAWN)
    page.run("choose({ run: '', view: 'parallel' }); choose({ view: 'scatter' }); choose({ group: '*', view: '' })")
    page.wait(DRAWN)
    assert page.run("return window.hacked") is None
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    assert page.run("return brief('resnet50-imagenet-baseline-lr0.1', 30)") == "resnet50-i…enet-baseline-lr0.1"


ATTEMPTS = """
const [port, done] = arguments, refused = [];
document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
const script = document.createElement("script"); script.textContent = "window.hacked = 1"; document.body.append(script);
const image = new Image(); image.src = `http://127.0.0.1:${port}/x.png`; document.body.append(image);
fetch(`http://127.0.0.1:${port}/`).catch(() => setTimeout(() => done([window.hacked || 0, refused]), 100));
"""


def test_it_asks_nobody_and_cannot_be_made_to(at: Callable[..., Browser], twelve: Path, window: Browser) -> None:
    page = at(twelve)
    page.run("choose({ run: runs[0].uid }); choose({ run: '', view: 'scatter' })")
    assert [url for url in page.requests() if url.split("#")[0] != twelve.as_uri()] == []

    with socket.create_server(("127.0.0.1", 0)) as server:
        page.driver.set_script_timeout(20)
        hacked, refused = page.driver.execute_async_script(ATTEMPTS, server.getsockname()[1])
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert hacked == 0
    assert {"script-src-elem", "img-src", "connect-src"} <= set(refused)
    window.complaints()  # of these three


# A clock that goes on by 3 ms with each card and each chart: of 10 ms a frame, four of them are over.
SLICES = """
const [done] = arguments, now = performance.now, slices = [];
let clock = 0, before = [0, 0];
performance.now = () => (clock += 3);
const look = () => {
  const counts = [cards.length, drawnCharts().length];
  slices.push(...counts.map((count, i) => count - before[i]));
  before = counts;
  if (coming.length || waiting.size) return requestAnimationFrame(look);
  performance.now = now;
  done(slices);
};
choose({ find: "layer7/" });
look();
"""


def test_of_a_thousand_metrics_only_those_in_sight_are_drawn(at: Callable[..., Browser], tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        for epoch in range(5):
            t.log(epoch, {f"layer{number // 50}/weight{number % 50}": float(number + epoch) for number in range(1000)})
    page = at(Path(report([tracklib.load(tmp_path / "run")], tmp_path / "report.html")))

    page.wait("cards.length === 1000")
    assert page.run("return cards.every((card) => card.host.getAttribute('aria-label').includes(card.metric))")
    assert page.run("return drawnCharts().length") < 40
    page.run("scrollTo(0, document.body.scrollHeight)")
    page.wait("cards.at(-1).chart")
    assert page.run("return drawnCharts().length") < 60
    assert max(page.run_async(SLICES)) <= 4
    page.run("choose({ find: '' })")
    page.one("#find").send_keys("layer7/ 49")
    assert page.wait("cards.length === 1 && cards[0].metric") == "layer7/weight49"


def test_one_runs_page_has_params_attempts_pictures_and_tables(at: Callable[..., Browser], tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (20, 10), "red").save(tmp_path / "red.png")
    for attempt in (1, 2):
        with tracking(
            output_run=tmp_path / "run",
            resume=True,
            params={"lr": 0.1, "model": {"width": 3}, "more": {str(number): 0 for number in range(30)}},
            tags=["good"],
        ) as t:
            t.log(attempt, {"loss": 1 / attempt})
            t.log_artifact(tmp_path / "red.png")
            t.log_table("scores", [{"class": "a", "f1": 0.5}])
    page = at(Path(report([tracklib.load(tmp_path / "run")], tmp_path / "report.html")))

    text = page.one("#run").text
    assert "model/width 3" in text.replace("\n", " ")
    assert "2 attempts" in text
    assert page.run("return document.querySelector('#run .columns .panel').tabIndex") == 0  # as it is scrolled
    assert "good" in text
    assert page.run(
        "const image = document.querySelector('#kept img'); return [image.naturalWidth, image.naturalHeight]"
    ) == [20, 10]
    assert "0.5" in page.texts("#kept td")
    assert page.one("#kept li a").get_attribute("href").endswith("/run/artifacts/red.png")


def test_two_runs_beside_each_other_show_what_differs_first(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve)

    page.run("choose({ run: runs[0].uid, with: runs[1].uid })")
    page.wait("drawnCharts().length && drawnCharts().every((chart) => chart.lines.length === 2)")

    assert page.texts("#run tr.odd th") == ["lr", "optimizer", "seed"]


@pytest.mark.parametrize("width", [400, 700, 1900])
def test_nothing_is_wider_than_the_window(
    at: Callable[..., Browser], twelve: Path, window: Browser, width: int
) -> None:
    window.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 2, "mobile": False}
    )
    try:
        page = at(twelve)
        assert page.run("return document.documentElement.scrollWidth") <= width
        page.run("choose({ run: runs[0].uid, with: runs[1].uid })")
        assert page.run("return document.documentElement.scrollWidth") <= width
    finally:
        window.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_theme_is_the_readers_and_a_key_changes_it(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve)
    before = page.run("return document.documentElement.dataset.theme")

    page.press("d")

    assert {before, page.run("return document.documentElement.dataset.theme")} == {"light", "dark"}


def test_a_chart_can_be_enlarged_and_put_back(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve)

    page.run("document.querySelector('.expand').click()")
    assert page.run("return cards.at(-1).chart.plot.height") > 400
    page.press("\ue00c")

    page.wait("!document.querySelector('dialog[open]') && cards.length === 4")


def test_columns_can_be_chosen(at: Callable[..., Browser], twelve: Path) -> None:
    page = at(twelve)

    page.one("#columns").click()
    page.one("#dialog input[type=search]").send_keys("max.val/loss")
    page.one("#dialog input[type=checkbox]").click()
    page.press("\ue00c")

    assert page.run("return columns()").count("max.val/loss") == 1
    assert "max" in page.texts("#table th .over")


def test_the_open_page_follows_the_file(at: Callable[..., Browser], tmp_path: Path) -> None:
    sweep(tmp_path, 2)
    path = Path(report(tracklib.runs(tmp_path), tmp_path / "report.html", follow=1.0))
    page = at(path, "#smooth=0.5")
    page.wait("(document.activeElement.blur(), scrollTo(0, 120), scrollY === 120)")

    sweep(tmp_path, 3)
    report(tracklib.runs(tmp_path), path)  # the last one reads itself no more

    page.wait("runs.length === 3 && state.smooth === 0.5 && scrollY === 120", PATIENT)


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with 20,000 losses, of which that at step 12,345 stands out, and a few epochs."""
    root = tmp_path_factory.mktemp("long")
    with tracking(output_run=root / "run", best={"loss": "max"}) as t:
        for step in range(20_000):
            t.log(step, {"loss": 9.0 if step == 12_345 else math.sin(step)}, axis="batch")
        t.log(0, {"accuracy": 0.5})
    return root


def test_a_page_of_some_steps_has_every_point_of_these_and_no_others(
    at: Callable[..., Browser], long_run: Path
) -> None:
    path = report(tracklib.runs(long_run), long_run / "report.html", steps=(12_000, 12_500))
    page = at(Path(path))

    assert page.one("#title").text == "run, steps 12,000 to 12,500"
    assert page.run("return drawnCharts().map((chart) => chart.metric)") == ["loss"]
    line = page.run("const { x, y, records } = drawnCharts()[0].lines[0]; return { x: [...x], y: [...y], records }")
    assert (line["x"], line["records"]) == (list(range(12_000, 12_501)), 1)
    assert line["y"][345] == 9.0


def test_the_served_page_asks_for_every_point_of_what_it_is_zoomed_into(
    at: Callable[..., Browser], long_run: Path
) -> None:
    with Server(Source(str(long_run), None, 60.0), str(long_run)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            page = at(server.address)
            assert page.run("return Math.max(...drawnCharts().map((chart) => chart.lines[0].records))") > 10
            page.run("choose({ zoom: 'step:batch\\t12300\\t12400' })")
            page.wait("drawnCharts().some((chart) => chart.metric === 'loss' && chart.lines[0].records === 1)")
            of_loss = "drawnCharts().find((chart) => chart.metric === 'loss').lines[0]"
            assert page.run(f"return [...{of_loss}.x]") == list(range(12_290, 12_411))
            assert page.run(f"return {of_loss}.y[55]") == 9.0
            page.run("choose({ zoom: '' })")
            page.wait(f"{DRAWN} && {of_loss}.records > 10")
        finally:
            server.shutdown()


@pytest.mark.parametrize("by", ["time", "clock", "share"])
def test_so_it_does_by_time_by_the_clock_and_by_the_share_of_the_run(
    at: Callable[..., Browser], long_run: Path, by: str
) -> None:
    series = tracklib.load(long_run / "run").metrics.series("loss", "batch")
    began = 1000 * tracklib.load(long_run / "run").began.timestamp()
    count = len(series)
    x = {
        "time": [(time - began) / 1000 for time in series.times],
        "clock": [time / 1000 for time in series.times],
        "share": [index / (count - 1) for index in range(count)],
    }[by]
    edge = 1e-5 if by == "share" else 4e-4  # between two steps, and between two milliseconds
    low, high = x[count // 2] - edge, x[count // 2 + 200] + edge
    with Server(Source(str(long_run), None, 60.0), str(long_run)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            page = at(server.address, f"#x={by}&zoom={by}%09{low!r}%09{high!r}")
            page.wait("drawnCharts().some((chart) => chart.metric === 'loss' && chart.lines[0].records === 1)")
            line = page.run(
                "const { x, y } = drawnCharts().find((chart) => chart.metric === 'loss').lines[0];"
                "return [...x].map((one, i) => [one, y[i]])"
            )
        finally:
            server.shutdown()

    expected = [value for place, value in zip(x, series.values, strict=True) if low <= place <= high]
    assert [value for place, value in line if low <= place <= high] == pytest.approx(expected, abs=1e-6)


def test_a_tag_without_a_value_is_told_from_none_in_the_table(at: Callable[..., Browser], tmp_path: Path) -> None:
    for name, tags in (("bare", ["ablation"]), ("none", []), ("said", {"ablation": "third"})):
        with tracking(output_run=tmp_path / name, tags=tags, environment=False):
            pass
    page = at(Path(report(tracklib.runs(tmp_path), tmp_path / "report.html")), "#cols=name%09tags.ablation&sort=name")

    assert page.texts("#table tbody td:nth-child(2)") == ["yes", "", "third"]
