"""The n-th fault: the n-th call of the disk, or of a tracker, fails, for n = 1, 2, ... until a run meets no fault.

Behind the eighth, some are passed over, the more the later; ``--long`` passes over none.
Each time the block's own result is unchanged and, once the fault is mended and ``tracklib sync`` was there,
the journal, the CSV and a tracker's own file hold exactly what ``log`` returned from. ``pytest -s`` shows the
figures: the faults that were met, the records that were logged, and those that were lost or doubled.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from scripted import Written

import tracklib
from tracklib import (
    RunDirectoryError,
    TrackerBlocked,
    TrackerLost,
    TrackerUnavailable,
    TrackerWarning,
    tracking,
)
from tracklib._delivery import calls, cursor, giving_way
from tracklib._delivery.sync import sync
from tracklib._journal import journal as _journal
from tracklib._journal import state as _state
from tracklib._journal.reader import Reader
from tracklib._journal.records import End, Log
from tracklib._run import ending as _leaving
from tracklib.trackers import csv_logger

pytestmark = pytest.mark.slow

HOUSE = os.path.dirname(tracklib.__file__)
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT)
EPOCHS = 6
RESULT = "the result"
MOST = 2_000  # faults after which the loop has not ended as it should
EACH_UP_TO = 8  # the calls of a run's beginning are all different; later ones say the same of other records


@pytest.fixture(autouse=True)
def _in_a_hurry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short, and the folder for temporary files is the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(calls, "delays", lambda: itertools.repeat(0.001))
    monkeypatch.setattr(giving_way, "IDLE_SECONDS", 0.002)
    monkeypatch.setattr(cursor, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(_journal, "SYNC_SECONDS", 0.0)
    monkeypatch.setattr(_journal, "_fdatasync", lambda fd: None)
    monkeypatch.setattr(csv_logger, "_REPLACED_BYTES", 0)  # so that rows are written in place as well
    monkeypatch.setattr(_leaving, "PATIENCE", 0.05)
    monkeypatch.setattr(_leaving, "PATIENCE_AFTER_ERROR", 0.05)


class Fault:
    """Makes a function fail at tracklib's ``n``-th call of it, and if ``lasting`` at every later one too."""

    def __init__(self, n: int, lasting: bool = False, short: bool = False) -> None:
        self._n = n
        self._lasting = lasting
        self._short = short
        self._calls = itertools.count(1)
        self.met = 0

    def _strikes(self) -> bool:
        call = next(self._calls)
        return call == self._n or (self._lasting and call > self._n)

    def wrap(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(*arguments: Any, **options: Any) -> Any:
            ours = sys._getframe(1).f_code.co_filename.startswith(HOUSE)
            if not ours or not self._strikes():
                return real(*arguments, **options)
            self.met += 1
            if self._short:
                fd, content, *rest = arguments
                return real(fd, content[: len(content) // 2], *rest)
            number = ERRORS[self._n % len(ERRORS)]
            raise OSError(number, os.strerror(number))

        return faulty

    @contextlib.contextmanager
    def at(self, *points: tuple[Any, str]) -> Iterator[pytest.MonkeyPatch]:
        with pytest.MonkeyPatch.context() as patch:
            for module, name in points:
                real = getattr(module, name, open)
                patch.setattr(module, name, self.wrap(real), raising=False)
            yield patch


class Figures:
    """What a loop met."""

    def __init__(self) -> None:
        self.faults = self.records = self.lost = self.doubled = self.refused_to_begin = 0

    def tell(self, what: str) -> None:
        print(
            f"\n{what}: {self.faults} faults, {self.refused_to_begin} of them at enter, {self.records} records, "
            f"{self.lost} lost, {self.doubled} doubled"
        )


class Place(NamedTuple):
    """Where one run of a loop works."""

    run: Path
    there: Path

    @property
    def configs(self) -> list[dict[str, Any]]:
        return [{"type": "scripted:Written", "path": str(self.there)}]


Places = Iterator[tuple[int, Place]]


@pytest.fixture
def places(tmp_path: Path, long: bool) -> Places:
    """A place for each n-th fault, until it is left."""
    return _places(tmp_path / "loop", long)


def _places(folder: Path, long: bool) -> Places:
    n = 1
    while n < MOST:
        folder.mkdir()
        yield n, Place(folder / "run", folder / "there.jsonl")
        while folder.exists():  # a thread of a run that did not wait for it may still write
            shutil.rmtree(folder, ignore_errors=True)
        n += 1 if long else 1 + n // EACH_UP_TO
    pytest.fail("the loop did not end")


Model = list[tuple[int, dict[str, float]]]


class Mine(Exception):
    """The user's own."""


def train(place: Place, model: Model, raises: Exception | None = None, mend: Any = None, **options: Any) -> str:
    """A run with training and validation, a metric that comes late, params and tags; what it logged is in ``model``."""

    def log(step: int, metrics: dict[str, float]) -> None:
        run.log(step, metrics)
        model.append((step, metrics))

    first = 1 + max([step for step, _ in model], default=-1)
    with tracking(place.configs, output_run=place.run, params={"lr": 0.1}, tags=["baseline"], **options) as run:
        for epoch in range(first, first + EPOCHS):
            log(epoch, {"loss": epoch / 2})
            log(epoch, {"accuracy": 1.0} if epoch < first + 3 else {"accuracy": 0.5, f"late{first}": float("inf")})
            if epoch == first + 1:
                run.flush(0.05)
            if epoch == first + 4 and mend:
                mend()
        if raises:
            raise raises
    return RESULT


def trained(place: Place, model: Model, raises: Exception | None = None, **options: Any) -> bool:
    """Whether the run began; if so, it ended as it would without any fault."""
    before = len(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrackerWarning)
        try:
            outcome: object = train(place, model, raises, **options)
        except (Mine, RunDirectoryError) as error:
            outcome = error
    if isinstance(outcome, RunDirectoryError):
        assert len(model) == before  # at enter
        assert str(place.run) in str(outcome)
        return False
    assert outcome is (raises or RESULT)
    return True


def check(place: Place, model: Model, figures: Figures, status: str, refused: int = 0) -> None:
    """Everything holds exactly the model."""
    reader = Reader(str(place.run / "journal.jsonl"))
    records = [entry.record for entry in reader.records()]
    reader.close()
    logs = [record for record in records if isinstance(record, Log)]
    assert [(record.step, record.metrics) for record in logs] == model
    assert [record.status for record in records if isinstance(record, End)][-1] == status
    _check_csv(place, model)

    lines = [json.loads(line) for line in place.there.read_text().splitlines()]
    taken = [(line["ordinal"], line["step"], line["metrics"]) for line in lines if "ordinal" in line]
    once = {ordinal: (step, _floats(metrics)) for ordinal, step, metrics in taken}
    whole = {record.ordinal: (record.step, record.metrics) for record in logs}
    assert once.items() <= whole.items()
    assert len(whole) - len(once) == refused
    assert [line["status"] for line in lines if "status" in line][-1] == status
    figures.records += len(model)
    figures.lost += len(whole) - len(once) - refused
    figures.doubled += len(taken) - len(once)


def _floats(metrics: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def _check_csv(place: Place, model: Model) -> None:
    rows: dict[int, dict[str, float]] = {}
    for step, metrics in model:
        assert not metrics.keys() & rows.get(step, {}).keys()
        rows.setdefault(step, {"epoch": step}).update(metrics)
    expected = pd.DataFrame(list(rows.values()))
    pd.testing.assert_frame_equal(pd.read_csv(place.run / "metrics.csv"), expected, check_exact=True)


def mended(place: Place) -> None:
    """What a person does afterwards."""
    synced = sync(str(place.run), patience=10.0)
    assert [outcome.left for outcome in synced.outcomes] == [None, None]


DISK = [(os, name) for name in ("write", "pwrite", "open", "pread", "replace", "rename", "fstat", "stat", "unlink")]
DISK += [(os, "makedirs"), (os, "listdir"), (os, "dup"), (os, "fdopen"), (_journal, "_fdatasync")]
DISK += [(fcntl, "lockf"), (_state, "open")]
NAMES = [f"{module.__name__}.{name}" for module, name in DISK]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("point", DISK, ids=NAMES)
def test_the_nth_fault_of_the_disk(places: Places, point: tuple[Any, str], lasting: bool) -> None:
    figures = Figures()
    raises = Mine("mine") if lasting else None
    for n, place in places:
        model: Model = []
        fault = Fault(n, lasting)
        with fault.at(point):
            began = trained(place, model, raises)
        if not began:
            figures.refused_to_begin += 1
            assert trained(place, model, raises)
        mended(place)
        check(place, model, figures, "failed" if raises else "finished")
        figures.faults += fault.met
        if not fault.met:
            break
    assert figures.lost == 0
    figures.tell(f"{point[1]}, {'for good' if lasting else 'once'}")


@pytest.mark.parametrize("name", ["write", "pwrite"])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
def test_the_nth_short_write(places: Places, name: str, lasting: bool) -> None:
    figures = Figures()
    for n, place in places:
        model: Model = []
        fault = Fault(n, lasting, short=True)
        with fault.at((os, name)):
            assert trained(place, model)
        mended(place)
        check(place, model, figures, "finished")
        figures.faults += fault.met
        if not fault.met:
            break
    figures.tell(f"{name}, short, {'for good' if lasting else 'once'}")


def test_a_disk_that_fails_at_the_nth_call_of_any_kind_and_is_mended_in_the_middle(places: Places) -> None:
    figures = Figures()
    for n, place in places:
        model: Model = []
        fault = Fault(n, lasting=True)
        with fault.at(*DISK) as patch:
            began = trained(place, model, mend=patch.undo)
        if not began:
            figures.refused_to_begin += 1
            assert trained(place, model)
        mended(place)
        check(place, model, figures, "finished")
        figures.faults += fault.met
        if not fault.met:
            break
    figures.tell("any call, until it is mended")


# Where a run is taken up again --------------------------------------------------------------------------


@pytest.fixture
def cut_off(tmp_path: Path) -> Callable[[Place], Model]:
    """Makes a run whose process died with its last line half written, a part of it undelivered.

    It is trained once. Each loop begins with the same files, and with an empty folder for temporary ones.
    """
    made: list[tuple[Path, Model]] = []

    def make(place: Place) -> Model:
        if not made:
            made.append((tmp_path / "made", _cut_off(place)))
            shutil.copytree(place.run.parent, made[0][0])
        files, model = made[0]
        for folder in (place.run.parent, tmp_path / "tmp"):
            shutil.rmtree(folder)
        shutil.copytree(files, place.run.parent)
        (tmp_path / "tmp").mkdir()
        return list(model)

    return make


def _cut_off(place: Place) -> Model:
    model: Model = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Written, "log_batch", _refuses)
        assert trained(place, model)
    journal = place.run / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-2]) + lines[-2][:-9])
    del model[-1]
    return model


