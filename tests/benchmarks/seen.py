"""The page in a real browser: when its charts are there, and how long it holds its reader up.

What a task of the page's thread takes is told by its processor time, so that it means the same on a machine that has
other things to do. When the charts are there is wall time: the best of some openings.
"""

from __future__ import annotations

import functools
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fresh import ROOT, CannotRun, fresh
from goals import Row, at_most
from measure import Numbers, rounds_of, spread
from reports import make_runs

OPENINGS = 5
SETTLED = "!coming.length && !waiting.size && performance.getEntriesByName('charts drawn').length"
ACTIONS = {
    "to its end and back": "scrollTo(0, 1e9); setTimeout(() => scrollTo(0, 0), 300)",
    "smoothing": "choose({ smooth: 0.6 })",
    "a logarithm": "choose({ log: true })",
    "by time": "choose({ x: 'time' })",
    "zoom": "choose({ zoom: 'time\\t0\\t1' })",
    "zoom out": "choose({ zoom: '', x: 'step', log: false, smooth: 0 })",
    "a search": "choose({ find: 'm7' })",
    "no search": "choose({ find: '' })",
    "dark": "switchTheme()",
    "a filter": "choose({ q: 'seed != 3' })",
    "parallel coordinates": "choose({ view: 'parallel', q: '' })",
    "charts again": "choose({ view: '' })",
}
SCROLLED = """
const [done] = arguments;
let step = 0;
const on = () => (scrollBy(0, 150), ++step < 40 ? requestAnimationFrame(on) : done());
on();
"""


def seen(runs: int, records: int, metrics: int) -> Numbers:
    """The page of so many runs: milliseconds until its charts are there, and its longest task in milliseconds."""
    import tracklib

    sys.path.append(str(ROOT / "tests"))
    from browser import CHROMIUM, DRIVER, browser

    if not (CHROMIUM and DRIVER):
        raise CannotRun("chromium and chromedriver are not installed")
    make_runs(runs, records, metrics)
    page = Path(tracklib.runs("runs").report("report.html"))
    with browser(Path("profile").absolute()) as window:
        window.open(page)  # the browser's own first time
        window.wait(SETTLED)
        times = [_until_drawn(window, page) for _ in range(OPENINGS)]
        return {"seen": min(times), "task": max(_tasks(window, page))}


def _until_drawn(window: Any, page: Path) -> float:
    window.open(page)
    window.wait(SETTLED)
    return float(window.run("return performance.getEntriesByName('charts drawn')[0].startTime"))


def _tasks(window: Any, page: Path) -> Iterator[float]:
    """Milliseconds of the processor of each long task: as it opens, as it is scrolled, and at each choice."""
    with Trace(window.driver) as trace:
        _until_drawn(window, page)
        window.run_async(SCROLLED)
        for action in ACTIONS.values():
            window.run(action)
            window.wait(SETTLED)
    yield from trace.tasks()


class Trace:
    """What Chromium's own tracing tells of the page's thread while the block lasts."""

    def __init__(self, driver: Any) -> None:
        import websocket

        at = driver.capabilities["goog:chromeOptions"]["debuggerAddress"]
        with urllib.request.urlopen(f"http://{at}/json/version") as answer:
            address = json.load(answer)["webSocketDebuggerUrl"]
        self._socket = websocket.create_connection(address, suppress_origin=True, timeout=120)
        self._events: list[dict[str, Any]] = []

    def __enter__(self) -> Trace:
        config = {"includedCategories": ["toplevel"], "recordMode": "recordAsMuchAsPossible"}
        self._send("Tracing.start", transferMode="ReportEvents", traceConfig=config)
        while "id" not in self._told():
            pass
        return self

    def __exit__(self, *_: object) -> None:
        self._send("Tracing.end")
        while (told := self._told()).get("method") != "Tracing.tracingComplete":
            if told.get("method") == "Tracing.dataCollected":
                self._events += told["params"]["value"]
        self._socket.close()

    def tasks(self) -> Iterator[float]:
        """What each task of a page's thread took of the processor, in milliseconds."""
        threads = {
            (event["pid"], event["tid"])
            for event in self._events
            if event["name"] == "thread_name" and event["args"]["name"].startswith("CrRendererMain")
        }
        for event in self._events:
            if event["name"].endswith("RunTask") and (event["pid"], event["tid"]) in threads:
                yield event.get("tdur", 0) / 1000

    def _send(self, method: str, **params: Any) -> None:
        self._socket.send(json.dumps({"id": 1, "method": method, "params": params}))

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self._socket.recv())
        return told


def pages(records: int, rounds: int, server: str) -> Iterator[Row]:
    """Each goal of the page that needs a browser."""
    share = min(1.0, records / 100_000)
    some, many, wide = (max(2, round(count * share)) for count in (100, 500, 1000))
    one = functools.partial(fresh, seen)
    sides = {
        f"1 run x {records:,}": (functools.partial(one, runs=1, records=records, metrics=1), 500),
        f"{some} runs x {records:,} x 2": (functools.partial(one, runs=some, records=records, metrics=2), 1000),
        f"{many} runs x 50 x 5": (functools.partial(one, runs=many, records=50, metrics=5), 1500),
        f"1 run x 100 x {wide:,}": (functools.partial(one, runs=1, records=100, metrics=wide), None),
    }
    found = rounds_of({name: look for name, (look, _) in sides.items()}, rounds)
    for name, (_, goal) in sides.items():
        yield _row(name, "page opened, until its charts are there, ms", found[name], "seen", goal)
        yield _row(name, "the longest that the page is busy at once, CPU ms", found[name], "task", 100)


def _row(work: str, what: str, found: list[Numbers] | str, number: str, goal: float | None) -> Row:
    known = found if isinstance(found, str) else spread(each[number] for each in found)
    return Row(work, what, known, at_most(goal) if goal else None)
