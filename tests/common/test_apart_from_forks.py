"""A fork meets no thread of ours inside a call that may hold a lock of somebody else's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tracklib._common import forks


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """Another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_call_waits_while_another_thread_forks(
    monkeypatch: pytest.MonkeyPatch, elsewhere: ThreadPoolExecutor
) -> None:
    def forked(_: float) -> None:
        waited.append(forks._inside.copy())
        elsewhere.submit(forks.after_fork_in_parent).result()

    waited: list[set[int]] = []
    elsewhere.submit(forks.before_fork).result()
    monkeypatch.setattr("tracklib._common.forks.time.sleep", forked)
    with forks.apart_from_forks():
        assert forks._inside == {threading.get_ident()}
    assert waited == [set()]  # it was outside
    assert not forks._inside


def test_a_call_does_not_wait_for_ever_for_a_fork_that_never_comes_to_its_end(
    monkeypatch: pytest.MonkeyPatch, elsewhere: ThreadPoolExecutor
) -> None:
    waited: list[Any] = []
    elsewhere.submit(forks.before_fork).result()
    monkeypatch.setattr("tracklib._common.forks.time.sleep", waited.append)
    with forks.apart_from_forks():
        assert sum(waited) == pytest.approx(10.0)
    elsewhere.submit(forks.after_fork_in_parent).result()


def test_a_call_inside_of_a_call_is_part_of_it() -> None:
    with forks.apart_from_forks():
        with forks.apart_from_forks():
            pass
        assert forks._inside == {threading.get_ident()}
    assert not forks._inside


def test_a_thread_that_is_inside_may_fork_itself() -> None:
    with forks.apart_from_forks():
        forks.before_fork()
        forks.after_fork_in_parent()
    assert not forks._too_long


def test_a_fork_does_not_wait_for_ever_for_an_import(
    monkeypatch: pytest.MonkeyPatch, elsewhere: ThreadPoolExecutor
) -> None:
    inside, over = threading.Event(), threading.Event()

    def hang() -> None:
        with forks.apart_from_forks():
            exec(compile("inside.set(); over.wait()", "<frozen importlib._bootstrap>", "exec"), locals_)

    locals_ = {"inside": inside, "over": over}
    call = elsewhere.submit(hang)
    inside.wait()
    waited: list[Any] = []
    monkeypatch.setattr("tracklib._common.forks.time.sleep", waited.append)
    forks.before_fork()
    forks.after_fork_in_parent()
    monkeypatch.undo()
    over.set()
    call.result()
    assert sum(waited) == pytest.approx(10.0)


def test_a_forked_child_knows_of_no_other_thread(elsewhere: ThreadPoolExecutor) -> None:
    known = forks._inside, forks._forking, forks._too_long
    for each in known:
        each.add(elsewhere.submit(threading.get_ident).result())
    forks.after_fork_in_child()
    assert known == (set(), set(), set())