def _refuses(tracker: Written, records: Any) -> None:
    raise ConnectionError("no route to host")


@pytest.mark.parametrize("point", DISK, ids=NAMES)
def test_the_nth_fault_of_the_disk_in_a_run_that_goes_on(
    places: Places, point: tuple[Any, str], cut_off: Callable[[Place], Model]
) -> None:
    figures = Figures()
    for n, place in places:
        model = cut_off(place)
        fault = Fault(n)
        with fault.at(point):
            began = trained(place, model, resume=True)
        if not began:
            figures.refused_to_begin += 1
            assert trained(place, model, resume=True)
        mended(place)
        check(place, model, figures, "finished")
        figures.faults += fault.met
        if not fault.met:
            break
    figures.tell(f"{point[1]}, resumed")


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("point", DISK, ids=NAMES)
def test_the_nth_fault_of_the_disk_during_sync(
    places: Places, point: tuple[Any, str], lasting: bool, cut_off: Callable[[Place], Model]
) -> None:
    figures = Figures()
    for n, place in places:
        model = cut_off(place)
        fault = Fault(n, lasting)
        with fault.at(point), contextlib.suppress(RunDirectoryError):
            sync(str(place.run), patience=0.05)
        mended(place)
        check(place, model, figures, "killed")
        figures.faults += fault.met
        if not fault.met:
            break
    figures.tell(f"{point[1]}, sync, {'for good' if lasting else 'once'}")


