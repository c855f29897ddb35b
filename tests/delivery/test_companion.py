"""The companion process, as users have it: real programs in processes of their own, with all defaults.

To import MLflow takes a process seconds. What is about the processes alone has a tracker that needs none of that.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import filed
import pytest
from companions import companions_of

from tracklib._delivery.companion import DEATHS
from tracklib._journal.handover import deliverer
from tracklib._journal.lock import Holding, close, holding
from tracklib._journal.reader import Reader
from tracklib._journal.records import End, Log, Status

pytestmark = pytest.mark.slow  # each imports SDKs in a process of its own

PATIENT = 120.0
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

PROGRAM = """
import os, sys, time
from tracklib import tracking

MLFLOW = [{"type": "Mlflow", "tracking_uri": "sqlite:///m.db"}]
CONFIGS = [{"type": "Elsewhere", "path": "there.jsonl"}]

def said(word):
    print(word, flush=True)

def heard():
    return sys.stdin.readline().strip()
"""


class Program:
    """A program that runs in ``folder``; what it prints is read line by line."""

    def __init__(self, folder: Path, body: str, *arguments: str, under: Sequence[str] = ()) -> None:
        self.folder = folder
        source = PROGRAM + textwrap.dedent(body)
        (folder / "program.py").write_text(source)
        paths = [TESTS, str(filed.offered(folder)), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {key: value for key, value in os.environ.items() if key != "TRACKLIB_ENVIRONMENT"}
        self.process = subprocess.Popen(
            [*under, sys.executable, "program.py", *arguments],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment | {"TRACKLIB_ENVIRONMENT": "0", "PYTHONPATH": os.pathsep.join(paths)},
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def until(self, word: str) -> None:
        while (line := self.line()) != word:
            assert self.process.poll() is None or line, self.process.communicate()

    def tell(self, word: str = "") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def end(self, code: int | None = 0) -> str:
        """Wait until it has ended; what it printed since."""
        out, err = self.process.communicate(timeout=PATIENT)
        assert code is None or self.process.returncode == code, err
        return out

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def descendants_in(folder: Path) -> list[str]:
    """What still runs in ``folder``: a process's command."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            state = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX" and Path(os.readlink(f"/proc/{name}/cwd")) == folder:
                found.append(Path("/proc", name, "cmdline").read_text().replace("\0", " "))
    return found


