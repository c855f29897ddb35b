"""``preemptible=True``: a scheduler's signal is a word, and the job's next start goes on with its run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bare import run_bare
from kept import records, statuses
from patience import PATIENT

from tracklib import RunDirectoryError, Terminated, tracking
from tracklib._journal.records import Begin
from tracklib._run import beginning

SIGNALS = [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2]


@pytest.fixture(autouse=True)
def _handlers_are_put_back() -> Iterator[None]:
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Any:
    """This process is the job of that number; an array's task where it is a pair."""

    def be(number: int | tuple[int, int]) -> None:
        monkeypatch.setenv("SLURM_JOB_ID", str(number))
        if isinstance(number, tuple):
            monkeypatch.setenv("SLURM_ARRAY_JOB_ID", str(number[0]))
            monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(number[1]))

    return be


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_the_loop_ends_behind_the_epoch_in_which_the_signal_came(tmp_path: Path, number: signal.Signals) -> None:
    trained = []
    with tracking(output_run=tmp_path / "run", preemptible=True) as t:
        for epoch in t.epochs(5):
            if epoch == 1:
                send(number)
                assert t.preempted
            trained.append(epoch)
        assert not t.preempted or trained == [0, 1]
    assert statuses(tmp_path / "run") == ["preempted"]

    with tracking(output_run=tmp_path / "run", preemptible=True) as t:
        assert not t.preempted
        assert list(t.epochs(5)) == [2, 3, 4]
    assert statuses(tmp_path / "run") == ["preempted", "finished"]


