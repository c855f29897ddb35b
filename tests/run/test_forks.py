"""A child that is forked inside a run inherits no lock that a thread of ours may hold. In bare processes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from bare import run_bare
from patience import PATIENT

import tracklib
from tracklib._common import forks

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


EVERYTHING = """
import logging, os, threading, time
from tqdm import tqdm
from tracklib import BaseTracker, Status, TrackerBlocked, tracking

def work():
    \"\"\"What a data set does in its worker.\"\"\"
    try:
        import decimal, sqlite3, tempfile, pandas
        with tempfile.TemporaryDirectory() as folder:
            sqlite3.connect(os.path.join(folder, "cache.db")).execute("create table cache (name)")
        logging.getLogger("worker").error("a worker says something")
        tqdm.write("and a bar", file=sys.stderr)
        run.log(0, {"from": 1.0}, axis="worker")
        os._exit(0)
    finally:
        os._exit(1)

def fork(count):
    for _ in range(count):
        if not (child := os.fork()):
            work()
        children.append(child)
        if len(children) > 3:  # so that they do not starve each other
            ended.append(hung([children.pop(0)]))

class Own(BaseTracker):
    \"\"\"Fails as it is told, and says so; it imports where it is used.\"\"\"
    error = None

    def init(self):
        import pandas

    def log(self, epoch, log_dict):
        logging.getLogger("tracker").warning("a tracker says something")
        if self.error:
            raise self.error

    def is_transient(self, error):
        return isinstance(error, ConnectionError)

def until_it_stands(word):
    while own_delivery.standing.value != word:
        time.sleep(0.01)

logging.basicConfig()
children, ended = [], []
own = Own()
sdks = [{"type": "Mlflow", "tracking_uri": f"sqlite:///{os.getcwd()}/mlflow.db"},
        {"type": "Wandb", "mode": "offline"}, {"type": "TensorBoard"}, {"type": "Console"}]
from tracklib import Trackers
run = Trackers([own, *sdks], output_run="run", system_metrics=0.05)
entering = threading.Thread(target=fork, args=[EACH])
entering.start()
run.init()
entering.join()
own_delivery = run._attempt.deliveries[0]
for epoch in tqdm(range(EACH)):  # while they connect
    run.log(epoch, {"loss": 0.5})
    fork(1)
assert run.wait_ready(120)
for epoch in tqdm(range(EACH)):
    run.log(epoch, {"loss": 0.5})
    fork(1)
for error, word in ((ConnectionError(), "retrying"), (TrackerBlocked("no key"), "blocked")):
    Own.error = error
    run.log(0, {"loss": 0.5})
    until_it_stands(word)
    fork(EACH)
    Own.error = None
    run.flush(120)
leaving = threading.Thread(target=fork, args=[EACH])
leaving.start()
run.finish()
leaving.join()
ended.append(hung(children))
print(len(ended) + len(children) - 1, "forked", sum(ended), "hung")
assert not sum(ended)
"""


@pytest.mark.slow
def test_at_no_point_of_a_run_s_life_a_child_hangs_whatever_trackers_there_are(tmp_path: Path, long: bool) -> None:
    """``--long``: 210 children."""
    said = run_bare(tmp_path, HUNG + f"EACH = {35 if long else 2}\n" + EVERYTHING, patience=20 if long else 3)
    print("\nforks:", said)


@pytest.mark.slow
def test_no_thread_of_ours_imports_anything(tmp_path: Path) -> None:
    script = """
        import sys, threading
        found = []

        def hear(event, what):
            if event == "import" and threading.current_thread().name.startswith("tracklib-"):
                found.append((threading.current_thread().name, what[0]))

        sys.addaudithook(hear)
        from tracklib import BaseTracker, tracking

        class Own(BaseTracker):
            requires = ("csv", "wave")
            imports = ("colorsys",)

            def init(self):
                import colorsys, wave

            def log(self, epoch, log_dict): ...

        trackers = [Own(), {"type": "Console"}, {"type": "TensorBoard", "in_process": True}]
        with tracking(trackers, output_run="run", system_metrics=0.05, best={"loss": "min"}, params={"x": 1}) as t:
            for epoch in t.epochs(3):
                t.log(epoch, {"loss": 0.5})
                t.log(epoch, {"loss": 0.5}, axis="batch")
            t.log_text("notes.txt", "a word")
            assert t.flush(60)
        assert sys.stderr.isatty()
        assert not found, found
    """
    ours, theirs = pty.openpty()  # for rich's table, and the bar
    with os.fdopen(ours, "rb"), os.fdopen(theirs, "wb"):
        env = os.environ | {"PYTHONPATH": str(Path(tracklib.__file__).parents[1]), "TERM": "xterm"}
        command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, timeout=PATIENT
        )
    assert done.returncode == 0


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("held", ["a handler's own lock", "the buffer of stderr"])
def test_a_fork_waits_until_a_thread_of_ours_has_told_what_it_has_to_say(tmp_path: Path, held: str) -> None:
    script = """
        import io, logging, threading
        from tracklib import BaseTracker, tracking
        from tracklib._run import ending

        ending.PATIENCE = 0.1  # with the tracker that never comes there
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


