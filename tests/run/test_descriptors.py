"""Somebody else closes descriptors, or began the process without some. In bare processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bare import run_bare


def lines(directory: Path) -> list[int]:
    found = [json.loads(line) for line in (directory / "journal.jsonl").read_text().splitlines()]
    return [line["step"] for line in found if line["type"] == "log"]


CLOSES = {"up to 256": "os.closerange(3, 256)", "all": "os.closerange(3, 70000)"}
TRAINS = """
    import os
    from tracklib import tracking
    with tracking(output_run="run") as t:
        t.log(0, {"loss": 0.5})
        %s
        %s
        files = [open(f"mine-{number}", "w") for number in range(100)]
        for epoch in range(1, 10):
            t.log(epoch, {"loss": 0.5})
        assert t.flush()
"""


@pytest.mark.slow
@pytest.mark.parametrize("closes", CLOSES.values(), ids=CLOSES)
def test_when_a_library_closes_all_descriptors_nothing_of_the_run_goes_into_the_users_files(
    tmp_path: Path, closes: str
) -> None:
    writes = """
    for number, file in enumerate(files):
        file.write("mine")
        file.close()
        assert open(f"mine-{number}").read() == "mine"
    """
    run_bare(tmp_path, TRAINS % ("assert t.flush()", closes) + writes)
    assert lines(tmp_path / "run") == list(range(10))
    assert len((tmp_path / "run/metrics.csv").read_text().splitlines()) == 11


@pytest.mark.slow
@pytest.mark.parametrize("closes", CLOSES.values(), ids=CLOSES)
def test_also_in_a_runs_first_moment_when_its_threads_open_files_and_pipes(tmp_path: Path, closes: str) -> None:
    # A number that the system takes back in the very moment in which the user gets it may be closed; that is all.
    run_bare(tmp_path, TRAINS % ("", closes) + "    os._exit(0)\n")
    assert lines(tmp_path / "run") == list(range(10))
    assert len((tmp_path / "run/metrics.csv").read_text().splitlines()) == 11
    assert not any((tmp_path / f"mine-{number}").read_bytes() for number in range(100))


@pytest.mark.slow
def test_after_all_descriptors_were_closed_no_run_writes_into_another_one_s_journal(tmp_path: Path) -> None:
    script = """
        import contextlib, os
        from tracklib import tracking
        with contextlib.ExitStack() as stack:
            runs = [stack.enter_context(tracking(output_run=f"run-{number}")) for number in range(9)]
            for run in runs:
                assert run.flush()
            os.closerange(3, 70000)
            for epoch in range(5):
                for number, run in reversed(list(enumerate(runs))):
                    run.log(10 * number + epoch, {"loss": 0.5})
    """
    run_bare(tmp_path, script)
    assert [lines(tmp_path / f"run-{number}") for number in range(9)] == [
        list(range(10 * number, 10 * number + 5)) for number in range(9)
    ]


@pytest.mark.slow
def test_a_number_that_is_another_file_s_by_now_is_neither_written_to_nor_closed(tmp_path: Path) -> None:
    script = """
        import os
        from tracklib import tracking
        with tracking(output_run="run") as t:
            t.log(0, {"loss": 0.5})
            assert t.flush()
            mine = os.open("mine", os.O_RDWR | os.O_CREAT)
            ours = [int(fd) for fd in os.listdir("/proc/self/fd") if int(fd) > 100]
            for fd in ours:
                os.dup2(mine, fd)
            t.flush()  # asks whether its file is its own, as is done once a second
            t.log(1, {"loss": 0.5})
            assert t.flush()
        for fd in ours:
            assert os.path.samestat(os.fstat(fd), os.fstat(mine))
        assert os.fstat(mine).st_size == 0
    """
    run_bare(tmp_path, script)
    assert lines(tmp_path / "run") == [0, 1]


@pytest.mark.slow
def test_a_worker_that_becomes_a_daemon_logs_on(tmp_path: Path) -> None:
    script = """
        import os
        from tracklib import tracking
        with tracking(output_run="run") as t:
            if not (child := os.fork()):
                ours = [int(fd) for fd in os.listdir("/proc/self/fd") if int(fd) > 2]
                os.closerange(3, 70000)
                mine = os.open("mine", os.O_RDWR | os.O_CREAT)
                for fd in ours:
                    os.dup2(mine, fd)
                t.log(0, {"loss": 0.5})
                os._exit(os.fstat(mine).st_size)
            assert os.waitpid(child, 0)[1] == 0
            assert t.flush()
    """
    run_bare(tmp_path, script)
    assert lines(tmp_path / "run") == [0]


@pytest.mark.slow
def test_where_no_file_can_be_opened_any_more_what_the_journal_takes_raises_nothing(tmp_path: Path) -> None:
    script = """
        import os, resource
        import numpy as np
        from tracklib import tracked, tracking

        @tracked
        def train(epoch):
            return {"loss": 0.5}

        with tracking(output_run="run", best={"loss": "min"}) as t:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            files = []
            try:
                while True:
                    files.append(open("/dev/null"))
            except OSError:
                pass
            train(0)
            t.log(1, {"loss": float("nan"), "text": "x"})
            t.log_histogram(1, {"weights": np.arange(10.0)})
            t.log_params({"lr": 0.1})
            t.log_tags({"stage": "first"})
            t.note("it goes on")
            for epoch in t.epochs(3):
                train(epoch)
            t.agree({"loss": 0.5})
            del files
    """
    run_bare(tmp_path, script)
    assert lines(tmp_path / "run") == [0, 1, 0, 1, 2]


@pytest.mark.slow
def test_where_the_standard_streams_are_closed_none_of_ours_takes_their_place(tmp_path: Path) -> None:
    script = """
        import contextlib, os, time
        os.closerange(0, 3)
        from tracklib import tracking

        def ours():
            for fd in range(3):
                with contextlib.suppress(OSError):
                    if "/run/" in (path := os.readlink(f"/proc/self/fd/{fd}")):
                        yield fd, path

        with tracking(output_run="run") as t:
            t.log(0, {"loss": 0.5})
            taken = set(ours())
            give_up = time.monotonic() + 10
            while taken and time.monotonic() < give_up:  # what is opened has a low number for a moment
                taken &= set(ours())
            assert not taken, taken
    """
    run_bare(tmp_path, script)
    assert lines(tmp_path / "run") == [0]


@pytest.mark.slow
def test_the_lock_is_taken_again_after_all_descriptors_were_closed(tmp_path: Path) -> None:
    script = """
        import os, subprocess, sys
        from tracklib import tracking
        with tracking(output_run="run") as t:
            os.closerange(3, 70000)
            t.flush()  # as a delivery does it once a second
            other = "from tracklib import tracking\\nwith tracking(output_run='run'): pass"
            done = subprocess.run([sys.executable, "-c", other], stderr=subprocess.PIPE, text=True)
            assert "still going on" in done.stderr, done.stderr
    """
    run_bare(tmp_path, script)


@pytest.mark.slow
def test_flush_does_not_wait_for_a_damaged_line(tmp_path: Path) -> None:
    script = """
        from tracklib import tracking
        with tracking(output_run="run") as t:
            t.log(0, {"loss": 0.5})
            with open("run/journal.jsonl", "ab") as file:
                file.write(b"no record of ours\\n")
            assert t.flush(60)
    """
    run_bare(tmp_path, script)


@pytest.mark.slow
def test_an_ended_run_keeps_no_descriptor_even_where_nobody_collects_garbage(tmp_path: Path) -> None:
    script = """
        import gc, os
        gc.disable()
        from tracklib import Trackers, tracked, tracking

        @tracked
        def work(epoch):
            return {"loss": 0.5}

        counts = []
        for number in range(50):
            with tracking(output_run=f"runs/{number}", environment=not number % 10, best={"loss": "min"}) as t:
                work(0)
                with t.child("inner") as inner:
                    inner.log(0, {"loss": 0.5})
                for epoch in t.epochs(1):
                    pass
            by_hand = Trackers(output_run=f"by-hand/{number}", environment=False)
            by_hand.init()
            by_hand.finish()
            counts.append(len(os.listdir("/proc/self/fd")))
        assert max(counts[25:]) < max(counts[:25]) + 5, counts  # the last ones may be waiting for their environment
    """
    run_bare(tmp_path, script)