def test_a_run_that_finished_its_epochs_all_the_same_is_finished(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", preemptible=True) as t:
        for epoch in t.epochs(2):
            if epoch == 1:
                send(signal.SIGUSR1)
    assert statuses(tmp_path / "run") == ["finished"]


def test_early_stopping_in_the_last_moment_is_finished_too(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", preemptible=True) as t:
        for _ in t.epochs(5):
            send(signal.SIGUSR1)
            t.stop_epochs()
            break
    assert statuses(tmp_path / "run") == ["finished"]


def test_a_loop_by_hand_asks_for_the_word(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", preemptible=True) as t:
        send(signal.SIGTERM)
        assert t.preempted
    assert statuses(tmp_path / "run") == ["preempted"]


def test_a_second_sigterm_leaves_the_block_at_once(tmp_path: Path) -> None:
    with pytest.raises(Terminated), tracking(output_run=tmp_path / "run", preemptible=True):
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        pytest.fail("reached")
    assert statuses(tmp_path / "run") == ["preempted"]


def test_a_failure_behind_the_signal_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), tracking(output_run=tmp_path / "run", preemptible=True):
        send(signal.SIGTERM)
        raise ZeroDivisionError
    assert statuses(tmp_path / "run") == ["failed"]


def test_who_handled_the_signal_before_is_called_first_and_may_exit(tmp_path: Path) -> None:
    def requeue(number: int, frame: Any) -> None:
        sys.exit(-1)

    before = signal.signal(signal.SIGUSR2, requeue)
    try:
        with pytest.raises(SystemExit), tracking(output_run=tmp_path / "run", preemptible=True):
            send(signal.SIGUSR2)
        assert signal.getsignal(signal.SIGUSR2) is requeue
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert statuses(tmp_path / "run") == ["preempted"]


def test_a_child_run_is_preempted_with_it(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run", preemptible=True) as t:
        with t.child("fold-0") as fold:
            for epoch in fold.epochs(3):
                if epoch == 0:
                    send(signal.SIGUSR1)
    assert statuses(tmp_path / "run/children/fold-0") == ["preempted"]
    with tracking(output_run=tmp_path / "run", preemptible=True) as t:
        with t.child("fold-0", resume=True) as fold:
            assert list(fold.epochs(3)) == [1, 2]


def test_without_the_word_the_other_signals_are_not_touched(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path / "run"):
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def attempts(run: Path) -> list[int]:
    return [begin.attempt for begin in records(run, Begin)]


def test_the_same_job_goes_on_and_another_one_begins_anew(tmp_path: Path, job: Any) -> None:
    for number, wanted in ((7, [1]), (7, [1, 2]), (8, [1])):
        job(number)
        with tracking(output_run=tmp_path / "run", preemptible=True):
            pass
        assert attempts(tmp_path / "run") == wanted
    assert len(list((tmp_path / "run/previous").iterdir())) == 1


def test_what_was_cut_off_goes_on_whoever_takes_it_up(tmp_path: Path, job: Any) -> None:
    script = f"""
        import os
        from tracklib import tracking
        with tracking(output_run={str(tmp_path / "run")!r}, preemptible=True):
            os._exit(9)
    """
    job(7)
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=PATIENT, check=False)
    job(8)
    with tracking(output_run=tmp_path / "run", preemptible=True):
        pass
    assert attempts(tmp_path / "run") == [1, 2]


@pytest.mark.parametrize("how", ["resume", "preemptible"])
def test_two_tasks_of_one_array_are_never_one_run(tmp_path: Path, job: Any, how: str) -> None:
    options: Any = {how: True}
    job((70, 3))
    with tracking(output_run=tmp_path / "run", **options):
        pass
    job((70, 4))
    with pytest.raises(
        RunDirectoryError, match=r"another task of the same array \(slurm 70_3, and this is slurm 70_4\)"
    ):
        with tracking(output_run=tmp_path / "run", **options):
            pass
    job((70, 3))
    with tracking(output_run=tmp_path / "run", **options):
        pass
    assert attempts(tmp_path / "run") == [1, 2]


def test_an_owner_that_is_leaving_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"""
        import sys
        from tracklib import tracking
        with tracking(output_run={str(tmp_path / "run")!r}):
            print("in", flush=True)
            sys.stdin.readline()
    """
    owner = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdin=-1, stdout=-1)
    assert owner.stdout is not None
    owner.stdout.readline()
    monkeypatch.setattr(beginning, "LEAVING_SECONDS", PATIENT)
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        owner.communicate(b"\n")

    monkeypatch.setattr("tracklib._journal.handover.tell", tell)
    with tracking(output_run=tmp_path / "run", preemptible=True):
        pass
    assert len(told) == 1
    assert "until the run in" in told[0]
    assert str(owner.pid) in told[0]


def test_it_needs_a_directory_by_which_the_run_is_found_again() -> None:
    with pytest.raises(ValueError, match="preemptible=True needs output_run"):
        tracking(preemptible=True)


def test_a_forked_child_hears_preemption_in_a_block_of_its_own_and_puts_back_what_the_user_had(tmp_path: Path) -> None:
    script = """
        import os, signal
        from tracklib import tracking

        heard = []
        signal.signal(signal.SIGUSR2, lambda number, frame: heard.append(number))
        with tracking(output_run="parent", environment=False, preemptible=True) as t:
            child = os.fork()
            if not child:
                with tracking(output_run="child", environment=False, preemptible=True) as own:
                    os.kill(os.getpid(), signal.SIGUSR2)
                    assert own.preempted
                os.kill(os.getpid(), signal.SIGUSR2)
                assert heard == [signal.SIGUSR2] * 2
                assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert not t.preempted
    """
    run_bare(tmp_path, script)
    assert statuses(tmp_path / "child") == ["preempted"]
    assert statuses(tmp_path / "parent") == ["finished"]


def test_a_forked_child_without_a_block_ends_as_it_would_without_us(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from tracklib import tracking

        signal.signal(signal.SIGUSR2, lambda number, frame: os._exit(7))
        with tracking(output_run="parent", environment=False, preemptible=True):
            for number, wanted in ((signal.SIGUSR1, -signal.SIGUSR1), (signal.SIGUSR2, 7)):
                child = os.fork()
                if not child:
                    os.kill(os.getpid(), number)
                    signal.pause()
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == wanted
    """
    run_bare(tmp_path, script)
