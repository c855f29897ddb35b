"""SIGTERM as an exit through the block; no other signal is touched."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tracklib import Terminated
from tracklib._run.sigterm import cause_of, exits_on_sigterm


def handler() -> Any:
    return signal.getsignal(signal.SIGTERM)


@pytest.fixture(autouse=True)
def _the_default_handler_before_and_after() -> Iterator[None]:
    assert handler() is signal.SIG_DFL
    yield
    assert handler() is signal.SIG_DFL


def test_sigterm_inside_the_block_is_an_exit_with_143_and_the_default_is_put_back() -> None:
    with pytest.raises(Terminated) as caught, exits_on_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert caught.value.code == 143
    assert isinstance(caught.value, SystemExit)


def test_after_an_exception_the_default_is_put_back() -> None:
    with pytest.raises(ValueError, match="boom"), exits_on_sigterm():
        raise ValueError("boom")


def test_no_other_signal_is_touched() -> None:
    others = [number for number in signal.valid_signals() if number not in (signal.SIGTERM, signal.SIGKILL)]
    before = {number: signal.getsignal(number) for number in others}
    with exits_on_sigterm():
        assert {number: signal.getsignal(number) for number in others} == before


@pytest.mark.parametrize("mine", [lambda *args: None, signal.SIG_IGN], ids=["function", "ignored"])
def test_a_users_own_handler_is_left_alone(mine: Any) -> None:
    signal.signal(signal.SIGTERM, mine)
    try:
        with exits_on_sigterm():
            assert handler() is mine
        assert handler() is mine
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_a_handler_that_the_user_sets_inside_the_block_stays() -> None:
    def mine(*args: Any) -> None: ...

    with exits_on_sigterm():
        signal.signal(signal.SIGTERM, mine)
    assert handler() is mine
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_in_another_thread_nothing_is_touched() -> None:
    seen = []

    def work() -> None:
        with exits_on_sigterm():
            seen.append(handler())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]


def test_a_nested_block_leaves_the_outer_one_its_handler() -> None:
    with exits_on_sigterm():
        outer = handler()
        with exits_on_sigterm():
            assert handler() is outer
        assert handler() is outer


def test_blocks_that_are_left_in_the_order_they_were_entered_are_covered_to_the_last() -> None:
    first, second = exits_on_sigterm(), exits_on_sigterm()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert handler() is not signal.SIG_DFL
    with pytest.raises(Terminated):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    second.__exit__(None, None, None)


def test_a_block_left_in_another_thread_leaves_its_handler_and_the_next_block_puts_it_back() -> None:
    block = exits_on_sigterm()
    block.__enter__()
    thread = threading.Thread(target=block.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    assert handler() is not signal.SIG_DFL
    with exits_on_sigterm():
        assert handler() is not signal.SIG_DFL


def test_the_sigterm_behind_a_cancellation_is_known_and_no_older_one() -> None:
    cancelled, boom = asyncio.CancelledError(), ValueError()
    with pytest.raises(Terminated) as caught, exits_on_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert cause_of(cancelled) is caught.value
    assert cause_of(boom) is boom
    assert cause_of(None) is None
    with exits_on_sigterm():
        assert cause_of(cancelled) is cancelled
