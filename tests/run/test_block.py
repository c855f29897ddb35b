"""The block around a run: the same, whichever word opened it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kept import records, statuses
from patience import PATIENT
from scripted import Scripted

from tracklib import DeliveryError, LifecycleError, TrackerBlocked, Trackers, TrackerWarning, current, tracked, tracking
from tracklib._journal.records import Begin, Log


@tracked
def step(epoch: int) -> dict[str, float]:
    return {"loss": 1.0}


begun_by_hand: list[Trackers] = []


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    while begun_by_hand:
        begun_by_hand.pop().finish()


def child(output_run: Path, **options: Any) -> Any:
    """A child's block, of a run that is begun by hand."""
    trackers = Trackers(output_run=output_run.parent / "outer")
    trackers.init()
    begun_by_hand.append(trackers)
    return trackers.child("a", output_run=output_run, **options)


OPENERS: dict[str, Callable[..., Any]] = {
    "tracking": lambda run, **options: tracking(output_run=run, **options),
    "Trackers": lambda run, **options: Trackers(output_run=run, **options),
    "child": child,
}
each_opener = pytest.mark.parametrize("opener", OPENERS)


@each_opener
def test_its_run_is_the_current_one_inside_and_no_longer_behind_it(tmp_path: Path, opener: str) -> None:
    with OPENERS[opener](tmp_path / "run") as t:
        assert current() is t
        step(3)
    assert current() is None
    assert [log.step for log in records(tmp_path / "run", Log)] == [3]


@each_opener
def test_so_it_is_in_an_async_block(tmp_path: Path, opener: str) -> None:
    async def main() -> None:
        async with OPENERS[opener](tmp_path / "run") as t:
            assert current() is t
            step(3)
        assert current() is None

    asyncio.run(main())
    assert statuses(tmp_path / "run") == ["finished"]


@each_opener
@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("x"), "failed"), (KeyboardInterrupt(), "killed"), (SystemExit(0), "finished")]
)
def test_it_ends_with_the_true_status(tmp_path: Path, opener: str, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)) as caught, OPENERS[opener](tmp_path / "run"):
        raise error
    assert caught.value is error
    assert statuses(tmp_path / "run") == [status]


@pytest.mark.slow
@each_opener
def test_sigterm_is_an_exit_through_it(tmp_path: Path, opener: str) -> None:
    opening = {
        "tracking": 'tracking(output_run="run")',
        "Trackers": 'Trackers(output_run="run")',
        "child": 'by_hand.child("a", output_run="run")',
    }[opener]
    program = f"""
        import os, signal
        from tracklib import Trackers, tracked, tracking
        by_hand = Trackers(output_run="outer")
        by_hand.init()
        try:
            with {opening} as t:
                t.log(0, {{"loss": 1.0}})
                os.kill(os.getpid(), signal.SIGTERM)
                t.log(1, {{"loss": 1.0}})
        finally:
            by_hand.finish()
            print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENT,
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "True\n", "")
    assert statuses(tmp_path / "run") == ["killed"]
    assert [log.step for log in records(tmp_path / "run", Log)] == [0]


@pytest.mark.parametrize("inner", ["tracking", "Trackers"])
@pytest.mark.parametrize("outer", OPENERS)
def test_a_block_inside_another_is_its_child_run(tmp_path: Path, outer: str, inner: str) -> None:
    t: Trackers
    with OPENERS[outer](tmp_path / "run") as t:
        with OPENERS[inner](tmp_path / "inner") as innermost:
            assert current() is innermost
        assert current() is t
    (begin,) = records(tmp_path / "inner", Begin)
    assert begin.parent is not None
    assert (begin.parent.uid, begin.parent.output_run) == (t.uid, str(tmp_path / "run"))


def test_a_run_begun_by_hand_is_not_the_current_one(tmp_path: Path) -> None:
    trackers = Trackers(output_run=tmp_path)
    trackers.init()
    assert current() is None
    trackers.finish()


@each_opener
def test_it_is_entered_once(tmp_path: Path, opener: str) -> None:
    block = OPENERS[opener](tmp_path / "run")
    with block:
        with pytest.raises(LifecycleError, match="make a new"):
            block.__enter__()
        step(0)  # and the first is not disturbed
    assert statuses(tmp_path / "run") == ["finished"]
    assert len(records(tmp_path / "run", Log)) == 1


@each_opener
def test_it_is_not_left_before_it_was_entered(tmp_path: Path, opener: str) -> None:
    with pytest.raises(LifecycleError, match="left before it was entered"):
        OPENERS[opener](tmp_path / "run").__exit__(None, None, None)


@pytest.mark.parametrize("word", [tracking, Trackers])
def test_on_error_raise_raises_at_its_normal_end(tmp_path: Path, word: Any) -> None:
    blocked = Scripted(script={"init": [TrackerBlocked("no key")] * 9})
    with pytest.raises(DeliveryError, match="no key"):
        with word([blocked], output_run=tmp_path, on_error="raise"):
            step(0)


def test_on_error_raise_raises_by_hand_too(tmp_path: Path) -> None:
    trackers = Trackers([Scripted(script={"init": [TrackerBlocked("no key")] * 9})], tmp_path, on_error="raise")
    trackers.init()
    trackers.log(0, {"loss": 1.0})
    with pytest.raises(DeliveryError, match="no key"):
        trackers.finish()
    assert statuses(tmp_path) == ["finished"]


def test_a_child_says_trouble_as_its_parent_does_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    class Blocked(Scripted):
        def __init__(self, *, output_run: str | None = None) -> None:
            super().__init__(script={"init": [TrackerBlocked("no key")] * 9}, output_run=output_run)

    with pytest.raises(DeliveryError), tracking([Blocked()], output_run=tmp_path, on_error="raise") as t:
        with pytest.raises(DeliveryError, match="no key"), t.child("a"):
            step(0)
        with pytest.warns(TrackerWarning, match="no key"), t.child("b", on_error="warn"):
            step(0)


@each_opener
def test_ctrl_c_on_its_way_in_leaves_no_run_open(tmp_path: Path, opener: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(code: object) -> None:
        raise KeyboardInterrupt

    torch: Any = types.ModuleType("torch._C._dynamo.eval_frame")
    torch.skip_code = interrupted
    monkeypatch.setattr("tracklib._common.compiled._skipped", set())
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, torch.__name__, torch)
        with pytest.raises(KeyboardInterrupt), OPENERS[opener](tmp_path / "run"):
            pytest.fail("it is not entered")  # pragma: no cover
    assert statuses(tmp_path / "run") == ["killed"]
    assert current() is None
    with tracking(output_run=tmp_path / "run", resume=True):  # its directory is free
        step(1)
