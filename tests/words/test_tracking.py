"""tracking: a run around a block, or around each call of a function; and its true end."""

import asyncio
import contextlib
import copy
import inspect
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from bare import run_bare
from kept import logged, records
from patience import PATIENT

from tracklib import (
    BaseTracker,
    ConfigError,
    CsvLogger,
    DeliveryError,
    LifecycleError,
    RunDirectoryError,
    Status,
    Terminated,
    TrackerBlocked,
    Trackers,
    TrackerWarning,
    current,
    tracked,
    tracking,
)
from tracklib._delivery.delivery import Delivery
from tracklib._journal.reader import Reader
from tracklib._journal.records import Begin, End, Log, Params, Tags
from tracklib._run import open_runs
from tracklib._run.attempt import Attempt
from tracklib._run.rank import LAUNCHERS
from tracklib._run.verdict import status_of

RANKS = tuple(row.rank for row in LAUNCHERS)


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*RANKS, "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


def status_in(directory: Any) -> Any:
    (end,) = records(directory, End)
    return end.status


def csv_of(directory: Any) -> Any:
    with open(os.path.join(directory, "metrics.csv"), encoding="utf-8") as file:
        return file.read().splitlines()


@tracked
def train(epoch: Any) -> dict[str, float]:
    return {"loss": 0.5}