@pytest.mark.slow
def test_a_fork_waits_until_a_tracker_of_the_users_has_imported_what_it_needs(tmp_path: Path) -> None:
    script = """
        from tracklib import BaseTracker, tracking

        with open("slow.py", "w") as module:  # longer than a fork waits for any other call
            module.write("import time\\nopen('begun', 'w').close()\\ntime.sleep(1.5)\\n")

        class Own(BaseTracker):
            def init(self):
                import slow

            def log(self, epoch, log_dict): ...

        with tracking([Own()], output_run="run"):
            while not os.path.exists("begun"):
                time.sleep(0.001)
            if not (child := os.fork()):
                import slow
                os._exit(0)
            assert hung([child]) == 0
    """
    run_bare(tmp_path, HUNG + "if True:" + script)


def test_a_call_that_a_fork_has_waited_for_in_vain_delays_no_other_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, over = threading.Event(), threading.Event()

    def hang() -> None:
        with forks.apart_from_forks():
            inside.set()
            assert over.wait(PATIENT)

    thread = threading.Thread(target=hang)
    thread.start()
    assert inside.wait(PATIENT)
    moments: list[float] = []
    monkeypatch.setattr("tracklib._common.forks.time.sleep", moments.append)
    counts = []
    for _ in range(3):
        forks.before_fork()
        forks.after_fork_in_parent()
        counts.append(len(moments))
        moments.clear()
    monkeypatch.undo()
    over.set()
    thread.join()
    assert counts == [1000, 0, 0]
    assert not forks._too_long


@pytest.mark.slow
def test_a_forked_child_obeys_its_own_rank(tmp_path: Path) -> None:
    script = """
        import os
        from tracklib import tracked, tracking

        @tracked
        def step(epoch):
            return {"rank": int(os.environ["RANK"])}

        os.environ["WORLD_SIZE"] = "3"
        with tracking(output_run="run") as t:
            for rank in range(3):
                if not (child := os.fork()):
                    os.environ["RANK"] = str(rank)
                    step(0)
                    t.log(1, {"rank": rank})
                    t.log_params({f"rank{rank}": rank})
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
        print(open("run/metrics.csv").read().split(), open("run/journal.jsonl").read().count('"type":"params"'))
    """
    assert run_bare(tmp_path, script).strip() == "['epoch,rank', '0,0.0', '1,0.0'] 1"


@pytest.mark.slow
def test_so_does_one_that_is_told_its_rank_behind_its_first_words(tmp_path: Path) -> None:
    script = """
        import os
        from tracklib import tracking

        os.environ["WORLD_SIZE"] = "2"
        with tracking(output_run="run") as t:
            if not (child := os.fork()):
                t.log(0, {"early": 0})
                os.environ["RANK"] = "1"
                for epoch in range(1, 9):
                    t.log(epoch, {"late": epoch})
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        print(open("run/metrics.csv").read().split())
    """
    assert run_bare(tmp_path, script).strip() == "['epoch,early', '0,0.0']"
