"""``load`` says what a plain reading of the journal says, whatever is beside the journal: summaries that are there, lag
behind, are damaged, are another run's, or are missing."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings
from msgspec.structs import replace

import tracklib
from tracklib._journal import layout
from tracklib._journal.encoding import encode
from tracklib._journal.lines import line_of
from tracklib._journal.reader import Reader
from tracklib._journal.records import Artifact, Begin, Best, End, Epoch, Log, Params, Record, Status, Tags
from tracklib._journal.sketch import Sketch
from tracklib.reading import Run

NAMES = st.sampled_from(["loss", "val/loss", "epoch", "time", "batch", "ä \"'`<b>", "x" * 300]) | st.text(max_size=5)
AXES = st.sampled_from(["epoch", "epoch", "batch", "system"])
STEPS = st.integers(-3, 6) | st.sampled_from([2**40, -(2**63), 2**63 - 1])
VALUES = st.sampled_from([0.1, 1.0, -0.0, 0.0, math.nan, math.inf, -math.inf, 1.7e308, -1.7e308]) | st.floats()
METRICS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
SAID = st.one_of(
    st.builds(Log, time=st.just(0), axis=AXES, step=STEPS, metrics=METRICS),
    st.builds(Params, time=st.just(0), params=st.dictionaries(st.sampled_from("abc"), JSON, max_size=2)),
    st.builds(Tags, time=st.just(0), tags=st.dictionaries(st.sampled_from("abc"), st.text(max_size=3), max_size=2)),
    st.builds(Epoch, time=st.just(0), number=st.integers(0, 5)),
    st.builds(Artifact, time=st.just(0), name=st.sampled_from(["m", "n.txt"]), sha256=st.just("0" * 64)),
    st.builds(
        Best, time=st.just(0), name=NAMES, mode=st.just("min"), value=st.floats(-1, 1), axis=AXES, step=st.just(1)
    ),
)
ENDS = st.sampled_from([None, *Status])
ATTEMPTS = st.lists(st.tuples(st.lists(SAID, max_size=12), ENDS), min_size=1, max_size=3)
HOST = socket.gethostname()  # of another machine's run, a lock that is free does not say at once that it is dead
TORN = b'{"crc":"00000000","type":"log","axis":"epoch","st\n'


def lines(attempts: list[tuple[list[Record], Status | None]], torn: int) -> list[bytes]:
    """The journal's lines: each record a millisecond after the one before; one line that was cut off among them."""
    time, found = 1_760_000_000_000, []

    def say(record: Any) -> None:
        nonlocal time
        time += 1
        found.append(line_of(encode(replace(record, time=time))))

    for number, (said, end) in enumerate(attempts, 1):
        say(
            Begin(
                time=0,
                format=1,
                uid="u1",
                attempt=number,
                name="n",
                pid=1,
                host=socket.gethostname(),
                configs=[{"type": "X"}],
            )
        )
        for record in said:
            say(record)
        if end:
            say(End(time=0, status=end))
    return found[:torn] + [TORN] + found[torn:] if 0 < torn <= len(found) else found


