"""A run in more than one process: forked and spawned workers, orphans, a second owner, W&B's own process.

To import the SDKs takes a companion seconds: where the processes are all that matters, it has a tracker without one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filed
import pytest
from arrived import Arrived, ArrivedThere
from patience import PATIENT

from tracklib import RunDirectoryError, tracking
from tracklib._delivery.sync import sync

PRELUDE = """
import multiprocessing, os, signal, sys, threading, warnings
from tracklib import current, tracked, tracking
from tracklib._run import ending as _leaving

_leaving.PATIENCE = _leaving.PATIENCE_AFTER_ERROR = 60.0  # a busy machine may keep a backend waiting

def say(word):
    os.write(1, word.encode() + b"\\n")

@tracked
def work(epoch, n):
    return {"n": n}
"""


@pytest.fixture
def arrived(mlflow_server: Any, tmp_path: Path) -> Arrived:
    return Arrived(tmp_path / "run", mlflow_server.uri, "processes")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArrivedThere:
    monkeypatch.syspath_prepend(str(filed.offered(tmp_path)))
    return ArrivedThere(tmp_path / "run", tmp_path / "there.jsonl")


class Script:
    """A real process that runs ``body``, in which ``configs`` and ``where`` are those of ``kept``."""

    def __init__(self, kept: Arrived | ArrivedThere, body: str) -> None:
        path = kept.directory.parent / "script.py"
        given = f"configs = {kept.configs!r}\nwhere = {str(kept.directory)!r}\n"
        path.write_text(PRELUDE + given + textwrap.dedent(body))
        folders = [
            str(Path(__file__).parents[1]),
            str(kept.directory.parent / "site"),
            os.environ.get("PYTHONPATH", ""),
        ]
        self.process = subprocess.Popen(
            [sys.executable, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, folders))}, text=True,
        )  # fmt: skip

    def hears(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def told(self, word: str = "go") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def ends(self, code: int = 0) -> None:
        _, err = self.process.communicate(timeout=PATIENT)
        assert self.process.returncode == code, err

    def dies(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


Begin = Callable[[Arrived | ArrivedThere, str], Script]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begins a script."""
    scripts: list[Script] = []

    def begin(kept: Arrived | ArrivedThere, body: str) -> Script:
        scripts.append(Script(kept, body))
        return scripts[-1]

    yield begin
    for script in scripts:
        if script.process.poll() is None:
            script.dies()
        script.close()


WAYS = {
    "by sys.exit": "sys.exit(3)",
    "by os._exit": "os._exit(3)",
    "by an exception": "raise KeyError('mine')",
    "by SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_workers_that_are_forked_in_the_block_log_and_leave_the_run_to_their_parent(
    way: str, begin: Begin, there: ArrivedThere
) -> None:
    begin(there, f"""
        with tracking(configs, output_run=where) as run:
            assert run.wait_ready()
            workers = []
            for worker in range(1, 4):
                if not (child := os.fork()):
                    sys.stderr = open(os.devnull, "w")
                    for number in range(10):
                        work(number, 100 * worker + number)
                    {way}
                workers.append(child)
            for number in range(10):
                work(number, number)
            for child in workers:
                os.waitpid(child, 0)
            work(10, 10)
    """).ends()  # fmt: skip
    expected = [*range(11), *(100 * worker + number for worker in (1, 2, 3) for number in range(10))]
    assert sorted(there.numbers()) == expected
    there.check("finished")


@pytest.mark.slow
def test_workers_of_multiprocessing_log_like_a_data_loaders(begin: Begin, there: ArrivedThere) -> None:
    begin(there, """
        def load(worker, batches):
            for number in range(20):
                current().log(number, {"n": 100 * worker + number}, axis="batch")
                batches.put(number)

        fork = multiprocessing.get_context("fork")
        with tracking(configs, output_run=where) as run:
            assert run.wait_ready()
            batches = fork.Queue()
            workers = [fork.Process(target=load, args=(worker, batches)) for worker in (1, 2)]
            for worker in workers:
                worker.start()
            for epoch in range(40):
                batches.get()
                work(epoch, epoch)
            for worker in workers:
                worker.join()
                assert worker.exitcode == 0
    """).ends()  # fmt: skip
    assert sorted(there.numbers()) == [*range(40), *range(100, 120), *range(200, 220)]
    there.check("finished")


