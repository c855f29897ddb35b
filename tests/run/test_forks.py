"""A child that is forked inside a run inherits no lock that a thread of ours may hold. In bare processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from bare import run_bare

HUNG = """
import os, select, signal, sys, time

def hung(children):
    \"\"\"How many of these have not ended; a minute is a machine's, not a child's.\"\"\"
    until, left = time.monotonic() + 60, set(children)
    while left and time.monotonic() < until:
        left -= {child for child in left if os.waitpid(child, os.WNOHANG)[0]}
        time.sleep(0.001)
    for child in left:
        os.kill(child, signal.SIGKILL)
    return len(left)
"""


def test_children_that_are_forked_right_after_entering_do_their_work_and_end(tmp_path: Path) -> None:
    script = """
        from tracklib import tracking
        with tracking(output_run="run") as t:
            children = []
            for number in range(16):
                if not (child := os.fork()):
                    import tempfile
                    tempfile.mkdtemp(dir=".")
                    t.log(number, {"loss": 0.5}, axis="batch")
                    t.flush(0)
                    os._exit(0)
                children.append(child)
            assert hung(children) == 0
    """
    run_bare(tmp_path, HUNG + "if True:" + script)


def test_workers_of_multiprocessing_that_are_begun_right_after_entering_end(tmp_path: Path) -> None:
    script = """
        import multiprocessing
        from tracklib import tracking

        def work():
            pass

        context = multiprocessing.get_context("fork")
        with tracking(output_run="run"):
            workers = [context.Process(target=work) for _ in range(4)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(60)
            exits = [worker.exitcode for worker in workers]
            for worker in workers:
                worker.kill()
            assert exits == [0] * 4
    """
    run_bare(tmp_path, HUNG + "if True:" + script)


def test_children_may_be_forked_where_no_folder_for_temporary_files_can_be_used(tmp_path: Path) -> None:
    script = """
        import tempfile
        def none():
            raise FileNotFoundError("no usable temporary directory")
        tempfile._get_default_tempdir = none
        from tracklib import tracking
        with tracking(output_run="run") as t:
            if not (child := os.fork()):
                t.log(0, {"loss": 0.5})
                os._exit(0)
            assert hung([child]) == 0
            assert t.flush()
    """
    run_bare(tmp_path, HUNG + "if True:" + script)
    assert (tmp_path / "run/metrics.csv").read_text() == "epoch,loss\n0,0.5\n"


@pytest.mark.parametrize("held", ["a handler's own lock", "the buffer of stderr"])
def test_a_fork_waits_until_a_thread_of_ours_has_told_what_it_has_to_say(tmp_path: Path, held: str) -> None:
    script = """
        import io, logging, threading
        from tracklib import BaseTracker, tracking

        begun, calls = threading.Event(), []

        class Slow(io.RawIOBase):
            def writable(self):
                return True

            def write(self, text):
                begun.set()
                time.sleep(0.2)  # the call is long, so that the fork comes inside it
                return len(text)

        class Locked(logging.StreamHandler):
            own = threading.Lock()  # as rich's console, and unlike a handler's, it is not made anew in a child

            def emit(self, record):
                with self.own:
                    begun.set()
                    calls.append(record)
                    time.sleep(0.2 if len(calls) == 1 else 0)

        class Flaky(BaseTracker):
            def init(self):
                raise ConnectionError("no route")

            def is_transient(self, error):
                return True

            def log(self, epoch, log_dict): ...

        if HELD == "the buffer of stderr":
            sys.stderr = io.TextIOWrapper(io.BufferedWriter(Slow()), line_buffering=True)
        else:
            logging.getLogger().addHandler(Locked())
        with tracking([Flaky()], output_run="run", environment=False):
            assert begun.wait(60)
            if not (child := os.fork()):
                logging.warning("a worker says something")
                os._exit(0)
            assert hung([child]) == 0
        sys.stderr = sys.__stderr__
    """
    run_bare(tmp_path, f"HELD = {held!r}\n" + HUNG + "if True:" + script)