def plain_records(path: Path) -> Iterator[dict[str, Any]]:
    """The journal without the library: the page about it says how."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        if line != TORN[:-1]:
            yield json.loads(line)


def with_summary_up_to(directory: Path, count: int | None) -> None:
    """Write the summary as a run would, that had got so far in its journal."""
    whole = (directory / layout.JOURNAL).read_bytes()
    if count is not None:
        (directory / layout.JOURNAL).write_bytes(b"".join(whole.splitlines(keepends=True)[:count]))
    reader, sketch = Reader(layout.journal_path(str(directory))), Sketch(str(directory), "u1")
    while entries := reader.read():
        sketch.take(entries, reader)
    sketch.write(reader)
    reader.close()
    (directory / layout.JOURNAL).write_bytes(whole)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def of_another_run(directory: Path) -> None:
    mine = (directory / layout.JOURNAL).read_bytes()
    (directory / layout.JOURNAL).write_bytes(mine.replace(b"loss", b"lass").replace(b'"n"', b'"m"') + TORN)
    with_summary_up_to(directory, None)
    (directory / layout.JOURNAL).write_bytes(mine)


def damaged(directory: Path) -> None:
    with_summary_up_to(directory, None)
    flip(directory / "state/summary")
    flip(directory / "state/curves")


def cut_off(directory: Path) -> None:
    with_summary_up_to(directory, None)
    os.truncate(directory / "state/summary", 60)
    os.truncate(directory / "state/curves", 0)


BESIDE: dict[str, Callable[[Path], None]] = {
    "missing": lambda directory: None,
    "whole": lambda directory: with_summary_up_to(directory, None),
    "of one line": lambda directory: with_summary_up_to(directory, 1),
    "behind": lambda directory: with_summary_up_to(directory, 7),
    "damaged": damaged,
    "cut off": cut_off,
    "another run's": of_another_run,
}


def series_of(records: list[dict[str, Any]]) -> dict[tuple[str, str], list[tuple[int, str]]]:
    """By axis and name, the steps and the values as text, so that NaN is NaN and -0.0 is not 0.0."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for record in records:
        for name, value in record.get("metrics", {}).items():
            found.setdefault((record["axis"], name), []).append((record["step"], repr(float(value))))
    return found


def check_series(run: Run, records: list[dict[str, Any]]) -> None:
    expected = series_of(records)
    assert set(run.series) == set(expected)
    for (axis, name), points in expected.items():
        series = run.metrics.series(name, axis)
        assert [(step, repr(value)) for step, value in series] == points
        values = [float(value) for _, value in points]
        numbers = [value for value in values if value == value]
        finite = [value for value in numbers if math.isfinite(value)]
        known = run.series[axis, name]
        assert (known.count, known.nans, known.finite) == (len(values), len(values) - len(numbers), len(finite))
        assert [(at.step, repr(at.value)) for at in (known.first, known.last)] == [points[0], points[-1]]
        for at, choose in ((known.min, min), (known.max, max)):
            assert repr(at.value) == repr(choose(numbers, default=math.nan))
            assert (at.step, repr(at.value)) in points
        mean = math.fsum(value / len(finite) for value in finite) if finite else math.nan
        assert known.mean == pytest.approx(mean, rel=1e-9, abs=1e-9 * max(map(abs, finite), default=0), nan_ok=True)
        curve = run.curve(name, axis)
        assert curve.count == len(values)
        if len(numbers) == len(values):
            assert (min(curve.mins), max(curve.maxs)) == (known.min.value, known.max.value)


def check_rows(run: Run, directory: Path) -> None:
    """The table has the rows of ``metrics.csv``: their number, and which values stand together."""
    rows: list[dict[str, Any]] = []
    for record in plain_records(directory / layout.JOURNAL):
        if record["type"] == "log":
            axis, step = record["axis"], record["step"]
            cells = {name: float(value) for name, value in record["metrics"].items()}
            cells = {name: value for name, value in cells.items() if (name, value) != (axis, step)}
            of_axis = [row for row in rows[-1000:] if row["axis"][0] == axis]
            if of_axis and of_axis[-1]["axis"][1] == step and cells.keys().isdisjoint(of_axis[-1]["cells"]):
                of_axis[-1]["cells"].update(cells)
            else:
                rows.append({"axis": (axis, step), "cells": cells})
    assert len(run.metrics) == len(rows)
    for row, expected in zip(run.metrics.rows(), rows, strict=True):
        axis, step = expected["axis"]
        assert row[axis] == step
        there = {name: repr(value) for name, value in expected["cells"].items() if name in run.metrics.columns}
        kept = {name: repr(row[name]) for name in there if name not in run.metrics.axes and name != "time"}
        assert kept == {name: value for name, value in there.items() if name not in run.metrics.axes and name != "time"}


