"""Which run is current."""

import asyncio
import contextlib
import contextvars
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kept import records

from tracklib import Parent, Trackers, current, tracked, tracking
from tracklib._journal.records import Log


def in_thread(function: Any) -> Any:
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Any]:
    with tracking(output_run=tmp_path / "run") as t:
        yield t


def test_without_a_block_there_is_no_current_run() -> None:
    assert current() is None
    assert in_thread(current) is None


def test_a_plain_thread_takes_the_processs_only_run(run: Trackers) -> None:
    assert in_thread(current) is run


def test_a_plain_thread_takes_the_run_that_all_active_ones_are_inside_of(run: Trackers, tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "inner") as inner, inner.child("a"), run.child("b") as b:
        assert in_thread(current) is run
        assert current() is b
    with run.child("first") as first, first.child("second"):
        assert in_thread(current) is run
    assert in_thread(current) is run


def test_a_grandchild_that_goes_on_is_inside_of_the_run_around_its_parent(run: Trackers) -> None:
    block = contextlib.ExitStack()
    with run.child("a") as a:
        block.enter_context(a.child("b"))
    with block:
        assert in_thread(current) is run


def test_a_block_in_a_plain_thread_is_a_child_of_the_run_that_all_are_inside_of(run: Trackers, tmp_path: Path) -> None:
    def trial(index: int) -> Any:
        with tracking(output_run=tmp_path / f"trial-{index}") as t:
            begun.wait()
            return t._attempt.parent

    begun = threading.Barrier(3)
    with run.child("a"), ThreadPoolExecutor(3) as pool:
        parents = list(pool.map(trial, range(3)))
    assert [parent.uid for parent in parents] == [run.uid] * 3


@pytest.fixture
def _not_warned_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracklib._run.current._warned", False)


@pytest.mark.usefixtures("_not_warned_yet")
def test_where_no_run_is_around_all_a_plain_thread_has_none_and_one_warning_says_so(tmp_path: Path) -> None:
    def logs() -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tracked(lambda: {"a": 1})()
            found = current()
        return found, [str(each.message) for each in caught]

    with alone(tmp_path / "one"), alone(tmp_path / "two"):
        found, (message,) = in_thread(logs)
        assert found is None
        assert f"2 are going on, as in {tmp_path}/one and {tmp_path}/two, and no run is around them all" in message
        assert in_thread(logs) == (None, [])
    for name in ("one", "two"):
        assert records(tmp_path / name, Log) == []


def alone(directory: Path) -> Any:
    """A run that is inside no other."""
    return tracking(output_run=directory, parent=Parent(uid="elsewhere", output_run="elsewhere"))


@pytest.mark.usefixtures("_not_warned_yet")
@pytest.mark.usefixtures("_not_warned_yet")
def test_where_all_have_ended_within_their_blocks_a_plain_thread_has_none_and_nothing_is_said(tmp_path: Path) -> None:
    with warnings.catch_warnings(action="error"):
        with tracking(output_run=tmp_path / "a") as a, tracking(output_run=tmp_path / "b") as b:
            a.finish()
            b.finish()
            assert in_thread(current) is None


def test_a_run_that_was_told_to_be_inside_itself_does_not_hold_a_thread_up(tmp_path: Path) -> None:
    with alone(tmp_path / "one") as one, tracking(output_run=tmp_path / "two", parent=parent_of(one)) as two:
        one_again = parent_of(two)
        with tracking(output_run=tmp_path / "three", parent=one_again):
            assert in_thread(current) is one


def parent_of(run: Trackers) -> Parent:
    return Parent(uid=run.uid, output_run=run.directory)


def test_a_thread_that_had_a_block_of_its_own_takes_the_only_run_again(run: Trackers, tmp_path: Path) -> None:
    def work() -> Any:
        with tracking(output_run=tmp_path / "own") as own:
            inside = current()
        return own, inside, current()

    own, inside, after = in_thread(work)
    assert inside is own
    assert after is run


def test_a_block_in_a_thread_is_not_current_in_the_main_thread(tmp_path: Path) -> None:
    entered, checked = threading.Event(), threading.Event()

    def work() -> None:
        with tracking(output_run=tmp_path / "run"):
            entered.set()
            checked.wait()

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait()
    try:
        assert current() is None
    finally:
        checked.set()
        thread.join()


def test_a_block_in_a_task_is_not_current_in_another_task(tmp_path: Path) -> None:
    async def other(entered: Any, checked: Any) -> Any:
        await entered.wait()
        found = current()
        checked.set()
        return found

    async def job(entered: Any, checked: Any) -> None:
        async with tracking(output_run=tmp_path / "run") as t:
            entered.set()
            await checked.wait()
            assert current() is t

    async def main() -> Any:
        entered, checked = asyncio.Event(), asyncio.Event()
        found, _ = await asyncio.gather(other(entered, checked), job(entered, checked))
        return found

    assert asyncio.run(main()) is None


def test_a_task_made_inside_a_block_has_its_run(run: Trackers) -> None:
    async def main() -> Any:
        return await asyncio.create_task(asyncio.to_thread(current)), current()

    assert asyncio.run(main()) == (run, run)


def test_an_event_loop_in_a_plain_thread_takes_no_run_that_is_not_its_own(run: Trackers) -> None:
    async def main() -> Any:
        return current()

    assert in_thread(lambda: asyncio.run(main())) is None


def test_a_context_that_outlives_its_block_has_no_run(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        context = contextvars.copy_context()
        assert context.run(current) is t
    assert context.run(current) is None


def test_a_block_that_is_left_in_another_context_leaves_that_ones_run_alone(run: Trackers, tmp_path: Path) -> None:
    block = tracking(output_run=tmp_path / "other")
    context = contextvars.copy_context()
    context.run(block.__enter__)
    assert current() is run
    block.__exit__(None, None, None)
    assert current() is run


def test_a_run_that_was_finished_inside_its_block_is_no_longer_current(run: Trackers) -> None:
    run.finish()
    assert current() is None
