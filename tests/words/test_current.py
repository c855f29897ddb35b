"""Which run is current."""

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracklib import Trackers, current, tracking


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


def test_a_plain_thread_takes_none_where_two_runs_are_active(run: Trackers, tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "inner") as inner:
        assert in_thread(current) is None
        assert current() is inner
    assert in_thread(current) is run


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
