"""What torch.compile is told of our functions."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest
from kept import statuses

from tracklib import Trackers, tracked
from tracklib._common import compiled
from tracklib._common.compiled import keep_ours_out
from tracklib._run.attempt import Attempt
from tracklib._words import callables
from tracklib._words.watch import Watch


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    frames = types.ModuleType("torch._C._dynamo.eval_frame")
    monkeypatch.setitem(sys.modules, frames.__name__, frames)
    monkeypatch.setattr(compiled, "_skipped", set())
    return frames


def test_every_function_of_ours_is_skipped_once_and_no_other(frames: Any) -> None:
    skipped: list[Any] = []
    frames.skip_code = skipped.append
    keep_ours_out()
    letting_go: Any = Attempt._letting_go
    known: list[Any] = [
        letting_go.__wrapped__,
        Watch.call,
        callables.drive,
        tracked,
        Trackers.log,
        vars(Trackers)["uid"].fget,
        Trackers.__exit__,
    ]
    for ours in known:
        assert ours.__code__ in skipped
    inner = [code for code in Watch.generate.__code__.co_consts if isinstance(code, types.CodeType)]
    assert inner
    assert all(code in skipped for code in inner)
    assert all("tracklib" in code.co_filename or code.co_filename.startswith("<") for code in skipped)
    count = len(skipped)
    keep_ours_out()
    assert len(skipped) == count


def test_what_they_call_is_compiled_still(frames: Any) -> None:
    marked: list[Any] = []
    frames._FrameAction = types.SimpleNamespace(SKIP="skip", DEFAULT="default")
    frames._FrameExecStrategy = lambda here, below: (here, below)
    frames.set_code_exec_strategy = lambda code, strategy: marked.append(strategy)
    keep_ours_out()
    assert set(marked) == {("skip", "default")}


def test_a_torch_that_knows_no_such_mark_is_left_alone(frames: Any) -> None:
    keep_ours_out()
    assert compiled._skipped == set()


def test_a_torch_that_takes_no_such_word_is_no_trouble_of_the_block(frames: Any, tmp_path: Path) -> None:
    def refuse(code: object) -> None:
        raise TypeError("it takes two arguments")

    frames.skip_code = refuse
    with Trackers(output_run=tmp_path) as t:
        t.log(1, {"loss": 1.0})
    assert statuses(tmp_path) == ["finished"]
