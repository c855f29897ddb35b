"""A real MLflow server, as ``mlflow server`` starts one, forked from a process that has imported it all.

To import it takes seconds of a processor, twice: the command's process starts another one. So each worker of the
tests has one :class:`Origin`, and a server that is stopped and started again is there at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from patience import PATIENT
from zygote import Lines, say

# Measured by coverage.py, the server answers every request 500 (anyio 4.16 raises InvalidStateError).
_NOT_FOR_SERVERS = ("MLFLOW_", "COVERAGE_", "COV_CORE_")
QUIET = {"WANDB_ERROR_REPORTING": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


class Origin:
    """The process that servers are forked from; for one thread."""

    def __init__(self) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_FOR_SERVERS)}
        alone = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        alone["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
        self._process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | QUIET | alone,
        )
        assert self._process.stdout is not None
        self._answers = Lines(self._process.stdout.fileno())

    def start(self, directory: Path, port: int) -> int:
        """Have a server begin on the store that is in ``directory``; its process."""
        return int(self._asked({"directory": str(directory), "port": port}))

    def has_ended(self, server: int, wait: bool = False) -> bool:
        """Whether a server's process is gone; with ``wait``, once it is."""
        return bool(self._asked({"server": server, "wait": wait}))

    def _asked(self, order: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        say(order, self._process.stdin.fileno())
        return self._answers.read(PATIENT)

    def close(self) -> None:
        """End it, and what is left of its servers."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()


class MlflowServer:
    """A real ``mlflow server`` process on 127.0.0.1. Port and store outlive :meth:`stop`."""

    def __init__(self, directory: Path, origin: Origin, database: Path) -> None:
        self._directory = directory
        self._origin = origin
        self._port = free_port()
        self._server = 0
        self.uri = f"http://127.0.0.1:{self._port}"
        shutil.copy(database, directory / "mlflow.db")

    def start(self) -> None:
        """Start, and return when the server answers.

        One start in some 25 came up with every request answered 500 (``InvalidStateError`` in anyio 4.16,
        before it reached MLflow): such a one is started anew.
        """
        for _ in range(3):
            self._server = self._origin.start(self._directory, self._port)
            if self._comes_up():
                return
            self.stop()
        raise RuntimeError("mlflow server did not start:\n" + (self._directory / "server.log").read_text()[-4000:])

    def _comes_up(self) -> bool:
        for _ in range(int(50 * PATIENT)):
            with contextlib.suppress(OSError), self._get("/health"):
                break
            if self._origin.has_ended(self._server):
                return False
            time.sleep(0.02)
        with contextlib.suppress(OSError), self._get("/api/2.0/mlflow/experiments/get?experiment_id=0"):
            return True
        return False

    def _get(self, path: str) -> Any:
        return urllib.request.urlopen(self.uri + path, timeout=PATIENT)

    def stop(self) -> None:
        """Kill the server. Its store stays."""
        server, self._server = self._server, 0
        if server:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)
            self._origin.has_ended(server, wait=True)


@contextlib.contextmanager
def running(directory: Path, origin: Origin, database: Path) -> Iterator[MlflowServer]:
    server = MlflowServer(directory, origin, database)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_database(path: Path) -> None:
    """A database with MLflow's tables, to be copied: to make them takes a second of a processor and more."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(f"sqlite:///{path}", str(path.parent / "artifacts"))
    store._dispose_engine()


# For the process that servers are forked from -----------------------------------------------------


def _serve() -> None:
    import mlflow.cli
    import mlflow.server.fastapi_app  # noqa: F401
    import uvicorn.protocols.http.auto
    import uvicorn.protocols.websockets.auto  # noqa: F401

    orders, servers = Lines(0), set[int]()
    while (order := orders.read()) is not None:
        if "directory" in order:
            server = os.fork()
            if not server:
                _be_a_server(order["directory"], order["port"])
            servers.add(server)
            say(server, 1)
        else:
            ended, _ = os.waitpid(order["server"], 0 if order["wait"] else os.WNOHANG)
            servers.discard(ended)
            say(bool(ended), 1)
    for server in servers:
        os.kill(server, signal.SIGKILL)


def _be_a_server(directory: str, port: int) -> None:
    """What the command does, and then, in this process, what it would start another one for."""
    import mlflow.server
    from mlflow.cli import cli

    os.setsid()
    os.chdir(directory)
    log = os.open("server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for fd, of in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(fd, of)
    mlflow.server._exec_cmd = _here
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", f"sqlite:///{directory}/mlflow.db", "--artifacts-destination", "artifacts"]
    try:
        cli(["server", *where, *store])
    finally:
        os._exit(1)


def _here(command: list[str], *, extra_env: dict[str, str], **_: Any) -> None:
    import uvicorn.main

    os.environ.update(extra_env)
    assert command[1:3] == ["-m", "uvicorn"], command
    uvicorn.main.main(command[3:])


if __name__ == "__main__":
    _serve()
