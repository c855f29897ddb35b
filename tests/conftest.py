"""Real parts for the tests: a real ``mlflow server``, and an environment without the developer's own.

The one stand-in is :class:`ScriptedServer`, for answers that a real server does not give on demand.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, browser
from patience import FACTOR, PATIENT

from tracklib._run import ending, meeting

# Who is started in a shell's background ignores Ctrl-C, and so do its children: here it is Python's own again.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A run says with what it was made where a test is about that.
os.environ["TRACKLIB_ENVIRONMENT"] = "0"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the randomised tests for long, as the docs' figures say")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long"):
        os.environ.setdefault("TRACKLIB_FUZZ", "20000")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that asks for a real server is marked ``server``, so that nobody has to remember it; one that starts a
    browser or a framework is ``slow``; one that starts an engine is run where it is asked for."""
    for item in items:
        if item.get_closest_marker("engines") and "engines" not in config.getoption("-m"):
            item.add_marker(pytest.mark.skip(reason="run by -m engines (nox -s engines, nox -s ranks)"))
        if any(map(item.get_closest_marker, ("browser", "frameworks"))):
            item.add_marker("slow")
        if _SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("server")


_SERVERS = {"mlflow_server", "own_mlflow_server"}


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Whether ``--long`` was given: more of the same, for figures rather than for a verdict."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep ``WANDB_*`` and ``MLFLOW_*`` out, and both SDKs from reporting home."""
    os.environ.pop(_WANDBS_PROCESS, None)
    for name in list(os.environ):
        if name.startswith(("WANDB_", "MLFLOW_")):
            monkeypatch.delenv(name)
    for name, value in _QUIET.items():
        monkeypatch.setenv(name, value)
    yield
    os.environ.pop(_WANDBS_PROCESS, None)


@pytest.fixture(autouse=True)
def _as_patient_as_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving a block waits longer too, where the waits of the tests do."""
    monkeypatch.setattr(meeting, "PATIENCE", 0.0)  # who is another rank by itself need not wait for rank 0
    monkeypatch.setattr(meeting, "_alone", set())
    for name in ("PATIENCE", "PATIENCE_AFTER_ERROR"):
        monkeypatch.setattr(ending, name, FACTOR * getattr(ending, name))


# W&B's SDK sets it, so that children share one process of its own, which a test that kills it would share as well.
_WANDBS_PROCESS = "WANDB_SERVICE"


# Measured by coverage.py, the server answers every request 500 (anyio 4.16 raises InvalidStateError).
_NOT_FOR_SERVERS = ("MLFLOW_", "COVERAGE_", "COV_CORE_")
_QUIET = {"WANDB_ERROR_REPORTING": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


class MlflowServer:
    """A real ``mlflow server`` process on 127.0.0.1. Port and store outlive :meth:`stop`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, and return when the server answers.

        One start in some 25 came up with every request answered 500 (``InvalidStateError`` in anyio 4.16,
        before it reached MLflow): such a one is started anew.
        """
        for _ in range(3):
            if self._comes_up(self._launched()):
                return
            self.stop()
        raise RuntimeError("mlflow server did not start:\n" + (self._directory / "server.log").read_text()[-4000:])

    def _launched(self) -> subprocess.Popen[bytes]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_FOR_SERVERS)}
        with open(self._directory / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)]
                + ["--workers", "1", "--backend-store-uri", f"sqlite:///{self._directory}/mlflow.db"]
                + ["--artifacts-destination", str(self._directory / "artifacts")],
                env=environment | _QUIET | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                cwd=self._directory,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._process

    def _comes_up(self, process: subprocess.Popen[bytes]) -> bool:
        for _ in range(int(10 * PATIENT)):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
                return False
            with contextlib.suppress(OSError), self._get("/health"):
                break
        with contextlib.suppress(OSError), self._get("/api/2.0/mlflow/experiments/get?experiment_id=0"):
            return True
        return False

    def _get(self, path: str) -> Any:
        return urllib.request.urlopen(self.uri + path, timeout=PATIENT)

    def stop(self) -> None:
        """Kill the server with its workers. Its store stays."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(directory: Path) -> Iterator[MlflowServer]:
    server = MlflowServer(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server for all tests of one worker: name your experiments apart, and never stop it."""
    with _running(tmp_path_factory.mktemp("mlflow-server")) as server:
        yield server


@pytest.fixture
def own_mlflow_server(tmp_path: Path) -> Iterator[MlflowServer]:
    """A server for one test, which may stop and start it."""
    directory = tmp_path / "mlflow-server"
    directory.mkdir()
    with _running(directory) as server:
        yield server


class ScriptedServer:
    """Stands in for a backend's server: gives every request the same answer, and lists the requests.

    Only for answers that a real server does not give on demand. While :attr:`hang` is clear, none comes.
    """

    def __init__(self, status: int, body: str = "{}", headers: dict[str, str] | None = None) -> None:
        self.requests: list[str] = []
        self.hang = threading.Event()
        self.hang.set()
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                script.requests.append(self.path)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                script.hang.wait()
                with contextlib.suppress(OSError):  # who waited is gone
                    self.send_response(status)
                    for name, value in (headers or {}).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body.encode())

            do_GET = do_POST = do_PATCH = do_PUT = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Be quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.uri = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.hang.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedServer]]:
    with contextlib.ExitStack() as stack:

        def make(*args: Any, **options: Any) -> ScriptedServer:
            server = ScriptedServer(*args, **options)
            stack.callback(server.close)
            return server

        yield make


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of the page: starting one takes longer than most of them."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened
