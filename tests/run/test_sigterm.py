"""SIGTERM as an exit through the block; no other signal is touched."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from forked import in_child

from tracklib import Terminated, tracking
from tracklib._journal.reader import Reader
from tracklib._journal.records import End
from tracklib._run import sigterm
from tracklib._run.sigterm import cause_of, exits_on_sigterm, leaving


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


def test_once_sigterm_has_come_it_is_what_the_block_is_left_by_and_no_older_one_is() -> None:
    cancelled, boom = asyncio.CancelledError(), ValueError()
    with pytest.raises(Terminated) as caught, exits_on_sigterm():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            found = [cause_of(error) for error in (cancelled, boom, None)]
    assert found == [caught.value] * 3
    with exits_on_sigterm():
        assert [cause_of(error) for error in (cancelled, boom, None)] == [cancelled, boom, None]


def test_a_second_sigterm_does_not_break_into_what_the_first_one_has_begun() -> None:
    cleaned: list[str] = []
    with pytest.raises(Terminated), exits_on_sigterm():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            try:
                raise ValueError("while it is left")
            except ValueError:
                signal.raise_signal(signal.SIGTERM)
                cleaned.append("whole")
    assert cleaned == ["whole"]


def test_our_own_that_arrives_while_the_block_is_left_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with exits_on_sigterm(), leaving():
        monkeypatch.setattr(sigterm, "_is_again", True)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Terminated):  # another's does
            signal.raise_signal(signal.SIGTERM)


SWALLOWED = {
    "in __del__": "Loader()",
    "in __del__, and the training sleeps": "Loader(); time.sleep(60)",
    "in __del__, and the training computes": "Loader()\n    while True: sum(range(1000))",
    "in __del__, and the training waits for a lock": "Loader(); threading.Lock().acquire() and lock.acquire()",
    "by except": "try: Loader.__del__(None)\n    except BaseException: pass\n    while True: t.log(None, {'a': 1})",
    "by a weak reference's callback": "r = weakref.ref(Loader2(), lambda _: Loader.__del__(None)); time.sleep(60)",
    "in each of many calls": "while True: Loader()",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", SWALLOWED.values(), ids=SWALLOWED)
def test_sigterm_that_is_swallowed_comes_again_until_the_block_is_left(tmp_path: Path, how: str) -> None:
    script = f"""
import os, signal, sys, threading, time, weakref
from tracklib import tracking

class Loader:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000): pass

class Loader2: pass

lock = threading.Lock(); lock.acquire()
with tracking(output_run="run") as t:
    {how}
print("never here")
"""
    assert run_bare(tmp_path, script, code=143) == ""
    assert [end.status for end in ends(tmp_path / "run")] == ["killed"]


@pytest.mark.slow
def test_what_the_program_does_as_it_is_left_by_sigterm_is_not_broken_off(tmp_path: Path) -> None:
    script = """
        import os, signal, sys, time
        from tracklib import tracking
        with tracking(output_run="run") as t:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(60)
            finally:
                try:
                    {}["nothing"]
                except KeyError:
                    until = time.monotonic() + 1
                    while time.monotonic() < until:
                        time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGTERM)  # as `timeout` does: to the process, and to its group
                time.sleep(0.01)
                print("saved")
    """
    assert run_bare(tmp_path, script, code=143) == "saved\n"
    assert [end.status for end in ends(tmp_path / "run")] == ["killed"]


@pytest.mark.slow
def test_after_the_block_no_sigterm_of_ours_comes(tmp_path: Path) -> None:
    script = """
        import os, signal, time
        from tracklib import Terminated, tracking

        class Loader:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)

        for number in range(5):
            try:
                with tracking(output_run=f"run-{number}", environment=False):
                    Loader()
                    time.sleep(60)
            except Terminated:
                assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            time.sleep(0.01)
        print("trained on")
    """
    assert run_bare(tmp_path, script) == "trained on\n"


def test_the_sigterm_of_one_block_does_not_leave_the_next(tmp_path: Path) -> None:
    script = """
        import os, signal, time
        from tracklib import Terminated, tracking
        try:
            with tracking(output_run="trained", environment=False):
                os.kill(os.getpid(), signal.SIGTERM)
                signal.pause()
        except Terminated:
            pass
        with tracking(output_run="evaluated", environment=False):
            until = time.monotonic() + 0.6
            while time.monotonic() < until:
                time.sleep(0.01)
    """
    run_bare(tmp_path, script)
    assert [end.status for end in ends(tmp_path / "trained")] == ["killed"]
    assert [end.status for end in ends(tmp_path / "evaluated")] == ["finished"]


def test_an_error_that_comes_behind_sigterm_leaves_the_block_and_the_run_is_killed(tmp_path: Path) -> None:
    script = """
        import os, signal
        from tracklib import tracking
        try:
            with tracking(output_run="run"):
                try:
                    os.kill(os.getpid(), signal.SIGTERM)
                    signal.pause()
                finally:
                    raise KeyError("mine")
        except KeyError:
            print("mine")
    """
    assert run_bare(tmp_path, script) == "mine\n"
    assert [(end.status, end.error) for end in ends(tmp_path / "run")] == [("killed", "KeyError")]


def test_sigterm_in_an_async_block_that_swallows_it_leaves_it(tmp_path: Path) -> None:
    script = """
        import asyncio, os, signal
        from tracklib import tracking

        class Loader:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGTERM)

        async def main():
            async with tracking(output_run="run"):
                Loader()
                await asyncio.sleep(60)

        asyncio.run(main())
    """
    run_bare(tmp_path, script, code=143)
    assert [end.status for end in ends(tmp_path / "run")] == ["killed"]


def ends(directory: Path) -> list[End]:
    found = [entry.record for entry in Reader(str(directory / "journal.jsonl")).records()]
    return [record for record in found if isinstance(record, End)]


@pytest.mark.slow
def test_a_forked_child_is_left_by_sigterm_out_of_a_block_of_its_own(tmp_path: Path) -> None:
    script = """
        import os, signal
        from tracklib import Terminated, tracking

        try:
            with tracking(output_run="parent", environment=False):
                begun, begins = os.pipe()
                child = os.fork()
                if not child:
                    try:
                        with tracking(output_run="child", environment=False):
                            os.write(begins, b"x")
                            signal.pause()
                    finally:
                        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
                os.read(begun, 1)
                os.kill(child, signal.SIGTERM)
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 128 + signal.SIGTERM
                os.kill(os.getpid(), signal.SIGTERM)
                signal.pause()
        except Terminated:
            print("and the parent out of its own" if child else "", end="")
            raise
    """
    assert run_bare(tmp_path, script, code=128 + signal.SIGTERM) == "and the parent out of its own"
    assert [end.status for end in ends(tmp_path / "child")] == ["killed"]
    assert [end.status for end in ends(tmp_path / "parent")] == ["killed"]


@pytest.mark.parametrize("preemptible", [False, True])
def test_a_forked_child_has_back_what_handled_its_signals_before(tmp_path: Path, preemptible: bool) -> None:
    """A worker that kept a handler of Python's might wait on in C when its pool is ended."""

    def look() -> None:
        assert [signal.getsignal(number) for number in signals] == 3 * [signal.SIG_DFL]

    signals = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
    with tracking(output_run=tmp_path / "run", environment=False, preemptible=preemptible):
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        in_child(look)
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
