"""How a run ends that no block ends: by hand, with the program, and by what only somebody else could see."""

from __future__ import annotations

import asyncio
import pickle
import signal
import sys
from pathlib import Path
from typing import Any

import kept
import pytest
from bare import run_bare

from tracklib import LifecycleError, Status, Trackers, tracking
from tracklib._journal.records import Begin, End, Params, Tags
from tracklib._run.sys_exit import seen_exit
from tracklib._run.verdict import ends_as, status_of

BY_HAND = """
    import os, signal, sys, threading
    from tracklib import Trackers
    t = Trackers(output_run="run", at_exit="finished")
    t.init()
    t.log(0, {"a": 1})
"""


def ended(folder: Path) -> Any:
    (end,) = kept.records(folder / "run", End)
    return end.status, end.error


@pytest.mark.parametrize(
    ("told", "status", "error"),
    [
        ({}, "finished", ""),
        ({"error": ValueError("wrong")}, "failed", "ValueError"),
        ({"error": KeyboardInterrupt()}, "killed", "KeyboardInterrupt"),
        ({"error": SystemExit(3)}, "failed", "SystemExit"),
        ({"status": "killed"}, "killed", ""),
        ({"status": "finished", "error": ValueError()}, "finished", "ValueError"),
    ],
)
def test_finish_is_told_the_error_that_ended_the_run(
    tmp_path: Path, told: dict[str, Any], status: str, error: str
) -> None:
    run = Trackers(output_run=tmp_path / "run")
    run.init()
    run.finish(**told)
    assert ended(tmp_path) == (status, error)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "code", "end"),
    [
        ("", 0, ("finished", "")),
        ("t.at_exit = 'failed'", 0, ("failed", "")),
        ("sys.exit(3)", 3, ("failed", "SystemExit")),
        ("sys.exit()", 0, ("finished", "SystemExit")),
        ("sys.exit('words')", 1, ("failed", "SystemExit")),
        ("sys.exit((1, 2))", 1, ("failed", "SystemExit")),
        ("1 / 0", 1, ("failed", "ZeroDivisionError")),
        ("os.kill(os.getpid(), signal.SIGTERM)", 143, ("killed", "Terminated")),
        ("try: sys.exit(3)\n    except SystemExit as error: assert error.code == 3", 0, ("finished", "")),
        ("thread = threading.Thread(target=sys.exit, args=[3]); thread.start(); thread.join()", 0, ("finished", "")),
        ("t.finish('failed'); sys.exit(0)", 0, ("failed", "")),
    ],
)
def test_what_ends_the_program_ends_a_run_that_waits_for_it(
    tmp_path: Path, line: str, code: int, end: tuple[str, str]
) -> None:
    run_bare(tmp_path, f"{BY_HAND}    {line}", code=code)
    assert ended(tmp_path) == end


def test_sigterm_under_slurm_is_a_preemption_by_hand_too(tmp_path: Path) -> None:
    run_bare(
        tmp_path, f"{BY_HAND}    os.environ['SLURM_JOB_ID'] = '7'\n    signal.raise_signal(signal.SIGTERM)", code=143
    )
    assert ended(tmp_path) == ("preempted", "Terminated")


def test_the_process_is_as_it_was_once_such_a_run_has_ended(tmp_path: Path) -> None:
    before = sys.exit, signal.getsignal(signal.SIGTERM)
    first, second = (Trackers(output_run=tmp_path / name, at_exit="finished") for name in "ab")
    first.init()
    second.init()
    assert (sys.exit, signal.getsignal(signal.SIGTERM)) != before
    first.finish()
    second.finish()
    assert (sys.exit, signal.getsignal(signal.SIGTERM)) == before


def test_a_run_that_is_not_told_so_leaves_the_process_alone(tmp_path: Path) -> None:
    before = sys.exit, signal.getsignal(signal.SIGTERM)
    run = Trackers(output_run=tmp_path)
    run.init()
    assert (sys.exit, signal.getsignal(signal.SIGTERM)) == before
    run.finish()


def test_another_function_that_took_the_place_of_exit_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "exit", sys.exit)
    run = Trackers(output_run=tmp_path, at_exit="finished")
    run.init()
    ours = sys.exit
    monkeypatch.setattr(sys, "exit", lambda code: ours(code))
    theirs = sys.exit
    run.finish()
    assert sys.exit is theirs
    with pytest.raises(SystemExit) as caught:
        sys.exit(4)
    assert type(caught.value) is SystemExit
    assert caught.value.code == 4


@pytest.mark.parametrize("out", [SystemExit(1), SystemExit(0)])
def test_the_block_prefers_what_it_was_told_to_the_exit_that_came_of_it(tmp_path: Path, out: SystemExit) -> None:
    with pytest.raises(SystemExit), tracking(output_run=tmp_path / "run") as t:
        t.ending(KeyboardInterrupt())
        raise out
    assert ended(tmp_path) == ("killed", "KeyboardInterrupt")


def test_the_block_prefers_what_it_was_told_to_what_was_raised_because_of_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), tracking(output_run=tmp_path / "run") as t:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            t.ending(error)
            raise RuntimeError("the framework's own") from error
    assert ended(tmp_path) == ("killed", "KeyboardInterrupt")


@pytest.mark.parametrize("out", [None, ValueError("later")])
def test_what_was_told_does_not_count_where_the_block_went_on(tmp_path: Path, out: Exception | None) -> None:
    try:
        with tracking(output_run=tmp_path / "run") as t:
            t.ending(KeyboardInterrupt())
            if out:
                raise out
    except ValueError:
        pass
    assert ended(tmp_path) == (("failed", "ValueError") if out else ("finished", ""))


class Pruned(Exception):
    """No failure."""


class PrunedEarly(Pruned):
    """No failure either."""


ends_as(Pruned, "finished", "pruned")
ends_as("test_ends.Vanished", "killed")


@pytest.mark.parametrize("kind", [Pruned, PrunedEarly])
def test_an_exception_that_is_no_failure_leaves_a_finished_run_with_its_tag(
    tmp_path: Path, kind: type[Exception]
) -> None:
    with pytest.raises(Pruned), tracking(output_run=tmp_path / "run"):
        raise kind("enough")
    assert ended(tmp_path) == ("finished", kind.__name__)
    assert [tags.tags for tags in kept.records(tmp_path / "run", Tags)][-1] == {"pruned": ""}


def test_an_exception_that_is_no_success_is_known_by_the_name_of_its_class() -> None:
    vanished = type("Vanished", (SystemExit,), {"__module__": "test_ends"})
    assert status_of(vanished()) is Status.KILLED


def test_lightnings_way_out_after_sigterm_is_a_preemption_under_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "lightning.pytorch.utilities.exceptions"
    out = type("SIGTERMException", (SystemExit,), {"__module__": module})
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert status_of(out()) is Status.KILLED
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert status_of(out()) is Status.PREEMPTED


@pytest.mark.slow
def test_a_run_is_taken_up_again_without_saying_twice_what_it_was_told(tmp_path: Path) -> None:
    csv = [{"type": "CsvLogger", "csv_filename": "mine.csv"}]
    run = Trackers(csv, output_run=tmp_path / "run", name="digits", params={"lr": 1}, tags=["a"], environment=True)
    with run:
        run.log(0, {"loss": 1})
    with run.again() as more:
        more.log(None, {"loss": 2})
    begins = kept.records(tmp_path / "run", Begin)
    assert [(begin.uid, begin.attempt, begin.name, begin.configs) for begin in begins] == [
        (run.uid, attempt, "digits", begins[0].configs) for attempt in (1, 2)
    ]
    assert len(kept.records(tmp_path / "run", Params)) == 1
    assert [tags for tags in kept.records(tmp_path / "run", Tags) if tags.time >= begins[1].time] == []
    assert (tmp_path / "run/mine.csv").read_text().splitlines() == ["epoch,loss", "0,1.0", "1,2.0"]
    assert kept.statuses(tmp_path / "run") == ["finished", "finished"]


def test_a_child_that_is_taken_up_again_is_still_its_parents(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as t:
        with t.child("fold") as fold:
            pass
        with fold.again() as more:
            assert more.directory == fold.directory
    begins = kept.records(fold.directory, Begin)
    assert [begin.parent.uid for begin in begins] == [t.uid, t.uid]


def test_a_run_whose_directory_is_anothers_now_is_not_taken_up_again(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run") as first:
        pass
    with tracking(output_run=tmp_path / "run", quiet=True):
        pass
    with pytest.raises(LifecycleError, match="became another run's"):
        first.again()


def test_another_rank_takes_it_up_again_alike(tmp_path: Path) -> None:
    with Trackers(output_run=tmp_path / "run", rank=1) as t:
        pass
    with t.again() as more:
        more.log(0, {"a": 1})
    assert not (tmp_path / "run").exists()


def test_what_sys_exit_raises_in_a_run_travels_as_a_plain_exit() -> None:
    with seen_exit(), pytest.raises(SystemExit) as caught:
        sys.exit(3)
    there = pickle.loads(pickle.dumps(caught.value))
    assert type(there) is SystemExit
    assert there.code == 3


def test_the_status_at_exit_is_read_as_it_was_set_and_is_one(tmp_path: Path) -> None:
    with Trackers(output_run=tmp_path) as run:
        run.at_exit = "failed"
        assert run.at_exit is Status.FAILED
        with pytest.raises(ValueError, match="status must be one of .*finished.*; got 'done'"):
            run.at_exit = "done"


def test_a_run_that_was_finished_within_its_async_block_is_left_at_once(tmp_path: Path) -> None:
    async def train() -> None:
        async with tracking(output_run=tmp_path / "run") as t:
            t.finish(status="failed")

    asyncio.run(train())
    assert ended(tmp_path)[0] == "failed"
