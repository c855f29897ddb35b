"""Sixty runs at once into a real ``mlflow server`` on a real PostgreSQL, both of which go down meanwhile:
``nox -s postgresql``."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kept import records
from mlflow_server import free_port
from patience import FACTOR, PATIENT

import tracklib
from tracklib._journal.records import Log, Params

pytestmark = pytest.mark.engines

RUNS = 60
PROCESSES = 4
SECONDS = 30.0
PROGRAMS = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), "")


class Database:
    """A cluster of its own, in a folder and on a port of its own, run by a user who is not root."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self.port = free_port()
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync")
        self._options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        self.start()
        self.uri = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *arguments: str) -> None:
        who = {"user": self._user.pw_uid, "group": self._user.pw_gid} if self._user else {}
        subprocess.run(
            [f"{PROGRAMS}/{program}", *arguments], check=True, stdout=subprocess.DEVNULL, timeout=PATIENT,
            cwd=self._data.parent, **who,
        )  # type: ignore[call-overload]  # fmt: skip

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._data / "log"), "-o", self._options, "-w", "start")

    def stop(self, how: str) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-m", how, "-w", "stop")

    def rows(self, query: str) -> list[Any]:
        import psycopg2  # type: ignore[import-untyped]

        with contextlib.closing(psycopg2.connect(self.uri)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())


class Server:
    """An ``mlflow server`` on the database."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._port = free_port()
        self._store = database.uri.replace("postgresql:", "postgresql+psycopg2:")
        self.uri = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        with open(self._folder / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)]
                + ["--workers", "2", "--backend-store-uri", self._store, "--serve-artifacts"]
                + ["--artifacts-destination", str(self._folder / "artifacts")],
                env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                cwd=self._folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + 3 * PATIENT
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return
            time.sleep(0.2)
        raise RuntimeError((self._folder / "server.log").read_text()[-3000:])

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def database() -> Iterator[Database]:
    pytest.importorskip("psycopg2")
    if not PROGRAMS:
        pytest.skip("there is no PostgreSQL")
    with tempfile.TemporaryDirectory(prefix="tracklib-postgresql-") as folder:  # pytest's own is root's alone
        database = Database(Path(folder))
        try:
            yield database
        finally:
            database.stop("immediate")


@pytest.fixture
def server(tmp_path: Path, database: Database) -> Iterator[Server]:
    server = Server(tmp_path, database)
    try:
        yield server
    finally:
        server.kill()


def start_runs(folder: Path, uri: str) -> list[subprocess.Popen[str]]:
    each = RUNS // PROCESSES
    program = str(Path(__file__).parent / "many_runs.py")
    env = os.environ | {"PYTHONPATH": str(Path(tracklib.__file__).parents[1])}
    return [
        subprocess.Popen(
            [sys.executable, program, uri, str(folder / "runs"), str(each * number), str(each), str(SECONDS)],
            env=env, stdout=subprocess.PIPE, text=True,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip


def sync_all(folder: Path) -> None:
    """Until nothing is left."""
    command = [sys.executable, "-m", "tracklib", "sync", "--all", str(folder / "runs")]
    env = os.environ | {"PYTHONPATH": str(Path(tracklib.__file__).parents[1])}
    for _ in range(3):
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=10 * PATIENT, check=False)
        if done.returncode == 0:
            return
    pytest.fail(done.stdout + done.stderr)


def test_sixty_runs_have_each_record_once_though_server_and_database_go_down(
    tmp_path: Path, server: Server, database: Database
) -> None:
    processes = start_runs(tmp_path, server.uri)
    time.sleep(SECONDS / 3)  # in the middle, whatever they are at
    server.kill()
    server.start()
    database.stop("immediate")
    database.start()
    took = sorted(each for process in processes for each in json.loads(process.communicate(timeout=5 * PATIENT)[0]))
    begun = time.monotonic()
    sync_all(tmp_path)
    print(f"leaving took {took[len(took) // 2]:.1f} s, at most {took[-1]:.1f}; sync {time.monotonic() - begun:.0f} s")

    assert len(took) == RUNS
    assert took[-1] <= 30.0 * FACTOR  # ten seconds without progress; a loaded machine takes some to tell
    runs = database.rows(
        "select r.run_uuid, r.status, t.value from runs r join tags t using (run_uuid) where t.key = 'tracklib.uid'"
    )
    assert Counter(status for _, status, _ in runs) == {"FINISHED": RUNS}
    assert len({uid for _, _, uid in runs}) == RUNS
    wanted = sum(len(log.metrics) for run in range(RUNS) for log in records(tmp_path / f"runs/run-{run}", Log))
    ((rows,),) = database.rows("select count(*) from metrics")
    assert rows == wanted
    assert database.rows("select count(*) from params")[0][0] == RUNS
    assert all(len(records(tmp_path / f"runs/run-{run}", Params)) == 1 for run in range(RUNS))