@pytest.mark.slow
def test_spawned_workers_have_no_run_and_their_functions_just_work(begin: Begin, there: ArrivedThere) -> None:
    begin(there, """
        def spawned(n):
            return current() is None and work(n, n)

        if __name__ == "__main__":
            with tracking(configs, output_run=where), multiprocessing.get_context("spawn").Pool(2) as pool:
                assert pool.map(spawned, [7, 8]) == [{"n": 7}, {"n": 8}]
                work(1, 1)
    """).ends()  # fmt: skip
    assert there.numbers() == [1]
    there.check("finished")


@pytest.mark.slow
def test_a_fork_while_a_tracker_is_in_a_call_neither_hangs_nor_doubles(begin: Begin, there: ArrivedThere) -> None:
    begin(there, """
        from scripted import Scripted

        free = threading.Event()
        tracker = Scripted(script={"log": [free]})
        with tracking([tracker], output_run=where) as run:
            work(0, 0)
            tracker.until(lambda: tracker.of("log"))
            if not (child := os.fork()):
                for number in range(1, 50):
                    work(number, number)
                sys.exit(3)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
            work(50, 50)
            free.set()
        assert tracker.steps == list(range(51)), tracker.steps
        assert tracker.of("finish") == ["finished"]
    """).ends()  # fmt: skip
    assert there.in_csv() == there.numbers() == list(range(51))


@pytest.mark.slow
def test_threads_and_tasks_log_at_once_and_each_record_is_everywhere_once(begin: Begin, there: ArrivedThere) -> None:
    begin(there, """
        import asyncio

        async def task(number):
            for step in range(20):
                work(step, 1000 + 100 * number + step)
                await asyncio.sleep(0)

        async def tasks():
            await asyncio.gather(*map(task, range(4)))

        def thread(number):
            for step in range(20):
                work(step, 100 * number + step)

        with tracking(configs, output_run=where) as run:
            threads = [threading.Thread(target=thread, args=(number,)) for number in range(4)]
            for one in threads:
                one.start()
            asyncio.run(tasks())
            for one in threads:
                one.join()
    """).ends()  # fmt: skip
    assert len(there.numbers()) == 160
    there.check("finished")


LATE = """
    go, reached = os.pipe()
    with tracking(configs, output_run=where) as run:
        assert run.wait_ready()
        work(0, 0)
        if not os.fork():
            os.read(go, 1)
            for number in range(1, 11):
                work(number, number)
            say("logged")
            os._exit(0)
    os.write(reached, b"x")
"""


@pytest.mark.slow
def test_what_a_child_says_behind_the_runs_end_is_kept_and_sync_delivers_it(begin: Begin, there: ArrivedThere) -> None:
    script = begin(there, LATE)
    assert script.hears() == "logged"
    script.ends()
    assert there.numbers() == list(range(11))
    assert there.in_csv() == there.in_there() == [0]

    assert [outcome.left for outcome in sync(str(there.directory)).outcomes] == [None] * 2

    assert there.ends() == ["finished"]
    there.check("finished")


ORPHAN = """
    read, write = os.pipe()
    with tracking(configs, output_run=where) as run:
        assert run.wait_ready()
        work(0, 0)
        if os.fork():
            threading.Event().wait()
        for number in range(1, 6):
            work(number, number)
        say("logged")
        for line in sys.stdin:
            if line == "end\\n":
                os._exit(0)
            number += 1
            work(number, number)
            say("logged")
"""