class Noting(BaseTracker):
    """Does as it is told; what it was told is in lists."""

    fails_with: Exception | None = None

    def __init__(self, *, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.logged: list[Any] = []
        self.statuses: list[Any] = []

    def init(self) -> None:
        pass

    def log(self, epoch: Any, log_dict: Any) -> None:
        if self.fails_with is not None:
            raise self.fails_with
        self.logged.append((epoch, dict(log_dict)))

    def finish(self, status: Any) -> None:
        self.statuses.append(status)


class Hanging(Noting):
    """Its log waits until the test is over."""

    def __init__(self, *, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.entered, self.release = threading.Event(), threading.Event()

    def log(self, epoch: Any, log_dict: Any) -> None:
        self.entered.set()
        self.release.wait()


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr("tracklib._run.ending.PATIENCE", 0.05)
    monkeypatch.setattr("tracklib._run.ending.PATIENCE_AFTER_ERROR", 0.05)
    tracker = Hanging()
    yield tracker
    tracker.release.set()


def refusing() -> Any:
    tracker = Noting()
    tracker.fails_with = ValueError("refused for good")
    return tracker


# The block --------------------------------------------------------------------------------------


def test_a_block_gives_its_run_and_logs_into_it(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        assert isinstance(t, Trackers)
        assert current() is t
        train(3)
        t.log(epoch=4, log_dict={"loss": 0.25})
    assert current() is None
    assert not t.is_init
    assert logged(t) == [(3, {"loss": 0.5}), (4, {"loss": 0.25})]
    assert csv_of(t.output_run) == ["epoch,loss", "3,0.5", "4,0.25"]
    assert status_in(t) == "finished"


def test_an_async_block_does_the_same(tmp_path: Path) -> None:
    async def main() -> Any:
        async with tracking(output_run=tmp_path / "run") as t:
            assert current() is t
            train(3)
        assert current() is None
        return t

    t = asyncio.run(main())
    assert csv_of(t.output_run) == ["epoch,loss", "3,0.5"]
    assert status_in(t) == "finished"


def test_name_params_and_tags_are_in_the_journal_before_the_first_log(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", name="baseline", params={"lr": 0.1}, tags=["a", "b"]) as t:
        train(0)
    begin, params, tags, log, end = records(t)
    assert (begin.name, params.params, tags.tags) == ("baseline", {"lr": 0.1}, {"a": "", "b": ""})
    assert [type(record) for record in (begin, params, tags, log, end)] == [Begin, Params, Tags, Log, End]


def test_without_a_directory_the_run_lies_under_runs_with_its_time_and_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with tracking(name="my run/1"):
        train(0)
    (directory,) = os.listdir("runs")
    date, time, slug = directory.split("-", 2)
    assert (len(date), len(time), slug) == (8, 6, "my-run-1")
    assert status_in(f"runs/{directory}") == "finished"


def test_two_nameless_runs_of_one_second_have_a_directory_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with tracking():
            train(0)
    assert len(os.listdir("runs")) == 2


def test_entering_one_object_twice_is_refused_inside_and_after(tmp_path: Path) -> None:
    block = tracking(output_run=tmp_path / "run")
    with block as t:
        with pytest.raises(LifecycleError, match="was entered before"):
            block.__enter__()
        assert current() is t
    with pytest.raises(LifecycleError, match="was entered before"), block:
        pass
    assert status_in(t) == "finished"


def test_leaving_before_entering_is_refused() -> None:
    with pytest.raises(LifecycleError, match="before it was entered"):
        tracking().__exit__(None, None, None)


def test_an_object_that_could_not_be_entered_can_be_tried_again(tmp_path: Path) -> None:
    block = tracking(output_run=tmp_path / "file")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunDirectoryError), block:
        pass
    (tmp_path / "file").unlink()
    with block:
        train(0)
    assert status_in(tmp_path / "file") == "finished"


def test_what_cannot_be_built_is_refused_on_entering_and_makes_no_directory(tmp_path: Path) -> None:
    block = tracking([{"type": "Nonsense"}], output_run=tmp_path / "run")
    with pytest.raises(ConfigError, match="Nonsense"), block:
        pass
    assert os.listdir(tmp_path) == []
    assert current() is None


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: tracking(on_error=cast(Any, "ignore")), ValueError, "on_error must be 'warn' or 'raise', got 'ignore'"),
    (lambda: tracking(cast(Any, train)), TypeError, r"write @tracking\(\)"),
    (lambda: tracking()(3), TypeError, r"@tracking\(...\) decorates a function or a method, not 3"),
    (lambda: tracking()(Noting), TypeError, r"@tracking\(...\) decorates a function or a method"),
])  # fmt: skip
def test_wrong_use_is_refused_at_once(make: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.slow
def test_two_live_blocks_on_one_directory_are_refused(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        with pytest.raises(RunDirectoryError, match="still going on"), tracking(output_run=tmp_path / "run"):
            pass
        assert current() is t
        train(0)
    assert csv_of(t.output_run) == ["epoch,loss", "0,0.5"]


# Nested blocks ----------------------------------------------------------------------------------


def test_the_inner_run_is_current_and_then_the_outer_again_and_the_inner_names_its_parent(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "outer") as outer:
        train(0)
        with tracking(output_run=tmp_path / "inner") as inner:
            assert current() is inner
            train(1)
        assert current() is outer
        train(2)
    assert [epoch for epoch, _ in logged(outer)] == [0, 2]
    assert [epoch for epoch, _ in logged(inner)] == [1]
    (begin,) = records(inner, Begin)
    assert (begin.parent.uid, begin.parent.output_run) == (outer.uid, str(tmp_path / "outer"))
    assert records(outer, Begin)[0].parent is None


def test_after_an_exception_in_the_inner_block_the_outer_run_is_current(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "outer") as outer:
        with contextlib.suppress(ValueError), tracking(output_run=tmp_path / "inner"):
            raise ValueError
        assert current() is outer
    assert status_in(tmp_path / "inner") == "failed"
    assert status_in(tmp_path / "outer") == "finished"


def test_blocks_left_in_the_order_they_were_entered_keep_the_other_current(tmp_path: Path) -> None:
    a, b = tracking(output_run=tmp_path / "a"), tracking(output_run=tmp_path / "b")
    a.__enter__()
    run_b = b.__enter__()
    a.__exit__(None, None, None)
    assert current() is run_b
    b.__exit__(None, None, None)
    assert status_in(tmp_path / "a") == status_in(tmp_path / "b") == "finished"


# The decorator ----------------------------------------------------------------------------------


def previous_runs(directory: Any) -> Any:
    """All runs of a directory, the newest last."""
    with contextlib.suppress(FileNotFoundError):
        earlier = [os.path.join(directory, "previous", uid) for uid in os.listdir(os.path.join(directory, "previous"))]
        return [*sorted(earlier, key=lambda path: records(path, Begin)[0].time), directory]
    return [directory]


def test_each_call_of_a_plain_function_is_a_run_of_its_own(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path / "run")
    def job(epochs: Any) -> Any:
        for epoch in range(epochs):
            train(epoch)
        return current()

    first, second = job(1), job(2)
    assert first is not second
    assert [len(logged(path)) for path in previous_runs(tmp_path / "run")] == [1, 2]
    assert [status_in(path) for path in previous_runs(tmp_path / "run")] == ["finished"] * 2
    assert current() is None


def test_a_coroutine_function_is_awaited_inside_its_run(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path / "run")
    async def job() -> Any:
        await asyncio.sleep(0)
        train(1)
        return cast(Trackers, current()).uid

    uid = asyncio.run(job())
    assert records(tmp_path / "run", Begin)[0].uid == uid
    assert logged(tmp_path / "run") == [(1, {"loss": 0.5})]
    assert status_in(tmp_path / "run") == "finished"


def test_a_generator_has_its_run_inside_and_its_consumer_has_not(tmp_path: Path) -> None:
    seen = []

    @tracking(output_run=tmp_path / "run")
    def job() -> Iterator[Any]:
        for epoch in range(2):
            seen.append(current() is not None)
            train(epoch)
            yield epoch

    for epoch in job():
        assert current() is None
        train(100 + epoch)
    assert seen == [True, True]
    assert [epoch for epoch, _ in logged(tmp_path / "run")] == [0, 1]
    assert status_in(tmp_path / "run") == "finished"


def test_an_async_generator_has_its_run_inside_and_its_consumer_has_not(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path / "run")
    async def job() -> AsyncIterator[Any]:
        for epoch in range(2):
            await asyncio.sleep(0)
            train(epoch)
            yield cast(Trackers, current()).uid

    async def main() -> Any:
        uids = set()
        async for uid in job():
            assert current() is None
            uids.add(uid)
        return uids

    assert len(asyncio.run(main())) == 1
    assert [epoch for epoch, _ in logged(tmp_path / "run")] == [0, 1]
    assert status_in(tmp_path / "run") == "finished"


def test_a_generators_run_begins_when_it_is_first_asked(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path / "run")
    def job() -> Generator[None, None, None]:
        yield

    generator = job()
    assert not (tmp_path / "run").exists()
    next(generator)
    assert records(tmp_path / "run", End) == []
    generator.close()


def test_send_throw_and_the_return_value_pass_through_a_tracking_generator(tmp_path: Path) -> None:
    boom = ValueError()

    @tracking(output_run=tmp_path / "run")
    def job() -> Generator[int, Any, Any]:
        got = [(yield 0)]
        try:
            yield 1
        except ValueError as error:
            got.append(error)
        yield 2
        return got

    generator = job()
    assert [next(generator), generator.send("a"), generator.throw(boom)] == [0, 1, 2]
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == ["a", boom]
    assert status_in(tmp_path / "run") == "finished"


def test_a_generator_that_is_broken_off_is_killed_and_cleaned_up_inside_its_run(tmp_path: Path) -> None:
    seen = []

    @tracking(output_run=tmp_path / "run")
    def job() -> Iterator[int]:
        try:
            yield 0
        finally:
            train(9)
            seen.append(current() is not None)

    for _ in job():
        break
    assert seen == [True]
    assert logged(tmp_path / "run") == [(9, {"loss": 0.5})]
    assert status_in(tmp_path / "run") == "killed"


def test_an_async_generator_that_is_closed_is_killed(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path / "run")
    async def job() -> AsyncGenerator[int, None]:
        try:
            yield 0
        finally:
            await asyncio.sleep(0)
            train(9)

    async def main() -> None:
        generator = job()
        await anext(generator)
        await generator.aclose()

    asyncio.run(main())
    assert logged(tmp_path / "run") == [(9, {"loss": 0.5})]
    assert status_in(tmp_path / "run") == "killed"


def test_an_exception_in_each_kind_is_the_same_object_and_fails_the_run(tmp_path: Path) -> None:
    boom = ValueError("boom")

    @tracking(output_run=tmp_path / "plain")
    def plain() -> None:
        raise boom

    @tracking(output_run=tmp_path / "coroutine")
    async def coroutine() -> None:
        raise boom

    @tracking(output_run=tmp_path / "generator")
    def generator() -> Iterator[None]:
        yield
        raise boom

    @tracking(output_run=tmp_path / "async_generator")
    async def async_generator() -> AsyncIterator[None]:
        yield
        raise boom

    async def drain() -> None:
        async for _ in async_generator():
            pass

    calls: dict[str, Callable[[], Any]] = {
        "plain": plain,
        "coroutine": lambda: asyncio.run(coroutine()),
        "generator": lambda: list(generator()),
        "async_generator": lambda: asyncio.run(drain()),
    }
    for name, call in calls.items():
        boom.__traceback__ = None
        with pytest.raises(ValueError, match="boom") as caught:
            call()
        assert caught.value is boom
        assert traceback.extract_tb(boom.__traceback__)[-1].name == name
        (end,) = records(tmp_path / name, End)
        assert (end.status, end.error, end.message) == ("failed", "ValueError", "boom")
        assert current() is None


class Experiment:
    @tracking(rank=1)
    def method(self, x: Any) -> Any:
        """Run it."""
        return self, x, current()

    @tracking(rank=1)
    @classmethod
    def outer_class(cls, x: Any) -> Any:
        return cls, x, current()

    @classmethod
    @tracking(rank=1)
    def inner_class(cls, x: Any) -> Any:
        return cls, x, current()

    @tracking(rank=1)
    @staticmethod
    def outer_static(x: Any) -> Any:
        return None, x, current()

    @staticmethod
    @tracking(rank=1)
    def inner_static(x: Any) -> Any:
        return None, x, current()


@pytest.mark.parametrize("name", ["method", "outer_class", "inner_class", "outer_static", "inner_static"])
def test_methods_of_every_kind_run_in_a_run(name: str) -> None:
    experiment = Experiment()
    owner, x, run = getattr(experiment, name)(3)
    assert owner is {"method": experiment}.get(name, Experiment if name.endswith("class") else None)
    assert x == 3
    assert isinstance(run, Trackers)
    assert not run.is_init


def test_a_decorated_function_stays_itself() -> None:
    def job(a: int, *, b: str = "") -> float:
        """A docstring."""
        return 0.0

    async def ajob() -> None: ...

    decorated: Any = tracking()(job)
    assert (decorated.__name__, decorated.__doc__, decorated.__wrapped__) == ("job", "A docstring.", job)
    assert inspect.signature(decorated) == inspect.signature(job)
    assert inspect.iscoroutinefunction(tracking()(ajob))
    assert pickle.loads(pickle.dumps(Experiment.method)).__qualname__ == "Experiment.method"
    assert copy.deepcopy(decorated) is decorated


def test_both_words_on_one_function_log_inside_the_run(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path / "run")
    @tracked
    def job(epoch: Any) -> dict[str, float]:
        return {"a": 1}

    job(4)
    assert logged(tmp_path / "run") == [(4, {"a": 1.0})]


def test_each_call_gets_a_tracker_of_its_own(tmp_path: Path) -> None:
    tracker = Noting()

    @tracking([tracker], output_run=tmp_path / "run")
    def job() -> Any:
        train(0)
        return cast(Trackers, current())["Noting"]

    first, second = job(), job()
    assert [first.logged, second.logged] == [[(0, {"loss": 0.5})]] * 2
    assert len({id(tracker), id(first), id(second)}) == 3
    assert tracker.logged == []


def test_calls_in_concurrent_threads_have_a_run_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    together = threading.Barrier(3)
    runs = []

    @tracking()
    def job(epoch: Any) -> None:
        together.wait()
        train(epoch)
        together.wait()
        runs.append((epoch, current()))

    threads = [threading.Thread(target=job, args=(epoch,)) for epoch in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 3
    assert [logged(run) for _, run in runs if run] == [[(epoch, {"loss": 0.5})] for epoch, _ in runs]


def test_a_decorated_call_inside_a_block_is_its_child(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path / "child")
    def job() -> None:
        pass

    with tracking(output_run=tmp_path / "run") as t:
        job()
    assert records(tmp_path / "child", Begin)[0].parent.uid == t.uid


# The status, on every way out -------------------------------------------------------------------

EXITS = [
    (ValueError("x"), "failed"),
    (ExceptionGroup("many", [ValueError()]), "failed"),
    (KeyboardInterrupt(), "killed"),
    (asyncio.CancelledError(), "killed"),
    (GeneratorExit(), "killed"),
    (Terminated(143), "killed"),
    (SystemExit(), "finished"),
    (SystemExit(0), "finished"),
    (SystemExit(3), "failed"),
    (SystemExit("text"), "failed"),
]


@pytest.mark.parametrize(("error", "status"), EXITS, ids=lambda value: repr(value))
def test_the_status_tells_how_the_block_was_left_and_the_exception_is_the_same(
    tmp_path: Path, error: Any, status: Any
) -> None:
    with pytest.raises(type(error)) as caught, tracking(output_run=tmp_path / "run"):
        train(0)
        raise error
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    assert not hasattr(error, "__notes__")
    assert inspect.getinnerframes(error.__traceback__)[-1].filename == __file__
    (end,) = records(tmp_path / "run", End)
    assert (end.status, end.error) == (status, type(error).__name__)
    assert csv_of(tmp_path / "run") == ["epoch,loss", "0,0.5"]


@pytest.mark.parametrize(("error", "status"), EXITS, ids=lambda value: repr(value))
def test_an_async_block_tells_the_same(tmp_path: Path, error: Any, status: Any) -> None:
    async def main() -> None:
        async with tracking(output_run=tmp_path / "run"):
            train(0)
            raise error

    async def outcome() -> Any:
        try:
            await main()
        except BaseException as left:
            return left

    assert asyncio.run(outcome()) is error
    assert status_in(tmp_path / "run") == status
    assert csv_of(tmp_path / "run") == ["epoch,loss", "0,0.5"]


def test_an_async_block_that_another_loop_than_asyncios_runs_ends_as_a_plain_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with tracking(output_run=tmp_path / "run"):
            train(0)

    with pytest.raises(StopIteration):
        main().send(None)
    assert status_in(tmp_path / "run") == "finished"
    assert csv_of(tmp_path / "run") == ["epoch,loss", "0,0.5"]


def test_what_trio_cancels_is_killed(tmp_path: Path) -> None:
    trio = pytest.importorskip("trio")

    async def main() -> None:
        with trio.CancelScope() as scope:
            async with tracking(output_run=tmp_path / "run"):
                scope.cancel()
                await trio.sleep_forever()

    trio.run(main)
    assert status_in(tmp_path / "run") == "killed"


def test_sigterm_under_slurm_is_a_preemption(monkeypatch: pytest.MonkeyPatch) -> None:
    assert status_of(Terminated(143)) is Status.KILLED
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert status_of(Terminated(143)) is Status.PREEMPTED
    assert status_of(SystemExit(143)) is Status.FAILED


def test_a_cancelled_task_is_killed_and_stays_cancelled(tmp_path: Path) -> None:
    async def job(entered: Any) -> None:
        async with tracking(output_run=tmp_path / "run"):
            entered.set()
            await asyncio.Event().wait()

    async def main() -> None:
        entered = asyncio.Event()
        task = asyncio.create_task(job(entered))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(main())
    assert status_in(tmp_path / "run") == "killed"


def test_a_coroutine_that_is_closed_inside_its_block_is_killed_and_has_its_csv(tmp_path: Path) -> None:
    async def job() -> None:
        async with tracking(output_run=tmp_path / "run"):
            train(0)
            await asyncio.sleep(0)

    coroutine = job()
    coroutine.send(None)
    coroutine.close()
    assert status_in(tmp_path / "run") == "killed"
    assert csv_of(tmp_path / "run") == ["epoch,loss", "0,0.5"]


def test_a_return_out_of_the_block_is_finished(tmp_path: Path) -> None:
    def job() -> int:
        with tracking(output_run=tmp_path / "run"):
            return 3

    assert job() == 3
    assert status_in(tmp_path / "run") == "finished"


def test_a_secret_in_the_exceptions_message_is_not_in_the_journal(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), tracking(output_run=tmp_path / "run"):
        raise RuntimeError("cannot reach https://user:hunter22@example.org/")
    assert "hunter22" not in (tmp_path / "run" / "journal.jsonl").read_text()


# Trouble at the end -----------------------------------------------------------------------------


def test_trouble_is_a_note_on_the_users_own_exception(tmp_path: Path, hanging: Any) -> None:
    boom = ValueError("boom")
    with pytest.raises(ValueError, match="boom") as caught, tracking([hanging], output_run=tmp_path / "run"):
        train(0)
        raise boom
    assert caught.value is boom
    assert boom.__context__ is None
    (note,) = boom.__notes__
    assert "Hanging" in note
    assert f"tracklib sync {tmp_path / 'run'}" in note


class FrozenError(Exception):
    def __setattr__(self, name: Any, value: Any) -> None:
        if name == "__notes__":
            raise AttributeError("frozen")
        super().__setattr__(name, value)


def test_an_exception_that_takes_no_note_still_leaves_and_the_trouble_is_in_the_log(
    tmp_path: Path, hanging: Any, caplog: pytest.LogCaptureFixture
) -> None:
    boom = FrozenError("boom")
    with pytest.raises(FrozenError) as caught, tracking([hanging], output_run=tmp_path / "run"):
        train(0)
        raise boom
    assert caught.value is boom
    assert "Hanging" in caplog.text


def here() -> Any:
    return sys._getframe(1).f_lineno


def warned(call: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = call()
    (warning,) = caught
    assert warning.category is TrackerWarning
    assert "Hanging" in str(warning.message)
    assert (warning.filename, warning.lineno) == (__file__, line)


def test_after_a_normal_end_trouble_is_a_warning_at_the_with_line(tmp_path: Path, hanging: Any) -> None:
    def block() -> Any:
        line = here() + 1
        with tracking([hanging], output_run=tmp_path / "run"):
            train(0)
        return line

    warned(block)


def test_an_async_block_warns_at_its_with_line_too(tmp_path: Path, hanging: Any) -> None:
    async def block() -> Any:
        line = here() + 1
        async with tracking([hanging], output_run=tmp_path / "run"):
            train(0)
        return line

    warned(lambda: asyncio.run(block()))


def test_a_decorated_call_warns_at_the_callers_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hanging: Any
) -> None:
    monkeypatch.setattr(Hanging, "__deepcopy__", lambda self, memo: hanging, raising=False)

    @tracking([hanging], output_run=tmp_path / "run")
    def job() -> None:
        train(0)

    def call() -> Any:
        line = here() + 1
        job()
        return line

    warned(call)


@pytest.mark.slow
def test_a_hanging_tracker_costs_no_other_tracker_its_records(tmp_path: Path, hanging: Any) -> None:
    other = Noting()
    with pytest.warns(TrackerWarning, match="Hanging"), tracking([hanging, other], output_run=tmp_path / "run"):
        train(0)
        hanging.entered.wait()
        train(1)
    assert [epoch for epoch, _ in other.logged] == [0, 1]
    assert other.statuses == ["finished"]
    assert csv_of(tmp_path / "run") == ["epoch,loss", "0,0.5", "1,0.5"]


def test_on_error_raise_raises_a_delivery_error_after_a_normal_end(tmp_path: Path, hanging: Any) -> None:
    with (
        pytest.raises(DeliveryError, match=r"Hanging(.|\n)*tracklib sync"),
        tracking([hanging], output_run=tmp_path / "run", on_error="raise"),
    ):
        train(0)
    assert status_in(tmp_path / "run") == "finished"


def test_on_error_raise_tells_of_refused_records(tmp_path: Path) -> None:
    with (
        pytest.raises(DeliveryError, match="refused 1 record"),
        tracking([refusing()], output_run=tmp_path / "run", on_error="raise"),
    ):
        train(0)


@pytest.mark.parametrize("error", [ValueError("boom"), KeyboardInterrupt(), SystemExit(0)], ids=repr)
def test_on_error_raise_never_hides_what_ended_the_block(tmp_path: Path, hanging: Any, error: Any) -> None:
    with pytest.raises(type(error)) as caught, tracking([hanging], output_run=tmp_path / "run", on_error="raise"):
        train(0)
        raise error
    assert caught.value is error
    assert "Hanging" in error.__notes__[0]


def test_on_error_raise_raises_nothing_when_all_arrived(tmp_path: Path) -> None:
    with tracking([Noting()], output_run=tmp_path / "run", on_error="raise"):
        train(0)


@pytest.fixture
def interrupting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A tracker whose log hangs and, once the block is being left, sends this process a signal."""
    monkeypatch.setattr("tracklib._run.ending.PATIENCE", 600.0)
    monkeypatch.setattr("tracklib._run.ending.PATIENCE_AFTER_ERROR", 600.0)
    tracker = Hanging()
    yield tracker
    tracker.release.set()


def signal_once_ended(run: Trackers, number: Any) -> Any:
    """Send ``number`` when the wait for the trackers has begun."""

    def work() -> None:
        (delivery, *_) = run._attempt.deliveries
        assert isinstance(delivery, Delivery)
        while not delivery._loop.calls.hurries:
            threading.Event().wait(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_ctrl_c_during_the_wait_ends_it_and_leaves_the_true_status(tmp_path: Path, interrupting: Any) -> None:
    with pytest.raises(KeyboardInterrupt) as caught, tracking([interrupting], output_run=tmp_path / "run") as t:
        train(0)
        thread = signal_once_ended(t, signal.SIGINT)
    thread.join()
    assert "Hanging" in caught.value.__notes__[0]
    assert status_in(t) == "finished"


def test_ctrl_c_during_the_wait_after_an_exception_leaves_the_exception(tmp_path: Path, interrupting: Any) -> None:
    boom = ValueError("boom")
    with pytest.raises(ValueError, match="boom") as caught, tracking([interrupting], output_run=tmp_path / "run") as t:
        train(0)
        thread = signal_once_ended(t, signal.SIGINT)
        raise boom
    thread.join()
    assert caught.value is boom
    assert "Hanging" in boom.__notes__[0]


class AlarmError(Exception):
    pass


def raise_alarm(number: Any, frame: Any) -> None:
    raise AlarmError


@pytest.mark.no_cover  # where the handler raises inside the tracer, its lock is held for ever
def test_what_a_users_signal_handler_raises_in_the_wait_never_hides_the_exception(
    tmp_path: Path, interrupting: Any
) -> None:
    old = signal.signal(signal.SIGUSR1, raise_alarm)
    try:
        with pytest.raises(ValueError, match="boom") as caught:
            with tracking([interrupting], output_run=tmp_path / "run") as t:
                train(0)
                thread = signal_once_ended(t, signal.SIGUSR1)
                raise ValueError("boom")
        thread.join()
        assert "Hanging" in caught.value.__notes__[0]
        assert caught.value.__context__ is None
    finally:
        signal.signal(signal.SIGUSR1, old)


@pytest.mark.no_cover  # where the handler raises inside the tracer, its lock is held for ever
def test_what_a_users_signal_handler_raises_in_the_wait_of_a_normal_end_is_raised(
    tmp_path: Path, interrupting: Any
) -> None:
    old = signal.signal(signal.SIGUSR1, raise_alarm)
    try:
        with pytest.raises(AlarmError), tracking([interrupting], output_run=tmp_path / "run") as t:
            train(0)
            thread = signal_once_ended(t, signal.SIGUSR1)
        thread.join()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGUSR1, old)


def test_ctrl_c_while_the_end_is_written_after_an_exception_waits_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupting: Any
) -> None:
    interruptions = [KeyboardInterrupt()]
    end = Attempt.end

    def end_interrupted(self: Attempt, status: Any, error: Any = None) -> None:
        end(self, status, error)
        if interruptions:
            raise interruptions.pop()

    monkeypatch.setattr(Attempt, "end", end_interrupted)
    with pytest.raises(ValueError, match="boom") as caught, tracking([interrupting], output_run=tmp_path / "run"):
        train(0)
        raise ValueError("boom")
    assert "Hanging" in caught.value.__notes__[0]
    assert status_in(tmp_path / "run") == "failed"


async def until_ended(run: Path) -> None:
    while not (run / "journal.jsonl").exists() or not records(run, End):
        await asyncio.sleep(0)


def test_a_cancellation_during_an_async_wait_ends_it(tmp_path: Path, interrupting: Any) -> None:
    async def job() -> None:
        async with tracking([interrupting], output_run=tmp_path / "run"):
            train(0)

    async def main() -> None:
        task = asyncio.create_task(job())
        await until_ended(tmp_path / "run")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert status_in(tmp_path / "run") == "finished"


def test_the_event_loop_runs_while_an_async_block_waits(tmp_path: Path, interrupting: Any) -> None:
    async def job() -> None:
        async with tracking([interrupting], output_run=tmp_path / "run"):
            train(0)

    async def main() -> None:
        task = asyncio.create_task(job())
        await until_ended(tmp_path / "run")
        assert not task.done()
        interrupting.release.set()
        await task

    asyncio.run(main())
    assert interrupting.statuses == ["finished"]


# Ranks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_rank_other_than_0_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    alone = pytest.warns(match="finds no run of rank 0") if rank == "1" else contextlib.nullcontext()
    with alone, tracking(output_run=tmp_path / "run"):
        train(0)
    assert (tmp_path / "run").exists() is (rank == "0")


def test_the_rank_is_read_on_entering_and_not_when_the_object_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = tracking(output_run=tmp_path / "run")
    decorated = tracking(output_run=tmp_path / "decorated")(train)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.warns(match="finds no run of rank 0") as caught:
        with block:
            train(0)
        decorated(0)
    assert len(caught) == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("rank", "exists"), [(0, True), (1, False)])
def test_a_rank_that_is_given_overrides_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int, exists: bool
) -> None:
    monkeypatch.setenv("RANK", str(1 - rank))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with tracking(output_run=tmp_path / "run", rank=rank):
        train(0)
    assert (tmp_path / "run").exists() is exists


def test_a_silent_run_has_every_word_and_starts_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    with tracking([Noting()], output_run=tmp_path / "run", rank=1, params={"a": 1}, tags=["b"]) as t:
        assert current() is t
        assert threading.active_count() == before
        train(0)
        t.log(epoch=1, log_dict={"a": 1})
        t.log_params({"a": 1})
        t.log_tags(["b"])
        t.log_artifact(__file__)
        assert t.flush()
        assert t.wait_ready()
        assert isinstance(t["CsvLogger"], BaseTracker)
        assert isinstance(t["Noting"], Noting)
        with pytest.raises(KeyError):
            t["Nonsense"]
    assert os.listdir(tmp_path) == []
    with pytest.raises(LifecycleError):
        t.log(epoch=2, log_dict={"a": 1})


def test_a_silent_run_checks_its_configs_and_lets_exceptions_pass(tmp_path: Path) -> None:
    with pytest.raises(ConfigError), tracking([{"type": "Nonsense"}], rank=1):
        pass
    boom = ValueError("boom")
    with pytest.raises(ValueError, match="boom") as caught, tracking(rank=1):
        raise boom
    assert caught.value is boom


# What a directory held before -------------------------------------------------------------------


def test_an_ended_run_moves_whole_into_previous_and_the_users_own_files_stay(tmp_path: Path) -> None:
    own = tmp_path / "run" / "weights.bin"
    artifact = tmp_path / "note.txt"
    artifact.write_text("kept")
    with tracking(output_run=tmp_path / "run") as first:
        train(1)
        first.log_artifact(artifact)
        own.write_text("mine")
    with tracking(output_run=tmp_path / "run") as second:
        train(2)
    moved = tmp_path / "run" / "previous" / first.uid
    assert own.read_text() == "mine"
    assert csv_of(moved) == ["epoch,loss", "1,0.5"]
    assert (moved / "artifacts" / "note.txt").read_text() == "kept"
    assert json.loads((moved / "state" / "CsvLogger.json").read_text())["delivered"] > 0
    assert records(moved, Begin)[0].uid == first.uid
    assert records(tmp_path / "run", Begin)[0].uid == second.uid
    assert csv_of(tmp_path / "run") == ["epoch,loss", "2,0.5"]
    assert not (moved / "weights.bin").exists()
    assert not (tmp_path / "run" / "artifacts").exists()


# Processes: signals, forks, exits ---------------------------------------------------------------

SCRIPT = """
import asyncio, atexit, os, signal, sys, threading, time
from tracklib import BaseTracker, Trackers, current, tracked, tracking

@tracked
def train(epoch):
    return {"loss": 0.5}

class Hanging(BaseTracker):
    def init(self): pass
    def log(self, epoch, log_dict):
        threading.Event().wait()

def ready():
    print("ready", flush=True)

def idle():
    ready()
    while True:  # no signal.pause(), which would sleep on where the signal came just before
        time.sleep(0.05)

"""


class Script:
    """A real process that runs ``body`` after :data:`SCRIPT`, in a directory of its own."""

    def __init__(self, directory: Any, body: Any, **environment: Any) -> None:
        keep = {name: value for name, value in os.environ.items() if name not in (*RANKS, "SLURM_JOB_ID")}
        root = str(Path(__file__).parents[2])
        self.run = directory / "run"
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SCRIPT + inspect.cleandoc(body)],
            cwd=directory, env=keep | {"PYTHONPATH": root} | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def ready(self) -> Any:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()
        return self

    def kill(self, number: Any) -> Any:
        self.process.send_signal(number)
        return self

    def wait(self) -> Any:
        self.out, self.err = self.process.communicate(timeout=PATIENT)
        return self.process.returncode


def test_one_real_ctrl_c_is_killed_and_a_keyboard_interrupt(tmp_path: Path) -> None:
    script = Script(tmp_path, """
    with tracking(output_run="run"):
        train(0)
        idle()
    """)  # fmt: skip
    assert script.ready().kill(signal.SIGINT).wait() == -signal.SIGINT
    assert "KeyboardInterrupt" in script.err
    assert status_in(script.run) == "killed"
    assert csv_of(script.run) == ["epoch,loss", "0,0.5"]


def test_a_second_ctrl_c_ends_the_wait_at_once(tmp_path: Path) -> None:
    script = Script(tmp_path, """
    import tracklib._run.ending
    tracklib._run.ending.PATIENCE = tracklib._run.ending.PATIENCE_AFTER_ERROR = 3600
    with tracking([Hanging()], output_run="run"):
        train(0)
        idle()
    """).ready()  # fmt: skip
    script.kill(signal.SIGINT)
    while not records(script.run, End):
        threading.Event().wait(0.01)
    assert script.kill(signal.SIGINT).wait() == -signal.SIGINT
    assert f"tracklib sync {script.run}" in script.err
    assert status_in(script.run) == "killed"


@pytest.mark.slow
@pytest.mark.parametrize(("environment", "status"), [({}, "killed"), ({"SLURM_JOB_ID": "7"}, "preempted")])
def test_a_real_sigterm_leaves_through_the_block_with_code_143(
    tmp_path: Path, environment: dict[str, Any], status: str
) -> None:
    script = Script(tmp_path, """
    try:
        with tracking(output_run="run"):
            train(0)
            idle()
    finally:
        print("cleaned up", signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
    """, **environment)  # fmt: skip
    assert script.ready().kill(signal.SIGTERM).wait() == 143
    assert script.out == "cleaned up True\n"
    assert script.err == ""
    assert status_in(script.run) == status
    assert csv_of(script.run) == ["epoch,loss", "0,0.5"]


@pytest.mark.parametrize(("environment", "status"), [({}, "killed"), ({"SLURM_JOB_ID": "7"}, "preempted")])
def test_a_real_sigterm_in_an_event_loop_tells_the_same(
    tmp_path: Path, environment: dict[str, Any], status: str
) -> None:
    script = Script(tmp_path, """
    async def main():
        async with tracking(output_run="run"):
            train(0)
            ready()
            await asyncio.Event().wait()
    asyncio.run(main())
    """, **environment)  # fmt: skip
    assert script.ready().kill(signal.SIGTERM).wait() == 143
    assert status_in(script.run) == status


def test_a_sigterm_during_the_wait_ends_it_at_once(tmp_path: Path) -> None:
    script = Script(tmp_path, """
    import tracklib._run.ending, tracklib._run.attempt
    tracklib._run.ending.PATIENCE = 3600
    draining = tracklib._run.attempt.draining
    def draining_tells(*args):
        ready()
        yield from draining(*args)
    tracklib._run.attempt.draining = draining_tells
    with tracking([Hanging()], output_run="run"):
        train(0)
    """)  # fmt: skip
    assert script.ready().kill(signal.SIGTERM).wait() == 143
    assert status_in(script.run) == "finished"


def test_a_users_own_sigterm_handler_is_the_one_that_runs(tmp_path: Path) -> None:
    script = Script(tmp_path, """
    arrived = []
    def mine(*args):
        arrived.append(args)
    signal.signal(signal.SIGTERM, mine)
    with tracking(output_run="run"):
        ready()
        while not arrived:
            time.sleep(0.05)
        train(1)
    assert signal.getsignal(signal.SIGTERM) is mine
    """)  # fmt: skip
    assert script.ready().kill(signal.SIGTERM).wait() == 0
    assert status_in(script.run) == "finished"
    assert logged(script.run) == [(1, {"loss": 0.5})]


@pytest.mark.slow
def test_falling_out_of_the_block_in_a_forked_child_never_ends_the_parents_run(tmp_path: Path) -> None:
    script = Script(tmp_path, """
    def fork():
        sys.stdout.flush()
        return os.fork()

    class Out(Exception):
        pass

    codes = []
    try:
        with tracking(output_run="run") as t:
            train(0)
            for epoch, way in enumerate(["exception", "exit", "_exit", "sigterm"], 1):
                if not (child := fork()):
                    train(epoch)
                    if way == "exception":
                        raise Out
                    if way == "exit":
                        sys.exit(3)
                    if way == "sigterm":
                        os.kill(os.getpid(), signal.SIGTERM)
                        signal.pause()
                    os._exit(4)
                codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            assert codes == [5, 3, 4, -signal.SIGTERM], codes
            train(9)
            assert t.is_init
    except Out:
        sys.exit(5)
    """)  # fmt: skip
    assert script.wait() == 0, script.err
    assert [epoch for epoch, _ in logged(script.run)] == [0, 1, 2, 3, 4, 9]
    assert status_in(script.run) == "finished"
    assert len(csv_of(script.run)) == 7


@pytest.mark.slow
def test_a_forked_child_that_reaches_the_blocks_end_writes_no_end(tmp_path: Path) -> None:
    script = Script(tmp_path, """
    has_logged, says_so = os.pipe()
    with tracking(output_run="run") as t:
        child = os.fork()
        train(1 if child else 0)
        if child:
            os.read(has_logged, 1)
        else:
            os.write(says_so, b"x")
    if not child:
        assert current() is None
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    """)  # fmt: skip
    assert script.wait() == 0, script.err
    assert {epoch for epoch, _ in logged(script.run)} == {0, 1}
    assert status_in(script.run) == "finished"


def test_a_forked_child_can_have_a_run_of_its_own_inside(tmp_path: Path) -> None:
    script = Script(tmp_path, """
    with tracking(output_run="run") as t:
        child = os.fork()
        if not child:
            with tracking(output_run="child"):
                train(5)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    """)  # fmt: skip
    assert script.wait() == 0, script.err
    assert status_in(tmp_path / "child") == "finished"
    assert csv_of(tmp_path / "child") == ["epoch,loss", "5,0.5"]
    assert records(tmp_path / "child", Begin)[0].parent.uid == records(script.run, Begin)[0].uid
    assert logged(script.run) == []


def test_a_crash_inside_the_block_is_failed_and_prints_the_users_traceback_only(tmp_path: Path) -> None:
    script = Script(tmp_path, """
    with tracking(output_run="run"):
        train(0)
        1 / 0
    """)  # fmt: skip
    assert script.wait() == 1
    assert script.err.endswith("ZeroDivisionError: division by zero\n")
    assert "_tracking.py" not in script.err
    assert status_in(script.run) == "failed"


@pytest.mark.parametrize(("code", "status"), [("sys.exit(0)", "finished"), ("sys.exit(3)", "failed")])
def test_an_exit_inside_the_block_keeps_its_code(tmp_path: Path, code: str, status: str) -> None:
    script = Script(tmp_path, f"""
    with tracking(output_run="run"):
        train(0)
        {code}
    """)  # fmt: skip
    assert script.wait() == int(code[-2])
    assert status_in(script.run) == status


BY_HAND = """
t = Trackers(output_run="run")
t.init()
t.log(epoch=0, log_dict={"loss": 0.5})
"""


def exit_by_hand(directory: Any, way: Any) -> Any:
    script = Script(directory, BY_HAND + way)
    return script.wait(), script


def test_a_run_by_hand_that_nobody_finished_is_killed_with_the_interpreter(tmp_path: Path) -> None:
    code, script = exit_by_hand(tmp_path, "")
    assert code == 0, script.err
    assert status_in(script.run) == "killed"
    assert csv_of(script.run) == ["epoch,loss", "0,0.5"]


def test_a_run_by_hand_of_a_crash_is_failed(tmp_path: Path) -> None:
    code, script = exit_by_hand(tmp_path, "raise ValueError('boom')")
    assert code == 1
    (end,) = records(script.run, End)
    assert (end.status, end.error, end.message) == ("failed", "ValueError", "boom")
    assert csv_of(script.run) == ["epoch,loss", "0,0.5"]


def test_a_run_by_hand_of_a_ctrl_c_is_killed(tmp_path: Path) -> None:
    code, script = exit_by_hand(tmp_path, "raise KeyboardInterrupt")
    assert code == -signal.SIGINT
    assert status_in(script.run) == "killed"


@pytest.mark.parametrize("way", ["sys.exit(3)", "sys.exit('text')", "os._exit(3)"])
def test_a_run_by_hand_of_a_failed_exit_is_never_finished(tmp_path: Path, way: str) -> None:
    code, script = exit_by_hand(tmp_path, way)
    assert code != 0
    assert [end.status for end in records(script.run, End)] in ([], ["failed"], ["killed"])


def test_a_tracker_that_cannot_be_copied_is_refused_with_the_mend(tmp_path: Path) -> None:
    class WithALock(CsvLogger):
        def __init__(self) -> None:
            super().__init__()
            self.lock = threading.Lock()

    @tracking([WithALock()], output_run=tmp_path / "run")
    def job() -> None: ...

    with pytest.raises(TypeError, match="describe it by a dict"):
        job()


def test_a_ctrl_c_in_an_async_blocks_plain_work_is_killed_and_the_trackers_are_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with tracking(output_run=tmp_path / "run") as t:
            t.log(1, {"loss": 0.5})
            signal.raise_signal(signal.SIGINT)  # asyncio cancels the task, which does not await any more

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert status_in(tmp_path / "run") == "killed"
    assert json.loads((tmp_path / "run/state/CsvLogger.json").read_text())["ended"] == 1


def test_a_group_of_what_stops_a_program_is_killed_and_one_of_errors_failed() -> None:
    assert status_of(BaseExceptionGroup("both", [KeyboardInterrupt()])) is Status.KILLED
    assert status_of(ExceptionGroup("both", [ValueError()])) is Status.FAILED


def test_a_table_that_no_run_wrote_is_moved_aside(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,precious\n1,1.0\n")
    with tracking(output_run=tmp_path) as t:
        t.log(5, {"loss": 2.0})
    (kept,) = (tmp_path / "previous").glob("files-*/metrics.csv")
    assert kept.read_text() == "epoch,precious\n1,1.0\n"


@pytest.mark.slow
def test_a_change_of_directory_moves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    with tracking([{"type": "Mlflow", "tracking_uri": "sqlite:///m.db"}], output_run="run") as t:
        monkeypatch.chdir(tmp_path / "sub")
        t.log(1, {"loss": 0.5})
        with tracking(output_run=tmp_path / "inner"):
            pass
    assert list((tmp_path / "sub").iterdir()) == []
    assert (tmp_path / "m.db").exists()
    begin: Any = Reader(str(tmp_path / "inner/journal.jsonl")).read()[0].record
    assert begin.parent.output_run == str(tmp_path / "run")


def test_a_home_directory_in_the_path_is_where_the_run_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with tracking(output_run="~/run") as t:
        assert t.output_run == t.directory == str(tmp_path / "run")


def test_a_forked_child_is_ended_by_sigterm_as_it_would_be_without_us(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        ready, tell = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(tell, b"x")
                while True:
                    time.sleep(0.05)
            finally:
                os._exit(0)
        os.read(ready, 1)
        os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
    assert status_in(tmp_path / "run") == "finished"


def test_a_run_that_was_finished_inside_its_async_block_is_left_without_a_word(tmp_path: Path) -> None:
    async def main() -> None:
        async with tracking(output_run=tmp_path / "run") as t:
            t.finish("failed")

    asyncio.run(main())
    assert status_in(tmp_path / "run") == "failed"


def test_what_is_left_at_the_interpreters_exit_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blocked(BaseTracker):
        def init(self) -> None:
            raise TrackerBlocked("no key")

        def log(self, epoch: Any, log_dict: Any) -> None: ...

    run = Trackers([Blocked()], output_run=tmp_path / "run")
    run.init()
    monkeypatch.delattr(sys, "last_value", raising=False)
    open_runs._finish_all()
    assert "Blocked: the run's end is not told (no key)" in caplog.text
    assert status_in(run) == "killed"


@pytest.mark.parametrize(("asked", "code"), [("all warnings", 0), ("this one", 1)])
def test_what_did_not_arrive_fails_a_training_only_where_the_user_asked_for_it(
    tmp_path: Path, asked: str, code: int
) -> None:
    script = """
        import warnings
        from tracklib import BaseTracker, TrackerBlocked, TrackerWarning, tracking
        ASKED

        class Blocked(BaseTracker):
            def init(self):
                raise TrackerBlocked("no key")

            def log(self, epoch, log_dict): ...

        with tracking([Blocked()], output_run="run", environment=False):
            pass
        print("on it goes")
    """
    names_it = "warnings.simplefilter('error', TrackerWarning)" if code else ""
    printed = run_bare(tmp_path, script.replace("ASKED", names_it), code=code, options=("-W", "error"))
    assert printed == ("" if code else "on it goes\n")
    assert status_in(tmp_path / "run") == "finished"


# Arguments as params ------------------------------------------------------------------------------


def the_params(directory: Any) -> Any:
    return [record.params for record in records(directory, Params)]


def test_params_true_says_the_arguments_of_each_call(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path / "run", params=True)
    def main(lr: Any, *sizes: Any, layers: int = 3, token: str = "abc", **options: Any) -> Any:
        return lr

    assert main(0.1, 1, 2, momentum=0.9) == 0.1
    expected = {"lr": 0.1, "sizes": [1, 2], "layers": 3, "token": "***", "momentum": 0.9}
    assert the_params(tmp_path / "run") == [expected]
    main(0.2)
    assert the_params(tmp_path / "run") == [{"lr": 0.2, "sizes": [], "layers": 3, "token": "***"}]


def test_params_true_goes_for_functions_of_every_kind_and_methods(tmp_path: Path) -> None:
    class Job:
        @tracking(output_run=tmp_path / "method", params=True)
        def method(self, lr: Any, model: Any = None) -> None: ...

        @tracking(output_run=tmp_path / "coroutine", params=True)
        async def coroutine(self, lr: Any, model: Any = None) -> None: ...

        @tracking(output_run=tmp_path / "generator", params=True)
        def generator(self, lr: Any, model: Any = None) -> Iterator[Any]:
            yield lr

        @tracking(output_run=tmp_path / "async_generator", params=True)
        async def async_generator(self, lr: Any, model: Any = None) -> AsyncIterator[Any]:
            yield lr

    job = Job()
    job.method(1, model=job)
    asyncio.run(job.coroutine(1, job))
    list(job.generator(1, job))

    async def main() -> Any:
        return [item async for item in job.async_generator(lr=1, model=job)]

    asyncio.run(main())
    for kind in ("method", "coroutine", "generator", "async_generator"):
        assert the_params(tmp_path / kind) == [{"lr": 1, "model": "Job"}]


def test_a_call_that_is_wrong_fails_by_itself_in_its_run(tmp_path: Path) -> None:
    @tracking(output_run=tmp_path / "run", params=True)
    def main(lr: Any) -> None: ...

    with pytest.warns(TrackerWarning, match="cannot be logged as params: missing a required argument") as warned:
        with pytest.raises(TypeError, match=r"main\(\) missing 1 required positional argument"):
            cast(Any, main)()
    assert warned[0].filename == __file__
    assert status_in(tmp_path / "run") == "failed"
    assert the_params(tmp_path / "run") == []


def test_params_true_is_for_functions_only(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="params=True is for @tracking"):
        with tracking(output_run=tmp_path / "run", params=True):
            pass
    assert not (tmp_path / "run").exists()