@pytest.mark.slow
@pytest.mark.parametrize("beside", BESIDE)
@settings(deadline=None, max_examples=40)
@example(
    attempts=[
        (
            [
                Log(time=0, axis="epoch", step=0, metrics={"loss": 0.1}),
                Log(time=0, axis="epoch", step=0, metrics={"epoch": 0.1}),
                Log(time=0, axis="epoch", step=0, metrics={"epoch": 0.0}),
            ],
            None,
        )
    ],
    torn=0,
)
@given(attempts=ATTEMPTS, torn=st.integers(0, 20))
def test_it_says_the_same(beside: str, attempts: list[tuple[list[Any], Status | None]], torn: int) -> None:
    directory = Path(tempfile.mkdtemp(prefix="tracklib-reading-"))
    try:
        (directory / layout.JOURNAL).write_bytes(b"".join(lines(attempts, torn)))
        BESIDE[beside](directory)
        before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
        run = tracklib.load(directory)
        records = list(plain_records(directory / layout.JOURNAL))

        check_series(run, records)
        check_rows(run, directory)
        assert run.tags == {k: v for record in records if record["type"] == "tags" for k, v in record["tags"].items()}
        assert {name: best.value for name, best in run.best.items()} == {
            record["name"]: record["value"] for record in records if record["type"] == "best"
        }
        assert list(run.artifacts) == list(dict.fromkeys(r["name"] for r in records if r["type"] == "artifact"))
        assert [str(attempt.status) for attempt in run.attempts] == [str(end or "killed") for _, end in attempts]
        assert run.status == str(attempts[-1][1] or "killed")
        assert run.damaged == (0 < torn <= sum(len(said) + 1 + bool(end) for said, end in attempts))
        assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before
    finally:
        shutil.rmtree(directory)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(attempts=ATTEMPTS, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_a_run_that_is_read_on_says_what_one_that_is_read_at_once_says(
    attempts: list[tuple[list[Any], Status | None]], cuts: list[int]
) -> None:
    directory = Path(tempfile.mkdtemp(prefix="tracklib-reading-"))
    try:
        whole = lines(attempts, 0)
        journal = directory / layout.JOURNAL
        journal.write_bytes(whole[0])
        run = tracklib.load(directory)
        for cut in sorted(cuts):
            journal.write_bytes(b"".join(whole[: cut + 1]))
            run.refresh()
            for axis, name in list(run.series)[:2]:
                run.curve(name, axis)
        journal.write_bytes(b"".join(whole))

        run.refresh()

        check_series(run, list(plain_records(journal)))
        fresh = tracklib.load(directory)
        assert (run.params, run.tags, run.status) == (fresh.params, fresh.tags, fresh.status)
    finally:
        shutil.rmtree(directory)


@settings(deadline=None, max_examples=30)
@given(
    parent=ATTEMPTS,
    inside=st.dictionaries(
        st.tuples(st.sampled_from([layout.CHILDREN, layout.PREVIOUS]), st.sampled_from(["a", "b c", "ä", "..x"])),
        st.tuples(ATTEMPTS, st.booleans()),
        max_size=4,
    ),
)
def test_children_and_previous_runs_say_each_what_their_own_journals_say(parent: Any, inside: Any) -> None:
    directory = Path(tempfile.mkdtemp(prefix="tracklib-reading-"))
    try:
        (directory / layout.JOURNAL).write_bytes(b"".join(lines(parent, 0)))
        for (folder, name), (attempts, has_summary) in inside.items():
            (directory / folder / name).mkdir(parents=True)
            (directory / folder / name / layout.JOURNAL).write_bytes(b"".join(lines(attempts, 0)))
            if has_summary:
                with_summary_up_to(directory / folder / name, None)

        run = tracklib.load(directory)

        check_series(run, list(plain_records(directory / layout.JOURNAL)))
        for folder, found in ((layout.CHILDREN, run.children), (layout.PREVIOUS, run.previous)):
            names = [os.path.basename(each.directory) for each in found]
            assert names == sorted(name for where, name in inside if where == folder)
            for name, each in zip(names, found, strict=True):
                check_series(each, list(plain_records(directory / folder / name / layout.JOURNAL)))
                assert each.status == str(inside[folder, name][0][-1][1] or "killed")
        assert [each.directory for each in tracklib.runs(directory)] == [str(directory)]
        assert len(tracklib.runs(directory, inner=True)) == 1 + len(inside)
    finally:
        shutil.rmtree(directory)