# A tracker ----------------------------------------------------------------------------------------------


TROUBLE: dict[str, Callable[[], BaseException]] = {
    "transient": lambda: ConnectionError("reset"),
    "unavailable": lambda: TrackerUnavailable("busy"),
    "lost": lambda: TrackerLost("gone"),
    "lost from the start": lambda: TrackerLost("gone", from_the_start=True),
    "blocked": lambda: TrackerBlocked("no rights"),
    "refused": lambda: ValueError("bad"),
    "exit": lambda: SystemExit(3),
    "interrupt": lambda: KeyboardInterrupt(),
}
LASTING = ["transient", "blocked", "refused"]
CALLS = ["init", "log_batch", "log_params", "log_tags", "finish"]


def failing(name: str, fault: Fault, error: Callable[[], BaseException], done_before: bool) -> pytest.MonkeyPatch:
    real = getattr(Written, name)

    def call(tracker: Written, *arguments: Any) -> None:
        strikes = fault._strikes()
        if done_before or not strikes:
            real(tracker, *arguments)
        if strikes:
            fault.met += 1
            raise error()

    patch = pytest.MonkeyPatch()
    patch.setattr(Written, name, call)
    return patch


@pytest.mark.parametrize("done_before", [False, True], ids=["not done", "done but the reply lost"])
@pytest.mark.parametrize(
    ("trouble", "lasting"),
    [(trouble, False) for trouble in TROUBLE] + [("transient", True), ("blocked", True), ("refused", True)],
)
@pytest.mark.parametrize("name", CALLS)
def test_the_nth_fault_of_a_tracker(places: Places, name: str, trouble: str, lasting: bool, done_before: bool) -> None:
    figures = Figures()
    for n, place in places:
        model: Model = []
        fault = Fault(n, lasting)
        patch = failing(name, fault, TROUBLE[trouble], done_before)
        try:
            assert trained(place, model)
        finally:
            patch.undo()
        mended(place)
        check(place, model, figures, "finished", refused=_refused(place, done_before))
        figures.faults += fault.met
        if not fault.met:
            break
    figures.tell(f"{name}, {trouble}, {'for good' if lasting else 'once'}")


def _refused(place: Place, done_before: bool) -> int:
    """How many logs are in ``rejected.jsonl`` instead of the tracker's own file."""
    file = place.run / "rejected.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    records = [line["record"] for line in lines if line["record"]["type"] == "log"]
    return 0 if done_before else len({(record["step"], json.dumps(record["metrics"])) for record in records})