@pytest.mark.slow
def test_an_orphan_that_goes_on_is_in_nobodys_way_and_loses_nothing(begin: Begin, there: ArrivedThere) -> None:
    script = begin(there, ORPHAN)
    assert script.hears() == "logged"
    script.dies()

    sync(str(there.directory))
    assert there.numbers() == list(range(6))
    there.check("killed")

    script.told()
    assert script.hears() == "logged"
    sync(str(there.directory))
    script.told("end")
    assert there.numbers() == list(range(7))
    there.check("killed")


def test_the_run_of_an_orphan_goes_on_with_it(begin: Begin, arrived: Arrived) -> None:
    script = begin(arrived, ORPHAN)
    assert script.hears() == "logged"
    script.dies()

    with tracking(arrived.configs, output_run=arrived.directory, resume=True) as run:
        run.log(0, {"n": 100})
        script.told()
        assert script.hears() == "logged"
        run.log(1, {"n": 101})
    script.told("end")

    assert arrived.numbers() == [*range(6), 100, 6, 101]
    arrived.check("finished")


@pytest.mark.slow
def test_an_orphans_words_stay_with_its_run_when_another_takes_the_directory(begin: Begin, there: ArrivedThere) -> None:
    script = begin(there, ORPHAN)
    assert script.hears() == "logged"
    script.dies()

    with tracking(output_run=there.directory) as run:
        run.log(0, {"n": 100})
        script.told()
        assert script.hears() == "logged"
    script.told("end")

    assert there.numbers() == [100]
    (previous,) = (there.directory / "previous").iterdir()
    before = ArrivedThere(previous, there.path)
    sync(str(previous))
    assert before.numbers() == list(range(7))
    before.check("killed")


@pytest.mark.slow
@pytest.mark.parametrize("resume", [False, True])
def test_a_second_process_gets_a_clear_error_on_entering_and_the_first_goes_on(
    resume: bool, begin: Begin, there: ArrivedThere
) -> None:
    script = begin(there, """
        with tracking(configs, output_run=where):
            work(0, 0)
            say("begun")
            sys.stdin.readline()
            work(1, 1)
    """)  # fmt: skip
    assert script.hears() == "begun"
    message = f"{there.directory} belongs to a run that is still going on: choose another output_run"
    with pytest.raises(RunDirectoryError, match=message):
        tracking(output_run=there.directory, resume=resume).__enter__()
    with pytest.raises(RunDirectoryError, match=message):
        sync(str(there.directory))
    script.told()
    script.ends()
    assert there.numbers() == [0, 1]
    there.check("finished")


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGTERM], ids=lambda killer: killer.name)
def test_all_rows_are_there_once_after_wandbs_own_process_was_killed(
    killer: signal.Signals, begin: Begin, arrived: Arrived
) -> None:
    script = begin(arrived, """
        with tracking(configs, output_run=where) as run:
            assert run.wait_ready()
            for number in range(300):
                work(number, number)
            assert run.flush()
            say("delivered")
            sys.stdin.readline()
            for number in range(300, 600):
                work(number, number)
    """)  # fmt: skip
    assert script.hears() == "delivered"
    state = json.loads((arrived.directory / "state/Wandb.json").read_text())
    os.kill(int(state["tracker"]["core"].split()[-1]), killer)
    script.told()
    script.ends()
    sync(str(arrived.directory))
    assert arrived.numbers() == list(range(600))
    arrived.check("finished")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "code", "status"),
    [("", 0, "killed"), ("sys.exit(3)", 3, "killed"), ("raise ValueError('mine')", 1, "failed")],
    ids=["in silence", "by an exit", "by a crash"],
)
def test_an_interpreter_that_exits_inside_the_block_ends_the_run_everywhere(
    last: str, code: int, status: str, begin: Begin, there: ArrivedThere
) -> None:
    begin(there, f"""
        block = tracking(configs, output_run=where)
        run = block.__enter__()
        assert run.wait_ready()
        for number in range(50):
            work(number, number)
        {last}
    """).ends(code)  # fmt: skip
    assert len(there.numbers()) == 50
    there.check(status)