def until(reached: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENT
    while not (value := reached()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def at_mlflow(folder: Path) -> dict[str, Any]:
    """The runs' statuses, and how many metrics are there."""
    with contextlib.closing(sqlite3.connect(f"file:{folder / 'm.db'}?mode=ro", uri=True)) as database:
        statuses = [status for (status,) in database.execute("select status from runs")]
        ((count,),) = database.execute("select count(*) from metrics")
    return {"statuses": statuses, "metrics": count}


def there(folder: Path) -> dict[str, Any]:
    """The same of the tracker that needs no SDK; a batch whose answer was lost is there twice."""
    lines = [json.loads(line) for line in (folder / "there.jsonl").read_text().splitlines()]
    metrics = {json.dumps(line) for line in lines if line[0] == "log"}
    return {"statuses": [line[1] for line in lines if line[0] == "finish"], "metrics": len(metrics)}


def records(folder: Path, run: str = "run") -> list[Any]:
    with contextlib.closing(Reader(str(folder / run / "journal.jsonl"))) as reader:
        return [entry.record for entry in reader.records()]


def ends(folder: Path, run: str = "run") -> list[Status]:
    return [record.status for record in records(folder, run) if isinstance(record, End)]


@pytest.fixture
def folder(tmp_path: Path, mlflow_database: Path) -> Iterator[Path]:
    shutil.copy(mlflow_database, tmp_path / "m.db")
    yield tmp_path
    until(lambda: not descendants_in(tmp_path))  # whatever happened in the test, nothing stays behind


LOGS = """
    with tracking(CONFIGS, output_run="run", resume="resume" in sys.argv) as t:
        if "ready" in sys.argv:
            t.wait_ready(60)
        for epoch in range(100):
            t.log(epoch, {"loss": 1.0})
        said("logged")
        if "wait" in sys.argv:
            heard()
"""


@pytest.fixture(scope="module")
def with_sdks(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> dict[str, Any]:
    """What a program with every SDK says of its run, once it has ended."""
    folder = tmp_path_factory.mktemp("with-sdks")
    shutil.copy(mlflow_database, folder / "m.db")
    program = Program(
        folder,
        """
        import json
        with tracking([*MLFLOW, {"type": "Wandb", "mode": "offline"}, {"type": "TensorBoard"}], output_run="run") as t:
            t.log(0, {"loss": 0.5})
            assert t.wait_ready(100)
            assert t.flush(60)
            located = [t["Mlflow"].run_id in t["Mlflow"].location, "offline-run" in t["Wandb"].location]
            imported = [name for name in ("mlflow", "wandb", "tensorboard", "requests") if name in sys.modules]
            try:
                t["Mlflow"].run
            except ValueError as error:
                refused = str(error)
        service = "WANDB_SERVICE" in os.environ
        said(json.dumps({"located": located, "imported": imported, "service": service, "refused": refused}))
        """,
    )
    found: dict[str, Any] = json.loads(program.end())
    until(lambda: not companions_of(program.pid))
    with contextlib.closing(sqlite3.connect(folder / "m.db")) as database:
        (name,) = database.execute("select value from tags where key = 'mlflow.source.name'").fetchone()
    return found | {"at MLflow": at_mlflow(folder), "program": name}


def test_a_run_arrives_and_the_training_process_has_imported_no_sdk(with_sdks: dict[str, Any]) -> None:
    assert with_sdks["at MLflow"] == {"statuses": ["FINISHED"], "metrics": 1}
    assert (with_sdks["located"], with_sdks["imported"], with_sdks["service"]) == ([True, True], [], False)


def test_an_sdks_own_run_is_elsewhere_and_the_error_says_how_to_have_it_here(
    with_sdks: dict[str, Any],
) -> None:
    assert "'in_process': True" in with_sdks["refused"]


def test_mlflow_is_told_of_the_owners_program(with_sdks: dict[str, Any]) -> None:
    assert with_sdks["program"] == "program.py"


def test_entering_begins_one_companion_for_all_runs_of_the_process(folder: Path) -> None:
    program = Program(
        folder,
        """
        with tracking(CONFIGS, output_run="run") as t:
            with t.child("a"), tracking(CONFIGS, output_run="other"):
                said("in")
                heard()
        """,
    )
    program.until("in")
    assert len(companions_of(program.pid)) == 1
    program.tell()
    program.end()
    assert sorted(there(folder)["statuses"]) == ["finished"] * 3


@pytest.mark.parametrize("when", ["connecting", "ready"])
def test_a_killed_training_is_killed_at_mlflow_without_a_sync(folder: Path, when: str) -> None:
    program = Program(folder, LOGS.replace("CONFIGS", "MLFLOW"), "wait", when)
    program.until("logged")
    program.kill()
    until(lambda: not companions_of(program.pid))
    assert ends(folder) == [Status.KILLED]
    assert at_mlflow(folder) == {"statuses": ["KILLED"], "metrics": 100}


def test_under_slurm_a_killed_training_is_preempted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    program = Program(folder, LOGS, "wait")
    program.until("logged")
    program.kill()
    until(lambda: not companions_of(program.pid))
    assert ends(folder) == [Status.PREEMPTED]


def test_a_program_that_ends_itself_inside_the_block_is_killed(folder: Path) -> None:
    program = Program(folder, LOGS + "        os._exit(3)\n")
    program.end(code=3)
    until(lambda: not companions_of(program.pid))
    assert there(folder) == {"statuses": ["killed"], "metrics": 100}


def test_a_program_that_ends_in_the_moment_after_entering_is_killed_too(folder: Path) -> None:
    program = Program(folder, "tracking(CONFIGS, output_run='run').__enter__(); os._exit(3)")
    program.end(code=3)
    until(lambda: ends(folder))  # the companion may only now become one
    until(lambda: not companions_of(program.pid))
    assert ends(folder) == [Status.KILLED]
    assert there(folder)["statuses"] == ["killed"]


def test_a_programs_own_default_for_sockets_is_not_the_companions(folder: Path) -> None:
    program = Program(
        folder, "import socket; socket.setdefaulttimeout(0.01)\n" + textwrap.dedent(LOGS), "ready", "wait"
    )
    program.until("logged")
    assert len(companions_of(program.pid)) == 1
    program.tell()
    assert "begun again" not in program.end()
    assert there(folder) == {"statuses": ["finished"], "metrics": 100}


def test_a_program_that_closes_all_descriptors_goes_on_with_another_companion(folder: Path) -> None:
    program = Program(
        folder,
        """
        with tracking(CONFIGS, output_run="run") as t:
            assert t.wait_ready(100)
            t.log(0, {"loss": 1.0})
            os.closerange(3, 1024)
            for epoch in range(1, 100):
                t.log(epoch, {"loss": 1.0})
            said(t.flush(100))
        """,
    )
    assert program.line() == "True"
    program.end()
    assert there(folder) == {"statuses": ["finished"], "metrics": 100}


@pytest.mark.parametrize("proc", [(), ("--mount-proc",)], ids=["the outside's /proc", "its own /proc"])
def test_the_first_process_of_a_container_has_a_companion_too(folder: Path, proc: tuple[str, ...]) -> None:
    container = ["unshare", "--user", "--map-root-user", "--pid", "--fork", *proc]
    if not shutil.which("unshare") or subprocess.run([*container, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no namespaces here")
    program = Program(
        folder,
        """
        import logging
        logging.getLogger("tracklib").addHandler(logging.StreamHandler(sys.stdout))
        said(os.getpid())
        with tracking(CONFIGS, output_run="run") as t:
            t.log(0, {"loss": 1.0})
            assert t.wait_ready(100)
            time.sleep(2.5)  # in which nothing is said, and the owner looks whether the companion lives
            t.log(1, {"loss": 1.0})
            said(t.flush(100))
        """,
        under=container,
    )
    assert program.end().split() == ["1", "True"]
    assert there(folder) == {"statuses": ["finished"], "metrics": 2}


def test_runs_in_other_surroundings_do_not_pile_companions_up(folder: Path) -> None:
    program = Program(
        folder,
        """
        for number in range(3):
            os.environ["NUMBER"] = str(number)
            with tracking(CONFIGS, output_run=f"run{number}") as t:
                t.log(number, {"loss": 1.0})
                assert t.flush(100)
        said("over")
        heard()
        """,
    )
    program.until("over")
    until(lambda: len(companions_of(program.pid)) == 1)
    program.tell()
    program.end()
    assert there(folder) == {"statuses": ["finished"] * 3, "metrics": 3}


@pytest.mark.parametrize("way", ["sync", "in process"])
def test_who_delivers_by_itself_waits_for_an_earlier_companion(folder: Path, way: str) -> None:
    Program(folder, LOGS).end()
    by_itself = {
        "sync": "from tracklib._delivery.sync import sync; said('begun'); sync('run'); said('done')",
        "in process": """
            CONFIGS[0]["in_process"] = True
            said("begun")
            with tracking(CONFIGS, output_run="run", resume=True):
                said("done")
            """,
    }
    earlier = until(lambda: deliverer(str(folder / "run")))  # once the run's own companion has let go
    program = Program(folder, by_itself[way])
    program.until("begun")
    assert program.process.stdout is not None
    until(lambda: holding(str(folder / "run")) is Holding.HELD)
    assert not select.select([program.process.stdout], [], [], 1.0)[0]
    close(earlier)
    program.until("done")
    program.end()


def test_a_forked_worker_that_lives_on_does_not_hide_the_death(folder: Path) -> None:
    program = Program(
        folder,
        """
        with tracking(CONFIGS, output_run="run") as t:
            t.wait_ready(60)
            if not (worker := os.fork()):
                os.chdir("/")
                for stream in range(3):
                    os.dup2(os.open("/dev/null", os.O_RDWR), stream)
                time.sleep(600)
            said(worker)
            heard()
        """,
    )
    worker = int(program.line())
    try:
        program.kill()
        until(lambda: not companions_of(program.pid))
        assert there(folder)["statuses"] == ["killed"]
    finally:
        os.kill(worker, signal.SIGKILL)


def test_a_program_that_becomes_another_one_has_ended_its_run(folder: Path) -> None:
    program = Program(
        folder,
        """
        with tracking(CONFIGS, output_run="run") as t:
            t.log(0, {"loss": 1.0})
            t.wait_ready(60)
            os.execv("/bin/cat", ["cat"])
        """,
    )
    until(lambda: (folder / "there.jsonl").exists() and there(folder)["statuses"] == ["killed"])
    assert ends(folder) == [Status.KILLED]
    assert program.process.poll() is None
    program.end()


def test_resuming_at_once_after_the_death_goes_on_with_the_same_run(folder: Path) -> None:
    program = Program(folder, LOGS, "wait")
    program.until("logged")
    program.kill()
    Program(folder, LOGS, "resume").end()
    assert there(folder)["statuses"][-1] == "finished"
    assert len([record for record in records(folder) if isinstance(record, Log)]) == 200
    assert ends(folder) == [Status.KILLED, Status.FINISHED]


def test_a_killed_companion_costs_no_record(folder: Path) -> None:
    program = Program(folder, LOGS.replace("CONFIGS", "MLFLOW"), "ready", "wait")
    program.until("logged")
    for pid in companions_of(program.pid):
        os.kill(pid, signal.SIGKILL)
    program.tell()
    program.end()
    assert at_mlflow(folder) == {"statuses": ["FINISHED"], "metrics": 100}


def test_after_several_deaths_the_tracker_is_blocked_that_is_said_once_and_sync_delivers(folder: Path) -> None:
    program = Program(folder, LOGS, "wait")
    program.until("logged")
    killed: set[int] = set()

    def has_died_too_often() -> bool:
        for pid in companions_of(program.pid):
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return len(killed) > DEATHS

    until(has_died_too_often)
    program.tell()
    _, err = program.process.communicate(timeout=PATIENT)
    assert program.process.returncode == 0
    assert err.count(f"its companion process died {DEATHS + 1} times; the journal keeps everything") == 1
    assert "tracklib sync" in err
    assert not companions_of(program.pid)
    Program(folder, "from tracklib._delivery.sync import sync; sync('run')").end()
    assert there(folder) == {"statuses": ["finished"], "metrics": 100}


def test_a_stopped_companion_holds_up_nothing(folder: Path) -> None:
    program = Program(
        folder,
        """
        from tracklib._run import ending
        ending.PATIENCE = 1.0
        with tracking(CONFIGS, output_run="run") as t:
            said("in")
            heard()
            for epoch in range(20_000):
                t.log(epoch, {"loss": 1.0})
                if epoch % 1000 == 0:
                    t.flush(0.01)
            with tracking([CONFIGS[0] | {"note": "y" * 400_000}], output_run="big"):
                said("entered")
        """,
    )
    program.until("in")
    (pid,) = until(lambda: companions_of(program.pid))
    os.kill(pid, signal.SIGSTOP)
    program.tell()
    program.until("entered")
    program.end()
    assert ends(folder) == ends(folder, "big") == [Status.FINISHED]
    until(lambda: not companions_of(program.pid))


def test_signals_to_all_of_the_trainings_processes_leave_the_companion_to_its_work(folder: Path) -> None:
    program = Program(folder, LOGS, "ready", "wait")
    program.until("logged")
    for pid in [*companions_of(program.pid), program.pid]:
        os.kill(pid, signal.SIGTERM)
    program.end(code=143)
    assert there(folder) == {"statuses": ["killed"], "metrics": 100}


def test_who_waits_for_all_children_does_not_wait_for_the_companion(folder: Path) -> None:
    program = Program(
        folder,
        """
        with tracking(CONFIGS, output_run="run") as t:
            for _ in range(3):
                if not os.fork():
                    os._exit(0)
            waited = 0
            while True:
                try:
                    os.wait()
                    waited += 1
                except ChildProcessError:
                    break
            said(waited)
        """,
    )
    assert program.line() == "3"
    program.end()


def test_the_streams_of_the_training_end_when_it_ends(folder: Path) -> None:
    program = Program(folder, LOGS.replace('"run"', '"run", leave="later"'), "ready")
    program.end()  # reads both to their end
    assert companions_of(program.pid) or there(folder)["metrics"] == 100


def test_leaving_for_later_does_not_wait_and_all_arrives_after_the_programs_end(folder: Path) -> None:
    filed.set_fault(str(folder / "there.jsonl"), "hang")
    program = Program(folder, LOGS.replace('output_run="run"', 'output_run="run", leave="later"'))
    program.end()
    assert companions_of(program.pid)
    filed.clear_fault(str(folder / "there.jsonl"))
    until(lambda: not companions_of(program.pid))
    assert there(folder) == {"statuses": ["finished"], "metrics": 100}


def test_a_module_beside_the_program_is_not_taken_for_the_sdk(folder: Path) -> None:
    (folder / "mlflow.py").write_text("raise SystemExit('not me')\n")
    Program(folder, LOGS.replace("CONFIGS", "MLFLOW"), "ready").end()
    assert at_mlflow(folder) == {"statuses": ["FINISHED"], "metrics": 100}


def test_in_process_a_tracker_has_its_run_here_and_no_process_is_begun(folder: Path) -> None:
    program = Program(
        folder,
        """
        MLFLOW[0]["in_process"] = True
        with tracking(MLFLOW, output_run="run") as t:
            assert "mlflow" in sys.modules
            t.wait_ready(60)
            said(t["Mlflow"].run.info.run_id == t["Mlflow"].run_id)
            heard()
        """,
    )
    program.until("True")
    assert not companions_of(program.pid)
    program.tell()
    program.end()
    assert at_mlflow(folder)["statuses"] == ["FINISHED"]


def test_where_no_process_can_be_begun_the_tracker_is_delivered_here_and_that_is_said_once(folder: Path) -> None:
    program = Program(
        folder,
        """
        import warnings
        sys.executable = ""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for name in ("run", "again"):
                with tracking(CONFIGS, output_run=name) as t:
                    t.log(0, {"loss": 1.0})
        said([str(each.message)[:27] for each in caught if "Tracker" in each.category.__name__])
        """,
    )
    assert program.line() == "['no companion process can be']"
    program.end()
    assert there(folder)["statuses"] == ["finished", "finished"]


def test_the_variable_switches_it_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_COMPANION", "0")
    program = Program(folder, LOGS, "ready", "wait")
    program.until("logged")
    assert not companions_of(program.pid)
    program.tell()
    program.end()
    assert there(folder)["statuses"] == ["finished"]


@pytest.mark.parametrize("in_process", [False, True], ids=["companion", "in process"])
def test_the_packages_that_the_loop_looks_for_are_never_half_made(folder: Path, in_process: bool) -> None:
    """scikit-learn asks ``sys.modules`` for polars at each fit: imported by a thread meanwhile, as a part of MLflow, it
    has no ``DataFrame`` yet, and the fit raises."""
    program = Program(
        folder,
        f"""
        import select, socket
        import numpy as np
        from sklearn.linear_model import LogisticRegression

        assert not {{"mlflow", "polars"}} & sys.modules.keys()
        server = socket.create_server(("127.0.0.1", 0))
        config = {{
            "type": "Mlflow",
            "tracking_uri": "http://127.0.0.1:%d" % server.getsockname()[1],
            "in_process": {in_process},
        }}
        X, y = np.random.default_rng(0).random((50, 4)), np.arange(50) % 2
        from tracklib._run import ending
        ending.PATIENCE = 0.1  # what becomes of the tracker is nobody's concern
        with tracking(config, output_run="run"):
            while not select.select([server], [], [], 0.0)[0]:  # MLflow is imported when it connects
                LogisticRegression(max_iter=5).fit(X, y)
            server.close()
        said("finished")
        """,
    )
    assert program.end().splitlines() == ["finished"]


@pytest.mark.parametrize("in_process", [False, True], ids=["companion", "in process"])
def test_no_child_of_the_training_inherits_the_process_of_wandbs_sdk(folder: Path, in_process: bool) -> None:
    """A child that does would have its own ``wandb.init`` live in that process, which ends with ours."""
    program = Program(
        folder,
        f"""
        import multiprocessing, subprocess

        LOOK = "import os; print('WANDB_SERVICE' in os.environ)"

        def look():
            print("WANDB_SERVICE" in os.environ, os.popen(f'{{sys.executable}} -c "{{LOOK}}"').read().strip())

        def children():
            subprocess.run([sys.executable, "-c", LOOK], check=True)
            for way in ("fork", "spawn", "forkserver"):
                child = multiprocessing.get_context(way).Process(target=look)
                child.start()
                child.join()
                assert child.exitcode == 0

        if __name__ == "__main__":
            config = {{"type": "Wandb", "mode": "offline", "in_process": {in_process}}}
            with tracking(config, output_run="run") as t:
                assert t.wait_ready(100)
                t.log(0, {{"loss": 1.0}})
                children()
            assert ("wandb" in sys.modules) is {in_process}
        """,
    )
    assert program.end().split() == ["False"] * 7
